//! How somebody proves to be the user: strategies, and what has come of one.

use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::secrets::CodeHash;
use crate::sign_in::Disguise;
use crate::user_phones::PhoneError;
use crate::verification::{AttemptOutcome, Verification};
use crate::{E164, PhoneNumber, PhoneNumberId, Timestamp, User};

/// A way to prove something, in the contract's words.
#[expect(missing_docs, reason = "the names are the contract's (5.2)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    PhoneCode,
    ResetPasswordPhoneCode,
    Password,
    Ticket,
    BackupCode,
}

impl Strategy {
    /// Whether a code is sent for it.
    #[must_use]
    pub const fn is_texted(self) -> bool {
        matches!(self, Self::PhoneCode | Self::ResetPasswordPhoneCode)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PhoneCode => "phone_code",
            Self::ResetPasswordPhoneCode => "reset_password_phone_code",
            Self::Password => "password",
            Self::Ticket => "ticket",
            Self::BackupCode => "backup_code",
        }
    }
}

/// What has come of the proof of one factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By a texted code.
    Texted {
        /// `phone_code` or `reset_password_phone_code`.
        strategy: Strategy,
        /// Where the code went.
        number: PhoneNumberId,
        /// How far it has come.
        verification: Verification,
    },
    /// At once, by something known: password, ticket, backup code.
    Given {
        /// By which.
        strategy: Strategy,
    },
}

impl Proof {
    /// A code that was just made.
    pub(crate) fn texted(
        strategy: Strategy,
        number: PhoneNumberId,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Self {
        Self::Texted {
            strategy,
            number,
            verification: Verification::started(code, now, policy.code_lifetime),
        }
    }

    /// By what.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        match self {
            Self::Texted { strategy, .. } | Self::Given { strategy } => *strategy,
        }
    }

    /// Whether it is done.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        match self {
            Self::Texted { verification, .. } => verification.is_verified(),
            Self::Given { .. } => true,
        }
    }

    /// The number to which a code of `strategy` is out.
    ///
    /// # Errors
    /// [`ProofError`]: none is, or one of another strategy.
    pub fn awaits(proof: Option<&Self>, strategy: Strategy) -> Result<&PhoneNumberId, ProofError> {
        match proof {
            Some(Self::Texted {
                strategy: prepared,
                number,
                ..
            }) if *prepared == strategy => Ok(number),
            Some(Self::Texted { .. }) => Err(ProofError::AnotherStrategy),
            Some(Self::Given { .. }) | None => Err(ProofError::NotPrepared),
        }
    }

    /// Tries a code on a proof of `strategy`.
    ///
    /// # Errors
    /// [`ProofError`]; nothing counts then.
    pub(crate) fn attempt(
        proof: Option<&mut Self>,
        strategy: Strategy,
        code: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<AttemptOutcome, ProofError> {
        match proof {
            Some(Self::Texted {
                strategy: prepared,
                verification,
                ..
            }) if *prepared == strategy => verification
                .attempt(code, now, policy.max_attempts)
                .ok_or(ProofError::AlreadyVerified),
            Some(Self::Texted { .. }) => Err(ProofError::AnotherStrategy),
            Some(Self::Given { .. }) | None => Err(ProofError::NotPrepared),
        }
    }

    /// Refuses another code as long as the last one is young, whatever number it went to.
    pub(crate) fn must_be_due(proof: Option<&Self>, now: Timestamp, policy: &Policy) -> Result<(), PhoneError> {
        match proof {
            Some(Self::Texted { verification, .. }) => verification.must_be_due(now, policy.resend_after),
            Some(Self::Given { .. }) | None => Ok(()),
        }
    }
}

/// Why a code could not be tried; nothing counts then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No code is out.
    #[error("no code was asked for")]
    NotPrepared,
    /// A code is out, but for something else.
    #[error("the code that is out is of another strategy")]
    AnotherStrategy,
    /// The code that is out was entered already.
    #[error("the code was entered already")]
    AlreadyVerified,
}

/// A factor that a user may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// By what.
    pub strategy: Strategy,
    /// The number that is texted, if one is.
    pub number: Option<FactorNumber>,
}

