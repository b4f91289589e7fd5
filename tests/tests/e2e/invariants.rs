//! The invariants under random sequences of what several users and a back end do, through the use
//! cases and on the real store: what is checked is what was read back from it.
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use phoneproof::config::{Config, Overrides, Settings};
use phoneproof::wiring::{self, Store};
use phoneproof_domain::ports::{Clock, Entropy, Identity, NoEvents, Receipt};
use phoneproof_domain::use_cases::{
    AdminUpdate, AuthError, Delivery, Limits, NewPhoneNumber, Ports, SecondFactorUpdate, UserError,
};
use phoneproof_domain::{
    Actor, Allowlist, AttemptOutcome, BackupCode, CODE_LIFETIME, CodeHasher, E164, InstanceSecret, Lockout, OtpCode,
    PhoneNumber, PhoneNumberId, Policy, RequestContext, Standing, Texts, UseCases, User, UserId, UserPhonesParts,
    VerificationStatus,
};
use phoneproof_tests::{ClearSealer, DirectSmsSender, FakeCarrier, HandSetClock, TestStore};
use proptest::prelude::*;

const USERS: usize = 3;
const NUMBERS: usize = 4;
const MAX_ATTEMPTS: u8 = 3;
const MAX_UNVERIFIED: u32 = 2;

/// What one of the users, or the back end, does with one of the numbers.
#[derive(Debug, Clone, Copy)]
enum Act {
    Add,
    Prepare,
    AttemptRight,
    AttemptWrong,
    Reserve,
    Unreserve,
    MakeDefault,
    Remove,
    RenewBackupCodes,
    Wait(u64),
    BackEndAdds { verified: bool },
    BackEndSetsVerified(bool),
    BackEndTurnsOffSecondFactors,
    BackEndDeletesUser,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Add),
        4 => Just(Act::Prepare),
        5 => Just(Act::AttemptRight),
        3 => Just(Act::AttemptWrong),
        4 => Just(Act::Reserve),
        2 => Just(Act::Unreserve),
        2 => Just(Act::MakeDefault),
        2 => Just(Act::Remove),
        1 => Just(Act::RenewBackupCodes),
        3 => prop_oneof![Just(1), Just(30), Just(601)].prop_map(Act::Wait),
        1 => any::<bool>().prop_map(|verified| Act::BackEndAdds { verified }),
        1 => any::<bool>().prop_map(Act::BackEndSetsVerified),
        1 => Just(Act::BackEndTurnsOffSecondFactors),
        1 => Just(Act::BackEndDeletesUser),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, Act)>> {
    proptest::collection::vec((0..USERS, 0..NUMBERS, act()), 1..60)
}

/// Never the same bytes twice, and the same ones in every run.
#[derive(Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // The output function of splitmix64 (Steele, Lea, Flood 2014).
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// The use cases on a store of their own.
struct World {
    cases: UseCases,
    clock: Arc<HandSetClock>,
    carrier: Arc<FakeCarrier>,
    store: Store,
    /// For each phone number, how often a code of it was accepted since it was added.
    accepted: BTreeMap<PhoneNumberId, u32>,
    _store: TestStore,
}

fn user_id(at: usize) -> UserId {
    format!("user_{at}").parse().expect("an id")
}

fn number(at: usize) -> E164 {
    format!("+1415555267{at}").parse().expect("a number")
}

