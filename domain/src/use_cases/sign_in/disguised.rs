//! The first factor of a sign-in that must not tell whether anybody has the number: because the instance keeps that to
//! itself, or because an unknown number is to lead to a sign-up.
//!
//! Each step does as much, in the same order, whoever has the number: the same limits, the same questions to the store, as
//! many commits. What cannot be right is compared as well, and is wrong.

use super::super::decide::must_be_in_good_standing;
use super::super::sms::{Drawn, Recipient};
use super::super::{AuthError, Done, UseCases, UserError};
use super::factor_check::{Evidence, FactorOutcome, Place, TriedFactor, ensure_open};
use super::sign_in::SignInRequest;
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::ports::Loaded;
use crate::proof::{Proof, Strategy};
use crate::sign_in::{Disguise, SignIn, Step};
use crate::{
    AttemptOutcome, Client, CodeHash, E164, Entrance, Factor, LedgerKind, Password, PhoneNumber, PhoneNumberId,
    SessionId, ShortText, SignInId, Timestamp, User, UserId,
};

/// What no code is hashed to.
const NO_CODE: CodeHash = CodeHash::from_bytes([0; 32]);

/// A code as it is put into a disguised sign-in.
struct Prepared {
    proof: Proof,
    /// The credentials that it rests on, if it is anybody's.
    generation: Option<i64>,
    message: Option<crate::Message>,
}

impl UseCases {
    /// Begins a disguised sign-in with `number`; sends a code, or tries a password, if asked to.
    pub(super) async fn create_in_disguise(
        &self,
        context: &ClientContext,
        request: &SignInRequest,
        number: &E164,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        if request.sign_up_if_missing {
            if !self.policy.sign_up_open || !self.policy.used_for_first_factor {
                return Err(AuthError::SignUpIfMissingClosed);
            }
            if request.password.is_some() || request.strategy.is_some_and(|given| given != Strategy::PhoneCode) {
                return Err(AuthError::SignUpIfMissingStrategy);
            }
        }
        // Who is signed in here learns nothing new.
        let has_number = |user: &User| {
            let own = user.phones.find_by_number(number);
            own.is_some_and(PhoneNumber::begins_sign_in)
        };
        let live = self.live_sessions(context);
        if let Some((session, _)) = live.iter().find(|(_, user)| has_number(&user.aggregate)) {
            return Err(AuthError::AlreadySignedIn(session.id.clone()));
        }
        self.ensure_free(context)?;
        let (now, entropy) = (self.now(), &*self.ports.entropy);
        let disguise = Disguise {
            stand_in: PhoneNumberId::generate(now, entropy),
            leads_to_sign_up: request.sign_up_if_missing,
        };
        let mut sign_in = SignIn::new(SignInId::generate(now, entropy), now);
        sign_in.identifier = Some(number.clone());
        sign_in.step = Step::NeedsFirstFactor;
        sign_in.disguise = Some(disguise.clone());
        let mut message = None;
        match (request.strategy, &request.password) {
            (None | Some(Strategy::Password), Some(password)) => {
                self.limit_attempts("factor-attempts/address", context.request.address)
                    .await?;
                return self.password_in_disguise(context, &sign_in, password).await;
            }
            (Some(strategy), _) if strategy.is_texted() => {
                let prepared = self.drawn_in_disguise(context, &sign_in, &disguise, strategy).await?;
                sign_in.first = Some(prepared.proof);
                sign_in.credentials_generation = prepared.generation;
                message = prepared.message;
            }
            _ => {}
        }
        self.put_sign_in(context, None, sign_in, message).await
    }

