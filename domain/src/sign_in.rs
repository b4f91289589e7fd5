//! A sign-in under way, in the client that began it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::proof::{Proof, Strategy};
use crate::sign_up::ABANDONED_AFTER;
use crate::verification::Verification;
use crate::{E164, PasswordHash, PhoneNumberId, SessionId, SignInId, Timestamp, User, UserId};

/// What a sign-in waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nobody was named yet.
    NeedsIdentifier,
    /// The first factor.
    NeedsFirstFactor,
    /// The second factor.
    NeedsSecondFactor,
    /// The first factor passed in order to set a new password.
    NeedsNewPassword,
    /// Nothing: it led to this session.
    Complete(SessionId),
}

impl Step {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NeedsIdentifier => "needs_identifier",
            Self::NeedsFirstFactor => "needs_first_factor",
            Self::NeedsSecondFactor => "needs_second_factor",
            Self::NeedsNewPassword => "needs_new_password",
            Self::Complete(_) => "complete",
        }
    }
}

/// How long a sign-in may take from its first factor to its end: 10 minutes, as long as a code is valid.
const HALF_LASTS: Duration = Duration::from_secs(10 * 60);

/// A password that shall be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// Whether the user's other sessions end.
    pub sign_out_others: bool,
}

/// What a sign-in shows whose first factor must not tell whether anybody has the number. Whose the number is, is found out
/// at each step, and noted only once the first factor has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disguise {
    /// Under which id the number is offered: that of no number, and as young for everybody.
    pub stand_in: PhoneNumberId,
    /// Whether the right code of somebody who has no account leads to a sign-up.
    pub leads_to_sign_up: bool,
}

impl Disguise {
    /// Whether a code sent for this leads to a sign-up if nobody has the number.
    #[must_use]
    pub fn is_sign_up_by(&self, strategy: Strategy) -> bool {
        self.leads_to_sign_up && strategy == Strategy::PhoneCode
    }
}

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The identifier, `sia_…`.
    pub id: SignInId,
    /// The number that was typed.
    pub identifier: Option<E164>,
    /// Whose it is.
    pub user: Option<UserId>,
    /// What it waits for.
    pub step: Step,
    /// What has come of the first factor.
    pub first: Option<Proof>,
    /// What has come of the second factor.
    pub second: Option<Proof>,
    /// When the first factor passed.
    pub first_passed_at: Option<Timestamp>,
    /// The user's generation of credentials when a code was sent or the first factor passed: what rests on older ones is
    /// over.
    #[serde(default)]
    pub credentials_generation: Option<i64>,
    /// The password that is set once the last factor has passed.
    #[serde(default)]
    pub new_password: Option<NewPassword>,
    /// What hides whether anybody has the number, if that is hidden.
    #[serde(default)]
    pub disguise: Option<Disguise>,
    /// When it began.
    pub created_at: Timestamp,
}

impl SignIn {
    /// A sign-in of nobody yet.
    #[must_use]
    pub fn new(id: SignInId, now: Timestamp) -> Self {
        Self {
            id,
            identifier: None,
            user: None,
            step: Step::NeedsIdentifier,
            first: None,
            second: None,
            first_passed_at: None,
            credentials_generation: None,
            new_password: None,
            disguise: None,
            created_at: now,
        }
    }

    /// When it is given up: half a sign-in sooner than one of which nothing has passed.
    #[must_use]
    pub fn abandon_at(&self) -> Timestamp {
        let end = self.created_at.plus(ABANDONED_AFTER);
        let half = self.first_passed_at.map(|at| at.plus(HALF_LASTS));
        match (&self.step, half) {
            (Step::Complete(_), _) | (_, None) => end,
            (_, Some(half)) => end.min(half),
        }
    }

    /// Binds it to the user's present credentials, by which a code was sent or a factor passed.
    pub(crate) const fn bind(&mut self, user: &User) {
        self.credentials_generation = Some(user.credentials_generation);
    }

    /// Notes that the first factor has passed.
    pub(crate) const fn pass_first(&mut self, user: &User, now: Timestamp) {
        self.first_passed_at = Some(now);
        self.bind(user);
    }

