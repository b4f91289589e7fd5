//! Which rows a change writes.
//!
//! Made before anything is locked, so that whoever holds the lock has only to write.

use phoneproof_domain::User;
use phoneproof_domain::ports::Change;

use crate::rows::{BackupCodeRow, PhoneNumberRow, UserRow};

/// The rows that a change writes.
#[derive(Debug)]
pub enum Plan {
    /// A new user.
    Create {
        /// The user.
        user: UserRow,
        /// The user's numbers.
        numbers: Vec<PhoneNumberRow>,
        /// The user's backup codes.
        codes: Vec<BackupCodeRow>,
    },
    /// A user who was read at `revision`, and what differs since.
    Replace {
        /// The user.
        user: UserRow,
        /// The revision that must still stand.
        revision: i64,
        /// Whether the profile is among what differs.
        profile: bool,
        /// The numbers that differ.
        numbers: NumberRows,
        /// The codes that differ.
        codes: BackupCodeRows,
    },
    /// A user who was read at `revision` and goes.
    Delete {
        /// The user.
        id: String,
        /// The revision that must still stand.
        revision: i64,
    },
}

/// The phone numbers that differ, to be written in this order: first what gives something up.
#[derive(Debug, Default)]
pub struct NumberRows {
    /// Identifiers of rows that go.
    pub deleted: Vec<String>,
    /// Rows that change; those that become the default second factor come last.
    pub updated: Vec<PhoneNumberRow>,
    /// New rows.
    pub inserted: Vec<PhoneNumberRow>,
}

/// The backup codes that differ.
#[derive(Debug, Default)]
pub struct BackupCodeRows {
    /// The rows from this position on go.
    pub deleted_from: Option<i32>,
    /// Rows that change.
    pub updated: Vec<BackupCodeRow>,
    /// New rows.
    pub inserted: Vec<BackupCodeRow>,
}

impl Plan {
    /// The rows that `change` writes.
    #[must_use]
    pub fn of(change: &Change<User>) -> Self {
        match change {
            Change::Create(user) => Self::Create {
                user: UserRow::of(user),
                numbers: PhoneNumberRow::all_of(user),
                codes: BackupCodeRow::all_of(user),
            },
            Change::Replace { before, after } => {
                let (revision, before) = (before.revision.0, &before.aggregate);
                Self::Replace {
                    user: UserRow::of(after),
                    revision,
                    profile: before.profile != after.profile || before.created_at != after.created_at,
                    numbers: NumberRows::between(before, after),
                    codes: BackupCodeRows::between(before, after),
                }
            }
            Change::Delete(before) => Self::Delete {
                id: before.aggregate.id.as_str().to_owned(),
                revision: before.revision.0,
            },
        }
    }
}

impl NumberRows {
    fn between(before: &User, after: &User) -> Self {
        if before.phones.parts() == after.phones.parts() {
            return Self::default();
        }
        let (old, new) = (PhoneNumberRow::all_of(before), PhoneNumberRow::all_of(after));
        // The number of a row never changes: a row with another number is another row.
        let same = |one: &PhoneNumberRow, other: &PhoneNumberRow| one.id == other.id && one.number == other.number;
        let gone = old.iter().filter(|row| !new.iter().any(|other| same(row, other)));
        let deleted = gone.map(|row| row.id.clone()).collect();
        let (kept, inserted): (Vec<_>, Vec<_>) = new
            .into_iter()
            .partition(|row| old.iter().any(|other| same(row, other)));
        let mut updated: Vec<_> = kept.into_iter().filter(|row| !old.contains(row)).collect();
        updated.sort_by_key(|row| row.state.default_second_factor);
        Self {
            deleted,
            updated,
            inserted,
        }
    }
}

impl BackupCodeRows {
    fn between(before: &User, after: &User) -> Self {
        if before.phones.parts().backup_codes == after.phones.parts().backup_codes {
            return Self::default();
        }
        let (old, mut new) = (BackupCodeRow::all_of(before), BackupCodeRow::all_of(after));
        let deleted_from = (new.len() < old.len()).then(|| new.last().map_or(0, |row| row.position + 1));
        let inserted = new.split_off(old.len().min(new.len()));
        let updated = new.into_iter().zip(&old).filter(|(new, old)| new != *old);
        Self {
            deleted_from,
            updated: updated.map(|(new, _)| new).collect(),
            inserted,
        }
    }
}
