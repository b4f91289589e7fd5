//! Load, decide, commit: how every state changes, and the only loop that tries again.

use async_trait::async_trait;

use crate::ports::{Aggregate, Change, Commit, CommitError, Loaded, Repository, StoreError, Unique, Write};
use crate::{Client, Message, SignInToken, User};

/// How often a change starts again after another one came first.
///
/// A commit fails as stale only where another one succeeded, so this many changes of the same
/// aggregate got through meanwhile: somebody hammers on one user, and 409 is the honest answer.
pub const MAX_ROUNDS: u32 = 32;

/// What is loaded and committed.
#[derive(Clone, Copy)]
pub struct Stores<'a> {
    /// Loads users.
    pub users: &'a dyn Repository<User>,
    /// Loads clients.
    pub clients: &'a dyn Repository<Client>,
    /// Loads tickets.
    pub tickets: &'a dyn Repository<SignInToken>,
    /// Writes all of them.
    pub commits: &'a dyn Commit,
}

impl<'a> Stores<'a> {
    /// One store that is all of these.
    pub fn of<S>(store: &'a S) -> Self
    where
        S: Repository<User> + Repository<Client> + Repository<SignInToken> + Commit,
    {
        Self {
            users: store,
            clients: store,
            tickets: store,
            commits: store,
        }
    }
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// The rules refuse it; nothing was written.
    #[error(transparent)]
    Refused(E),
    /// Another aggregate has what must be unique.
    #[error("another user has this {0:?}")]
    Taken(Unique),
    /// Others changed the same aggregate again and again.
    #[error("too many changes at once")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The aggregate that a decision is about does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The user.
    #[error("there is no such user")]
    User,
    /// The client.
    #[error("there is no such client")]
    Client,
    /// The ticket.
    #[error("there is no such ticket")]
    Ticket,
}

/// One aggregate that a decision may change: as it was read, and as it shall be.
#[derive(Debug, Clone)]
pub struct Slot<A: Aggregate> {
    id: A::Id,
    /// Whether somebody has looked for it.
    is_read: bool,
    read: Option<Loaded<A>>,
    /// What stands for it where there is none.
    absent: Option<A>,
    now: Option<A>,
}

impl<A: Aggregate> Slot<A> {
    /// One that is read when the change begins.
    #[must_use]
    pub const fn named(id: A::Id) -> Self {
        Self {
            id,
            is_read: false,
            read: None,
            absent: None,
            now: None,
        }
    }

    /// One that was read already.
    #[must_use]
    pub fn loaded(loaded: Loaded<A>) -> Self {
        Self::found(loaded.aggregate.id().clone(), Some(loaded))
    }

    /// One that was looked for already.
    #[must_use]
    pub const fn found(id: A::Id, loaded: Option<Loaded<A>>) -> Self {
        Self {
            id,
            is_read: true,
            read: loaded,
            absent: None,
            now: None,
        }
    }

    /// One that this change makes.
    #[must_use]
    pub fn new(aggregate: A) -> Self {
        Self::found(aggregate.id().clone(), None).or(aggregate)
    }

    /// The same, with what stands for it where there is none.
    #[must_use]
    pub fn or(self, absent: A) -> Self {
        Self {
            absent: Some(absent),
            ..self
        }
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> &A::Id {
        &self.id
    }

    /// As it was read.
    #[must_use]
    pub fn before(&self) -> Option<&A> {
        self.read.as_ref().map(|loaded| &loaded.aggregate)
    }

    /// As it shall be; none if it goes.
    #[must_use]
    pub const fn after(&self) -> Option<&A> {
        self.now.as_ref()
    }

    async fn load(&mut self, repository: &dyn Repository<A>, anew: bool) -> Result<(), StoreError> {
        if anew || !self.is_read {
            self.read = repository.load(&self.id).await?;
            self.is_read = true;
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.now = self.before().or(self.absent.as_ref()).cloned();
    }

    fn is_changed(&self) -> bool {
        self.before() != self.after()
    }

    fn write(&self) -> Option<Write> {
        if !self.is_changed() {
            return None;
        }
        let change = match (self.read.clone(), self.now.clone()) {
            (Some(before), Some(after)) => Change::Replace { before, after },
            (Some(before), None) => Change::Delete(before),
            (None, after) => Change::Create(after?),
        };
        Some(A::write(change))
    }
}

/// What a decision works on: the aggregates that it may change, and the texts that are committed with them.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    client: Option<Slot<Client>>,
    user: Option<Slot<User>>,
    ticket: Option<Slot<SignInToken>>,
    messages: Vec<Message>,
}

impl Draft {
    /// A change of a user.
    #[must_use]
    pub fn of_user(user: Slot<User>) -> Self {
        Self::default().and_user(user)
    }

    /// A change of a client.
    #[must_use]
    pub fn of_client(client: Slot<Client>) -> Self {
        Self {
            client: Some(client),
            ..Self::default()
        }
    }

    /// A change of a ticket.
    #[must_use]
    pub fn of_ticket(ticket: Slot<SignInToken>) -> Self {
        Self::default().and_ticket(ticket)
    }

    /// The same change, of a user as well.
    #[must_use]
    pub fn and_user(self, user: Slot<User>) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }

    /// The same change, of a ticket as well.
    #[must_use]
    pub fn and_ticket(self, ticket: Slot<SignInToken>) -> Self {
        Self {
            ticket: Some(ticket),
            ..self
        }
    }

