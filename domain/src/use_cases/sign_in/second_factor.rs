//! The second factor of a sign-in (contract 6.3, 11.7).

use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, Done, UseCases};
use super::factor_check::{FactorOutcome, Place, TriedFactor, verify_factor};
use super::sign_in::current;
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::proof::{Proof, Strategy};
use crate::sign_in::Step;
use crate::{Factor, PhoneNumber, PhoneNumberId, SessionId, SignInId, User};

impl UseCases {
    /// Sends a code as second factor, to the default one unless another one is named.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSecondFactors`],
    /// [`AuthError::NoSuchNumber`], [`AuthError::TooManyCodes`]; [`AuthError::User`] with `TooSoon`,
    /// `Banned`, `Locked` or `NotSent`.
    pub async fn prepare_second_factor(
        &self,
        context: &ClientContext,
        id: &SignInId,
        number: Option<&PhoneNumberId>,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        let (sign_in, user) = self.open_sign_in(context, id, &Step::NeedsSecondFactor)?;
        must_be_in_good_standing(&user.aggregate, now)?;
        let to = second_factor_number(&user.aggregate, number)?;
        Proof::must_be_due(sign_in.second.as_ref(), now, &self.policy)?;
        let strategy = Strategy::PhoneCode;
        let purpose = Place::Second(id).purpose(strategy, &to.id);
        let drawn = self.draw_for(context, &user.aggregate, to, purpose).await?;
        let message = drawn.message.clone();
        let draft = |draft: Draft| draft.and_user(Slot::loaded(user.clone())).and_message(message);
        let done = self
            .in_client(context, self.fresh_token(context), draft, |draft| {
                let (client, user) = draft.client_and_user()?;
                let sign_in = current(client, user, id, &Step::NeedsSecondFactor, now)?;
                Proof::must_be_due(sign_in.second.as_ref(), now, &self.policy)?;
                sign_in.second = Some(Proof::texted(strategy, to.id.clone(), drawn.hash, now, &self.policy));
                Ok(())
            })
            .await?;
        self.send_sms(drawn.message).await?;
        Ok(done)
    }

    /// Tries a second factor; the right one completes the sign-in, and sets the new password of a reset.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::Proof`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn attempt_second_factor(
        &self,
        context: &ClientContext,
        id: &SignInId,
        factor: TriedFactor<'_>,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let now = self.now();
        self.limit_attempts("factor-attempts/address", context.request.address)
            .await?;
        let (sign_in, user) = self.open_sign_in(context, id, &Step::NeedsSecondFactor)?;
        let place = Place::Second(id);
        let evidence = self.evidence(place, user, sign_in.second.as_ref(), factor).await?;
        let fresh = self.fresh_token(context);
        let token = fresh.hash();
        let session = SessionId::generate(now, &*self.ports.entropy);
        let slot = Slot::loaded(user.clone());
        self.in_client(
            context,
            fresh,
            |draft| draft.and_user(slot),
            |draft| {
                let (client, user) = draft.client_and_user()?;
                must_be_in_good_standing(user, now)?;
                let sign_in = current(client, user, id, &Step::NeedsSecondFactor, now)?;
                let outcome = verify_factor(place, &evidence, &mut sign_in.second, user, now, &self.policy)?;
                if outcome != FactorOutcome::Passed {
                    return Ok(outcome);
                }
                let passed = [sign_in.first_passed_at, Some(now)];
                let strategy = sign_in.first.as_ref().map_or(Strategy::PhoneCode, Proof::strategy);
                self.complete(client, user, &session, token, context, strategy, passed);
                Ok(outcome)
            },
        )
        .await
    }
}

/// The second factor that is meant: the one named, or the default one.
pub(super) fn second_factor_number<'u>(
    user: &'u User,
    named: Option<&PhoneNumberId>,
) -> Result<&'u PhoneNumber, AuthError> {
    let factors = Factor::second_of(user);
    let mut numbers = factors.iter().filter_map(|factor| factor.number.as_ref()).peekable();
    if numbers.peek().is_none() {
        return Err(AuthError::NoSecondFactors);
    }
    let found = match named {
        Some(id) => numbers.find(|number| number.id == *id),
        None => numbers.next(),
    };
    found
        .and_then(|number| user.phones.get(&number.id))
        .ok_or(AuthError::NoSuchNumber)
}
