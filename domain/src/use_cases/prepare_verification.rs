use super::{UserError, Users};
use crate::ports::{SendError, Sms};
use crate::{OtpCode, PhoneError, PhoneNumberId, Purpose, TEST_CODE, User, UserId};

/// A code is out.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The user afterwards.
    pub user: User,
    /// Whether a text was handed to the gateway; test numbers get none.
    pub texted: bool,
}

impl Users {
    /// `prepareVerification()`: makes a new code, keeps its keyed hash, and texts it.
    ///
    /// The code is committed before it is texted, so a code that arrives always works. If the
    /// gateway cannot say whether it took the text, the code is treated as sent.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NotFound`, `AlreadyVerified`, `TooSoon`, or `Taken` by another
    /// user meanwhile; [`UserError::NotAllowed`]; [`UserError::Locked`]; [`UserError::NotSent`];
    /// [`UserError::Banned`], [`UserError::Store`].
    pub async fn prepare_verification(&self, user: &UserId, id: &PhoneNumberId) -> Result<Prepared, UserError> {
        let now = self.now();
        let loaded = self.load(user).await?;
        let known = loaded.as_ref().and_then(|loaded| loaded.aggregate.phones.get(id));
        let number = known.ok_or(PhoneError::NotFound)?.number.clone();
        self.policy.admit(&number)?;
        self.must_not_be_anothers(user, &number).await?;

        let is_test = self.policy.is_test(&number);
        let code = match OtpCode::parse(TEST_CODE) {
            Ok(fixed) if is_test => fixed,
            _ => OtpCode::generate(&*self.ports.entropy),
        };
        let hash = self.hasher.otp(Purpose::VerifyNumber(id), &code);
        let (user, ()) = self
            .change_own(user, loaded, now, |user| {
                if let Some(left) = user.locked_for(now) {
                    return Err(UserError::Locked { left });
                }
                Ok(user.phones.prepare(id, hash, now, &self.policy)?)
            })
            .await?;
        if is_test {
            return Ok(Prepared { user, texted: false });
        }
        let application = self.policy.application.clone();
        let sms = Sms {
            to: number,
            code,
            application,
            valid_for: self.policy.code_lifetime,
        };
        match self.ports.gateway.send(&sms).await {
            Ok(_) | Err(SendError::Unknown(_)) => Ok(Prepared { user, texted: true }),
            Err(error) => Err(UserError::NotSent(error)),
        }
    }
}
