//! Pieces of SQL that Diesel has no words for. Each has one text, so that statements with it are prepared once.

use diesel::expression::{Expression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable};

macro_rules! fragment {
    ($(#[$meta:meta])* $name:ident: $type:ty = $sql:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
        pub(crate) struct $name;

        impl Expression for $name {
            type SqlType = $type;
        }

        impl<Source> AppearsOnTable<Source> for $name {}

        impl<Source> SelectableExpression<Source> for $name {}

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                pass.push_sql($sql);
                Ok(())
            }
        }
    };
}

fragment! {
    /// A new aggregate's first revision: any of 2^48, so that a change which was decided on one that was deleted since
    /// never fits the one that was made anew under the same id.
    FirstRevision: BigInt = "floor(random() * 281474976710656)::bigint"
}

fragment! {
    /// The condition of the index `phone_numbers_owned`.
    IsOwned: Bool = "owned"
}

fragment! {
    /// True, and the transaction's commit does not wait for the disk: it is flushed with the next commit that does, or by
    /// PostgreSQL's WAL writer (after `wal_writer_delay`, 200 ms by default, or three times as long).
    CommitsLater: Bool = "set_config('synchronous_commit', 'off', true) = 'off'"
}

fragment! {
    /// The hashes of a user's backup codes, in order.
    CodeHashes: Array<Binary> =
        "ARRAY(SELECT hash FROM backup_codes WHERE backup_codes.user_id = users.id ORDER BY position)"
}

fragment! {
    /// When each of them was used.
    CodeUses: Array<Nullable<BigInt>> =
        "ARRAY(SELECT used_at_ms FROM backup_codes WHERE backup_codes.user_id = users.id ORDER BY position)"
}