/// The number behind a factor, as far as somebody may see who has not proven to be its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorNumber {
    /// The number's identifier.
    pub id: PhoneNumberId,
    /// Masked, but for the very number that was typed.
    pub safe_identifier: String,
    /// Whether it is the primary one (first factors) or the default one (second factors).
    pub preferred: bool,
}

impl Factor {
    const fn plain(strategy: Strategy) -> Self {
        Self { strategy, number: None }
    }

    /// The first factors of `user`; `typed` is the number that was given as identifier, and comes first. One that is held
    /// for the user is proven by a code to it and nothing else: until then it lets nobody in.
    #[must_use]
    pub fn first_of(user: &User, typed: Option<&E164>, policy: &Policy) -> Vec<Self> {
        let mut numbers: Vec<&PhoneNumber> = user.phones.numbers().iter().filter(|n| n.identifies()).collect();
        let held = typed.and_then(|typed| user.phones.find_by_number(typed));
        let held = held.filter(|number| number.is_held());
        if let Some(held) = held {
            numbers = vec![held];
        }
        numbers.sort_by_key(|number| (typed != Some(&number.number), user.phones.primary() != Some(&number.id)));
        let texted = |strategy| {
            numbers.iter().map(move |number| Self {
                strategy,
                number: Some(FactorNumber {
                    id: number.id.clone(),
                    safe_identifier: if typed == Some(&number.number) {
                        number.number.as_str().to_owned()
                    } else {
                        number.number.safe()
                    },
                    preferred: user.phones.primary() == Some(&number.id),
                }),
            })
        };
        let mut factors: Vec<Self> = Vec::new();
        if policy.used_for_first_factor {
            factors.extend(texted(Strategy::PhoneCode));
        }
        if user.password.is_some() && held.is_none() {
            factors.push(Self::plain(Strategy::Password));
            factors.extend(texted(Strategy::ResetPasswordPhoneCode));
        }
        factors
    }

    /// The first factors that a disguised sign-in offers whoever has the number: what this instance has.
    #[must_use]
    pub fn of_disguise(disguise: &Disguise, typed: &E164, policy: &Policy) -> Vec<Self> {
        let texted = |strategy| Self {
            strategy,
            number: Some(FactorNumber {
                id: disguise.stand_in.clone(),
                safe_identifier: typed.as_str().to_owned(),
                preferred: true,
            }),
        };
        if !policy.used_for_first_factor {
            return Vec::new();
        }
        let mut factors = vec![texted(Strategy::PhoneCode)];
        if policy.passwords {
            factors.push(Self::plain(Strategy::Password));
            factors.push(texted(Strategy::ResetPasswordPhoneCode));
        }
        factors
    }

    /// The second factors of `user`, the default number first. Backup codes stand behind another
    /// factor and never alone.
    #[must_use]
    pub fn second_of(user: &User) -> Vec<Self> {
        let mut numbers: Vec<&PhoneNumber> = user
            .phones
            .numbers()
            .iter()
            .filter(|number| number.reserved_for_second_factor)
            .collect();
        numbers.sort_by_key(|number| !user.phones.is_default_second_factor(&number.id));
        let mut factors: Vec<Self> = numbers
            .into_iter()
            .map(|number| Self {
                strategy: Strategy::PhoneCode,
                number: Some(FactorNumber {
                    id: number.id.clone(),
                    safe_identifier: number.number.safe(),
                    preferred: user.phones.is_default_second_factor(&number.id),
                }),
            })
            .collect();
        if !factors.is_empty() && user.phones.backup_code_enabled() {
            factors.push(Self::plain(Strategy::BackupCode));
        }
        factors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Counting, policy};
    use crate::{AdminNumber, PasswordHash, Standing, StoredPassword};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn user(numbers: &[(&str, bool)], codes: &[CodeHash]) -> User {
        let mut user = User::new("user_a".parse().unwrap(), NOW);
        let entropy = Counting::default();
        for (number, second) in numbers {
            let new = AdminNumber {
                id: PhoneNumberId::generate(NOW, &entropy),
                number: number.parse().unwrap(),
                standing: Standing::Verified,
                primary: false,
                reserved_for_second_factor: *second,
            };
            user.phones.add_by_admin(new, codes, NOW).unwrap();
        }
        user
    }

