//! Signing in: naming the user (contract 6.3), and what is common to its steps.

use super::super::decide::must_be_in_good_standing;
use super::super::sms::{Drawn, Recipient};
use super::super::{AuthError, Done, UseCases};
use super::factor_check::{FactorOutcome, Place, TriedFactor, ensure_open};
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::ports::Loaded;
use crate::proof::{Proof, Strategy};
use crate::session::Session;
use crate::sign_in::{SignIn, Step};
use crate::{Client, E164, Entrance, PhoneNumber, SessionId, SignInId, Timestamp, TokenHash, User};

/// Whom a sign-in names, if anybody, and the first step that it takes at once.
#[derive(Debug, Clone, Default)]
pub struct SignInRequest {
    /// The number.
    pub identifier: Option<E164>,
    /// By which a code is sent at once: `phone_code` or `reset_password_phone_code`.
    pub strategy: Option<Strategy>,
    /// The password, tried at once.
    pub password: Option<String>,
    /// Whether a right code to a number that nobody has leads to a sign-up.
    pub sign_up_if_missing: bool,
}

impl UseCases {
    /// Begins a sign-in in the place of any other one of the client; sends a code, or tries a password, if asked to.
    ///
    /// # Errors
    /// [`AuthError::IdentifierNotFound`], [`AuthError::AlreadySignedIn`], [`AuthError::SessionExists`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`; and those of the step.
    pub async fn create_sign_in(
        &self,
        context: &ClientContext,
        request: &SignInRequest,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let now = self.now();
        self.limit_sign_ins("sign-ins/address", context.request.address).await?;
        let Some(number) = &request.identifier else {
            self.ensure_free(context)?;
            let sign_in = SignIn::new(SignInId::generate(now, &*self.ports.entropy), now);
            return self.put_sign_in(context, None, sign_in, None).await;
        };
        self.ensure_let_in(number, Entrance::SignIn).await?;
        if request.sign_up_if_missing || self.policy.enumeration_protection {
            return self.create_in_disguise(context, request, number).await;
        }
        let user = self.identified(number).await?;
        let live = self.live_sessions(context);
        let same_user = live.iter().find(|(session, _)| session.user == user.aggregate.id);
        if let Some((session, _)) = same_user {
            return Err(AuthError::AlreadySignedIn(session.id.clone()));
        }
        must_be_in_good_standing(&user.aggregate, now)?;
        self.ensure_free(context)?;
        let mut sign_in = SignIn::new(SignInId::generate(now, &*self.ports.entropy), now);
        sign_in.identifier = Some(number.clone());
        sign_in.user = Some(user.aggregate.id.clone());
        sign_in.step = Step::NeedsFirstFactor;
        match (request.strategy, &request.password) {
            (None | Some(Strategy::Password), Some(password)) => {
                self.sign_in_by_password(context, user, sign_in, password).await
            }
            (Some(strategy), _) if strategy.is_texted() => {
                ensure_open(&user.aggregate, Place::First(&sign_in.id), strategy, now, &self.policy)?;
                let to = self
                    .first_factor_number(&user.aggregate, Some(number), strategy, None)?
                    .clone();
                let place = Place::First(&sign_in.id);
                let drawn = self
                    .draw_for(context, &user.aggregate, &to, place.purpose(strategy, &to.id))
                    .await?;
                let proof = Proof::texted(strategy, to.id.clone(), drawn.hash, now, &self.policy);
                sign_in.first = Some(proof);
                sign_in.bind(&user.aggregate);
                self.put_sign_in(context, Some(user), sign_in, drawn.message).await
            }
            _ => self.put_sign_in(context, Some(user), sign_in, None).await,
        }
    }

    /// Puts a sign-in that has just begun into its client, and sends its code.
    pub(super) async fn put_sign_in(
        &self,
        context: &ClientContext,
        user: Option<Loaded<User>>,
        sign_in: SignIn,
        message: Option<crate::Message>,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let carried = message.clone();
        let draft = |draft: Draft| {
            let draft = draft.and_message(carried);
            match user {
                Some(user) => draft.and_user(Slot::loaded(user)),
                None => draft,
            }
        };
        let done = self
            .in_client(context, self.fresh_token(context), draft, |draft| {
                draft.client()?.sign_in = Some(sign_in.clone());
                Ok(FactorOutcome::Passed)
            })
            .await?;
        self.send_sms(message).await?;
        Ok(done)
    }

    /// Begins a sign-in and tries the password, in one commit after the one that counts the try.
    async fn sign_in_by_password(
        &self,
        context: &ClientContext,
        user: Loaded<User>,
        sign_in: SignIn,
        password: &str,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        self.limit_attempts("factor-attempts/address", context.request.address)
            .await?;
        self.must_offer_password(&user.aggregate, sign_in.identifier.as_ref())?;
        let place = Place::First(&sign_in.id);
        let evidence = self
            .evidence(place, &user, None, TriedFactor::Password(password))
            .await?;
        self.pass_first_factor(
            context,
            user.aggregate.id,
            &evidence,
            |client| {
                client.sign_in = Some(sign_in.clone());
                Ok(())
            },
            &sign_in.id,
        )
        .await
    }

