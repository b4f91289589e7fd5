//! Signing up (contract 6.2).

use super::super::decide::claimed;
use super::super::sms::{Drawn, Recipient};
use super::super::{AuthError, Done, UseCases, UserError};
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::policy::Policy;
use crate::ports::Entropy;
use crate::profile::{Metadata, ShortText};
use crate::proof::{Proof, Strategy};
use crate::sign_in::SignIn;
use crate::sign_up::{SignUp, SignUpUpdate};
use crate::verification::Verification;
use crate::{
    AttemptOutcome, Client, CodeHash, E164, Entrance, OtpCode, PhoneError, PhoneNumberId, Purpose, SessionId, SignInId,
    SignUpId, Timestamp, TokenHash, User, UserId,
};

/// What a sign-up is given.
#[derive(Debug, Clone, Default)]
pub struct SignUpRequest {
    /// The number that shall become the user's.
    pub number: Option<E164>,
    /// The password that the user wants to have.
    pub password: Option<String>,
    /// Given name.
    pub first_name: Option<ShortText>,
    /// Family name.
    pub last_name: Option<ShortText>,
    /// The language.
    pub locale: Option<ShortText>,
    /// Metadata that the user may write.
    pub unsafe_metadata: Option<Metadata>,
    /// Whether a code is sent to the number at once.
    pub prepare: bool,
}

impl UseCases {
    /// Begins a sign-up in the place of any other one of the client, and sends a code if asked to.
    ///
    /// # Errors
    /// [`AuthError::SignUpClosed`], [`AuthError::SessionExists`], [`AuthError::Password`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Taken` or `NotAllowed` for the number; and those of
    /// [`UseCases::prepare_sign_up`].
    pub async fn create_sign_up(&self, context: &ClientContext, request: SignUpRequest) -> Result<Done<()>, AuthError> {
        let now = self.now();
        if !self.policy.sign_up_open {
            return Err(AuthError::SignUpClosed);
        }
        self.limit_sign_ins("sign-ups/address", context.request.address).await?;
        self.ensure_free(context)?;
        let prepare = request.prepare;
        let mut sign_up = SignUp::new(SignUpId::generate(now, &*self.ports.entropy), now);
        sign_up.update(self.checked(request).await?);
        let mut message = None;
        if prepare {
            let number = sign_up.number.clone().ok_or(AuthError::NumberMissing)?;
            let drawn = self.draw_sign_up(context, &sign_up, &number).await?;
            sign_up.prepare(drawn.hash, now, &self.policy)?;
            message = drawn.message;
        }
        let carried = message.clone();
        let done = self
            .in_client(
                context,
                self.fresh_token(context),
                |draft| draft.and_message(carried),
                |draft| {
                    draft.client()?.sign_up = Some(sign_up.clone());
                    Ok(())
                },
            )
            .await?;
        self.send_sms(message).await?;
        Ok(done)
    }

    /// Changes a sign-up, and sends a code if asked to; another number discards the proof of the old one. Limited as its creation: it asks as much, and
    /// its password costs as much to hash.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], and those of [`UseCases::create_sign_up`].
    pub async fn update_sign_up(
        &self,
        context: &ClientContext,
        id: &SignUpId,
        request: SignUpRequest,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        let mut sign_up = open(context, id, now)?.clone();
        self.limit_sign_ins("sign-ups/address", context.request.address).await?;
        let prepare = request.prepare;
        let update = self.checked(request).await?;
        sign_up.update(update.clone());
        let (hash, message) = if prepare {
            let Drawn { hash, message } = self.drawn_anew(context, &sign_up).await?;
            (Some(hash), message)
        } else {
            (None, None)
        };
        let carried = message.clone();
        let done = self
            .in_client(
                context,
                self.fresh_token(context),
                |draft| draft.and_message(carried),
                |draft| {
                    let current = current(draft.client()?, id, now)?;
                    current.update(update.clone());
                    match hash {
                        Some(hash) => current.take_code(&sign_up, hash, now, &self.policy),
                        None => Ok(()),
                    }
                },
            )
            .await?;
        self.send_sms(message).await?;
        Ok(done)
    }

    /// Sends a code to the number of a sign-up.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::NumberMissing`], [`AuthError::TooManyCodes`];
    /// [`AuthError::User`] with `AlreadyVerified`, `TooSoon`, `Taken`, `NotAllowed` or `NotSent`.
    pub async fn prepare_sign_up(&self, context: &ClientContext, id: &SignUpId) -> Result<Done<()>, AuthError> {
        let now = self.now();
        let sign_up = open(context, id, now)?;
        let Drawn { hash, message } = self.drawn_anew(context, sign_up).await?;
        let carried = message.clone();
        let done = self
            .in_client(
                context,
                self.fresh_token(context),
                |draft| draft.and_message(carried),
                |draft| current(draft.client()?, id, now)?.take_code(sign_up, hash, now, &self.policy),
            )
            .await?;
        self.send_sms(message).await?;
        Ok(done)
    }