impl World {
    async fn new() -> Self {
        let kept = TestStore::create();
        let settings =
            Config::load(None, kept.options()).and_then(|config| Settings::new(config, Overrides::default()));
        let store = wiring::store(&settings.expect("settings").store)
            .await
            .expect("a store");
        let clock = Arc::new(HandSetClock::default());
        let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("text"))));
        let entropy: Arc<dyn Entropy> = Arc::new(Counted::default());
        let ports = Ports {
            users: store.repository.clone(),
            clients: store.clients.clone(),
            tickets: store.tickets.clone(),
            commits: store.commits.clone(),
            directory: store.directory.clone(),
            sessions: store.sessions.clone(),
            instance: store.instance.clone(),
            limiter: store.limiter.clone(),
            passwords: wiring::passwords(entropy.clone()),
            sms: Arc::new(DirectSmsSender(Delivery {
                outbox: store.sms_outbox.clone(),
                gateway: carrier.clone(),
                sealer: Arc::new(ClearSealer),
                clock: clock.clone(),
                entropy: Arc::new(Counted::default()),
            })),
            sms_outbox: store.sms_outbox.clone(),
            events: Arc::new(NoEvents),
            sms_sealer: Arc::new(ClearSealer),
            event_sealer: Arc::new(ClearSealer),
            clock: clock.clone(),
            entropy,
        };
        let policy = Policy {
            live: phoneproof_domain::LiveSettings::default(),
            texts: Arc::new(Texts::new("PhoneProof", [], None, None)),
            allowlist: Allowlist::Countries(["US"].map(|code| code.parse().expect("a country")).into()),
            test_mode: false,
            code_lifetime: CODE_LIFETIME,
            max_attempts: MAX_ATTEMPTS,
            resend_after: Duration::from_secs(30),
            max_unverified: Some(MAX_UNVERIFIED),
            used_for_first_factor: true,
            backup_codes: true,
            second_factor_required: false,
            lockout: Lockout {
                attempts: None,
                duration: Duration::from_secs(3600),
            },
            passwords: true,
            session_lifetime: Duration::from_secs(3600),
            single_session: true,
            reverify_after: None,
            notice_texts: true,
            sign_up_open: true,
            enumeration_protection: false,
        };
        let hasher = CodeHasher::new(&InstanceSecret::new(&"k".repeat(32)).expect("a secret"));
        Self {
            cases: UseCases::new(ports, hasher, policy, Limits::default()),
            clock,
            carrier,
            store,
            accepted: BTreeMap::new(),
            _store: kept,
        }
    }

    async fn stored(&self, user: &UserId) -> Option<User> {
        let loaded = self.store.repository.load(user).await;
        let loaded = loaded.expect("a user that makes sense");
        loaded.map(|loaded| loaded.aggregate)
    }

    /// The phone number that stands for `number` on the user, or one that does not exist.
    async fn phone_id(&self, user: &UserId, number: &E164) -> PhoneNumberId {
        let user = self.stored(user).await;
        let phones = user.iter().flat_map(|user| &user.phones.parts().numbers);
        let mut found = phones
            .filter(|phone| phone.number == *number)
            .map(|phone| phone.id.clone());
        found
            .next()
            .unwrap_or_else(|| format!("idn_{}", "0".repeat(27)).parse().expect("an id"))
    }

    /// The code that was last texted to the number, or a wrong one.
    fn code(&self, number: &E164, right: bool) -> OtpCode {
        let texts = self.carrier.given();
        let texted = texts
            .iter()
            .rev()
            .filter(|sms| sms.to == *number)
            .find_map(|sms| sms.code.clone());
        let other = |code: &OtpCode| if code.reveal() == "000000" { "000001" } else { "000000" };
        match (texted, right) {
            (Some(code), true) => code,
            (Some(code), false) => OtpCode::parse(other(&code)).expect("a code"),
            (None, _) => OtpCode::parse("123456").expect("a code"),
        }
    }

    /// The user, with an identity provider's token.
    async fn actor(&self, user: &UserId) -> Actor {
        let identity = Identity {
            user: user.clone(),
            email: None,
            phone: None,
        };
        let token = self.cases.by_token(identity, RequestContext::default()).await;
        Actor::Token(Box::new(token.expect("a user that makes sense")))
    }

    /// Does it; whether it is refused is the rules' business.
    async fn perform(&mut self, user: usize, number_at: usize, act: Act) {
        let (user, number) = (&user_id(user), number(number_at));
        let id = self.phone_id(user, &number).await;
        let second_factor = |reserved, default| SecondFactorUpdate { reserved, default };
        let actor = &self.actor(user).await;
        let outcome: Result<(), AuthError> = match act {
            Act::Add => self.cases.add_phone_number(actor, &number).await.map(drop),
            Act::Prepare => self.cases.prepare_verification(actor, &id).await.map(drop),
            Act::AttemptRight | Act::AttemptWrong => {
                let code = self.code(&number, matches!(act, Act::AttemptRight));
                let outcome = self.cases.attempt_verification(actor, &id, &code).await;
                if outcome
                    .as_ref()
                    .is_ok_and(|done| done.outcome.1 == AttemptOutcome::Verified)
                {
                    *self.accepted.entry(id).or_default() += 1;
                }
                outcome.map(drop)
            }
            Act::Reserve => self.second_factor(actor, &id, second_factor(Some(true), None)).await,
            Act::Unreserve => self.second_factor(actor, &id, second_factor(Some(false), None)).await,
            Act::MakeDefault => self.second_factor(actor, &id, second_factor(None, Some(true))).await,
            Act::Remove => self.cases.remove_phone_number(actor, &id).await.map(drop),
            Act::RenewBackupCodes => self.cases.renew_backup_codes(actor).await.map(drop),
            Act::Wait(seconds) => {
                self.clock.advance(Duration::from_secs(seconds));
                Ok(())
            }
            Act::BackEndAdds { verified } => {
                let standing = if verified {
                    Standing::Verified
                } else {
                    Standing::Unverified
                };
                let new = NewPhoneNumber {
                    number,
                    standing,
                    primary: false,
                    reserved_for_second_factor: false,
                };
                self.cases.create_phone_number(user, new).await.map(drop)
            }
            Act::BackEndSetsVerified(verified) => {
                let update = AdminUpdate {
                    verified: Some(verified),
                    ..AdminUpdate::default()
                };
                let outcome = self.cases.update_phone_number(&id, update).await;
                // Whoever takes the word of the back end back may have a code accepted anew.
                if outcome.is_ok() && !verified {
                    self.accepted.remove(&id);
                }
                outcome.map(drop)
            }
            Act::BackEndTurnsOffSecondFactors => self.cases.disable_second_factors(user).await,
            Act::BackEndDeletesUser => self.cases.delete_user(user).await,
        };
        if let Err(AuthError::User(UserError::Store(error))) = outcome {
            panic!("the store failed: {error}");
        }
    }

    async fn second_factor(
        &self,
        actor: &Actor,
        id: &PhoneNumberId,
        update: SecondFactorUpdate,
    ) -> Result<(), AuthError> {
        let (_, codes): (User, Option<Vec<BackupCode>>) =
            self.cases.update_second_factor(actor, id, update).await?.outcome;
        if let Some(codes) = codes {
            let different: BTreeSet<_> = codes.iter().map(BackupCode::reveal).collect();
            assert_eq!(different.len(), 10, "ten different codes are issued");
        }
        Ok(())
    }

    async fn check(&self, before: &[Option<User>]) {
        let mut users = Vec::new();
        for at in 0..USERS {
            users.push(self.stored(&user_id(at)).await);
        }
        let mut owned = BTreeSet::new();
        for (before, after) in before.iter().zip(&users) {
            let Some(after) = after else { continue };
            check_user(after, self.clock.now());
            if let Some(before) = before {
                check_change(before, after);
            }
            for phone in after.phones.parts().numbers.iter().filter(|phone| phone.is_owned()) {
                assert!(owned.insert(phone.number.clone()), "{:?} has two owners", phone.number);
            }
        }
        for (id, times) in &self.accepted {
            assert!(*times <= 1, "{id:?}: a code was accepted {times} times");
        }
    }
}

