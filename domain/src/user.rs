//! One user: the aggregate that is loaded and committed as one.

use std::time::Duration;

use crate::external_account::ExternalAccount;
use crate::failures::{Failures, Ledger};
use crate::policy::Policy;
use crate::ports::{Aggregate, Change, Window, Write};
use crate::profile::Profile;
use crate::verification::Verification;
use crate::{PasswordHash, PhoneNumberId, Timestamp, UserId, UserPhones};

/// A password as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was set.
    pub updated_at: Timestamp,
    /// Whether others know it, as a back end says: it signs nobody in any more, and is to be reset.
    pub compromised: bool,
}

/// A user with everything that changes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// Names and notes.
    pub profile: Profile,
    /// The phone numbers, the second factor, the backup codes.
    pub phones: UserPhones,
    /// Kept out by an administrator, until let in again.
    pub banned: bool,
    /// Kept from entering codes until then.
    pub locked_until: Option<Timestamp>,
    /// The password, if there is one.
    pub password: Option<StoredPassword>,
    /// The wrong passwords and codes.
    pub failures: Failures,
    /// Grows with every change of what proves the user's identity: numbers, second factors, password, backup codes.
    /// A sign-in under way that rests on an older generation is over.
    pub credentials_generation: i64,
    /// When the user's numbers were last texted about changes of the account, oldest first.
    pub texted_notices: Vec<Timestamp>,
    /// Grows whenever all sessions of the user end at once; those of an older generation are over.
    pub sessions_generation: i64,
    /// Whether the user may delete the account.
    pub delete_self_enabled: bool,
    /// The account at the outside identity provider; none as long as its word on numbers was never acted on.
    pub external_account: Option<ExternalAccount>,
    /// When the user last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// The day (UTC) on which the user last did something.
    pub last_active_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When anything of the user or of a number last changed; grows with every change.
    pub updated_at: Timestamp,
}

impl Aggregate for User {
    type Id = UserId;

    fn id(&self) -> &UserId {
        &self.id
    }

    fn write(change: Change<Self>) -> Write {
        Write::User(Box::new(change))
    }
}