    /// The client's sign-in, if it is this one and still disguised.
    pub(super) fn disguised<'c>(
        &self,
        context: &'c ClientContext,
        id: &SignInId,
    ) -> Option<(&'c SignIn, &'c Disguise)> {
        let sign_in = context.client()?.sign_in.as_ref();
        let sign_in = sign_in.filter(|sign_in| sign_in.id == *id && self.now() < sign_in.abandon_at())?;
        Some((sign_in, sign_in.disguised()?))
    }

    /// Answers as if a code had been sent, which it is if it can be right.
    pub(super) async fn prepare_in_disguise(
        &self,
        context: &ClientContext,
        sign_in: &SignIn,
        disguise: &Disguise,
        strategy: Strategy,
        named: Option<&PhoneNumberId>,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        if named.is_some_and(|id| *id != disguise.stand_in) {
            return Err(AuthError::NoSuchNumber);
        }
        Proof::must_be_due(sign_in.first.as_ref(), now, &self.policy)?;
        let prepared = self.drawn_in_disguise(context, sign_in, disguise, strategy).await?;
        let message = prepared.message.clone();
        let done = self
            .in_client(
                context,
                self.fresh_token(context),
                |draft| draft.and_message(message),
                |draft| {
                    let sign_in = current(draft.client()?, &sign_in.id, now)?;
                    Proof::must_be_due(sign_in.first.as_ref(), now, &self.policy)?;
                    sign_in.first = Some(prepared.proof.clone());
                    sign_in.credentials_generation = prepared.generation;
                    Ok(())
                },
            )
            .await?;
        self.send_sms(prepared.message).await?;
        Ok(done)
    }

    async fn drawn_in_disguise(
        &self,
        context: &ClientContext,
        sign_in: &SignIn,
        disguise: &Disguise,
        strategy: Strategy,
    ) -> Result<Prepared, AuthError> {
        let now = self.now();
        let number = sign_in.identifier.as_ref().ok_or(AuthError::WrongStep)?;
        let offered = Factor::of_disguise(disguise, number, &self.policy);
        if !offered.iter().any(|factor| factor.strategy == strategy) {
            return Err(AuthError::NoSuchFactor);
        }
        let user = self.behind(number).await?;
        let user = user.as_ref().map(|user| &user.aggregate);
        let own = user.and_then(|user| user.profile.locale.as_ref());
        let mut request = context.request.clone();
        request.languages = request.languages.after(own.map(ShortText::as_str));
        // The limits are those of the number, whoever has it.
        let recipient = Recipient {
            number,
            phone_number: None,
            user: None,
        };
        let purpose = Place::First(&sign_in.id).purpose(strategy, &disguise.stand_in);
        let mut drawn = self.draw_code_discreetly(&request, recipient, purpose).await?;
        // Asked for every number, so that the answer takes as long; only a number without an owner may be kept out by it.
        let may_sign_up = match self.ensure_let_in(number, Entrance::SignUp).await {
            Ok(()) => true,
            Err(AuthError::Blocked(_)) => false,
            Err(error) => return Err(error),
        };
        let can_be_right = match user {
            Some(user) => self.is_factor_of(user, number, strategy, now),
            None => disguise.is_sign_up_by(strategy) && may_sign_up,
        };
        if can_be_right {
            if let (Some(message), Some(user)) = (&mut drawn.message, user) {
                message.user = Some(user.id.clone());
                message.phone_number = user.phones.find_by_number(number).map(|own| own.id.clone());
            }
        } else {
            drawn = drawn.withheld(&*self.ports.entropy);
        }
        let Drawn { hash, message } = drawn;
        Ok(Prepared {
            proof: Proof::texted(strategy, disguise.stand_in.clone(), hash, now, &self.policy),
            generation: user.map(|user| user.credentials_generation),
            message,
        })
    }

    /// Tries a first factor. Whoever passes it is let on, and told what keeps the account from being used.
    pub(super) async fn attempt_in_disguise(
        &self,
        context: &ClientContext,
        sign_in: &SignIn,
        disguise: &Disguise,
        factor: TriedFactor<'_>,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        match factor {
            TriedFactor::Code(strategy, code) => {
                Proof::awaits(sign_in.first.as_ref(), strategy)?;
                let purpose = Place::First(&sign_in.id).purpose(strategy, &disguise.stand_in);
                let hash = self.hasher.otp(purpose, code);
                self.code_in_disguise(context, sign_in, strategy, hash).await
            }
            TriedFactor::Password(text) if self.policy.passwords => {
                self.password_in_disguise(context, sign_in, text).await
            }
            TriedFactor::Password(_) | TriedFactor::BackupCode(_) => Err(AuthError::NoSuchFactor),
        }
    }

    async fn code_in_disguise(
        &self,
        context: &ClientContext,
        sign_in: &SignIn,
        strategy: Strategy,
        hash: CodeHash,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let (now, id) = (self.now(), &sign_in.id);
        let number = sign_in.identifier.as_ref().ok_or(AuthError::WrongStep)?;
        let user = self.behind(number).await?;
        let is_known = user.is_some();
        // Only for a number that nobody has: a stranger must not use up what its owner has.
        let may_sign_up = self.may_attempt_at(number).await?;
        let fresh = self.fresh_token(context);
        let token = fresh.hash();
        let session = SessionId::generate(now, &*self.ports.entropy);
        let draft = |draft: Draft| match user {
            Some(user) => draft.and_user(Slot::loaded(user)),
            None => draft,
        };
        self.in_client(context, fresh, draft, |draft| {
            if !is_known {
                let sign_in = current(draft.client()?, id, now)?;
                let leads_on = sign_in
                    .disguised()
                    .is_some_and(|disguise| disguise.is_sign_up_by(strategy));
                let hash = if may_sign_up && leads_on { hash } else { NO_CODE };
                return Ok(
                    match Proof::attempt(sign_in.first.as_mut(), strategy, hash, now, &self.policy)? {
                        AttemptOutcome::Verified => {
                            sign_in.first_passed_at = Some(now);
                            FactorOutcome::Transferable
                        }
                        outcome => FactorOutcome::Code(outcome),
                    },
                );
            }
            let (client, user) = draft.client_and_user()?;
            let sign_in = current(client, id, now)?;
            let rests = sign_in.credentials_generation == Some(user.credentials_generation);
            let can_be_right = rests && self.is_factor_of(user, number, strategy, now);
            let hash = if can_be_right { hash } else { NO_CODE };
            let before = sign_in.first.clone();
            match Proof::attempt(sign_in.first.as_mut(), strategy, hash, now, &self.policy)? {
                AttemptOutcome::Verified => {}
                outcome => {
                    let counts = matches!(outcome, AttemptOutcome::WrongCode { .. } | AttemptOutcome::Failed);
                    // What could not be right is no guess: a closed factor opens when its time is up.
                    if can_be_right && counts && sign_in.first != before {
                        user.failures.code.count(now);
                    }
                    return Ok(FactorOutcome::Code(outcome));
                }
            }
            must_be_in_good_standing(user, now)?;
            user.failures.code.reset_streak();
            if !user.two_factor_enabled() {
                user.failures.forgive();
            }
            user.seen(now);
            self.go_on(client, user, strategy, &session, token, context);
            Ok(FactorOutcome::Passed)
        })
        .await
    }

    /// Tries a password on `sign_in`, which is put into the client if it is not there yet.
    async fn password_in_disguise(
        &self,
        context: &ClientContext,
        sign_in: &SignIn,
        text: &str,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let now = self.now();
        let number = sign_in.identifier.as_ref().ok_or(AuthError::WrongStep)?;
        let user = self.behind(number).await?;
        let generation = user.as_ref().map(|user| user.aggregate.credentials_generation);
        let has_factor = |user: &&Loaded<User>| {
            let user = &user.aggregate;
            self.is_factor_of(user, number, Strategy::Password, now) && must_be_in_good_standing(user, now).is_ok()
        };
        let begin = |client: &mut Client| {
            match client.sign_in.as_mut().filter(|other| other.id == sign_in.id) {
                None => client.sign_in = Some(sign_in.clone()),
                // A password does not rest on a code that was sent before; one that is worth nothing any more stays so.
                Some(open) if open.credentials_generation != generation => open.credentials_generation = None,
                Some(_) => {}
            }
            Ok(())
        };
        if let Some(user) = user.as_ref().filter(has_factor) {
            match self.check_password(user, text, LedgerKind::Password).await {
                Ok(checked) => {
                    let (evidence, user) = (Evidence::Password(checked), user.aggregate.id.clone());
                    return self
                        .pass_first_factor(context, user, &evidence, begin, &sign_in.id)
                        .await;
                }
                // Somebody tried at the same moment, and that was one too many: it is wrong, like all after it.
                Err(
                    AuthError::FactorClosed(_)
                    | AuthError::NoPassword
                    | AuthError::User(UserError::Banned | UserError::Locked { .. }),
                ) => {}
                Err(error) => return Err(error),
            }
        }
        // As much is written, and as much computed, as for one that is compared.
        self.charge_nobody(number).await?;
        self.ports.passwords.hash(&Password::tried(text)).await?;
        self.in_client(
            context,
            self.fresh_token(context),
            |draft| draft,
            |draft| {
                begin(draft.client()?)?;
                Ok(FactorOutcome::WrongPassword)
            },
        )
        .await
    }

    /// Whose number it is, found out in as many steps if it is nobody's.
    async fn behind(&self, number: &E164) -> Result<Option<Loaded<User>>, AuthError> {
        let owner = self.owner_of(number).await?;
        let nobody = UserId::generate(self.now(), &*self.ports.entropy);
        let user = self.ports.users.load(owner.as_ref().unwrap_or(&nobody)).await?;
        let begins = |user: &Loaded<User>| {
            if !self.policy.used_for_first_factor {
                return false;
            }
            let own = user.aggregate.phones.find_by_number(number);
            own.is_some_and(PhoneNumber::begins_sign_in)
        };
        Ok(user.filter(begins))
    }

    /// Whether the user has this first factor by this number, and it is not closed.
    fn is_factor_of(&self, user: &User, number: &E164, strategy: Strategy, now: Timestamp) -> bool {
        let factors = Factor::first_of(user, Some(number), &self.policy);
        let own = user.phones.find_by_number(number).map(|own| &own.id);
        let has_it = factors.iter().any(|factor| {
            let reaches = factor.number.as_ref().is_none_or(|reached| Some(&reached.id) == own);
            factor.strategy == strategy && reaches
        });
        let unused = SignInId::generate(now, &*self.ports.entropy);
        has_it && ensure_open(user, Place::First(&unused), strategy, now, &self.policy).is_ok()
    }
}

/// The sign-in of a client that is being changed, if it is this one and still disguised.
fn current<'a>(client: &'a mut Client, id: &SignInId, now: Timestamp) -> Result<&'a mut SignIn, AuthError> {
    let sign_in = client.sign_in.as_mut();
    let sign_in = sign_in.filter(|sign_in| sign_in.id == *id && now < sign_in.abandon_at());
    let sign_in = sign_in.ok_or(AuthError::NotFound)?;
    if sign_in.disguised().is_some() {
        Ok(sign_in)
    } else {
        Err(AuthError::WrongStep)
    }
}
