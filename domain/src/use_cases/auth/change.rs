//! Changing a client, alone or together with a user, as one commit.

use super::{Auth, AuthError, Changed, Visit};
use crate::change::MAX_ROUNDS;
use crate::ports::{Aggregate, Change, CommitError, Loaded, Unique, Write};
use crate::use_cases::UserError;
use crate::{Client, ClientId, Token, User, UserId};

/// The user who changes with the client.
pub(super) enum Subject {
    /// One who exists.
    Known(UserId),
    /// One who is made by this change.
    New(Box<User>),
}

/// What a decision may use besides the state: made beforehand, because it may be made again.
pub(super) struct Fresh {
    /// The token that the client gets if the decision gives it one.
    pub(super) token: Token<ClientId>,
}

impl Auth {
    /// A token to give to the client of `visit`, or to the one that this visit makes.
    pub(super) fn fresh(&self, visit: &Visit) -> Fresh {
        let entropy = &*self.users.ports.entropy;
        let id = match &visit.client {
            Some(loaded) => loaded.aggregate.id.clone(),
            None => ClientId::generate(self.now(), entropy),
        };
        Fresh {
            token: Token::generate(id, entropy),
        }
    }

    /// Changes the client of `visit`; makes one if there is none.
    pub(super) async fn change_client<T>(
        &self,
        visit: &Visit,
        mut decide: impl FnMut(&mut Client) -> Result<T, AuthError> + Send,
    ) -> Result<Changed<T>, AuthError>
    where
        T: Send,
    {
        let fresh = self.fresh(visit);
        self.change(visit, &fresh, None, |client, _| decide(client)).await
    }

    /// Changes the client of `visit` together with a user.
    pub(super) async fn change_both<T>(
        &self,
        visit: &Visit,
        fresh: &Fresh,
        subject: Subject,
        mut decide: impl FnMut(&mut Client, &mut User) -> Result<T, AuthError> + Send,
    ) -> Result<Changed<T>, AuthError>
    where
        T: Send,
    {
        self.change(visit, fresh, Some(subject), |client, user| match user {
            Some(user) => decide(client, user),
            None => Err(UserError::NoSuchUser.into()),
        })
        .await
    }

    async fn change<T>(
        &self,
        visit: &Visit,
        fresh: &Fresh,
        subject: Option<Subject>,
        mut decide: impl FnMut(&mut Client, Option<&mut User>) -> Result<T, AuthError> + Send,
    ) -> Result<Changed<T>, AuthError>
    where
        T: Send,
    {
        let now = self.now();
        let mut loaded = visit.client.clone();
        for _ in 0..MAX_ROUNDS {
            let user_before = match &subject {
                Some(Subject::Known(id)) => Some(self.users.load(id).await?.ok_or(UserError::NoSuchUser)?),
                Some(Subject::New(_)) | None => None,
            };
            let mut client = match &loaded {
                Some(loaded) => loaded.aggregate.clone(),
                None => Client::new(fresh.token.id.clone(), fresh.token.hash(), now),
            };
            let mut user = match (&user_before, &subject) {
                (Some(loaded), _) => Some(loaded.aggregate.clone()),
                (None, Some(Subject::New(user))) => Some((**user).clone()),
                (None, _) => None,
            };
            let outcome = decide(&mut client, user.as_mut())?;
            if let (Some(before), Some(user)) = (&user_before, user.as_mut()) {
                user.stamp(&before.aggregate, now);
            }
            let writes: Vec<Write> = [
                user.clone()
                    .and_then(|user| write(user_before.clone(), user))
                    .map(|change| Write::User(Box::new(change))),
                write(loaded.clone(), client.clone()).map(|change| Write::Client(Box::new(change))),
                visit.message.clone().map(Write::Message),
            ]
            .into_iter()
            .flatten()
            .collect();
            let committed = if writes.is_empty() {
                Ok(())
            } else {
                self.users.ports.unit_of_work.commit_all(writes).await
            };
            match committed {
                Ok(()) => {
                    let token = (client.token == fresh.token.hash()).then(|| fresh.token.clone());
                    return Ok(Changed {
                        client,
                        user,
                        token,
                        outcome,
                    });
                }
                Err(CommitError::Stale) => {
                    if let Some(before) = &visit.client {
                        // A token that was replaced meanwhile opens nothing any more.
                        let again = self.ports.clients.load(&before.aggregate.id).await?;
                        let again = again.filter(|again| again.aggregate.token == before.aggregate.token);
                        loaded = Some(again.ok_or(AuthError::SignedOut)?);
                    }
                }
                Err(CommitError::Taken(Unique::PhoneNumber)) => return Err(AuthError::Claimed),
                Err(CommitError::Taken(what)) => return Err(UserError::Taken(what).into()),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(UserError::Contended.into())
    }

    /// The same visit once its client has changed.
    ///
    /// # Errors
    /// [`AuthError::SignedOut`] if the client has another token by now.
    pub async fn revisit(&self, visit: &Visit, client: &Client) -> Result<Visit, AuthError> {
        let loaded = self.ports.clients.load(&client.id).await?;
        let loaded = loaded.filter(|loaded| loaded.aggregate.token == client.token);
        Ok(Visit {
            client: Some(loaded.ok_or(AuthError::SignedOut)?),
            ..visit.clone()
        })
    }
}

/// The change from what was read, if there is any.
pub(super) fn write<A: Aggregate>(before: Option<Loaded<A>>, after: A) -> Option<Change<A>> {
    match before {
        Some(before) if before.aggregate == after => None,
        Some(before) => Some(Change::Replace { before, after }),
        None => Some(Change::Create(after)),
    }
}
