//! Writing a plan, inside the transaction that the writing thread holds.

use diesel::prelude::*;
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};
use phoneproof_store_rows::{
    BackupCodeRows, NumberRows, Plan, StandingOfUser, StateOfNumber, Update, WholeCode, WholeUser,
};

use crate::errors::Failure;
use crate::kept::FirstRevision;

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

/// A change that found no row of its revision came too late.
pub(crate) fn must_be_one(rows: usize) -> Result<(), Failure> {
    if rows == 1 { Ok(()) } else { Err(Failure::Stale) }
}

fn insert_user(connection: &mut SqliteConnection, user: &UserRow) -> Result<(), Failure> {
    let inserted = diesel::insert_into(users::table)
        .values((user, users::revision.eq(FirstRevision)))
        .execute(connection);
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
    let next = users::revision.eq(revision + 1);
    let of = users::id.eq(&user.id).and(users::revision.eq(revision));
    let updated = if profile {
        let (kind, set) = (WholeUser, (&user.profile, &user.standing, next).as_changeset());
        Update { kind, set, of }.execute(connection)?
    } else {
        let (kind, set) = (StandingOfUser, (&user.standing, next).as_changeset());
        Update { kind, set, of }.execute(connection)?
    };
    must_be_one(updated)
}

fn save_numbers(connection: &mut SqliteConnection, user_id: &str, numbers: &NumberRows) -> Result<(), Failure> {
    for id in &numbers.deleted {
        diesel::delete(phone_numbers::table.find((user_id, id))).execute(connection)?;
    }
    for row in &numbers.updated {
        Update {
            kind: StateOfNumber,
            set: (&row.state).as_changeset(),
            of: phone_numbers::user_id.eq(user_id).and(phone_numbers::id.eq(&row.id)),
        }
        .execute(connection)?;
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
        Update {
            kind: WholeCode,
            set: row.as_changeset(),
            of: backup_codes::user_id
                .eq(user_id)
                .and(backup_codes::position.eq(row.position)),
        }
        .execute(connection)?;
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;
    use phoneproof_domain::ports::Change;
    use phoneproof_domain::{
        CodeHash, PhoneNumber, StoredBackupCode, Timestamp, User, UserPhones, UserPhonesParts, Verification,
    };

    use super::*;
    use crate::connection::{Connector, Role};
    use crate::{Options, SqliteStore, users_repository};

    /// The statements that `run` makes, and those of them that are prepared for good.
    fn statements(connection: &mut SqliteConnection, run: impl FnOnce(&mut SqliteConnection)) -> [Vec<String>; 2] {
        let seen = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
        let noted = Arc::clone(&seen);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let query = query.to_string();
                let text = query.split(" -- binds").next().unwrap_or_default().to_owned();
                noted.lock().unwrap()[0].push(text);
            }
            InstrumentationEvent::CacheQuery { sql, .. } => noted.lock().unwrap()[1].push(sql.to_owned()),
            _ => {}
        });
        run(connection);
        std::mem::take(&mut *seen.lock().unwrap())
    }

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn phones(at: u8, code_used_at: Option<Timestamp>) -> UserPhones {
        let (id, number) = (format!("idn_{at:027}"), format!("+1415555267{at}"));
        let mut number = PhoneNumber::unverified(id.parse().unwrap(), number.parse().unwrap(), NOW);
        number.verification = Verification::ByAdmin;
        number.reserved_for_second_factor = true;
        number.updated_at = code_used_at.unwrap_or(Timestamp::from_millis(0));
        let used_at = code_used_at;
        UserPhones::restore(UserPhonesParts {
            primary: Some(number.id.clone()),
            default_second_factor: Some(number.id.clone()),
            numbers: vec![number],
            backup_codes: [CodeHash::from_bytes([at; 32])]
                .map(|hash| StoredBackupCode { hash, used_at })
                .into(),
            mfa_enabled_at: Some(NOW),
            mfa_disabled_at: None,
        })
        .unwrap()
    }

    fn user(at: u8) -> User {
        let phones = phones(at, None);
        let id = format!("user_{at:027}").parse().unwrap();
        User {
            phones,
            ..User::new(id, NOW)
        }
    }

    fn replace(connection: &mut SqliteConnection, after: &User) {
        let before = users_repository::load(connection, after.id.as_str()).unwrap().unwrap();
        let after = after.clone();
        save(connection, &Plan::of(&Change::Replace { before, after })).unwrap();
    }

    #[test]
    fn every_statement_of_a_change_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::at(folder.path().join("test.db"));
        drop(SqliteStore::open(options.clone()).unwrap());
        let mut connection = Connector::new(&options).unwrap().connect(Role::Write).unwrap();
        let [made, kept] = statements(&mut connection, |connection| {
            for at in 0..2 {
                let mut user = user(at);
                save(connection, &Plan::of(&Change::Create(user.clone()))).unwrap();
                user.phones = phones(at, Some(NOW));
                replace(connection, &user);
                user.profile.first_name = "Ann".parse().ok();
                replace(connection, &user);
                user.phones = UserPhones::default();
                replace(connection, &user);
            }
        });
        let mut once = made.clone();
        once.sort();
        once.dedup();
        assert!(
            once.iter().any(|text| text.starts_with("UPDATE `phone_numbers`")),
            "{made:#?}"
        );
        for text in &once {
            assert_eq!(kept.iter().filter(|kept| *kept == text).count(), 1, "{text}");
        }
    }
}
