//! Comparing texts regardless of case.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use phoneproof_store_rows::fold;

#[diesel::declare_sql_function]
extern "SQL" {
    /// `text` in lower case. SQLite's own `lower` and `LIKE` know ASCII alone, and Örjan would
    /// not be found as örjan.
    #[sql_name = "folded"]
    fn folded(text: Nullable<Text>) -> Nullable<Text>;

    /// Where `part` begins in `text`, counted from 1; 0 where it does not. Unlike `LIKE` it knows
    /// no wildcards, so nothing needs escaping.
    fn instr(text: Nullable<Text>, part: Text) -> Nullable<Integer>;
}

/// Makes `folded` known to `connection`.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    folded_utils::register_impl(connection, |text: Option<String>| text.as_deref().map(fold))
}
