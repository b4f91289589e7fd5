//! Drawing codes and texting them, for whatever purpose.

use super::{Address, Auth, AuthError, Visit};
use crate::ports::{SendError, Sms};
use crate::use_cases::{Prepared, UserError, Users};
use crate::{CodeHash, E164, OtpCode, PhoneError, PhoneNumberId, Purpose, TEST_CODE, UserId};

/// A code that was drawn and not texted yet.
pub(super) struct Drawn {
    pub(super) code: OtpCode,
    pub(super) hash: CodeHash,
    to: E164,
    is_test: bool,
}

impl Auth {
    /// Draws a code for `number`, if it may be texted at all and not too many were.
    pub(super) async fn draw(
        &self,
        visit: &Visit,
        user: Option<&UserId>,
        number: &E164,
        purpose: Purpose<'_>,
    ) -> Result<Drawn, AuthError> {
        let policy = self.policy();
        policy.admit(number).map_err(UserError::from)?;
        let is_test = policy.is_test(number);
        if !is_test {
            self.limit_codes(number, user, visit.address).await?;
        }
        let code = match OtpCode::parse(TEST_CODE) {
            Ok(fixed) if is_test => fixed,
            _ => OtpCode::generate(&*self.users.ports.entropy),
        };
        Ok(Drawn {
            hash: self.users.hasher.otp(purpose, &code),
            code,
            to: number.clone(),
            is_test,
        })
    }

    /// `prepareVerification()` of a user's number, if not too many codes were sent; see
    /// [`Users::prepare_verification`].
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`], and those of the other one.
    pub async fn prepare_verification(
        &self,
        users: &Users,
        user: &UserId,
        id: &PhoneNumberId,
        address: Option<Address>,
    ) -> Result<Prepared, AuthError> {
        let loaded = users.load(user).await?.map(|loaded| loaded.aggregate);
        // What is refused anyway is not charged.
        if let Some(known) = loaded.filter(|user| !user.banned && user.locked_for(self.now()).is_none()) {
            let number = known.phones.get(id).ok_or(PhoneError::NotFound)?.number.clone();
            let nothing = CodeHash::from_bytes([0; 32]);
            known.phones.clone().prepare(id, nothing, self.now(), self.policy())?;
            self.policy().admit(&number).map_err(UserError::from)?;
            if !self.policy().is_test(&number) {
                self.limit_codes(&number, Some(user), address).await?;
            }
        }
        Ok(users.prepare_verification(user, id).await?)
    }

    /// Texts a code that is committed. If the gateway cannot say whether it took the text, it counts as sent.
    pub(super) async fn text(&self, drawn: Drawn) -> Result<(), AuthError> {
        if drawn.is_test {
            return Ok(());
        }
        let sms = Sms {
            to: drawn.to,
            code: drawn.code,
            application: self.policy().application.clone(),
            valid_for: self.policy().code_lifetime,
        };
        match self.users.ports.gateway.send(&sms).await {
            Ok(_) | Err(SendError::Unknown(_)) => Ok(()),
            Err(error) => Err(UserError::NotSent(error).into()),
        }
    }
}
