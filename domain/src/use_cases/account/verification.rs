use super::super::decide::{claimed, must_be_in_good_standing};
use super::super::{AuthError, Done, UseCases};
use crate::actor::{Action, Actor};
use crate::{AttemptOutcome, CodeHash, OtpCode, PhoneError, PhoneNumber, PhoneNumberId, Purpose, User};

use super::super::sms::{Drawn, Recipient};

/// A code is out.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The user afterwards.
    pub user: User,
    /// Whether a text was handed to the gateway; test numbers get none.
    pub texted: bool,
}

impl UseCases {
    /// `prepareVerification()`: makes a new code, keeps its keyed hash, and texts it.
    ///
    /// The text is committed with the code, so a code that arrives always works, and a text that no provider takes
    /// at once is tried again while its code is valid.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`]; [`AuthError::User`] with `Phone` of `NotFound`, `AlreadyVerified`, `TooSoon`, or `Taken`
    /// by another user meanwhile, `NotAllowed`, `Locked`, `NotSent` or `Banned`.
    pub async fn prepare_verification(&self, actor: &Actor, id: &PhoneNumberId) -> Result<Done<Prepared>, AuthError> {
        self.permit(actor, Action::VerifyNumber)?;
        let now = self.now();
        let (user, number) = known_number(actor, id)?;
        // What is refused anyway is not charged.
        let nothing = CodeHash::from_bytes([0; 32]);
        user.phones.clone().prepare(id, nothing, now, &self.policy)?;
        let is_anothers = self
            .owner_of(&number.number)
            .await?
            .is_some_and(|owner| owner != user.id);
        if is_anothers && !self.policy.enumeration_protection {
            return Err(PhoneError::Taken.into());
        }
        let recipient = Recipient {
            number: &number.number,
            phone_number: Some(id),
            user: Some(user),
        };
        let mut drawn = self
            .draw_code_discreetly(actor.request(), recipient, Purpose::VerifyNumber(id))
            .await?;
        if is_anothers {
            drawn = drawn.withheld(&*self.ports.entropy);
        }
        let Drawn { hash, message } = drawn;
        let done = self
            .act(actor, Action::VerifyNumber, message.clone(), |user| {
                Ok(user.phones.prepare(id, hash, now, &self.policy)?)
            })
            .await?
            .of_user(actor, ())?;
        let texted = self.send_sms(message).await?;
        Ok(done.map(|(user, ())| Prepared { user, texted }))
    }

    /// `attemptVerification()`: tries a code. Every outcome is committed before it is answered:
    /// a wrong code counts also when the caller does not wait for the answer.
    ///
    /// # Errors
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Phone` of `NotFound`, `NotPrepared`, `AlreadyVerified`, or `Taken`
    /// if another user proved the number first, `Locked` or `Banned`.
    pub async fn attempt_verification(
        &self,
        actor: &Actor,
        id: &PhoneNumberId,
        code: &OtpCode,
    ) -> Result<Done<(User, AttemptOutcome)>, AuthError> {
        self.permit(actor, Action::VerifyNumber)?;
        let now = self.now();
        let (user, number) = known_number(actor, id)?;
        let hash = self.hasher.otp(Purpose::VerifyNumber(id), code);
        // What there is nothing to try on is not charged.
        user.phones.clone().attempt(id, hash, now, &self.policy)?;
        self.limit_attempts_at(&number.number).await?;
        let done = self
            .act(actor, Action::VerifyNumber, None, |user| {
                must_be_in_good_standing(user, now)?;
                Ok(user.phones.attempt(id, hash, now, &self.policy)?)
            })
            .await
            .map_err(|error| match error {
                // Not in the words that a taken number is refused with.
                error if self.policy.enumeration_protection => claimed(error),
                error => error,
            })?;
        // A right code that comes too late is refused by the commit. Who cannot win the number any
        // more hears so after a wrong one, too, rather than being sent for another code.
        if done.outcome != AttemptOutcome::Verified && !self.policy.enumeration_protection {
            self.ensure_not_owned_by_another(&user.id, &number.number).await?;
        }
        let outcome = done.outcome;
        done.of_user(actor, outcome)
    }
}

fn known_number<'a>(actor: &'a Actor, id: &PhoneNumberId) -> Result<(&'a User, &'a PhoneNumber), PhoneError> {
    let user = actor.user().ok_or(PhoneError::NotFound)?;
    let number = user.aggregate.phones.get(id).ok_or(PhoneError::NotFound)?;
    Ok((&user.aggregate, number))
}
