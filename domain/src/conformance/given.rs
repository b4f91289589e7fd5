//! Users to test with.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use serde_json::Value;

use crate::change::Stores;
use crate::ports::{Aggregate, Change, CommitError, Entropy, Loaded, Revision};
use crate::{
    Allowlist, CODE_LIFETIME, CodeHash, E164, Metadata, PhoneNumber, PhoneNumberId, Policy, Timestamp, User, UserId,
    UserPhones, UserPhonesParts, Verification,
};

/// The moment of all cases.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// The code that was sent, and one that was not.
pub(super) const RIGHT: CodeHash = CodeHash::from_bytes([7; 32]);
pub(super) const WRONG: CodeHash = CodeHash::from_bytes([8; 32]);

pub(super) fn later(millis: u64) -> Timestamp {
    NOW.plus(Duration::from_millis(millis))
}

/// Different in every case and every run; the standard library's hash keys are random.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

pub(super) struct Random;

impl Entropy for Random {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&random().to_be_bytes()[..chunk.len()]);
        }
    }
}

pub(super) fn user_id() -> UserId {
    UserId::generate(NOW, &Random)
}

pub(super) fn number_id(made: Timestamp) -> PhoneNumberId {
    PhoneNumberId::generate(made, &Random)
}

/// A number that nobody has. No such country exists: a store must not care.
pub(super) fn number() -> E164 {
    format!("+9{:012}", random() % 1_000_000_000_000).parse().unwrap()
}

pub(super) fn user() -> User {
    User::new(user_id(), NOW)
}

/// The `at`-th number of a user, in the order in which they were added.
pub(super) fn unverified(at: u64) -> PhoneNumber {
    PhoneNumber::unverified(number_id(later(at)), number(), later(at))
}

pub(super) fn verified(at: u64) -> PhoneNumber {
    PhoneNumber {
        verification: Verification::ByAdmin,
        ..unverified(at)
    }
}

pub(super) fn second_factor(at: u64) -> PhoneNumber {
    PhoneNumber {
        reserved_for_second_factor: true,
        ..verified(at)
    }
}

/// A number for which [`RIGHT`] was sent.
pub(super) fn being_verified(at: u64) -> PhoneNumber {
    PhoneNumber {
        verification: Verification::Running {
            code: RIGHT,
            attempts: 0,
            prepared_at: NOW,
            expires_at: NOW.plus(CODE_LIFETIME),
        },
        ..unverified(at)
    }
}

/// A user with these numbers; the first that can be is primary and default second factor.
pub(super) fn user_with(numbers: Vec<PhoneNumber>) -> User {
    let first = |fits: fn(&PhoneNumber) -> bool| numbers.iter().find(|number| fits(number)).map(|n| n.id.clone());
    let parts = UserPhonesParts {
        primary: first(PhoneNumber::is_verified),
        default_second_factor: first(|number| number.reserved_for_second_factor),
        numbers,
        ..UserPhonesParts::default()
    };
    User {
        phones: UserPhones::restore(parts).unwrap(),
        ..user()
    }
}

pub(super) fn metadata(value: Value) -> Metadata {
    let Value::Object(object) = value else {
        panic!("not an object: {value}")
    };
    Metadata::new(object).unwrap()
}

pub(super) fn policy() -> Policy {
    Policy {
        notice_texts: false,
        live: crate::LiveSettings::default(),
        texts: std::sync::Arc::new(english()),
        allowlist: Allowlist::AllCountries,
        test_mode: false,
        code_lifetime: CODE_LIFETIME,
        max_attempts: 5,
        resend_after: Duration::ZERO,
        max_unverified: None,
        used_for_first_factor: true,
        backup_codes: true,
        second_factor_required: false,
        lockout: crate::Lockout {
            attempts: Some(10),
            duration: Duration::from_secs(3600),
        },
        passwords: true,
        session_lifetime: Duration::from_secs(7 * 24 * 3600),
        single_session: true,
        reverify_after: None,
        sign_up_open: true,
        enumeration_protection: false,
    }
}

/// Writes one change.
pub(super) async fn commit<A: Aggregate>(store: Stores<'_>, change: Change<A>) -> Result<(), CommitError> {
    store.commits.commit(vec![A::write(change)]).await
}

/// Writes a new user, and reads it back.
pub(super) async fn stored(store: Stores<'_>, user: &User) -> Loaded<User> {
    commit(store, Change::Create(user.clone())).await.unwrap();
    loaded(store, &user.id).await
}

pub(super) async fn loaded(store: Stores<'_>, id: &UserId) -> Loaded<User> {
    store.users.load(id).await.unwrap().unwrap()
}

/// Turns `before` into what `edit` makes of it, and reads it back.
pub(super) async fn changed(store: Stores<'_>, before: Loaded<User>, edit: impl FnOnce(&mut User)) -> Loaded<User> {
    let replace = replacing(before, edit);
    let (Change::Replace { after, .. } | Change::Create(after)) = replace.clone() else {
        unreachable!("just made")
    };
    commit(store, replace).await.unwrap();
    let now = loaded(store, &after.id).await;
    assert_eq!(now.aggregate, after, "what was written is read");
    now
}

pub(super) fn replacing(before: Loaded<User>, edit: impl FnOnce(&mut User)) -> Change<User> {
    let mut after = before.aggregate.clone();
    edit(&mut after);
    Change::Replace { before, after }
}

/// A revision that no user has.
pub(super) fn another(revision: Revision) -> Revision {
    Revision(revision.0 ^ 1)
}

/// The text of one language.
pub(super) fn english() -> crate::Texts {
    let template =
        crate::Template::parse("{code} is your {application} code. It is valid for {minutes} minutes.").unwrap();
    crate::Texts::new("PhoneProof", [("en".to_owned(), template)], None, None)
}