    /// The same change, with a text that is committed along with it.
    #[must_use]
    pub fn and_message(mut self, message: Option<Message>) -> Self {
        self.messages.extend(message);
        self
    }

    /// The client, to be changed.
    ///
    /// # Errors
    /// [`Missing::Client`].
    pub fn client(&mut self) -> Result<&mut Client, Missing> {
        present(&mut self.client).ok_or(Missing::Client)
    }

    /// The user, to be changed.
    ///
    /// # Errors
    /// [`Missing::User`].
    pub fn user(&mut self) -> Result<&mut User, Missing> {
        present(&mut self.user).ok_or(Missing::User)
    }

    /// Both, to be changed.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn client_and_user(&mut self) -> Result<(&mut Client, &mut User), Missing> {
        let client = present(&mut self.client).ok_or(Missing::Client)?;
        Ok((client, present(&mut self.user).ok_or(Missing::User)?))
    }

    /// The ticket, to be changed.
    ///
    /// # Errors
    /// [`Missing::Ticket`].
    pub fn ticket(&mut self) -> Result<&mut SignInToken, Missing> {
        present(&mut self.ticket).ok_or(Missing::Ticket)
    }

    /// Lets the user go.
    pub fn delete_user(&mut self) {
        if let Some(user) = &mut self.user {
            user.now = None;
        }
    }

    /// The user as it was read, and as it shall be, to be changed; none if it is new or goes.
    pub fn user_change(&mut self) -> Option<(&User, &mut User)> {
        let slot = self.user.as_mut()?;
        Some((&slot.read.as_ref()?.aggregate, slot.now.as_mut()?))
    }

    /// The client's slot, if the change has one.
    #[must_use]
    pub const fn client_slot(&self) -> Option<&Slot<Client>> {
        self.client.as_ref()
    }

    /// The user's slot, if the change has one.
    #[must_use]
    pub const fn user_slot(&self) -> Option<&Slot<User>> {
        self.user.as_ref()
    }

    /// The texts that are committed along with it.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    async fn load(&mut self, stores: &Stores<'_>, anew: bool) -> Result<(), StoreError> {
        if let Some(client) = &mut self.client {
            client.load(stores.clients, anew).await?;
        }
        if let Some(user) = &mut self.user {
            user.load(stores.users, anew).await?;
        }
        if let Some(ticket) = &mut self.ticket {
            ticket.load(stores.tickets, anew).await?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.client.as_mut().map(Slot::begin);
        self.user.as_mut().map(Slot::begin);
        self.ticket.as_mut().map(Slot::begin);
    }

    /// Whether there is anything to commit.
    fn is_changed(&self) -> bool {
        self.user.as_ref().is_some_and(Slot::is_changed)
            || self.client.as_ref().is_some_and(Slot::is_changed)
            || self.ticket.as_ref().is_some_and(Slot::is_changed)
            || !self.messages.is_empty()
    }

    fn writes(&self) -> Vec<Write> {
        let aggregates = [
            self.user.as_ref().and_then(Slot::write),
            self.client.as_ref().and_then(Slot::write),
            self.ticket.as_ref().and_then(Slot::write),
        ];
        let messages = self.messages.iter().cloned().map(Box::new).map(Write::Message);
        aggregates.into_iter().flatten().chain(messages).collect()
    }
}

fn present<A: Aggregate>(slot: &mut Option<Slot<A>>) -> Option<&mut A> {
    slot.as_mut()?.now.as_mut()
}

/// What must happen with a change, because of it: written in the same commit.
#[async_trait]
pub trait Consequences: Send + Sync {
    /// The further writes that follow from a decision, on whose aggregates it may note them. May be asked several times for
    /// one change, which is committed once.
    ///
    /// # Errors
    /// [`StoreError`]; the change does not happen.
    async fn of(&self, decided: &mut Draft) -> Result<Vec<Write>, StoreError>;
}

/// Nothing follows.
#[derive(Debug, Clone, Copy)]
pub struct NoConsequences;

#[async_trait]
impl Consequences for NoConsequences {
    async fn of(&self, _: &mut Draft) -> Result<Vec<Write>, StoreError> {
        Ok(Vec::new())
    }
}

/// Decides on `draft` and commits the decision with its consequences, beginning anew with a fresh load as long as others
/// come first. What the draft has read already is not read again before that.
///
/// `decide` may run several times: it must use nothing but the state it is given. A decision that changes nothing commits
/// nothing. The answer is the draft as it was decided.
///
/// # Errors
/// See [`ChangeError`].
pub async fn change<T, E>(
    stores: &Stores<'_>,
    consequences: &dyn Consequences,
    mut draft: Draft,
    mut decide: impl FnMut(&mut Draft) -> Result<T, E> + Send,
) -> Result<(Draft, T), ChangeError<E>> {
    draft.load(stores, false).await?;
    for _ in 0..MAX_ROUNDS {
        draft.begin();
        let outcome = decide(&mut draft).map_err(ChangeError::Refused)?;
        if !draft.is_changed() {
            return Ok((draft, outcome));
        }
        let further = consequences.of(&mut draft).await?;
        let writes = draft.writes().into_iter().chain(further).collect();
        match stores.commits.commit(writes).await {
            Ok(()) => return Ok((draft, outcome)),
            Err(CommitError::Stale) => draft.load(stores, true).await?,
            Err(CommitError::Taken(what)) => return Err(ChangeError::Taken(what)),
            Err(CommitError::Store(error)) => return Err(ChangeError::Store(error)),
        }
    }
    Err(ChangeError::Contended)
}