    fn shown(factors: &[Factor]) -> Vec<(&'static str, Option<&str>, Option<bool>)> {
        factors
            .iter()
            .map(|factor| {
                let number = factor.number.as_ref();
                (
                    factor.strategy.as_str(),
                    number.map(|number| number.safe_identifier.as_str()),
                    number.map(|number| number.preferred),
                )
            })
            .collect()
    }

    #[test]
    fn the_number_that_was_typed_comes_first_and_in_full() {
        let user = user(
            &[("+14155552671", false), ("+14155552672", false), ("+14155552673", true)],
            &[],
        );
        let typed = "+14155552672".parse().unwrap();
        assert_eq!(
            shown(&Factor::first_of(&user, Some(&typed), &policy())),
            [
                ("phone_code", Some("+14155552672"), Some(false)),
                ("phone_code", Some("+1******2671"), Some(true)),
            ]
        );
        // A second factor identifies nobody, and nothing is shown of a number that was not typed.
        let second = "+14155552673".parse().unwrap();
        let factors = Factor::first_of(&user, Some(&second), &policy());
        assert!(
            shown(&factors)
                .iter()
                .all(|(_, number, _)| number.is_some_and(|number| number.contains('*')))
        );
    }

    #[test]
    fn a_held_number_is_proven_by_a_code_to_it_and_nothing_else() {
        let mut user = user(&[("+14155552671", false)], &[]);
        user.password = Some(StoredPassword {
            hash: PasswordHash::new("x".to_owned()),
            updated_at: NOW,
            compromised: false,
        });
        let held = AdminNumber {
            id: format!("idn_{:027}", 9).parse().unwrap(),
            number: "+14155552679".parse().unwrap(),
            standing: Standing::Reserved,
            primary: false,
            reserved_for_second_factor: false,
        };
        user.phones.add_by_admin(held.clone(), &[], NOW).unwrap();
        assert_eq!(
            shown(&Factor::first_of(&user, Some(&held.number), &policy())),
            [("phone_code", Some("+14155552679"), Some(false))]
        );
        // Where it was not typed it is no factor: it would prove nothing of the user yet.
        let factors = Factor::first_of(&user, None, &policy());
        let numbers = factors.iter().filter_map(|factor| factor.number.as_ref());
        assert!(numbers.into_iter().all(|number| number.id != held.id));
    }

    #[test]
    fn a_password_can_be_given_and_reset() {
        let mut user = user(&[("+14155552671", false)], &[]);
        user.password = Some(StoredPassword {
            hash: PasswordHash::new("x".to_owned()),
            updated_at: NOW,
            compromised: false,
        });
        let strategies: Vec<_> = Factor::first_of(&user, None, &policy())
            .iter()
            .map(|factor| factor.strategy)
            .collect();
        assert_eq!(
            strategies,
            [
                Strategy::PhoneCode,
                Strategy::Password,
                Strategy::ResetPasswordPhoneCode
            ]
        );
    }

    #[test]
    fn backup_codes_stand_behind_a_number_and_never_alone() {
        let codes = [CodeHash::from_bytes([1; 32])];
        let protected = user(&[("+14155552671", false), ("+14155552672", true)], &codes);
        assert_eq!(
            shown(&Factor::second_of(&protected)),
            [
                ("phone_code", Some("+1******2672"), Some(true)),
                ("backup_code", None, None)
            ]
        );
        assert_eq!(Factor::second_of(&user(&[("+14155552671", false)], &codes)), []);
    }

    #[test]
    fn a_code_passes_the_strategy_for_which_it_was_sent_alone() {
        let code = CodeHash::from_bytes([1; 32]);
        let id = PhoneNumberId::generate(NOW, &Counting::default());
        let mut proof = Proof::texted(Strategy::ResetPasswordPhoneCode, id, code, NOW, &policy());
        let mut attempt = |strategy| Proof::attempt(Some(&mut proof), strategy, code, NOW, &policy());
        assert_eq!(attempt(Strategy::PhoneCode), Err(ProofError::AnotherStrategy));
        assert_eq!(attempt(Strategy::ResetPasswordPhoneCode), Ok(AttemptOutcome::Verified));
        assert_eq!(
            attempt(Strategy::ResetPasswordPhoneCode),
            Err(ProofError::AlreadyVerified)
        );
        assert_eq!(
            Proof::attempt(None, Strategy::PhoneCode, code, NOW, &policy()),
            Err(ProofError::NotPrepared)
        );
    }
}
