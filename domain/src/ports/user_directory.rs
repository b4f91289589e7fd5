use async_trait::async_trait;

use super::StoreError;
use crate::profile::{ShortText, Username};
use crate::{E164, PhoneNumberId, Timestamp, User, UserId};

/// A span of time, both ends left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Later than this.
    pub after: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
}

/// Which users are meant. Lists name alternatives; all given conditions must hold; an empty
/// filter means everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Users who have one of these numbers, verified or not.
    pub phone_numbers: Vec<E164>,
    /// Users with one of these ids.
    pub ids: Vec<UserId>,
    /// Users with one of these external ids.
    pub external_ids: Vec<ShortText>,
    /// Users with one of these usernames.
    pub usernames: Vec<Username>,
    /// A part of a number, of the id, or of a name; case does not matter.
    pub query: Option<String>,
    /// A part of the given name, of the family name, or of both with a blank between them; case does not matter.
    pub name_query: Option<String>,
    /// A part of a number.
    pub phone_number_query: Option<String>,
    /// A part of the username; case does not matter.
    pub username_query: Option<String>,
    /// Whether the user is banned.
    pub banned: Option<bool>,
    /// When the user was made.
    pub created_at: Span,
    /// When the user was last active.
    pub last_active_at: Span,
    /// When the user last signed in.
    pub last_sign_in_at: Span,
}

/// What a list is ordered by; equal ones by id.
#[expect(missing_docs, reason = "the names are fields of the user")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    CreatedAt,
    UpdatedAt,
    LastActiveAt,
    /// Last sign-in.
    LastSignInAt,
    FirstName,
    LastName,
    Username,
    /// By the primary number.
    PhoneNumber,
}

/// Which way a list goes.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The place of a user in the order of creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPlace {
    /// When the user was made.
    pub created_at: Timestamp,
    /// Who it is.
    pub id: UserId,
}

/// One page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// Which users.
    pub filter: UserFilter,
    /// In which order.
    pub order_by: OrderBy,
    /// Which way.
    pub direction: Direction,
    /// Those who come after this place in the order of creation; it goes the way of the list.
    pub after: Option<UserPlace>,
    /// At most so many.
    pub limit: u32,
    /// After leaving out so many.
    pub offset: u64,
}

/// Answers questions across users. What it says may be outdated a moment later; what must be
/// unique is decided by [`Commit::commit`](super::Commit::commit) alone.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// Who owns `number`: has it verified or held.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn owner_of(&self, number: &E164) -> Result<Option<UserId>, StoreError>;

    /// Whose phone number `id` is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn user_with(&self, id: &PhoneNumberId) -> Result<Option<UserId>, StoreError>;

    /// One page of the users that fit.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, StoreError>;

    /// How many users fit.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count(&self, filter: &UserFilter) -> Result<u64, StoreError>;
}
