//! Pieces of SQL that Diesel has no words for. Each has one text, so that statements with it are prepared once.

use diesel::expression::{Expression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable};

use crate::limiter::{CountedColumns, InTheWayColumns};

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
    /// The hashes of a user's backup codes, in order.
    CodeHashes: Array<Binary> =
        "ARRAY(SELECT hash FROM backup_codes WHERE backup_codes.user_id = users.id ORDER BY position)"
}

fragment! {
    /// When each of them was used.
    CodeUses: Array<Nullable<BigInt>> =
        "ARRAY(SELECT used_at_ms FROM backup_codes WHERE backup_codes.user_id = users.id ORDER BY position)"
}

macro_rules! statement {
    ($(#[$meta:meta])* $name:ident($($bind:ident),*) $(-> $columns:ty)? = [$first:literal $(, $place:tt $text:literal)*]) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name<Binds>(Binds);

        impl<Binds> $name<Binds> {
            pub(crate) const fn of(binds: Binds) -> Self {
                Self(binds)
            }
        }

        impl<$($bind: QueryFragment<Pg>),*> QueryFragment<Pg> for $name<($($bind,)*)> {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                pass.push_sql($first);
                $(
                    self.0.$place.walk_ast(pass.reborrow())?;
                    pass.push_sql($text);
                )*
                Ok(())
            }
        }

        impl<Binds: QueryId> QueryId for $name<Binds> {
            type QueryId = $name<Binds::QueryId>;
            const HAS_STATIC_QUERY_ID: bool = Binds::HAS_STATIC_QUERY_ID;
        }

        $(
            impl<Binds> diesel::query_builder::Query for $name<Binds> {
                type SqlType = $columns;
            }
        )?
    };
}

statement! {
    /// Locks keys until the transaction ends, in one order for everybody. Two keys with one hash share a lock, which costs
    /// a wait and no more.
    Locks(Keys) = [
        "SELECT pg_advisory_xact_lock(hash) FROM (SELECT DISTINCT hashtextextended(key, 0) AS hash FROM unnest(",
        0 ") AS key ORDER BY hash) AS hashes"
    ]
}

statement! {
    /// For each window the youngest event that must have left it before there is room: the `limit`-th youngest of those in
    /// it; and the span of the window. A clock that was set back must not lock anybody out for longer than the span.
    InTheWay(Keys, Spans, Places, Now) -> InTheWayColumns = [
        "SELECT event.at_ms, asked.span FROM unnest(", 0 ", ", 1 ", ", 2 ") AS asked (key, span, place), \
         (SELECT ", 3 "::bigint AS now) AS clock, \
         LATERAL (SELECT at_ms FROM limits WHERE limits.key = asked.key AND at_ms > clock.now - asked.span \
         AND at_ms <= clock.now + asked.span ORDER BY at_ms DESC LIMIT 1 OFFSET asked.place) AS event"
    ]
}

statement! {
    /// How often each key happened since a moment, and when last.
    Counted(Keys, Since) -> CountedColumns = [
        "SELECT asked.nth - 1, count(limits.at_ms), max(limits.at_ms) FROM unnest(", 0 ", ",
        1 ") WITH ORDINALITY AS asked (key, since, nth) \
         LEFT JOIN limits ON limits.key = asked.key AND limits.at_ms > asked.since GROUP BY asked.nth"
    ]
}

statement! {
    /// Counts each key once more, and forgets up to 16 events that nothing looks back to.
    Taken(Keys, ForgetAt, Now) = [
        "WITH clock AS (SELECT ", 2 "::bigint AS now), over AS (DELETE FROM limits WHERE ctid = ANY (ARRAY(\
         SELECT ctid FROM limits, clock WHERE forget_at_ms <= clock.now ORDER BY forget_at_ms LIMIT 16 \
         FOR UPDATE OF limits SKIP LOCKED))) \
         INSERT INTO limits (key, at_ms, forget_at_ms) SELECT asked.key, clock.now, asked.forget_at FROM unnest(",
        0 ", ", 1 ") AS asked (key, forget_at), clock"
    ]
}

macro_rules! bare {
    ($($name:ident = $sql:literal;)*) => {
        $(
            #[derive(Debug, Clone, Copy, QueryId)]
            pub(crate) struct $name;

            impl QueryFragment<Pg> for $name {
                fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                    pass.push_sql($sql);
                    Ok(())
                }
            }
        )*
    };
}

bare! {
    Commit = "COMMIT";
    Rollback = "ROLLBACK";
}
