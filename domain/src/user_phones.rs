//! The phone numbers of one user, with second factor and backup codes: what changes as one.
//!
//! Every method is a pure transition: state and arguments in, outcome out. The invariants, which
//! hold after each of them and which [`UserPhones::restore`] checks:
//!
//! - a number is on a user once, and numbers stand in the order of their age;
//! - default second factor ⇒ reserved for the second factor ⇒ verified;
//! - exactly one default while a second factor is on, none otherwise;
//! - the primary number is a verified one, and there is one as soon as a number is verified;
//! - at most one number is linked to the account at the identity provider, and that one is verified.

mod claim;

use std::time::Duration;

use crate::backup_code::StoredBackupCode;
use crate::phone_number::PhoneNumber;
use crate::policy::Policy;
use crate::secrets::CodeHash;
use crate::verification::{AttemptOutcome, Verification};
use crate::{BackEndVerification, BackEndVerificationId, E164, PhoneNumberId, Timestamp};

/// Why a change was refused. Nothing is written then, and nothing counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// No such number on this user.
    #[error("no such phone number")]
    NotFound,
    /// The number is on this user already, or another user owns it.
    #[error("the phone number is taken")]
    Taken,
    /// Too many unverified numbers on this user.
    #[error("too many unverified phone numbers")]
    TooManyUnverified,
    /// No code was asked for.
    #[error("no code was sent")]
    NotPrepared,
    /// The number is proven already.
    #[error("the phone number is verified already")]
    AlreadyVerified,
    /// A code was sent a moment ago.
    #[error("a code was sent a moment ago; again in {} s", retry_after.as_secs())]
    TooSoon {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Only a verified number can become a second factor.
    #[error("a second factor must be verified")]
    SecondFactorUnverified,
    /// A number cannot be added as a second factor without being verified.
    #[error("a new second factor must be verified")]
    NewSecondFactorUnverified,
    /// Only a verified number can be the primary one.
    #[error("the primary phone number must be verified")]
    PrimaryUnverified,
    /// The number that shall be primary is not the user's.
    #[error("no such phone number to be the primary one")]
    PrimaryNotFound,
    /// The last number that the user can sign in with cannot be set aside as a second factor.
    #[error("the user could no longer sign in: the last number cannot become a second factor")]
    LastIdentificationReserved,
    /// The last number that the user can sign in with cannot go.
    #[error("the user could no longer sign in: the last number cannot go")]
    LastIdentificationRemoved,
    /// The instance requires a second factor, and this is the last one.
    #[error("the last second factor where one is required")]
    LastSecondFactor,
    /// Only a number reserved for the second factor can be its default.
    #[error("the phone number is no second factor")]
    NotASecondFactor,
    /// The default moves by naming another number, not by unnaming this one.
    #[error("there is always a default second factor")]
    DefaultNeeded,
    /// Backup codes need another second factor to stand behind.
    #[error("no second factor is on")]
    NoSecondFactor,
    /// No unused backup code is this one.
    #[error("the backup code is wrong")]
    WrongBackupCode,
}

/// Rows of a store that no sequence of changes could have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored phone numbers contradict each other: {0}")]
pub struct Contradiction(pub(crate) &'static str);

/// What a store keeps of [`UserPhones`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserPhonesParts {
    /// All numbers, oldest first.
    pub numbers: Vec<PhoneNumber>,
    /// The primary number.
    pub primary: Option<PhoneNumberId>,
    /// The number that is texted when no second factor is chosen.
    pub default_second_factor: Option<PhoneNumberId>,
    /// The backup codes, used ones included.
    pub backup_codes: Vec<StoredBackupCode>,
    /// When a second factor was last turned on.
    pub mfa_enabled_at: Option<Timestamp>,
    /// When the last one was last turned off.
    pub mfa_disabled_at: Option<Timestamp>,
}

/// All phone numbers of one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserPhones {
    parts: UserPhonesParts,
}

/// A number that a back end adds, with what it vouches for.
#[derive(Debug, Clone)]
pub struct AdminNumber {
    /// Its identifier, just made.
    pub id: PhoneNumberId,
    /// The number.
    pub number: E164,
    /// How it stands.
    pub standing: Standing,
    /// Whether it becomes the primary number.
    pub primary: bool,
    /// Whether it becomes a second factor.
    pub reserved_for_second_factor: bool,
}