    /// Who signs in with `number`: its owner, unless it is set aside as a second factor.
    async fn identified(&self, number: &E164) -> Result<Loaded<User>, AuthError> {
        let user = match self.owner_of(number).await? {
            Some(id) => self.ports.users.load(&id).await?,
            None => None,
        };
        let identifies = |user: &Loaded<User>| {
            let own = user.aggregate.phones.find_by_number(number);
            own.is_some_and(PhoneNumber::begins_sign_in)
        };
        user.filter(identifies)
            .filter(|_| self.policy.used_for_first_factor)
            .ok_or(AuthError::IdentifierNotFound)
    }

    /// Draws a code of `user` to a number of the user's, if not too many were sent.
    pub(super) async fn draw_for(
        &self,
        context: &ClientContext,
        user: &User,
        to: &PhoneNumber,
        purpose: crate::Purpose<'_>,
    ) -> Result<Drawn, AuthError> {
        let recipient = Recipient {
            number: &to.number,
            phone_number: Some(&to.id),
            user: Some(user),
        };
        self.draw_code(&context.request, recipient, purpose).await
    }

    /// With one session at a time: nobody may be signed in.
    pub(super) fn ensure_free(&self, context: &ClientContext) -> Result<(), AuthError> {
        if self.policy.single_session && !self.live_sessions(context).is_empty() {
            Err(AuthError::SessionExists)
        } else {
            Ok(())
        }
    }

    /// The sign-in of this client, if it is this one, at this step, and still goes on, with its user.
    pub(super) fn open_sign_in<'c>(
        &self,
        context: &'c ClientContext,
        id: &SignInId,
        step: &Step,
    ) -> Result<(&'c SignIn, &'c Loaded<User>), AuthError> {
        let now = self.now();
        let sign_in = context.client().and_then(|client| client.sign_in.as_ref());
        let sign_in = sign_in.filter(|sign_in| sign_in.id == *id && now < sign_in.abandon_at());
        let sign_in = sign_in.ok_or(AuthError::NotFound)?;
        let user = sign_in.user.as_ref().ok_or(AuthError::WrongStep)?;
        let user = context.user(user).ok_or(crate::change::Missing::User)?;
        if !sign_in.rests_on(&user.aggregate) {
            return Err(AuthError::NotFound);
        }
        if sign_in.step != *step {
            return Err(AuthError::WrongStep);
        }
        Ok((sign_in, user))
    }

    /// The session begins, the client gets a new token.
    #[expect(clippy::too_many_arguments, reason = "all of it goes into one session")]
    pub(super) fn complete(
        &self,
        client: &mut Client,
        user: &mut User,
        session: &SessionId,
        token: TokenHash,
        context: &ClientContext,
        strategy: Strategy,
        factors: [Option<Timestamp>; 2],
    ) {
        let now = self.now();
        if let Some(sign_in) = client.sign_in.as_mut() {
            if let Some(new) = sign_in.new_password.take() {
                user.set_password(Some(new.hash), now);
                if new.sign_out_others {
                    user.end_sessions();
                }
            }
            if let Some((number, proof)) = sign_in.proof_of_held(user) {
                user.prove_held(&number, &proof, now);
            }
            sign_in.step = Step::Complete(session.clone());
        }
        user.failures.forgive();
        user.last_sign_in_at = Some(now);
        user.seen(now);
        let session = self.new_session(session.clone(), user, context, factors);
        client.begin(session, token, Some(strategy), self.policy.single_session, now);
    }

    /// A session that begins now.
    pub(in super::super) fn new_session(
        &self,
        id: SessionId,
        user: &User,
        context: &ClientContext,
        factors: [Option<Timestamp>; 2],
    ) -> Session {
        let now = self.now();
        let [first_factor_at, second_factor_at] = factors;
        Session {
            id,
            user: user.id.clone(),
            ending: None,
            generation: user.sessions_generation,
            first_factor_at,
            second_factor_at,
            reverification: None,
            activity: context.request.activity.clone(),
            created_at: now,
            last_active_at: now,
            expire_at: now.plus(self.policy.session_lifetime),
            updated_at: now,
        }
    }
}

/// The sign-in of a client that is being changed, if it is this one, at this step, and still goes on for this user.
pub(super) fn current<'a>(
    client: &'a mut Client,
    user: &User,
    id: &SignInId,
    step: &Step,
    now: Timestamp,
) -> Result<&'a mut SignIn, AuthError> {
    let sign_in = client.sign_in.as_mut();
    let sign_in = sign_in.filter(|sign_in| sign_in.id == *id && now < sign_in.abandon_at() && sign_in.rests_on(user));
    let sign_in = sign_in.ok_or(AuthError::NotFound)?;
    if sign_in.step == *step {
        Ok(sign_in)
    } else {
        Err(AuthError::WrongStep)
    }
}