fn check_user(user: &User, now: phoneproof_domain::Timestamp) {
    let UserPhonesParts {
        numbers,
        primary,
        default_second_factor,
        backup_codes,
        ..
    } = user.phones.parts();
    let reserved: Vec<&PhoneNumber> = numbers
        .iter()
        .filter(|phone| phone.reserved_for_second_factor)
        .collect();
    let verified: Vec<&PhoneNumber> = numbers.iter().filter(|phone| phone.is_verified()).collect();
    assert!(reserved.iter().all(|phone| phone.is_verified()), "{user:#?}");
    assert_eq!(default_second_factor.is_some(), !reserved.is_empty(), "{user:#?}");
    let is_reserved = |id: &PhoneNumberId| reserved.iter().any(|phone| phone.id == *id);
    assert!(default_second_factor.as_ref().is_none_or(is_reserved), "{user:#?}");
    assert_eq!(backup_codes.is_empty(), reserved.is_empty(), "{user:#?}");
    assert_eq!(primary.is_some(), !verified.is_empty(), "{user:#?}");
    let is_verified = |id: &PhoneNumberId| verified.iter().any(|phone| phone.id == *id);
    assert!(primary.as_ref().is_none_or(is_verified), "{user:#?}");
    let different: BTreeSet<&E164> = numbers.iter().map(|phone| &phone.number).collect();
    assert_eq!(different.len(), numbers.len(), "{user:#?}");
    for phone in numbers {
        let verification = &phone.verification;
        assert!(verification.attempts().unwrap_or(0) <= MAX_ATTEMPTS, "{phone:#?}");
        if verification.status(now) == Some(VerificationStatus::Failed) {
            assert_eq!(verification.attempts(), Some(MAX_ATTEMPTS), "{phone:#?}");
        }
    }
}

/// What no single step may do to a user.
fn check_change(before: &User, after: &User) {
    let identifies = |user: &User| user.phones.parts().numbers.iter().any(PhoneNumber::identifies);
    let unverified = |user: &User| {
        let numbers = &user.phones.parts().numbers;
        numbers.iter().filter(|phone| !phone.is_owned()).count()
    };
    // A back end may take its word back, which leaves a user without one.
    let taken_back = unverified(after) > unverified(before);
    assert!(
        !identifies(before) || identifies(after) || taken_back,
        "{before:#?}\n{after:#?}"
    );
    assert!(after.updated_at >= before.updated_at, "{before:#?}\n{after:#?}");
    if before.phones != after.phones {
        assert!(after.updated_at > before.updated_at, "{before:#?}\n{after:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_invariants_hold(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut world = World::new().await;
            for (user, number, act) in steps {
                let mut before = Vec::new();
                for at in 0..USERS {
                    before.push(world.stored(&user_id(at)).await);
                }
                world.perform(user, number, act).await;
                world.check(&before).await;
            }
        });
    }
}