/// How a back end says that a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Proven elsewhere.
    Verified,
    /// Held for the user, not proven.
    Reserved,
    /// Neither.
    Unverified,
}

impl UserPhones {
    /// All numbers, oldest first.
    #[must_use]
    pub fn numbers(&self) -> &[PhoneNumber] {
        &self.parts.numbers
    }

    /// One number.
    #[must_use]
    pub fn get(&self, id: &PhoneNumberId) -> Option<&PhoneNumber> {
        self.parts.numbers.iter().find(|number| number.id == *id)
    }

    /// The primary number.
    #[must_use]
    pub const fn primary(&self) -> Option<&PhoneNumberId> {
        self.parts.primary.as_ref()
    }

    /// Whether `id` is the number that is texted when no second factor is chosen.
    #[must_use]
    pub fn is_default_second_factor(&self, id: &PhoneNumberId) -> bool {
        self.parts.default_second_factor.as_ref() == Some(id)
    }

    /// Whether a number is reserved for the second factor.
    #[must_use]
    pub fn has_reserved_number(&self) -> bool {
        self.parts
            .numbers
            .iter()
            .any(|number| number.reserved_for_second_factor)
    }

    /// Whether the same numbers are verified and reserved, and the backup codes are the same set, here and there.
    #[must_use]
    pub fn has_same_credentials(&self, other: &Self) -> bool {
        let numbers = |phones: &Self| {
            let verified = phones.parts.numbers.iter().filter(|number| number.is_verified());
            verified
                .map(|number| (number.id.clone(), number.reserved_for_second_factor))
                .collect::<Vec<_>>()
        };
        let codes = |phones: &Self| {
            let codes = phones.parts.backup_codes.iter();
            codes.map(|code| code.hash).collect::<Vec<_>>()
        };
        numbers(self) == numbers(other) && codes(self) == codes(other)
    }

    /// Whether an unused backup code exists.
    #[must_use]
    pub fn backup_code_enabled(&self) -> bool {
        self.parts.backup_codes.iter().any(|code| code.used_at.is_none())
    }

    /// Everything, for a store.
    #[must_use]
    pub const fn parts(&self) -> &UserPhonesParts {
        &self.parts
    }

    /// Takes back what a store kept.
    ///
    /// # Errors
    /// [`Contradiction`] if an invariant does not hold: somebody wrote to the store by hand.
    pub fn restore(parts: UserPhonesParts) -> Result<Self, Contradiction> {
        let phones = Self { parts };
        phones.check()?;
        Ok(phones)
    }

    fn check(&self) -> Result<(), Contradiction> {
        let UserPhonesParts {
            numbers,
            primary,
            default_second_factor,
            ..
        } = &self.parts;
        let reserved = |id: &PhoneNumberId| self.get(id).is_some_and(|number| number.reserved_for_second_factor);
        let twice = |at: usize| numbers[..at].iter().any(|other| other.number == numbers[at].number);
        if !numbers.is_sorted_by(|older, newer| older.created_at < newer.created_at) {
            return Err(Contradiction(
                "two numbers are equally old, or not in the order of their age",
            ));
        }
        if (0..numbers.len()).any(twice) {
            return Err(Contradiction("a number stands twice"));
        }
        if numbers
            .iter()
            .any(|number| number.reserved_for_second_factor && !number.is_verified())
        {
            return Err(Contradiction("a second factor is not verified"));
        }
        if default_second_factor.is_some() != self.has_reserved_number()
            || !default_second_factor.as_ref().is_none_or(reserved)
        {
            return Err(Contradiction("not exactly one second factor is the default"));
        }
        let linked = || numbers.iter().filter(|number| number.linked);
        if linked().count() > 1 || !linked().all(PhoneNumber::is_verified) {
            return Err(Contradiction("not at most one number is linked, and verified"));
        }
        let primary_verified = primary
            .as_ref()
            .map(|id| self.get(id).is_some_and(PhoneNumber::is_verified));
        if primary_verified.unwrap_or(!numbers.iter().any(PhoneNumber::is_verified)) {
            Ok(())
        } else {
            Err(Contradiction("the primary number is not the verified one it must be"))
        }
    }

