//! Filters and orders of lists, as SQL.

#[diesel::declare_sql_function]
extern "SQL" {
    /// `text` in lower case (the first migration has it).
    fn folded(text: Nullable<Text>) -> Nullable<Text>;

    /// Where `part` begins in `text`, counted from 1; 0 where it does not (the first migration has it).
    fn instr(text: Nullable<Text>, part: Text) -> Nullable<Integer>;
}

phoneproof_store_rows::search!(diesel::pg::Pg);
