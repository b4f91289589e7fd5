//! Which rows a change writes. Made by the caller, so that the writing thread has only to write.

use phoneproof_domain::User;
use phoneproof_domain::ports::Change;

use crate::rows::{BackupCodeRow, PhoneNumberRow, UserRow};

/// The rows that a change writes.
#[derive(Debug)]
pub(crate) enum Plan {
    /// A new user.
    Create {
        user: UserRow,
        numbers: Vec<PhoneNumberRow>,
        codes: Vec<BackupCodeRow>,
    },
    /// A user who was read at `revision`, and what differs since.
    Replace {
        user: UserRow,
        revision: i64,
        /// Whether the profile is among what differs.
        profile: bool,
        numbers: NumberRows,
        codes: BackupCodeRows,
    },
    /// A user who was read at `revision` and goes.
    Delete { id: String, revision: i64 },
}

/// The phone numbers that differ, to be written in this order: first what gives something up.
#[derive(Debug, Default)]
pub(crate) struct NumberRows {
    /// Identifiers of rows that go.
    pub(crate) deleted: Vec<String>,
    /// Rows that change; those that become the default second factor come last.
    pub(crate) updated: Vec<PhoneNumberRow>,
    /// New rows.
    pub(crate) inserted: Vec<PhoneNumberRow>,
}

/// The backup codes that differ.
#[derive(Debug, Default)]
pub(crate) struct BackupCodeRows {
    /// The rows from this position on go.
    pub(crate) deleted_from: Option<i32>,
    /// Rows that change.
    pub(crate) updated: Vec<BackupCodeRow>,
    /// New rows.
    pub(crate) inserted: Vec<BackupCodeRow>,
}

impl Plan {
    /// The rows that `change` writes.
    pub(crate) fn of(change: &Change<User>) -> Self {
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