    /// Adds a number, unverified.
    ///
    /// # Errors
    /// [`PhoneError::Taken`], [`PhoneError::TooManyUnverified`].
    pub fn add(&mut self, id: PhoneNumberId, number: E164, now: Timestamp, policy: &Policy) -> Result<(), PhoneError> {
        self.must_be_new(&number)?;
        let unverified = self.parts.numbers.iter().filter(|number| !number.is_owned()).count();
        if policy
            .max_unverified
            .is_some_and(|max| unverified >= usize::try_from(max).unwrap_or(usize::MAX))
        {
            return Err(PhoneError::TooManyUnverified);
        }
        let number = PhoneNumber::unverified(id, number, self.next_created_at(now));
        self.parts.numbers.push(number);
        Ok(())
    }

    /// Adds the number that its user has just proven by signing up with it.
    ///
    /// # Errors
    /// [`PhoneError::Taken`].
    pub fn add_proven(
        &mut self,
        id: PhoneNumberId,
        number: E164,
        verification: Verification,
        now: Timestamp,
    ) -> Result<(), PhoneError> {
        self.must_be_new(&number)?;
        let mut number = PhoneNumber::unverified(id, number, self.next_created_at(now));
        number.verification = verification;
        self.parts.numbers.push(number);
        self.restore_invariants(now);
        Ok(())
    }

    /// The user's entry of this number, if there is one.
    #[must_use]
    pub fn find_by_number(&self, number: &E164) -> Option<&PhoneNumber> {
        self.parts.numbers.iter().find(|own| own.number == *number)
    }

