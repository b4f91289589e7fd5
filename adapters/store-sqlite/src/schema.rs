//! The tables that are SQLite's own, as Diesel knows them.

diesel::table! {
    limits (rowid) {
        rowid -> BigInt,
        key -> Text,
        at_ms -> BigInt,
        forget_at_ms -> BigInt,
        sequence -> BigInt,
    }
}
