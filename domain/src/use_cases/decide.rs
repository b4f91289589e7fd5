//! How a use case decides and commits: what is checked before each rule, and what follows from each change.

use super::consequences::{Aftermath, By};
use super::{AuthError, Done, UseCases, UserError};
use crate::actor::{Action, Actor, ClientContext};
use crate::change::{Draft, Missing, Slot, Stores, change};
use crate::ports::Unique;
use crate::session::Session;
use crate::{Client, ClientId, EmailAddress, Message, SessionId, Timestamp, Token, TokenHash, User};

impl UseCases {
    /// Decides and commits, with what follows from the change, of which the user bears the stamp.
    pub(super) async fn commit<T>(
        &self,
        by: By,
        draft: Draft,
        mut decide: impl FnMut(&mut Draft) -> Result<T, AuthError> + Send,
    ) -> Result<(Draft, T), AuthError> {
        let now = self.now();
        let decide = |draft: &mut Draft| {
            let outcome = decide(draft)?;
            if let Some((before, user)) = draft.user_change() {
                user.stamp(before, now);
            }
            Ok(outcome)
        };
        let stores = Stores {
            users: &*self.ports.users,
            clients: &*self.ports.clients,
            tickets: &*self.ports.tickets,
            commits: &*self.ports.commits,
        };
        let aftermath = Aftermath::new(self, by);
        // Several aggregates, each as it was and as it shall be: too much for the futures of all callers.
        let changed = Box::pin(change(&stores, &aftermath, draft, decide)).await?;
        if aftermath.has_events() {
            self.ports.events.committed();
        }
        Ok(changed)
    }

    /// A token to give to the client of `context`, or to the one that this request makes.
    pub(super) fn fresh_token(&self, context: &ClientContext) -> Token<ClientId> {
        let entropy = &*self.ports.entropy;
        let id = match context.client() {
            Some(client) => client.id.clone(),
            None => ClientId::generate(self.now(), entropy),
        };
        Token::generate(id, entropy)
    }

    /// Changes the client of `context`, or makes it, and whatever else `draft` adds to it. `fresh` is the token that the
    /// decision may give it.
    pub(super) async fn in_client<T: Send>(
        &self,
        context: &ClientContext,
        fresh: Token<ClientId>,
        draft: impl FnOnce(Draft) -> Draft,
        mut decide: impl FnMut(&mut Draft) -> Result<T, AuthError> + Send,
    ) -> Result<Done<T>, AuthError> {
        let now = self.now();
        let client = match &context.client {
            Some(loaded) => Slot::loaded(loaded.clone()),
            None => Slot::new(Client::new(fresh.id.clone(), fresh.hash(), now)),
        };
        let token = context.client().map(|client| client.token);
        let decide = |draft: &mut Draft| {
            must_hold_token(draft, token, now)?;
            decide(draft)
        };
        let (changed, outcome) = self.commit(By::User, draft(Draft::of_client(client)), decide).await?;
        Ok(done(context, &changed, fresh, outcome))
    }

    /// Whether the actor may do this now: neither banned nor locked, and with the strongest factor verified a short time
    /// ago where `action` asks for that (contract 11.9). The rules of an identity provider hold for its tokens.
    pub(super) fn permit(&self, actor: &Actor, action: Action) -> Result<(), AuthError> {
        if let Some(user) = actor.user() {
            self.may(action, actor.session().map(|acting| &acting.session), &user.aggregate)?;
        }
        Ok(())
    }