    /// Starts a verification with a new code; the old code dies and the tries begin anew.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::AlreadyVerified`], [`PhoneError::TooSoon`].
    pub fn prepare(
        &mut self,
        id: &PhoneNumberId,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<(), PhoneError> {
        let number = self.get_mut(id)?;
        if number.is_verified() {
            return Err(PhoneError::AlreadyVerified);
        }
        number.verification.must_be_due(now, policy.resend_after)?;
        number.verification = Verification::started(code, now, policy.code_lifetime);
        Ok(())
    }

    /// Tries a code on the verification that runs for `id`, and counts it if wrong.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::NotPrepared`], [`PhoneError::AlreadyVerified`];
    /// none counts as a try.
    pub fn attempt(
        &mut self,
        id: &PhoneNumberId,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<AttemptOutcome, PhoneError> {
        let number = self.get_mut(id)?;
        if number.is_verified() {
            return Err(PhoneError::AlreadyVerified);
        }
        let outcome = number
            .verification
            .attempt(code, now, policy.max_attempts)
            .ok_or(PhoneError::NotPrepared)?;
        if outcome == AttemptOutcome::Verified {
            number.held = false;
        }
        self.restore_invariants(now);
        Ok(outcome)
    }

    /// Takes the proof of a number that is held for the user, by a code that came elsewhere than to
    /// [`UserPhones::attempt`]. Whether it was held.
    pub(crate) fn prove_held(&mut self, id: &PhoneNumberId, proof: &Verification, now: Timestamp) -> bool {
        let held = self.get_mut(id).ok().filter(|number| number.is_held());
        let Some(number) = held.filter(|_| proof.is_verified()) else {
            return false;
        };
        number.verification = proof.clone();
        number.held = false;
        self.restore_invariants(now);
        true
    }

    /// Begins a verification that a back end drives, be the number proven or not.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::TooSoon`].
    pub fn prepare_by_back_end(
        &mut self,
        id: &PhoneNumberId,
        verification: BackEndVerificationId,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<(), PhoneError> {
        let number = self.get_mut(id)?;
        if let Some(last) = &number.by_back_end {
            last.verification.must_be_due(now, policy.resend_after)?;
        }
        number.by_back_end = Some(BackEndVerification {
            id: verification,
            verification: Verification::started(code, now, policy.code_lifetime),
        });
        Ok(())
    }

    /// Tries a code on a verification that a back end drives. The right one also proves the number, if
    /// it was not.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`] if there is no such number or verification,
    /// [`PhoneError::AlreadyVerified`] if that one succeeded before; none counts as a try.
    pub fn attempt_by_back_end(
        &mut self,
        id: &PhoneNumberId,
        verification: &BackEndVerificationId,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<AttemptOutcome, PhoneError> {
        let number = self.get_mut(id)?;
        let driven = number.by_back_end.as_mut().filter(|driven| driven.id == *verification);
        let driven = &mut driven.ok_or(PhoneError::NotFound)?.verification;
        let outcome = driven
            .attempt(code, now, policy.max_attempts)
            .ok_or(PhoneError::AlreadyVerified)?;
        if outcome == AttemptOutcome::Verified && !number.verification.is_verified() {
            number.verification = driven.clone();
            number.held = false;
        }
        self.restore_invariants(now);
        Ok(outcome)
    }

    /// Makes a verified number a second factor. `fresh` becomes the set of backup codes if this
    /// turns the second factor on; the answer tells whether it did.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::SecondFactorUnverified`],
    /// [`PhoneError::LastIdentificationReserved`].
    pub fn reserve(
        &mut self,
        id: &PhoneNumberId,
        fresh: &[CodeHash],
        now: Timestamp,
        policy: &Policy,
    ) -> Result<bool, PhoneError> {
        let number = self.get(id).ok_or(PhoneError::NotFound)?;
        if !number.is_verified() {
            return Err(PhoneError::SecondFactorUnverified);
        }
        if number.identifies() && policy.used_for_first_factor && !self.another_identifies(id) {
            return Err(PhoneError::LastIdentificationReserved);
        }
        self.reserve_verified(id, fresh, now)
    }

    /// Takes a number out of the second factor; the default passes on to the oldest remaining one,
    /// and with the last one the backup codes go.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`].
    pub fn unreserve(&mut self, id: &PhoneNumberId, now: Timestamp) -> Result<(), PhoneError> {
        self.get_mut(id)?.reserved_for_second_factor = false;
        self.restore_invariants(now);
        Ok(())
    }

    /// Refuses to give up the last second factor where every user must have one.
    ///
    /// # Errors
    /// [`PhoneError::LastSecondFactor`].
    pub fn must_stay_protected(&self, id: &PhoneNumberId, policy: &Policy) -> Result<(), PhoneError> {
        let factors = || {
            self.parts
                .numbers
                .iter()
                .filter(|number| number.reserved_for_second_factor)
        };
        if policy.second_factor_required && factors().count() == 1 && factors().any(|number| number.id == *id) {
            Err(PhoneError::LastSecondFactor)
        } else {
            Ok(())
        }
    }

    /// Makes a second factor the one that is texted when none is chosen.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::NotASecondFactor`].
    pub fn make_default_second_factor(&mut self, id: &PhoneNumberId) -> Result<(), PhoneError> {
        let number = self.get(id).ok_or(PhoneError::NotFound)?;
        if !number.reserved_for_second_factor {
            return Err(PhoneError::NotASecondFactor);
        }
        self.parts.default_second_factor = Some(id.clone());
        Ok(())
    }

    /// Checks the wish that `id` be no default: granted only where it is none.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::DefaultNeeded`].
    pub fn must_not_be_default(&self, id: &PhoneNumberId) -> Result<(), PhoneError> {
        self.get(id).ok_or(PhoneError::NotFound)?;
        if self.is_default_second_factor(id) {
            Err(PhoneError::DefaultNeeded)
        } else {
            Ok(())
        }
    }

    /// Makes a verified number the primary one.
    ///
    /// # Errors
    /// [`PhoneError::PrimaryNotFound`], [`PhoneError::PrimaryUnverified`].
    pub fn make_primary(&mut self, id: &PhoneNumberId) -> Result<(), PhoneError> {
        if !self.get(id).ok_or(PhoneError::PrimaryNotFound)?.is_verified() {
            return Err(PhoneError::PrimaryUnverified);
        }
        self.parts.primary = Some(id.clone());
        Ok(())
    }

    /// Removes a number for its user; default and primary pass on.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::LastIdentificationRemoved`], [`PhoneError::LastSecondFactor`].
    pub fn remove(&mut self, id: &PhoneNumberId, now: Timestamp, policy: &Policy) -> Result<(), PhoneError> {
        let number = self.get(id).ok_or(PhoneError::NotFound)?;
        if number.identifies() && policy.used_for_first_factor && !self.another_identifies(id) {
            return Err(PhoneError::LastIdentificationRemoved);
        }
        self.must_stay_protected(id, policy)?;
        self.remove_by_admin(id, now)
    }

    /// Replaces the backup codes by a new set.
    ///
    /// # Errors
    /// [`PhoneError::NoSecondFactor`].
    pub fn renew_backup_codes(&mut self, fresh: &[CodeHash]) -> Result<(), PhoneError> {
        if !self.has_reserved_number() {
            return Err(PhoneError::NoSecondFactor);
        }
        self.set_backup_codes(fresh);
        Ok(())
    }

    /// Uses up a backup code; each works once.
    ///
    /// # Errors
    /// [`PhoneError::WrongBackupCode`].
    pub fn redeem_backup_code(&mut self, code: CodeHash, now: Timestamp) -> Result<(), PhoneError> {
        // All are looked at, so that the time tells nothing of the place.
        let found = self
            .parts
            .backup_codes
            .iter_mut()
            .filter(|stored| stored.used_at.is_none() && stored.hash == code)
            .last();
        found.ok_or(PhoneError::WrongBackupCode)?.used_at = Some(now);
        Ok(())
    }

    /// Adds a number for a back end: no allowlist, no cap. Answers whether `fresh` became the set
    /// of backup codes.
    ///
    /// # Errors
    /// [`PhoneError::Taken`], [`PhoneError::NewSecondFactorUnverified`],
    /// [`PhoneError::PrimaryUnverified`].
    pub fn add_by_admin(&mut self, new: AdminNumber, fresh: &[CodeHash], now: Timestamp) -> Result<bool, PhoneError> {
        self.must_be_new(&new.number)?;
        if new.reserved_for_second_factor && new.standing != Standing::Verified {
            return Err(PhoneError::NewSecondFactorUnverified);
        }
        if new.primary && new.standing != Standing::Verified {
            return Err(PhoneError::PrimaryUnverified);
        }
        let mut number = PhoneNumber::unverified(new.id.clone(), new.number, self.next_created_at(now));
        match new.standing {
            Standing::Verified => number.verification = Verification::ByAdmin,
            Standing::Reserved => number.held = true,
            Standing::Unverified => {}
        }
        self.parts.numbers.push(number);
        if new.primary {
            self.parts.primary = Some(new.id.clone());
        }
        self.restore_invariants(now);
        if new.reserved_for_second_factor {
            self.reserve_verified(&new.id, fresh, now)
        } else {
            Ok(false)
        }
    }

    /// Makes a verified number a second factor for a back end, be it the last to sign in with.
    /// Answers whether `fresh` became the set of backup codes.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`], [`PhoneError::SecondFactorUnverified`].
    pub fn reserve_by_admin(
        &mut self,
        id: &PhoneNumberId,
        fresh: &[CodeHash],
        now: Timestamp,
    ) -> Result<bool, PhoneError> {
        if !self.get(id).ok_or(PhoneError::NotFound)?.is_verified() {
            return Err(PhoneError::SecondFactorUnverified);
        }
        self.reserve_verified(id, fresh, now)
    }

    /// Declares a number proven, or takes its proof away: then it is neither primary nor a second
    /// factor any more.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`].
    pub fn set_verified(&mut self, id: &PhoneNumberId, verified: bool, now: Timestamp) -> Result<(), PhoneError> {
        let number = self.get_mut(id)?;
        match (number.is_verified(), verified) {
            (false, true) => {
                number.verification = Verification::ByAdmin;
                number.held = false;
            }
            (true, false) => {
                number.verification = Verification::Unprepared;
                number.reserved_for_second_factor = false;
            }
            (true, true) | (false, false) => {}
        }
        self.restore_invariants(now);
        Ok(())
    }

    /// Removes a number, be it the last.
    ///
    /// # Errors
    /// [`PhoneError::NotFound`].
    pub fn remove_by_admin(&mut self, id: &PhoneNumberId, now: Timestamp) -> Result<(), PhoneError> {
        let at = self
            .parts
            .numbers
            .iter()
            .position(|number| number.id == *id)
            .ok_or(PhoneError::NotFound)?;
        self.parts.numbers.remove(at);
        self.restore_invariants(now);
        Ok(())
    }

    /// Puts one number in the place of all; it is never a second factor. If the user has the
    /// number already, it stays with its identifier.
    pub fn replace_all(&mut self, new: AdminNumber, now: Timestamp) {
        let kept = self
            .parts
            .numbers
            .iter()
            .find(|number| number.number == new.number)
            .cloned();
        let mut number = kept.unwrap_or_else(|| PhoneNumber::unverified(new.id, new.number, now));
        number.reserved_for_second_factor = false;
        number.held = new.standing == Standing::Reserved;
        number.verification = match new.standing {
            Standing::Verified if number.is_verified() => number.verification,
            Standing::Verified => Verification::ByAdmin,
            Standing::Reserved | Standing::Unverified => Verification::Unprepared,
        };
        self.parts.numbers = vec![number];
        self.restore_invariants(now);
    }

    /// Turns every second factor and backup code off.
    pub fn disable_second_factors(&mut self, now: Timestamp) {
        for number in &mut self.parts.numbers {
            number.reserved_for_second_factor = false;
        }
        self.restore_invariants(now);
    }

    /// Puts this set of backup codes in the place of any other; an empty one removes them.
    pub fn set_backup_codes(&mut self, codes: &[CodeHash]) {
        self.parts.backup_codes = codes.iter().copied().map(StoredBackupCode::unused).collect();
    }

    /// Notes on each number that differs from `before` that it changed now.
    pub(crate) fn stamp(&mut self, before: &Self, now: Timestamp) {
        let default_before = before.parts.default_second_factor.clone();
        let default_now = self.parts.default_second_factor.clone();
        for number in &mut self.parts.numbers {
            let is = |default: &Option<PhoneNumberId>| default.as_ref() == Some(&number.id);
            let moved = is(&default_before) != is(&default_now);
            if moved || before.get(&number.id) != Some(&*number) {
                number.updated_at = now.max(number.created_at);
            }
        }
    }

    fn get_mut(&mut self, id: &PhoneNumberId) -> Result<&mut PhoneNumber, PhoneError> {
        self.parts
            .numbers
            .iter_mut()
            .find(|number| number.id == *id)
            .ok_or(PhoneError::NotFound)
    }

    fn must_be_new(&self, number: &E164) -> Result<(), PhoneError> {
        if self.parts.numbers.iter().any(|own| own.number == *number) {
            Err(PhoneError::Taken)
        } else {
            Ok(())
        }
    }

    /// The time at which a number is added: `now`, but after every other number of the user, so that
    /// "the oldest" is one number also when two are added in one millisecond or the clock went back.
    fn next_created_at(&self, now: Timestamp) -> Timestamp {
        let last = self
            .parts
            .numbers
            .last()
            .map(|number| number.created_at.plus(Duration::from_millis(1)));
        last.map_or(now, |after_last| after_last.max(now))
    }

    fn another_identifies(&self, id: &PhoneNumberId) -> bool {
        self.parts
            .numbers
            .iter()
            .any(|number| number.id != *id && number.identifies())
    }

    fn reserve_verified(&mut self, id: &PhoneNumberId, fresh: &[CodeHash], now: Timestamp) -> Result<bool, PhoneError> {
        let turns_on = !self.has_reserved_number();
        self.get_mut(id)?.reserved_for_second_factor = true;
        self.restore_invariants(now);
        if turns_on {
            self.parts.mfa_enabled_at = Some(now);
        }
        // A back end may have brought codes along before; the user holds those already.
        let issues = turns_on && !fresh.is_empty() && !self.backup_code_enabled();
        if issues {
            self.set_backup_codes(fresh);
        }
        Ok(issues)
    }

    /// Hands on what lost its number: the default second factor to the oldest remaining one, the
    /// primary to another verified number, first to one that can sign in; unlinks what is no longer
    /// verified; and notes when the last second factor went.
    fn restore_invariants(&mut self, now: Timestamp) {
        for number in &mut self.parts.numbers {
            number.linked &= number.is_verified();
        }
        let was_on = self.parts.default_second_factor.is_some();
        let has_default = self
            .parts
            .numbers
            .iter()
            .any(|n| n.reserved_for_second_factor && self.is_default_second_factor(&n.id));
        if !has_default {
            let heir = self
                .parts
                .numbers
                .iter()
                .find(|number| number.reserved_for_second_factor);
            self.parts.default_second_factor = heir.map(|number| number.id.clone());
        }
        if was_on && self.parts.default_second_factor.is_none() {
            self.parts.backup_codes.clear();
            self.parts.mfa_disabled_at = Some(now);
        }
        let has_primary = self
            .parts
            .numbers
            .iter()
            .any(|n| n.is_verified() && self.parts.primary.as_ref() == Some(&n.id));
        if !has_primary {
            let identifying = self.parts.numbers.iter().find(|number| number.identifies());
            let heir = identifying.or_else(|| self.parts.numbers.iter().find(|number| number.is_verified()));
            self.parts.primary = heir.map(|number| number.id.clone());
        }
    }
}

#[cfg(test)]
mod tests;