    /// Draws a code for the number of a sign-up that may be proven now.
    async fn drawn_anew(&self, context: &ClientContext, sign_up: &SignUp) -> Result<Drawn, AuthError> {
        let number = sign_up.number.as_ref().ok_or(AuthError::NumberMissing)?;
        // Before anything is charged.
        let nothing = CodeHash::from_bytes([0; 32]);
        sign_up.clone().prepare(nothing, self.now(), &self.policy)?;
        self.draw_sign_up(context, sign_up, number).await
    }

    /// Draws a code for a sign-up, in its own language if it names one. For a number that somebody has there is none; where
    /// that must not be told, one that nobody gets.
    async fn draw_sign_up(&self, context: &ClientContext, sign_up: &SignUp, number: &E164) -> Result<Drawn, AuthError> {
        let is_taken = self.owner_of(number).await?.is_some();
        if is_taken && !self.policy.enumeration_protection {
            return Err(PhoneError::Taken.into());
        }
        let recipient = Recipient {
            number,
            phone_number: None,
            user: None,
        };
        let mut request = context.request.clone();
        request.languages = request.languages.after(sign_up.locale.as_ref().map(ShortText::as_str));
        let purpose = Purpose::SignUp(&sign_up.id, number);
        let drawn = self.draw_code_discreetly(&request, recipient, purpose).await?;
        if is_taken {
            Ok(drawn.withheld(&*self.ports.entropy))
        } else {
            Ok(drawn)
        }
    }

    /// Tries a code on a sign-up. The right one makes the user and a session, all as one commit.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::Claimed`] if another user proved the number first,
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `NotPrepared` or `AlreadyVerified`.
    pub async fn attempt_sign_up(
        &self,
        context: &ClientContext,
        id: &SignUpId,
        code: &OtpCode,
    ) -> Result<Done<AttemptOutcome>, AuthError> {
        let now = self.now();
        self.limit_attempts("sign-up-attempts/address", context.request.address)
            .await?;
        let sign_up = open(context, id, now)?;
        let number = sign_up.number.clone().ok_or(AuthError::NumberMissing)?;
        let hash = self.hasher.otp(Purpose::SignUp(id, &number), code);
        // Decided beforehand on what was read: only a right code makes a user. If the state has
        // changed by the time of the commit, it is decided again there.
        let outcome = sign_up.clone().attempt(hash, now, &self.policy)?;
        self.limit_attempts_at(&number).await?;
        let fresh = self.fresh_token(context);
        if outcome != AttemptOutcome::Verified {
            return self
                .in_client(
                    context,
                    fresh,
                    |draft| draft,
                    |draft| {
                        match current(draft.client()?, id, now)?.attempt(hash, now, &self.policy)? {
                            // Only a change in between could make it right now; then it is tried once more.
                            AttemptOutcome::Verified => Err(UserError::Contended.into()),
                            outcome => Ok(outcome),
                        }
                    },
                )
                .await;
        }
        let token = fresh.hash();
        let newcomer = Newcomer::generate(now, &*self.ports.entropy);
        let user = Slot::new(User::new(newcomer.user.clone(), now));
        let draft = |draft: Draft| draft.and_user(user);
        self.in_client(context, fresh, draft, |draft| {
            let (client, user) = draft.client_and_user()?;
            let sign_up = current(client, id, now)?;
            if sign_up.number.as_ref() != Some(&number)
                || sign_up.attempt(hash, now, &self.policy)? != AttemptOutcome::Verified
            {
                return Err(UserError::Contended.into());
            }
            self.finish_sign_up(client, user, &newcomer, token, context)?;
            Ok(AttemptOutcome::Verified)
        })
        .await
        .map_err(claimed)
    }

    /// Takes over the number that a sign-in of this client has proven and that nobody has, with all that makes a sign-up
    /// complete: the user and a session, as one commit.
    ///
    /// # Errors
    /// [`AuthError::NothingToTransfer`], [`AuthError::Claimed`] if another user has proven the number meanwhile, and those of
    /// [`UseCases::create_sign_up`].
    pub async fn transfer_sign_in(
        &self,
        context: &ClientContext,
        request: SignUpRequest,
    ) -> Result<Done<()>, AuthError> {
        let now = self.now();
        if !self.policy.sign_up_open {
            return Err(AuthError::SignUpClosed);
        }
        self.limit_sign_ins("sign-ups/address", context.request.address).await?;
        self.ensure_free(context)?;
        let sign_in = context.client().and_then(|client| client.sign_in.as_ref());
        let (id, number, _) = transferable(sign_in, now)?;
        let given = SignUpRequest {
            number: None,
            ..request
        };
        let update = self.checked(given).await?;
        self.policy.admit(&number)?;
        self.ensure_let_in(&number, Entrance::SignUp).await?;
        let mut sign_up = SignUp::new(SignUpId::generate(now, &*self.ports.entropy), now);
        sign_up.update(update);
        sign_up.number = Some(number);
        let fresh = self.fresh_token(context);
        let token = fresh.hash();
        let newcomer = Newcomer::generate(now, &*self.ports.entropy);
        let user = Slot::new(User::new(newcomer.user.clone(), now));
        self.in_client(
            context,
            fresh,
            |draft| draft.and_user(user),
            |draft| {
                let (client, user) = draft.client_and_user()?;
                let (still, _, verification) = transferable(client.sign_in.as_ref(), now)?;
                if still != id {
                    return Err(AuthError::NothingToTransfer);
                }
                client.sign_in = None;
                client.sign_up = Some(SignUp {
                    verification,
                    ..sign_up.clone()
                });
                self.finish_sign_up(client, user, &newcomer, token, context)
            },
        )
        .await
        .map_err(claimed)
    }