    /// The session `id` of the client, if it is live.
    pub(super) fn live_session<'c>(
        &self,
        client: &'c Client,
        id: &SessionId,
        user: &User,
    ) -> Result<&'c Session, AuthError> {
        let session = client.session(id).ok_or(AuthError::SessionOver)?;
        if self.status(session, Some(user)).is_live() {
            Ok(session)
        } else {
            Err(AuthError::SessionOver)
        }
    }

    fn may(&self, action: Action, session: Option<&Session>, user: &User) -> Result<(), AuthError> {
        let now = self.now();
        if user.banned {
            return Err(UserError::Banned.into());
        }
        if !action.is_open_to_locked() {
            must_not_be_locked(user, now)?;
        }
        match (session, self.policy.reverify_after) {
            (Some(session), Some(span)) if action.is_sensitive() && !session.is_fresh(user, now, span) => {
                Err(AuthError::ReverificationRequired)
            }
            _ => Ok(()),
        }
    }

    /// Changes the account of the actor, who must be [permitted](Self::permit) to.
    pub(super) async fn act<T: Send>(
        &self,
        actor: &Actor,
        action: Action,
        message: Option<Message>,
        mut decide: impl FnMut(&mut User) -> Result<T, AuthError> + Send,
    ) -> Result<Done<T>, AuthError> {
        self.act_on(actor, action, message, |draft| decide(draft.user()?)).await
    }

    /// The same for a decision about more than the user: a change of credentials also ends the user's other sessions, kills
    /// what was under way on the old ones, and gives the client a new token.
    pub(super) async fn act_on<T: Send>(
        &self,
        actor: &Actor,
        action: Action,
        message: Option<Message>,
        mut decide: impl FnMut(&mut Draft) -> Result<T, AuthError> + Send,
    ) -> Result<Done<T>, AuthError> {
        self.permit(actor, action)?;
        let now = self.now();
        let user = Slot::found(actor.user_id().clone(), actor.user().cloned());
        match actor {
            Actor::Token(token) => {
                let first_seen = User::new(token.id.clone(), now);
                let draft = Draft::of_user(user.or(first_seen)).and_message(message);
                let decide = |draft: &mut Draft| {
                    self.may(action, None, draft.user()?)?;
                    let outcome = decide(draft)?;
                    end_of_change_by_token(draft, token.email.as_ref(), now);
                    Ok(outcome)
                };
                let (changed, outcome) = self.commit(By::User, draft, decide).await?;
                Ok(Done {
                    client: None,
                    users: changed.user_slot().and_then(Slot::after).cloned().into_iter().collect(),
                    token: None,
                    outcome,
                })
            }
            Actor::Session(acting) => {
                let context = &acting.context;
                let fresh = self.fresh_token(context);
                let hash = fresh.hash();
                let id = &acting.session.id;
                let draft = |draft: Draft| draft.and_user(user).and_message(message);
                self.in_client(context, fresh, draft, |draft| {
                    let (client, user) = draft.client_and_user()?;
                    let session = self.live_session(client, id, user)?;
                    self.may(action, Some(session), user)?;
                    let outcome = decide(draft)?;
                    end_of_own_change(draft, Some((id, hash)), now);
                    Ok(outcome)
                })
                .await
            }
        }
    }

    /// Changes a user on a back end's behalf.
    pub(super) async fn change_as_back_end<T>(
        &self,
        user: Slot<User>,
        message: Option<Message>,
        mut decide: impl FnMut(&mut User) -> Result<T, AuthError> + Send,
    ) -> Result<(User, T), AuthError> {
        let decide = |draft: &mut Draft| {
            let outcome = decide(draft.user()?)?;
            if let Some((before, user)) = draft.user_change() {
                // A session was let in by credentials that no longer stand. A new password says itself whether sessions end.
                if !user.phones.has_same_credentials(&before.phones) || (user.banned && !before.banned) {
                    user.end_sessions();
                }
            }
            Ok(outcome)
        };
        let draft = Draft::of_user(user).and_message(message);
        let (mut changed, outcome) = self.commit(By::BackEnd, draft, decide).await?;
        Ok((changed.user()?.clone(), outcome))
    }

    /// Changes a client that is not the one of whoever asks.
    pub(super) async fn change_client<T>(
        &self,
        by: By,
        id: ClientId,
        mut decide: impl FnMut(&mut Client) -> Result<T, AuthError> + Send,
    ) -> Result<(Client, T), AuthError> {
        let decide = |draft: &mut Draft| {
            let client = draft.client().map_err(|_| AuthError::NotFound)?;
            decide(client)
        };
        let (mut changed, outcome) = self.commit(by, Draft::of_client(Slot::named(id)), decide).await?;
        Ok((changed.client()?.clone(), outcome))
    }
}

