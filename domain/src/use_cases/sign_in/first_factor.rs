//! The first factor of a sign-in, and the new password that it may lead to (contract 6.3).

use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, Done, UseCases};
use super::factor_check::{Evidence, FactorOutcome, Place, TriedFactor, ensure_open, verify_factor};
use super::sign_in::current;
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::proof::{Proof, Strategy};
use crate::sign_in::{NewPassword, Step};
use crate::{Client, E164, Factor, Password, PhoneNumber, PhoneNumberId, SessionId, SignInId, TokenHash, User, UserId};

impl UseCases {
    /// Sends a code as first factor; to the number that was typed, unless another one is named.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSuchFactor`],
    /// [`AuthError::NoSuchNumber`], [`AuthError::TooManyCodes`], [`AuthError::FactorClosed`]; [`AuthError::User`] with
    /// `TooSoon`, `Banned`, `Locked` or `NotSent`.
    pub async fn prepare_first_factor(
        &self,
        context: &ClientContext,
        id: &SignInId,
        strategy: Strategy,
        number: Option<&PhoneNumberId>,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        if let Some((sign_in, disguise)) = self.disguised(context, id) {
            return self
                .prepare_in_disguise(context, sign_in, disguise, strategy, number)
                .await;
        }
        let (sign_in, user) = self.open_sign_in(context, id, &Step::NeedsFirstFactor)?;
        must_be_in_good_standing(&user.aggregate, now)?;
        ensure_open(&user.aggregate, Place::First(id), strategy, now, &self.policy)?;
        let typed = sign_in.identifier.as_ref();
        let to = self.first_factor_number(&user.aggregate, typed, strategy, number)?;
        Proof::must_be_due(sign_in.first.as_ref(), now, &self.policy)?;
        let purpose = Place::First(id).purpose(strategy, &to.id);
        let drawn = self.draw_for(context, &user.aggregate, to, purpose).await?;
        let message = drawn.message.clone();
        let draft = |draft: Draft| draft.and_user(Slot::loaded(user.clone())).and_message(message);
        let done = self
            .in_client(context, self.fresh_token(context), draft, |draft| {
                let (client, user) = draft.client_and_user()?;
                let sign_in = current(client, user, id, &Step::NeedsFirstFactor, now)?;
                Proof::must_be_due(sign_in.first.as_ref(), now, &self.policy)?;
                sign_in.first = Some(Proof::texted(strategy, to.id.clone(), drawn.hash, now, &self.policy));
                sign_in.bind(user);
                Ok(())
            })
            .await?;
        self.send_sms(drawn.message).await?;
        Ok(done)
    }