    /// The user and the session of the client's sign-up, whose number is proven.
    fn finish_sign_up(
        &self,
        client: &mut Client,
        user: &mut User,
        newcomer: &Newcomer,
        token: TokenHash,
        context: &ClientContext,
    ) -> Result<(), AuthError> {
        let now = self.now();
        let sign_up = client.sign_up.as_mut().ok_or(AuthError::NotFound)?;
        sign_up.completed = Some((user.id.clone(), newcomer.session.clone()));
        let sign_up = sign_up.clone();
        let number = sign_up.number.ok_or(AuthError::NumberMissing)?;
        user.phones
            .add_proven(newcomer.number.clone(), number, sign_up.verification, now)?;
        user.profile.first_name = sign_up.first_name;
        user.profile.last_name = sign_up.last_name;
        user.profile.locale = sign_up.locale;
        user.profile.unsafe_metadata = sign_up.unsafe_metadata;
        user.profile.external_id = sign_up.external_id;
        user.set_password(sign_up.password, now);
        user.last_sign_in_at = Some(now);
        user.seen(now);
        let session = self.new_session(newcomer.session.clone(), user, context, [Some(now), None]);
        let alone = self.policy.single_session;
        client.begin(session, token, Some(Strategy::PhoneCode), alone, now);
        Ok(())
    }

    /// Refuses a number that somebody has; where that must not be told, nothing is asked.
    async fn ensure_nobodys(&self, number: &E164) -> Result<(), AuthError> {
        if self.policy.enumeration_protection {
            return Ok(());
        }
        match self.owner_of(number).await? {
            Some(_) => Err(PhoneError::Taken.into()),
            None => Ok(()),
        }
    }

    async fn checked(&self, request: SignUpRequest) -> Result<SignUpUpdate, AuthError> {
        if let Some(number) = &request.number {
            self.policy.admit(number)?;
            self.ensure_let_in(number, Entrance::SignUp).await?;
            self.ensure_nobodys(number).await?;
        }
        let password = match &request.password {
            Some(text) => Some(self.hash_password(text).await?),
            None => None,
        };
        Ok(SignUpUpdate {
            number: request.number,
            password,
            first_name: request.first_name,
            last_name: request.last_name,
            locale: request.locale,
            unsafe_metadata: request.unsafe_metadata,
        })
    }
}

/// The identifiers of a user who is about to be made.
struct Newcomer {
    user: UserId,
    number: PhoneNumberId,
    session: SessionId,
}

impl Newcomer {
    fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            user: UserId::generate(now, entropy),
            number: PhoneNumberId::generate(now, entropy),
            session: SessionId::generate(now, entropy),
        }
    }
}

/// The sign-in, the number that it has proven and that nobody has, and the proof.
fn transferable(sign_in: Option<&SignIn>, now: Timestamp) -> Result<(SignInId, E164, Verification), AuthError> {
    let sign_in = sign_in.filter(|sign_in| sign_in.is_transferable() && now < sign_in.abandon_at());
    let sign_in = sign_in.ok_or(AuthError::NothingToTransfer)?;
    match (&sign_in.identifier, &sign_in.first) {
        (Some(number), Some(Proof::Texted { verification, .. })) => {
            Ok((sign_in.id.clone(), number.clone(), verification.clone()))
        }
        _ => Err(AuthError::NothingToTransfer),
    }
}

impl SignUp {
    /// Starts the proof with a code that was drawn for the number of `drawn_for`: it must still be the same one.
    fn take_code(
        &mut self,
        drawn_for: &Self,
        hash: CodeHash,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<(), AuthError> {
        if self.number != drawn_for.number {
            return Err(UserError::Contended.into());
        }
        Ok(self.prepare(hash, now, policy)?)
    }
}

/// The sign-up of this client, if it is this one and still goes on.
fn open<'a>(context: &'a ClientContext, id: &SignUpId, now: Timestamp) -> Result<&'a SignUp, AuthError> {
    let sign_up = context.client().and_then(|client| client.sign_up.as_ref());
    sign_up
        .filter(|sign_up| sign_up.id == *id && sign_up.is_open(now))
        .ok_or(AuthError::NotFound)
}

fn current<'a>(client: &'a mut Client, id: &SignUpId, now: Timestamp) -> Result<&'a mut SignUp, AuthError> {
    let sign_up = client.sign_up.as_mut();
    sign_up
        .filter(|sign_up| sign_up.id == *id && sign_up.is_open(now))
        .ok_or(AuthError::NotFound)
}
