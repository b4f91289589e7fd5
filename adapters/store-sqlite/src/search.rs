//! Filters and orders of lists, as SQL.

use crate::folded::{folded, instr};
use crate::kept::IsOwned;

phoneproof_store_rows::search!(diesel::sqlite::Sqlite);

/// Who has one of these numbers, in two halves: an index has those that are owned, another one the rest.
fn has_one_of(numbers: Vec<String>) -> UserCondition {
    let owned = phone_numbers::number.eq_any(numbers.clone()).and(IsOwned);
    let unowned = phone_numbers::number.eq_any(numbers).and(not(IsOwned));
    let owners = phone_numbers::table
        .filter(owned.or(unowned))
        .select(phone_numbers::user_id);
    Box::new(users::id.eq_any(owners).nullable())
}