    /// Whether what it rests on still stands: no factor is under way yet, or the user has the credentials of that moment.
    #[must_use]
    pub fn rests_on(&self, user: &User) -> bool {
        self.credentials_generation
            .map_or(self.first_passed_at.is_none(), |generation| {
                generation == user.credentials_generation
            })
    }

    /// Whether it may be shown as it stands: it is complete, or still goes on for `user`, if it has named one.
    #[must_use]
    pub fn is_alive(&self, user: Option<&User>, now: Timestamp) -> bool {
        let rests = matches!(self.step, Step::Complete(_)) || user.is_none_or(|user| self.rests_on(user));
        now < self.abandon_at() && rests
    }

    /// The disguise that it still wears: its first factor has not passed.
    #[must_use]
    pub fn disguised(&self) -> Option<&Disguise> {
        let waits = matches!(self.step, Step::NeedsFirstFactor) && self.user.is_none();
        self.disguise.as_ref().filter(|_| waits)
    }

    /// Whether a right code has proven a number that nobody has, so that a sign-up may take it over.
    #[must_use]
    pub fn is_transferable(&self) -> bool {
        let by_sign_up = |proof: &&Proof| {
            self.disguised()
                .is_some_and(|disguise| disguise.is_sign_up_by(proof.strategy()))
        };
        self.first.as_ref().filter(by_sign_up).is_some_and(Proof::is_passed)
    }

    /// The number that is held for the user and that a code of this sign-in has proven, with the proof.
    pub(crate) fn proof_of_held(&self, user: &User) -> Option<(PhoneNumberId, Verification)> {
        let own = user.phones.find_by_number(self.identifier.as_ref()?)?;
        match self.first.as_ref()? {
            Proof::Texted {
                number, verification, ..
            } => {
                let stand_in = self.disguise.as_ref().map(|disguise| &disguise.stand_in);
                let is_own = *number == own.id || stand_in == Some(number);
                (own.is_held() && is_own).then(|| (own.id.clone(), verification.clone()))
            }
            Proof::Given { .. } => None,
        }
    }

    /// Whether it still goes on.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        !matches!(self.step, Step::Complete(_)) && now < self.abandon_at()
    }

    /// The session that it led to.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.step {
            Step::Complete(session) => Some(session),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
    }

    fn user() -> User {
        User::new("user_a".parse().unwrap(), later(0))
    }

    fn begun() -> SignIn {
        let mut sign_in = SignIn::new(format!("sia_{:027}", 1).parse().unwrap(), later(0));
        sign_in.step = Step::NeedsFirstFactor;
        sign_in
    }

    /// After its first factor, at that second.
    fn half(passed_at: u64) -> SignIn {
        let mut sign_in = begun();
        sign_in.pass_first(&user(), later(passed_at));
        sign_in.step = Step::NeedsSecondFactor;
        sign_in
    }

    #[test]
    fn a_sign_in_lasts_a_day_and_half_of_one_ten_minutes_from_its_first_factor() {
        let day = 24 * 3600;
        for (sign_in, end) in [(begun(), day), (half(100), 700), (half(day - 60), day)] {
            assert_eq!(sign_in.abandon_at(), later(end));
            assert!(sign_in.is_open(later(end - 1)));
            assert!(!sign_in.is_open(later(end)));
        }
    }

    #[test]
    fn one_that_is_complete_is_shown_for_a_day_and_goes_on_no_more() {
        let mut complete = half(100);
        complete.step = Step::Complete(format!("sess_{:027}", 1).parse().unwrap());
        assert_eq!(complete.abandon_at(), later(24 * 3600));
        assert!(!complete.is_open(later(101)));
        assert!(complete.session().is_some());
    }

    #[test]
    fn half_a_sign_in_dies_with_the_credentials_that_it_rests_on() {
        let mut user = user();
        assert!(half(0).rests_on(&user));
        user.credentials_generation += 1;
        assert!(!half(0).rests_on(&user));
        assert!(begun().rests_on(&user), "nothing has passed yet");
    }

    #[test]
    fn one_from_before_generations_were_kept_rests_on_nothing() {
        let mut stored = serde_json::to_value(half(0)).unwrap();
        stored.as_object_mut().unwrap().remove("credentials_generation");
        stored.as_object_mut().unwrap().remove("new_password");
        let read: SignIn = serde_json::from_value(stored).unwrap();
        assert!(!read.rests_on(&user()));
    }
}
