//! Statements that are prepared once for each connection.
//!
//! Diesel keeps prepared statements by their text, but never an `UPDATE` nor anything with a piece of
//! SQL in it, because it cannot know that there are only a few of them. Preparing took a third of the
//! time of a change. Here there are few, and what Diesel does not mark as passing it keeps.

use diesel::RunQueryDsl;
use diesel::expression::{Expression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};
use diesel::sqlite::{Sqlite, SqliteConnection};

/// Names one `UPDATE` of this crate, whose text is always the same.
pub(crate) trait Kind: 'static {
    fn table(&self) -> &'static str;
}

/// `UPDATE table SET set WHERE of`. Kept by its kind, so that its text is made only once.
pub(crate) struct Update<K, Set, Of> {
    pub(crate) kind: K,
    pub(crate) set: Set,
    pub(crate) of: Of,
}

impl<K: Kind, Set: QueryFragment<Sqlite>, Of: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Update<K, Set, Of> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("UPDATE ");
        pass.push_identifier(self.kind.table())?;
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

impl<K, Set, Of> RunQueryDsl<SqliteConnection> for Update<K, Set, Of> {}

/// A statement without parameters.
pub(crate) struct Bare(pub(crate) &'static str);

impl QueryFragment<Sqlite> for Bare {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for Bare {
    type QueryId = ();
    // Kept by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for Bare {}

/// A new user's first revision: any of 2^48, so that a change which was decided on a user who was
/// deleted since never fits the one who was made anew under the same id.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct FirstRevision;

impl Expression for FirstRevision {
    type SqlType = BigInt;
}

impl<Source> AppearsOnTable<Source> for FirstRevision {}

impl QueryFragment<Sqlite> for FirstRevision {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("random() & 281474976710655");
        Ok(())
    }
}

/// The condition of the index `phone_numbers_owned`, word by word: only so does SQLite use it.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct IsOwned;

impl Expression for IsOwned {
    type SqlType = Bool;
}

impl<Source> AppearsOnTable<Source> for IsOwned {}

impl QueryFragment<Sqlite> for IsOwned {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("(held = 1 OR verification_state IN ('by_code', 'by_admin'))");
        Ok(())
    }
}
