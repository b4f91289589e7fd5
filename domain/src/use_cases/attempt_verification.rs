use super::{UserError, Users};
use crate::{AttemptOutcome, OtpCode, PhoneError, PhoneNumberId, Purpose, User, UserId};

impl Users {
    /// `attemptVerification()`: tries a code. Every outcome is committed before it is answered:
    /// a wrong code counts also when the caller does not wait for the answer.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NotFound`, `NotPrepared`, `AlreadyVerified`, or `Taken` if
    /// another user proved the number first; [`UserError::Locked`], [`UserError::Banned`],
    /// [`UserError::Store`].
    pub async fn attempt_verification(
        &self,
        user: &UserId,
        id: &PhoneNumberId,
        code: &OtpCode,
    ) -> Result<(User, AttemptOutcome), UserError> {
        let now = self.now();
        let loaded = self.load(user).await?;
        let known = loaded.as_ref().and_then(|loaded| loaded.aggregate.phones.get(id));
        let number = known.ok_or(PhoneError::NotFound)?.number.clone();
        let hash = self.hasher.otp(Purpose::VerifyNumber(id), code);
        let (changed, outcome) = self
            .change_own(user, loaded, now, |user| {
                if let Some(left) = user.locked_for(now) {
                    return Err(UserError::Locked { left });
                }
                Ok(user.phones.attempt(id, hash, now, &self.policy)?)
            })
            .await?;
        // A right code that comes too late is refused by the commit. Who cannot win the number any
        // more hears so after a wrong one, too, rather than being sent for another code.
        if outcome != AttemptOutcome::Verified {
            self.must_not_be_anothers(user, &number).await?;
        }
        Ok((changed, outcome))
    }
}