impl<T> Done<T> {
    /// The outcome together with the actor's user as it is afterwards.
    pub(super) fn of_user<U>(self, actor: &Actor, outcome: U) -> Result<Done<(User, U)>, AuthError> {
        let user = self.users.iter().find(|user| user.id == *actor.user_id()).cloned();
        let user = user.ok_or(Missing::User)?;
        Ok(self.map(|_| (user, outcome)))
    }
}

/// A client whose token was replaced meanwhile is no longer that of the request.
fn must_hold_token(draft: &mut Draft, token: Option<TokenHash>, now: Timestamp) -> Result<(), AuthError> {
    let client = draft.client()?;
    match token {
        Some(token) if client.has_just_replaced(&token, now) => Err(AuthError::TokenReplaced),
        Some(token) if client.token != token => Err(AuthError::SignedOut),
        _ => Ok(()),
    }
}

/// Whether nothing keeps the user from proving a factor.
pub(super) fn must_be_in_good_standing(user: &User, now: Timestamp) -> Result<(), UserError> {
    if user.banned {
        return Err(UserError::Banned);
    }
    must_not_be_locked(user, now)
}

fn must_not_be_locked(user: &User, now: Timestamp) -> Result<(), UserError> {
    match user.locked_for(now) {
        Some(left) => Err(UserError::Locked { left }),
        None => Ok(()),
    }
}

/// What follows from a user's change of the own account, in `session`, whose client then has the token of that hash.
fn end_of_own_change(draft: &mut Draft, session: Option<(&SessionId, TokenHash)>, now: Timestamp) {
    if let Ok(user) = draft.user() {
        user.seen(now);
    }
    let Some((before, user)) = draft.user_change() else {
        return;
    };
    if user.has_same_credentials(before) {
        return;
    }
    // A change of the password has said itself whether other sessions end.
    if !user.phones.has_same_credentials(&before.phones) {
        user.end_sessions();
    }
    let generation = user.sessions_generation;
    if let (Some((id, token)), Ok(client)) = (session, draft.client()) {
        client.keep_session(id, generation);
        client.replace_token(token, now);
    }
}

/// What follows from a change by a user who came with a token that has this address.
pub(super) fn end_of_change_by_token(draft: &mut Draft, email: Option<&EmailAddress>, now: Timestamp) {
    if let (Ok(user), Some(email)) = (draft.user(), email) {
        user.profile.notice_email = Some(email.clone());
    }
    end_of_own_change(draft, None, now);
}

fn done<T>(context: &ClientContext, changed: &Draft, fresh: Token<ClientId>, outcome: T) -> Done<T> {
    let client = changed.client_slot().and_then(Slot::after).cloned();
    let has_fresh = client.as_ref().is_some_and(|client| client.token == fresh.hash());
    let subject = changed.user_slot();
    let subject_id = subject.map(Slot::id);
    let others = context.users.iter().map(|loaded| &loaded.aggregate);
    let mut users: Vec<User> = others.filter(|user| Some(&user.id) != subject_id).cloned().collect();
    users.extend(subject.and_then(Slot::after).cloned());
    Done {
        client,
        users,
        token: has_fresh.then_some(fresh),
        outcome,
    }
}

/// Names what a sign-up lost to somebody else.
pub(super) fn claimed(error: AuthError) -> AuthError {
    match error {
        AuthError::User(UserError::Taken(Unique::PhoneNumber)) => AuthError::Claimed,
        other => other,
    }
}