    /// The number among the user's first factors of `strategy` that is meant.
    pub(super) fn first_factor_number<'u>(
        &self,
        user: &'u User,
        typed: Option<&E164>,
        strategy: Strategy,
        named: Option<&PhoneNumberId>,
    ) -> Result<&'u PhoneNumber, AuthError> {
        let factors = Factor::first_of(user, typed, &self.policy);
        let mut numbers = factors
            .iter()
            .filter(|factor| factor.strategy == strategy)
            .filter_map(|factor| factor.number.as_ref());
        let found = match named {
            Some(id) => numbers.find(|number| number.id == *id).ok_or(AuthError::NoSuchNumber)?,
            None => numbers.next().ok_or(AuthError::NoSuchFactor)?,
        };
        user.phones.get(&found.id).ok_or(AuthError::NoSuchNumber)
    }

    /// Tries a first factor. It completes the sign-in, or leads to the second factor, or to the new password.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSuchFactor`], [`AuthError::FactorClosed`],
    /// [`AuthError::Proof`], [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn attempt_first_factor(
        &self,
        context: &ClientContext,
        id: &SignInId,
        factor: TriedFactor<'_>,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        self.limit_attempts("factor-attempts/address", context.request.address)
            .await?;
        if let Some((sign_in, disguise)) = self.disguised(context, id) {
            return self.attempt_in_disguise(context, sign_in, disguise, factor).await;
        }
        let (sign_in, user) = self.open_sign_in(context, id, &Step::NeedsFirstFactor)?;
        if let TriedFactor::Password(_) = factor {
            self.must_offer_password(&user.aggregate, sign_in.identifier.as_ref())?;
        }
        let evidence = self
            .evidence(Place::First(id), user, sign_in.first.as_ref(), factor)
            .await?;
        let user = user.aggregate.id.clone();
        self.pass_first_factor(context, user, &evidence, |_| Ok(()), id).await
    }

    /// Refuses a password where the user has none, or where the number that was typed is yet to be proven by a code.
    pub(super) fn must_offer_password(&self, user: &User, typed: Option<&E164>) -> Result<(), AuthError> {
        let offered = Factor::first_of(user, typed, &self.policy);
        if offered.iter().any(|factor| factor.strategy == Strategy::Password) {
            Ok(())
        } else {
            Err(AuthError::NoSuchFactor)
        }
    }

    /// Checks the first factor of the sign-in `id`, which `begin` may put into the client, and goes on from there.
    pub(super) async fn pass_first_factor(
        &self,
        context: &ClientContext,
        user: UserId,
        evidence: &Evidence,
        begin: impl Fn(&mut Client) -> Result<(), AuthError> + Send + Sync,
        id: &SignInId,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let now = self.now();
        let fresh = self.fresh_token(context);
        let token = fresh.hash();
        let session = SessionId::generate(now, &*self.ports.entropy);
        // A password was counted since the user was loaded.
        let slot = match (evidence, context.user(&user)) {
            (Evidence::Code { .. }, Some(loaded)) => Slot::loaded(loaded.clone()),
            _ => Slot::named(user),
        };
        self.in_client(
            context,
            fresh,
            |draft| draft.and_user(slot),
            |draft| {
                let (client, user) = draft.client_and_user()?;
                must_be_in_good_standing(user, now)?;
                begin(client)?;
                let sign_in = current(client, user, id, &Step::NeedsFirstFactor, now)?;
                let outcome = verify_factor(Place::First(id), evidence, &mut sign_in.first, user, now, &self.policy)?;
                if outcome != FactorOutcome::Passed {
                    return Ok(outcome);
                }
                self.go_on(client, user, evidence.strategy(), &session, token, context);
                Ok(outcome)
            },
        )
        .await
    }

    /// What follows once the first factor of the client's sign-in has passed: the new password, the second factor, or the
    /// session.
    pub(super) fn go_on(
        &self,
        client: &mut Client,
        user: &mut User,
        strategy: Strategy,
        session: &SessionId,
        token: TokenHash,
        context: &ClientContext,
    ) {
        let now = self.now();
        let Some(sign_in) = client.sign_in.as_mut() else { return };
        sign_in.user = Some(user.id.clone());
        sign_in.pass_first(user, now);
        if strategy == Strategy::ResetPasswordPhoneCode {
            sign_in.step = Step::NeedsNewPassword;
        } else if user.two_factor_enabled() {
            sign_in.step = Step::NeedsSecondFactor;
        } else {
            self.complete(client, user, session, token, context, strategy, [Some(now), None]);
        }
    }

    /// Takes a new password, after a code that was sent for just that. It is set with the last factor and not before.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::Password`], [`AuthError::TooOften`];
    /// [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn reset_password(
        &self,
        context: &ClientContext,
        id: &SignInId,
        password: &str,
        sign_out_others: bool,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        let (_, user) = self.open_sign_in(context, id, &Step::NeedsNewPassword)?;
        must_be_in_good_standing(&user.aggregate, now)?;
        Password::parse(password)?;
        self.limit_attempts("factor-attempts/address", context.request.address)
            .await?;
        let hash = self.hash_password(password).await?;
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
                let sign_in = current(client, user, id, &Step::NeedsNewPassword, now)?;
                let passed_at = sign_in.first_passed_at;
                sign_in.new_password = Some(NewPassword {
                    hash: hash.clone(),
                    sign_out_others,
                });
                if user.two_factor_enabled() {
                    sign_in.step = Step::NeedsSecondFactor;
                } else {
                    let strategy = Strategy::ResetPasswordPhoneCode;
                    self.complete(client, user, &session, token, context, strategy, [passed_at, None]);
                }
                Ok(())
            },
        )
        .await
    }
}
