//! Whatever an aggregate holds comes back as it was, and whatever it becomes as well.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use phoneproof::config::{Config, Overrides, Settings};
use phoneproof::wiring;
use phoneproof_domain::ports::{Aggregate, Change};
use phoneproof_domain::{
    BackEndVerification, Closed, CodeHash, ExternalAccount, Failures, Metadata, PasswordHash, PhoneClaim, PhoneNumber,
    Profile, StoredBackupCode, StoredPassword, Timestamp, User, UserPhones, UserPhonesParts, Verification,
};
use phoneproof_tests::TestStore;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

fn hash() -> impl Strategy<Value = CodeHash> {
    any::<[u8; 32]>().prop_map(CodeHash::from_bytes)
}

fn verification() -> impl Strategy<Value = Verification> {
    let closed = || {
        (any::<u8>(), time(), time()).prop_map(|(attempts, prepared_at, expires_at)| Closed {
            attempts,
            prepared_at,
            expires_at,
        })
    };
    prop_oneof![
        Just(Verification::Unprepared),
        (hash(), any::<u8>(), time(), time()).prop_map(|(code, attempts, prepared_at, expires_at)| {
            Verification::Running {
                code,
                attempts,
                prepared_at,
                expires_at,
            }
        }),
        closed().prop_map(Verification::Failed),
        closed().prop_map(Verification::Expired),
        (any::<u8>(), time()).prop_map(|(attempts, expires_at)| Verification::ByCode { attempts, expires_at }),
        Just(Verification::ByAdmin),
        Just(Verification::ByProvider),
    ]
}

/// Numbers of a small stock, so that two drawn sets overlap.
fn numbers() -> impl Strategy<Value = Vec<PhoneNumber>> {
    let number = |at: usize| {
        let by_back_end = proptest::option::of(verification()).prop_map(|verification| {
            let id = format!("ver_{:027}", 7).parse().unwrap();
            verification.map(|verification| BackEndVerification { id, verification })
        });
        (
            verification(),
            by_back_end,
            any::<bool>(),
            any::<bool>(),
            0..3i64,
            time(),
        )
            .prop_map(
                move |(verification, by_back_end, held, second_factor, created_at, updated_at)| PhoneNumber {
                    by_back_end,
                    id: format!("idn_{at:027}").parse().unwrap(),
                    number: format!("+1415555{at:04}").parse().unwrap(),
                    reserved_for_second_factor: second_factor && verification.is_verified(),
                    verification,
                    held,
                    linked: false,
                    created_at: Timestamp::from_millis(created_at),
                    updated_at,
                },
            )
    };
    btree_set(0..8usize, 0..6)
        .prop_flat_map(move |stock| stock.into_iter().map(number).collect::<Vec<_>>())
        .prop_map(|mut numbers| {
            numbers.sort_by_key(|number| number.created_at);
            // No two numbers of a user are equally old.
            for (at, number) in (0i64..).zip(&mut numbers) {
                number.created_at = Timestamp::from_millis(number.created_at.as_millis() + 10 * at);
            }
            // At most one is linked, sometimes none.
            let linked = numbers.iter_mut().find(|number| number.is_verified() && number.held);
            if let Some(number) = linked {
                number.linked = true;
            }
            numbers
        })
}

fn phones() -> impl Strategy<Value = UserPhones> {
    let codes = vec((hash(), option::of(time())), 0..4);
    (
        numbers(),
        codes,
        any::<prop::sample::Index>(),
        option::of(time()),
        option::of(time()),
    )
        .prop_map(|(numbers, codes, pick, mfa_enabled_at, mfa_disabled_at)| {
            let picked = |fits: fn(&PhoneNumber) -> bool| {
                let fitting: Vec<_> = numbers.iter().filter(|number| fits(number)).collect();
                (!fitting.is_empty()).then(|| pick.get(&fitting).id.clone())
            };
            UserPhones::restore(UserPhonesParts {
                primary: picked(PhoneNumber::is_verified),
                default_second_factor: picked(|number| number.reserved_for_second_factor),
                backup_codes: codes
                    .into_iter()
                    .map(|(hash, used_at)| StoredBackupCode { hash, used_at })
                    .collect(),
                mfa_enabled_at,
                mfa_disabled_at,
                numbers,
            })
            .unwrap()
        })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| vec(inner, 0..3).prop_map(Value::from));
    btree_map(".{0,8}", value, 0..3).prop_map(|object| Metadata::new(object.into_iter().collect()).unwrap())
}

