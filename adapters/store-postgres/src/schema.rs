//! The tables that are PostgreSQL's own, as Diesel knows them.

diesel::table! {
    /// Without a key of its own: rows are counted, and nobody asks for one.
    limits (key, at_ms) {
        key -> Text,
        at_ms -> BigInt,
        forget_at_ms -> BigInt,
    }
}
