//! Verifications that a back end drives (contract 8.4): a code to a number whatever its state, apart from the
//! user's own verification, and without any session.

use super::sign_in::may_sign_in;
use super::{Auth, AuthError, Visit};
use crate::use_cases::UserError;
use crate::use_cases::draw::{Drawn, Recipient};
use crate::{
    AttemptOutcome, BackEndVerification, BackEndVerificationId, CodeHash, OtpCode, PhoneError, PhoneNumberId, Purpose,
    User,
};

impl Auth {
    /// Sends a code for a back end. A number has one such verification at a time.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`]; [`AuthError::User`] with `NotFound`, `TooSoon`, `Taken`, `NotAllowed`, `Banned`,
    /// `Locked` or `NotSent`.
    pub async fn prepare_by_back_end(&self, id: &PhoneNumberId) -> Result<BackEndVerification, AuthError> {
        let (now, users) = (self.now(), &self.users);
        let user = users.phone_number(id).await?;
        let number = user.phones.get(id).ok_or(PhoneError::NotFound)?.number.clone();
        users.must_not_be_anothers(&user.id, &number).await?;
        let verification = BackEndVerificationId::generate(now, &*users.ports.entropy);
        let begin = |user: &mut User, hash: CodeHash| {
            may_sign_in(user, now)?;
            Ok(user
                .phones
                .prepare_by_back_end(id, verification.clone(), hash, now, self.policy())?)
        };
        // Before anything is charged.
        begin(&mut user.clone(), CodeHash::from_bytes([0; 32]))?;
        let purpose = Purpose::BackEnd(&verification, id);
        let recipient = Recipient {
            number: &number,
            phone_number: Some(id),
            user: Some(&user),
        };
        let Drawn { hash, message } = self.draw(&Visit::default(), recipient, purpose).await?;
        let (user, ()) = users
            .carrying(message.as_ref())
            .change_as_admin(&user.id, now, |user| begin(user, hash))
            .await?;
        self.send(message).await?;
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
        let (now, users) = (self.now(), &self.users);
        let user = users.phone_number(id).await?;
        let hash = users.hasher.otp(Purpose::BackEnd(verification, id), code);
        let tried = users
            .change_as_admin(&user.id, now, |user| {
                may_sign_in(user, now)?;
                let phones = &mut user.phones;
                Ok(phones.attempt_by_back_end(id, verification, hash, now, self.policy())?)
            })
            .await;
        match tried {
            Ok((user, outcome)) => Ok((driven(&user, id)?, outcome)),
            Err(UserError::Phone(PhoneError::AlreadyVerified)) => Err(AuthError::VerificationUsed),
            Err(UserError::NoSuchUser) => Err(PhoneError::NotFound.into()),
            Err(other) => Err(other.into()),
        }
    }
}

fn driven(user: &User, id: &PhoneNumberId) -> Result<BackEndVerification, AuthError> {
    let number = user.phones.get(id);
    Ok(number
        .and_then(|number| number.by_back_end.clone())
        .ok_or(PhoneError::NotFound)?)
}
