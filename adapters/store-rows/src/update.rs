//! Updates that are prepared once for each connection.
//!
//! Diesel keeps prepared statements by their text, but never an `UPDATE`, because it cannot know that there are only a
//! few of them. Preparing took a third of the time of a change on SQLite, and is a round trip of its own on PostgreSQL.
//! Here there are few, and what Diesel does not mark as passing it keeps.

use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// Names one `UPDATE` of a store, whose text is always the same.
pub trait Kind: 'static {
    /// The table that it updates.
    const TABLE: &'static str;
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident of $table:literal;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Kind for $name {
                const TABLE: &'static str = $table;
            }
        )*
    };
}

kinds! {
    /// All of a user, and the revision.
    WholeUser of "users";
    /// What changes of a user with the phone numbers, and the revision.
    StandingOfUser of "users";
    /// What changes of a phone number.
    StateOfNumber of "phone_numbers";
    /// A backup code.
    WholeCode of "backup_codes";
    /// What changes of a client, and the revision.
    StateOfClient of "clients";
    /// What changes of a session.
    StateOfSession of "sessions";
    /// A ticket, and the revision.
    WholeTicket of "sign_in_tokens";
    /// How far a text has come.
    ProgressOfMessage of "sms_messages";
    /// The same, of a text that is as it was when it was leased.
    EndOfTry of "sms_messages";
}

/// `UPDATE table SET set WHERE of`. Kept by its kind, so that its text is made only once.
pub struct Update<K, Set, Of> {
    /// Which update it is.
    pub kind: K,
    /// A changeset.
    pub set: Set,
    /// Which rows.
    pub of: Of,
}

impl<DB: Backend, K: Kind, Set: QueryFragment<DB>, Of: QueryFragment<DB>> QueryFragment<DB> for Update<K, Set, Of> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql("UPDATE ");
        pass.push_identifier(K::TABLE)?;
        pass.push_sql(" SET ");
        self.set.walk_ast(pass.reborrow())?;
        pass.push_sql(" WHERE ");
        self.of.walk_ast(pass)
    }
}

impl<K: Kind, Set, Of> QueryId for Update<K, Set, Of> {
    type QueryId = K;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Connection, K, Set, Of> RunQueryDsl<Connection> for Update<K, Set, Of> {}