fn profile() -> impl Strategy<Value = Profile> {
    let text = || option::of("\\PC{1,255}").prop_map(|text| text.and_then(|text| text.parse().ok()));
    let names = (text(), text(), option::of("[a-zA-Z0-9_-]{4,64}"), text(), text());
    (names, metadata(), metadata(), metadata()).prop_map(|(names, public, private, unsafe_metadata)| Profile {
        first_name: names.0,
        last_name: names.1,
        username: names.2.map(|name| name.parse().unwrap()),
        external_id: names.3,
        locale: names.4,
        notice_email: None,
        public_metadata: public,
        private_metadata: private,
        unsafe_metadata,
    })
}

fn external_account() -> impl Strategy<Value = Option<ExternalAccount>> {
    let claim = prop_oneof![
        Just(PhoneClaim::Malformed),
        (0..8usize, any::<bool>()).prop_map(|(at, verified)| PhoneClaim::Number {
            number: format!("+1415555{at:04}").parse().unwrap(),
            verified,
        }),
    ];
    let account = ("[a-z]{1,32}", claim, option::of(time()), option::of(time())).prop_map(
        |(provider, claim, issued_at, refused_at)| ExternalAccount {
            id: format!("idn_{:027}", 7).parse().unwrap(),
            provider: provider.parse().unwrap(),
            claim,
            issued_at,
            refused_at,
        },
    );
    option::of(account)
}

fn user() -> impl Strategy<Value = User> {
    let times = (option::of(time()), option::of(time()), time(), time());
    let access = (
        option::of(("\\PC{1,99}", time())),
        vec(time(), 0..60),
        any::<i64>(),
        option::of(time()),
    );
    let parts = (profile(), phones(), external_account());
    (parts, any::<[bool; 2]>(), times, access).prop_map(
        |((profile, phones, external_account), flags, times, access)| User {
            password: access.0.map(|(hash, updated_at)| StoredPassword {
                hash: PasswordHash::new(hash),
                updated_at,
                compromised: flags[0],
            }),
            failures: {
                let mut failures = Failures::default();
                for (at, time) in access.1.into_iter().enumerate() {
                    let ledger = match at % 3 {
                        0 => &mut failures.password,
                        1 => &mut failures.code,
                        _ => &mut failures.second_factor,
                    };
                    ledger.count(time);
                }
                failures
            },
            texted_notices: access.3.into_iter().collect(),
            credentials_generation: access.2.wrapping_add(1),
            sessions_generation: access.2,
            last_sign_in_at: access.3,
            external_account,
            id: "user_property".parse().unwrap(),
            profile,
            phones,
            banned: flags[0],
            delete_self_enabled: flags[1],
            locked_until: times.0,
            last_active_at: times.1,
            created_at: times.2,
            updated_at: times.3,
        },
    )
}

#[test]
fn every_user_is_read_as_written() {
    let kept = TestStore::create();
    let settings = Settings::new(Config::load(None, kept.options()).unwrap(), Overrides::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = runtime.block_on(wiring::store(&settings.store)).unwrap();
    let (users, commits) = (store.repository, store.commits);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    };
    proptest!(config, |(first in user(), second in user())| {
        runtime.block_on(async {
            commits.commit(vec![User::write(Change::Create(first.clone()))]).await.unwrap();
            let before = users.load(&first.id).await.unwrap().unwrap();
            prop_assert_eq!(&before.aggregate, &first);
            commits.commit(vec![User::write(Change::Replace { before, after: second.clone() })]).await.unwrap();
            let after = users.load(&first.id).await.unwrap().unwrap();
            prop_assert_eq!(&after.aggregate, &second);
            commits.commit(vec![User::write(Change::Delete(after))]).await.unwrap();
            prop_assert!(users.load(&first.id).await.unwrap().is_none());
            Ok(())
        })?;
    });
}
