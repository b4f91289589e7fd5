//! Filters and orders of lists, as SQL.

#[diesel::declare_sql_function]
extern "SQL" {
    /// `text` in lower case (the first migration has it).
    fn folded(text: Nullable<Text>) -> Nullable<Text>;

    /// Where `part` begins in `text`, counted from 1; 0 where it does not (the first migration has it).
    fn instr(text: Nullable<Text>, part: Text) -> Nullable<Integer>;
}

phoneproof_store_rows::search!(diesel::pg::Pg);

/// Who has one of these numbers.
fn has_one_of(numbers: Vec<String>) -> UserCondition {
    let owners = phone_numbers::table
        .filter(phone_numbers::number.eq_any(numbers))
        .select(phone_numbers::user_id);
    Box::new(users::id.eq_any(owners).nullable())
}
