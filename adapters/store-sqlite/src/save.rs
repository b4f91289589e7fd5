//! Writing a plan, inside the transaction that the writing thread holds.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::errors::Failure;
use crate::kept::Kept;
use crate::plan::{BackupCodeRows, NumberRows, Plan};
use crate::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use crate::schema::{backup_codes, phone_numbers, users};

/// A new user's first revision: any of 2^48, so that a change which was decided on a user who was
/// deleted since never fits the one who was made anew under the same id.
const FIRST_REVISION: &str = "random() & 281474976710655";

/// Writes `plan`, if its revision still stands.
pub(crate) fn save(connection: &mut SqliteConnection, plan: &Plan) -> Result<(), Failure> {
    match plan {
        Plan::Create { user, numbers, codes } => {
            insert_user(connection, user)?;
            insert_numbers(connection, numbers)?;
            insert_codes(connection, codes)
        }
        Plan::Replace {
            user,
            revision,
            profile,
            numbers,
            codes,
        } => {
            update_user(connection, user, *revision, *profile)?;
            save_numbers(connection, &user.id, numbers)?;
            save_codes(connection, &user.id, codes)
        }
        // Numbers and codes go with their user: the foreign keys say so.
        Plan::Delete { id, revision } => {
            must_be_one(diesel::delete(users::table.find(id).filter(users::revision.eq(revision))).execute(connection)?)
        }
    }
}

fn must_be_one(rows: usize) -> Result<(), Failure> {
    if rows == 1 { Ok(()) } else { Err(Failure::Stale) }
}

fn insert_user(connection: &mut SqliteConnection, user: &UserRow) -> Result<(), Failure> {
    let revision = diesel::dsl::sql::<BigInt>(FIRST_REVISION);
    let insert = diesel::insert_into(users::table).values((user, users::revision.eq(revision)));
    let inserted = Kept(insert).execute(connection);
    let Err(error) = inserted else {
        return Ok(());
    };
    // SQLite names one violated index, not all. A user who exists has its own names, of course;
    // what matters then is that it exists.
    let exists: Option<String> = users::table
        .find(&user.id)
        .select(users::id)
        .first(connection)
        .optional()?;
    Err(exists.map_or_else(|| error.into(), |_| Failure::Stale))
}

fn update_user(connection: &mut SqliteConnection, user: &UserRow, revision: i64, profile: bool) -> Result<(), Failure> {
    let target = users::table.find(&user.id).filter(users::revision.eq(revision));
    let next = users::revision.eq(revision + 1);
    let updated = if profile {
        Kept(diesel::update(target).set((&user.profile, &user.standing, next))).execute(connection)?
    } else {
        Kept(diesel::update(target).set((&user.standing, next))).execute(connection)?
    };
    must_be_one(updated)
}

fn save_numbers(connection: &mut SqliteConnection, user_id: &str, numbers: &NumberRows) -> Result<(), Failure> {
    for id in &numbers.deleted {
        diesel::delete(phone_numbers::table.find((user_id, id))).execute(connection)?;
    }
    for row in &numbers.updated {
        let update = diesel::update(phone_numbers::table.find((user_id, &row.id))).set(&row.state);
        Kept(update).execute(connection)?;
    }
    insert_numbers(connection, &numbers.inserted)
}

fn insert_numbers(connection: &mut SqliteConnection, rows: &[PhoneNumberRow]) -> Result<(), Failure> {
    for row in rows {
        diesel::insert_into(phone_numbers::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

fn save_codes(connection: &mut SqliteConnection, user_id: &str, codes: &BackupCodeRows) -> Result<(), Failure> {
    if let Some(position) = codes.deleted_from {
        let gone = backup_codes::table
            .filter(backup_codes::user_id.eq(user_id))
            .filter(backup_codes::position.ge(position));
        diesel::delete(gone).execute(connection)?;
    }
    for row in &codes.updated {
        let update = diesel::update(backup_codes::table.find((user_id, row.position))).set(row);
        Kept(update).execute(connection)?;
    }
    insert_codes(connection, &codes.inserted)
}

fn insert_codes(connection: &mut SqliteConnection, rows: &[BackupCodeRow]) -> Result<(), Failure> {
    for row in rows {
        diesel::insert_into(backup_codes::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}
