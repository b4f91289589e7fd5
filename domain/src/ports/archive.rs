use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use super::StoreError;

/// A part of what an instance keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Users, without what belongs to them.
    Users,
    /// Their phone numbers.
    PhoneNumbers,
    /// The hashes of their backup codes.
    BackupCodes,
    /// Clients, with the sign-ups and sign-ins under way.
    Clients,
    /// Their sessions.
    Sessions,
    /// Tickets.
    SignInTokens,
    /// The sealed keys that sign session tokens.
    SigningKeys,
    /// What was counted.
    Limits,
    /// What waits to be told, and for a while what was told.
    Events,
    /// Texts.
    Messages,
    /// What a back end has set.
    Settings,
    /// Numbers that are let in no more.
    Blocklist,
    /// Numbers that are let in while only such ones are.
    Allowlist,
}

impl Part {
    /// All parts, in an order in which nothing refers to what comes later.
    pub const ALL: [Self; 13] = [
        Self::Users,
        Self::PhoneNumbers,
        Self::BackupCodes,
        Self::Clients,
        Self::Sessions,
        Self::SignInTokens,
        Self::SigningKeys,
        Self::Limits,
        Self::Events,
        Self::Messages,
        Self::Settings,
        Self::Blocklist,
        Self::Allowlist,
    ];

    /// Its name, for people and for the mark of a copy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::PhoneNumbers => "phone numbers",
            Self::BackupCodes => "backup codes",
            Self::Clients => "clients",
            Self::Sessions => "sessions",
            Self::SignInTokens => "tickets",
            Self::SigningKeys => "signing keys",
            Self::Limits => "limits",
            Self::Events => "events",
            Self::Messages => "messages",
            Self::Settings => "settings",
            Self::Blocklist => "blocklist",
            Self::Allowlist => "allowlist",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No part has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no part of an instance is called so")]
pub struct UnknownPart;

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|part| part.as_str() == name)
            .ok_or(UnknownPart)
    }
}

/// One record of a part, as every store writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What identifies it in its part.
    pub key: String,
    /// All of it as JSON, byte for byte the same from every store.
    pub content: String,
}

impl fmt::Debug for Record {
    /// The content is people's data, and no log's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How far a copy into a store has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMark {
    /// The [`Archive::place`] that it comes from.
    pub source: String,
    /// The part that was written last. Those before it are complete.
    pub part: Part,
    /// The key of the last record that was written of this part; none if none was.
    pub after: Option<String>,
}

impl CopyMark {
    /// Nothing was written.
    #[must_use]
    pub fn start(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            part: Part::ALL[0],
            after: None,
        }
    }

    /// The mark once everything of `part` up to `key` is written, too.
    #[must_use]
    pub fn at(&self, part: Part, key: &str) -> Self {
        Self {
            source: self.source.clone(),
            part,
            after: Some(key.to_owned()),
        }
    }
}

/// Why no copy into a store begins.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// There is something in it already.
    #[error("the store is not empty")]
    NotEmpty,
    /// The store did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A whole store, read and written record by record, so that an instance can move from any store to any other.
///
/// A store that is being copied into serves nobody: whoever opens it to serve asks [`Archive::unfinished`] first. Nobody
/// else writes to either store meanwhile; a copy does not notice by itself, but its comparison at the end does.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Archive: Send + Sync {
    /// Where it is, always in the same words: what tells two stores apart, without any secret.
    fn place(&self) -> String;

    /// How many records a part has.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count(&self, part: Part) -> Result<u64, StoreError>;

    /// The first `limit` records of a part after the one with the key `after`. Every store has the same order, in which
    /// texts compare byte by byte. No time-out bounds it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn read(&self, part: Part, after: Option<String>, limit: u32) -> Result<Vec<Record>, StoreError>;

    /// How far a copy into this store has come, if one has begun and is not finished.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn unfinished(&self) -> Result<Option<CopyMark>, StoreError>;

    /// Begins a copy into this store, which must be empty; or answers how far the unfinished one has come, from whichever
    /// source.
    ///
    /// # Errors
    /// [`BeginError`]; nothing has begun.
    async fn begin(&self, source: &str) -> Result<CopyMark, BeginError>;

    /// Writes all of `records`, which are of the part that `to` names, and moves the mark, if it still stands at `from`;
    /// or nothing. Of several that write at once from the same mark one succeeds.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn write(&self, records: Vec<Record>, from: &CopyMark, to: &CopyMark) -> Result<(), StoreError>;

    /// Ends the copy that stands at `mark`: the store may serve.
    ///
    /// # Errors
    /// [`StoreError`]; the copy is as unfinished as before.
    async fn finish(&self, mark: &CopyMark) -> Result<(), StoreError>;
}
