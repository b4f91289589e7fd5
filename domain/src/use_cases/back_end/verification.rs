//! Verifications that a back end drives (contract 8.4): a code to a number whatever its state, apart from the
//! user's own verification, and without any session.

use super::super::consequences::By;
use super::super::decide::must_be_in_good_standing;
use super::super::sms::{Drawn, Recipient};
use super::super::{AuthError, UseCases, UserError};
use crate::actor::RequestContext;
use crate::change::{Draft, Slot};
use crate::{
    AttemptOutcome, BackEndVerification, BackEndVerificationId, CodeHash, OtpCode, PhoneError, PhoneNumberId, Purpose,
    User,
};

impl UseCases {
    /// Sends a code for a back end. A number has one such verification at a time.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`]; [`AuthError::User`] with `NotFound`, `TooSoon`, `Taken`, `NotAllowed`, `Banned`,
    /// `Locked` or `NotSent`.
    pub async fn prepare_by_back_end(&self, id: &PhoneNumberId) -> Result<BackEndVerification, AuthError> {
        let now = self.now();
        let user = self.user_with_number(id).await?;
        let number = user
            .aggregate
            .phones
            .get(id)
            .ok_or(PhoneError::NotFound)?
            .number
            .clone();
        self.ensure_not_owned_by_another(&user.aggregate.id, &number).await?;
        let verification = BackEndVerificationId::generate(now, &*self.ports.entropy);
        let begin = |user: &mut User, hash: CodeHash| {
            must_be_in_good_standing(user, now)?;
            Ok(user
                .phones
                .prepare_by_back_end(id, verification.clone(), hash, now, &self.policy)?)
        };
        // Before anything is charged.
        begin(&mut user.aggregate.clone(), CodeHash::from_bytes([0; 32]))?;
        let purpose = Purpose::BackEnd(&verification, id);
        let recipient = Recipient {
            number: &number,
            phone_number: Some(id),
            user: Some(&user.aggregate),
        };
        let Drawn { hash, message } = self.draw_code(&RequestContext::default(), recipient, purpose).await?;
        let (user, ()) = self
            .change_as_back_end(Slot::loaded(user.clone()), message.clone(), |user| begin(user, hash))
            .await?;
        self.send_sms(message).await?;
        driven(&user, id)
    }

    /// Tries a code for a back end. Every outcome is committed; the right one also proves the number.
    ///
    /// # Errors
    /// [`AuthError::VerificationUsed`]; [`AuthError::User`] with `NotFound`, `Taken`, `Banned` or `Locked`.
    pub async fn attempt_by_back_end(
        &self,
        id: &PhoneNumberId,
        verification: &BackEndVerificationId,
        code: &OtpCode,
    ) -> Result<(BackEndVerification, AttemptOutcome), AuthError> {
        let now = self.now();
        let user = self.user_with_number(id).await?;
        let hash = self.hasher.otp(Purpose::BackEnd(verification, id), code);
        if let Some(number) = user.aggregate.phones.get(id) {
            self.limit_attempts_by_back_end(&number.number).await?;
        }
        // It is the user who typed the code: unlike changes by a back end this one ends no session, and the user is told of it.
        let tried = self
            .commit(By::User, Draft::of_user(Slot::loaded(user)), |draft| {
                let user = draft.user()?;
                must_be_in_good_standing(user, now)?;
                let phones = &mut user.phones;
                Ok(phones.attempt_by_back_end(id, verification, hash, now, &self.policy)?)
            })
            .await;
        match tried {
            Ok((mut changed, outcome)) => Ok((driven(changed.user()?, id)?, outcome)),
            Err(AuthError::User(UserError::Phone(PhoneError::AlreadyVerified))) => Err(AuthError::VerificationUsed),
            Err(AuthError::User(UserError::NoSuchUser)) => Err(PhoneError::NotFound.into()),
            Err(other) => Err(other),
        }
    }
}

fn driven(user: &User, id: &PhoneNumberId) -> Result<BackEndVerification, AuthError> {
    let number = user.phones.get(id);
    Ok(number
        .and_then(|number| number.by_back_end.clone())
        .ok_or(PhoneError::NotFound)?)
}