impl User {
    /// A user without anything.
    #[must_use]
    pub fn new(id: UserId, now: Timestamp) -> Self {
        Self {
            id,
            profile: Profile::default(),
            phones: UserPhones::default(),
            banned: false,
            locked_until: None,
            password: None,
            failures: Failures::default(),
            texted_notices: Vec::new(),
            // Nor must half a sign-in of the deleted one.
            credentials_generation: now.as_millis(),
            // Not zero: a user made anew under the id of a deleted one must not inherit sessions.
            sessions_generation: now.as_millis(),
            delete_self_enabled: true,
            external_account: None,
            last_sign_in_at: None,
            last_active_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// How long the user is still locked; none if not locked.
    #[must_use]
    pub fn locked_for(&self, now: Timestamp) -> Option<Duration> {
        self.locked_until
            .map(|until| until.since(now))
            .filter(|left| !left.is_zero())
    }

    /// A wrong factor after the first one had passed: it counts, and may lock the user.
    pub fn fail_second_factor(&mut self, now: Timestamp, policy: &Policy) {
        self.failures.second_factor.count(now);
        self.lock_if_exhausted(now, policy);
    }

    /// Locks the user if too many factors were wrong after the first one had passed.
    pub fn lock_if_exhausted(&mut self, now: Timestamp, policy: &Policy) {
        let until = self.failures.second_factor.locks_until(now, &policy.lockout);
        self.locked_until = self.locked_until.max(until);
    }

    /// Lifts the lock and forgets what was counted.
    pub fn unlock(&mut self) {
        self.locked_until = None;
        self.failures = Failures::default();
    }

    /// Sets a password, or takes it away.
    pub fn set_password(&mut self, hash: Option<PasswordHash>, now: Timestamp) {
        self.password = hash.map(|hash| StoredPassword {
            hash,
            updated_at: now,
            compromised: false,
        });
        // The ledgers were the old one's (NIST SP 800-63B-4 §3.2.2: bound anew).
        self.failures.password = Ledger::default();
        self.failures.session_password = Ledger::default();
    }

    /// Takes the proof of a number that is held for the user, by the code of a sign-in. What then rests on the user's
    /// credentials rests on those with this number, and sessions from before end, as with every change of numbers.
    pub(crate) fn prove_held(&mut self, number: &PhoneNumberId, proof: &Verification, now: Timestamp) {
        if self.phones.prove_held(number, proof, now) {
            self.credentials_generation = self.credentials_generation.saturating_add(1);
            self.end_sessions();
        }
    }

    /// Ends every session of the user, wherever it is.
    pub const fn end_sessions(&mut self) {
        self.sessions_generation = self.sessions_generation.saturating_add(1);
    }

    /// Whether both have the same means to prove their identity. Unverified numbers and used backup codes make no difference.
    #[must_use]
    pub fn has_same_credentials(&self, other: &Self) -> bool {
        self.password == other.password && self.phones.has_same_credentials(&other.phones)
    }

    /// Whether a text about a change may go out now: fewer than that did within each of `windows`.
    pub(crate) fn may_be_texted(&self, now: Timestamp, windows: &[Window]) -> bool {
        let within = |window: &Window| {
            let recent = self.texted_notices.iter().filter(|at| now.since(**at) < window.span);
            u32::try_from(recent.count()).unwrap_or(u32::MAX)
        };
        windows.iter().all(|window| within(window) < window.limit)
    }

    /// Notes that a text about a change goes out now.
    pub(crate) fn note_text(&mut self, now: Timestamp, windows: &[Window]) {
        let Some(longest) = windows.iter().map(|window| window.span).max() else {
            return;
        };
        self.texted_notices.retain(|at| now.since(*at) < longest);
        self.texted_notices.push(now);
    }

    /// Notes that the user was here today. True if that is news.
    pub fn seen(&mut self, now: Timestamp) -> bool {
        let today = Some(now.start_of_day());
        let news = self.last_active_at != today;
        self.last_active_at = today;
        news
    }

    /// Notes on the user, and on each number, that it changed since `before`. A change of credentials begins a new
    /// generation of them.
    pub(crate) fn stamp(&mut self, before: &Self, now: Timestamp) {
        self.phones.stamp(&before.phones, now);
        if !self.has_same_credentials(before) {
            self.credentials_generation = before.credentials_generation.saturating_add(1);
        }
        let was_here = Self {
            last_active_at: self.last_active_at,
            failures: self.failures.clone(),
            texted_notices: self.texted_notices.clone(),
            // What was last claimed is not shown; the number that came of it is.
            external_account: self.external_account.clone(),
            ..before.clone()
        };
        if *self != was_here {
            // Listeners compare `updated_at` to decide whether to redraw (contract 5.4), so it
            // grows also when two changes fall into one millisecond or the clock went back.
            let next = Timestamp::from_millis(before.updated_at.as_millis().saturating_add(1));
            self.updated_at = now.max(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;
    use crate::{AdminNumber, CodeHash, Standing};

    #[test]
    fn updated_at_grows_with_every_change_and_with_nothing_else() {
        let at = Timestamp::from_millis;
        let before = User::new("user_a".parse().unwrap(), at(1_000));
        let mut seen = before.clone();
        assert!(seen.seen(at(2_000)));
        seen.stamp(&before, at(2_000));
        assert_eq!(seen.updated_at, at(1_000));
        let mut banned = before.clone();
        banned.banned = true;
        banned.stamp(&before, at(500));
        assert_eq!(banned.updated_at, at(1_001));
    }

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn a_new_password_is_open_wherever_the_old_one_was_closed() {
        let mut user = user();
        let wrong = Ledger::of(vec![NOW; 10], 10);
        user.failures.password = wrong.clone();
        user.failures.session_password = wrong.clone();
        user.failures.session = wrong.clone();
        user.set_password(None, NOW);
        assert_eq!(user.failures.password, Ledger::default());
        assert_eq!(user.failures.session_password, Ledger::default());
        assert_eq!(user.failures.session, wrong, "codes are no password");
    }

    fn phone_id(n: u8) -> PhoneNumberId {
        format!("idn_{n:027}").parse().unwrap()
    }

    /// With two verified numbers, the second one a second factor, an unverified number, two backup codes and a password.
    fn user() -> User {
        let mut user = User::new("user_a".parse().unwrap(), NOW);
        for (n, standing) in [
            (1, Standing::Verified),
            (2, Standing::Verified),
            (3, Standing::Unverified),
        ] {
            let new = AdminNumber {
                id: phone_id(n),
                number: format!("+1415555267{n}").parse().unwrap(),
                standing,
                primary: false,
                reserved_for_second_factor: n == 2,
            };
            user.phones
                .add_by_admin(new, &[1, 2].map(|byte| CodeHash::from_bytes([byte; 32])), NOW)
                .unwrap();
        }
        user.set_password(Some(PasswordHash::new("hash".to_owned())), NOW);
        user
    }

    fn admin_number(n: u8, standing: Standing) -> AdminNumber {
        AdminNumber {
            id: phone_id(n),
            number: format!("+1415555267{n}").parse().unwrap(),
            standing,
            primary: false,
            reserved_for_second_factor: false,
        }
    }

    fn grows<T>(change: impl FnOnce(&mut User) -> T) -> bool {
        let before = user();
        let mut after = before.clone();
        change(&mut after);
        after.stamp(&before, NOW);
        after.credentials_generation > before.credentials_generation
    }

    #[test]
    fn the_generation_of_credentials_grows_with_each_of_them() {
        let (hash, codes) = (PasswordHash::new("other".to_owned()), [CodeHash::from_bytes([3; 32])]);
        assert!(
            grows(|user| user.phones.set_verified(&phone_id(3), true, NOW).unwrap()),
            "verified"
        );
        assert!(
            grows(|user| user.phones.set_verified(&phone_id(1), false, NOW).unwrap()),
            "not any more"
        );
        assert!(
            grows(|user| user.phones.remove_by_admin(&phone_id(1), NOW).unwrap()),
            "removed"
        );
        assert!(
            grows(|user| user.phones.reserve_by_admin(&phone_id(1), &[], NOW).unwrap()),
            "reserved"
        );
        assert!(
            grows(|user| user.phones.unreserve(&phone_id(2), NOW).unwrap()),
            "no second factor"
        );
        assert!(
            grows(|user| user.phones.replace_all(admin_number(1, Standing::Reserved), NOW)),
            "held in the place of verified"
        );
        assert!(grows(|user| user.phones.set_backup_codes(&codes)), "backup codes");
        assert!(grows(|user| user.phones.set_backup_codes(&[])), "no backup codes");
        assert!(grows(|user| user.set_password(Some(hash), NOW)), "password");
        assert!(grows(|user| user.set_password(None, NOW)), "no password");
    }

    #[test]
    fn the_generation_of_credentials_grows_with_nothing_else() {
        let number = "+14155552679".parse().unwrap();
        assert!(
            !grows(|user| user.phones.add(phone_id(4), number, NOW, &policy()).unwrap()),
            "added"
        );
        assert!(
            !grows(|user| user.phones.remove_by_admin(&phone_id(3), NOW).unwrap()),
            "unverified"
        );
        assert!(
            !grows(|user| user
                .phones
                .redeem_backup_code(CodeHash::from_bytes([1; 32]), NOW)
                .unwrap()),
            "used"
        );
        assert!(
            !grows(|user| user.phones.make_primary(&phone_id(2)).unwrap()),
            "primary"
        );
        assert!(
            !grows(|user| user.profile.first_name = Some("Ada".parse().unwrap())),
            "name"
        );
        assert!(!grows(User::end_sessions), "sessions");
        assert!(!grows(|user| user.fail_second_factor(NOW, &policy())), "failure");
        assert!(!grows(|user| user.banned = true), "ban");
    }

    #[test]
    fn what_a_held_number_is_proven_for_rests_on_the_generation_that_it_begins() {
        let mut before = user();
        let held = admin_number(4, Standing::Reserved);
        before.phones.add_by_admin(held, &[], NOW).unwrap();
        let proof = Verification::ByCode {
            attempts: 1,
            expires_at: NOW,
        };
        for (number, grows) in [(4, true), (3, false), (9, false)] {
            let mut after = before.clone();
            after.prove_held(&phone_id(number), &proof, NOW);
            let at_once = after.credentials_generation;
            after.stamp(&before, NOW);
            assert_eq!(after.credentials_generation, at_once, "{number}");
            assert_eq!(at_once > before.credentials_generation, grows, "{number}");
            assert_eq!(
                after.phones.get(&phone_id(number)) != before.phones.get(&phone_id(number)),
                grows,
                "only a held number is proven: {number}"
            );
        }
    }

    #[test]
    fn a_new_password_opens_one_that_was_closed() {
        let mut user = user();
        for _ in 0..100 {
            user.failures.password.count(NOW);
            user.failures.code.count(NOW);
        }
        let before = user.failures.code.clone();
        user.set_password(Some(PasswordHash::new("other".to_owned())), NOW);
        assert!(user.failures.password.is_empty());
        assert_eq!(user.failures.code, before, "the code is closed as before");
    }

    #[test]
    fn a_lock_ends_by_itself() {
        let at = Timestamp::from_millis;
        let mut user = User::new("user_a".parse().unwrap(), at(0));
        user.locked_until = Some(at(1_000));
        assert_eq!(user.locked_for(at(400)), Some(Duration::from_millis(600)));
        assert_eq!(user.locked_for(at(1_000)), None);
    }
}
