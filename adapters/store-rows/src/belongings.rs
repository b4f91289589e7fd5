//! Joining what was read of many users.

use std::collections::HashMap;

use phoneproof_domain::User;
use phoneproof_domain::ports::StoreError;

use crate::rows::{BackupCodeRow, PhoneNumberRow, UserRow};

/// Joins users, in their order, with the numbers (oldest first) and codes (in order) of all of them.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn with_belongings(
    users: Vec<UserRow>,
    numbers: Vec<PhoneNumberRow>,
    codes: Vec<BackupCodeRow>,
) -> Result<Vec<User>, StoreError> {
    let mut numbers = by_user(numbers, |row: &PhoneNumberRow| row.user_id.clone());
    let mut codes = by_user(codes, |row: &BackupCodeRow| row.user_id.clone());
    let join = |user: UserRow| {
        let numbers = numbers.remove(&user.id).unwrap_or_default();
        let codes = codes.remove(&user.id).unwrap_or_default();
        user.into_user(numbers, codes)
    };
    users.into_iter().map(join).collect()
}

fn by_user<R>(rows: Vec<R>, user: impl Fn(&R) -> String) -> HashMap<String, Vec<R>> {
    let mut sorted: HashMap<String, Vec<R>> = HashMap::new();
    for row in rows {
        sorted.entry(user(&row)).or_default().push(row);
    }
    sorted
}
