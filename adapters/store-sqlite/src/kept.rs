//! Statements that are prepared once for each connection.
//!
//! Diesel prepares every `UPDATE` and everything with a piece of SQL in it anew, because it cannot
//! know that the text stays the same. Preparing took a third of the time of a change; here the text
//! does stay the same, or there are few of them, and Diesel keeps statements by their text.

use diesel::RunQueryDsl;
use diesel::expression::{Expression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteConnection};

/// A statement whose text is one of a few: worth keeping.
pub(crate) struct Kept<T>(pub(crate) T);

impl<T> QueryId for Kept<T> {
    type QueryId = ();
    // Kept by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Kept<T> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &Sqlite) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<T> RunQueryDsl<SqliteConnection> for Kept<T> {}

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
