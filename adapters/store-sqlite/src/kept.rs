//! Statements that are prepared once for each connection.
//!
//! Diesel keeps none that has a piece of SQL in it, because it cannot know that there are only a few of them. Here there
//! are; of updates, [`phoneproof_store_rows::Update`] says the same.

use diesel::RunQueryDsl;
use diesel::expression::{Expression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};
use diesel::sqlite::{Sqlite, SqliteConnection};
use phoneproof_store_rows::schema::phone_numbers;

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

impl SelectableExpression<phone_numbers::table> for IsOwned {}

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
