//! The statements that write a user.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};
use phoneproof_store_rows::{
    BackupCodeRows, NumberRows, Plan, StandingOfUser, StateOfNumber, Update, WholeCode, WholeUser,
};

use crate::fragments::FirstRevision;
use crate::transaction::{Step, must_find};

/// The statements of `plan`. The first of them finds the revision that was read, or the change came too late.
pub(crate) fn steps(plan: Plan) -> Vec<Step> {
    let mut steps = Vec::new();
    match plan {
        Plan::Create { user, numbers, codes } => {
            steps.push(insert_user(user));
            steps.extend(numbers.into_iter().map(insert_number));
            steps.extend(codes.into_iter().map(insert_code));
        }
        Plan::Replace {
            user,
            revision,
            profile,
            numbers,
            codes,
        } => {
            let id = user.id.clone();
            steps.push(update_user(user, revision, profile));
            save_numbers(&mut steps, &id, numbers);
            save_codes(&mut steps, &id, codes);
        }
        // Numbers and codes go with their user: the foreign keys say so.
        Plan::Delete { id, revision } => steps.push(Step::new(move |connection| {
            must_find(
                connection,
                diesel::delete(users::table.find(&id).filter(users::revision.eq(revision))),
            )
        })),
    }
    steps
}

/// One that exists is left alone, whatever else it may be in the way of: what matters then is that it exists.
fn insert_user(user: UserRow) -> Step {
    Step::new(move |connection| {
        must_find(
            connection,
            diesel::insert_into(users::table)
                .values((&user, users::revision.eq(FirstRevision)))
                .on_conflict(users::id)
                .do_nothing(),
        )
    })
}

fn update_user(user: UserRow, revision: i64, profile: bool) -> Step {
    Step::new(move |connection| {
        let next = users::revision.eq(revision + 1);
        let of = users::id.eq(&user.id).and(users::revision.eq(revision));
        if profile {
            let (kind, set) = (WholeUser, (&user.profile, &user.standing, next).as_changeset());
            must_find(connection, Update { kind, set, of })
        } else {
            let (kind, set) = (StandingOfUser, (&user.standing, next).as_changeset());
            must_find(connection, Update { kind, set, of })
        }
    })
}

fn save_numbers(steps: &mut Vec<Step>, user_id: &str, numbers: NumberRows) {
    for id in numbers.deleted {
        let user_id = user_id.to_owned();
        steps.push(Step::new(move |mut connection| {
            diesel::delete(phone_numbers::table.find((&user_id, &id))).execute(&mut connection)
        }));
    }
    for row in numbers.updated {
        steps.push(Step::new(move |mut connection| {
            Update {
                kind: StateOfNumber,
                set: (&row.state).as_changeset(),
                of: phone_numbers::user_id
                    .eq(&row.user_id)
                    .and(phone_numbers::id.eq(&row.id)),
            }
            .execute(&mut connection)
        }));
    }
    steps.extend(numbers.inserted.into_iter().map(insert_number));
}

fn insert_number(row: PhoneNumberRow) -> Step {
    Step::new(move |mut connection| {
        diesel::insert_into(phone_numbers::table)
            .values(&row)
            .execute(&mut connection)
    })
}

fn save_codes(steps: &mut Vec<Step>, user_id: &str, codes: BackupCodeRows) {
    if let Some(position) = codes.deleted_from {
        let user_id = user_id.to_owned();
        steps.push(Step::new(move |mut connection| {
            let gone = backup_codes::table
                .filter(backup_codes::user_id.eq(&user_id))
                .filter(backup_codes::position.ge(position));
            diesel::delete(gone).execute(&mut connection)
        }));
    }
    for row in codes.updated {
        steps.push(Step::new(move |mut connection| {
            Update {
                kind: WholeCode,
                set: (&row).as_changeset(),
                of: backup_codes::user_id
                    .eq(&row.user_id)
                    .and(backup_codes::position.eq(row.position)),
            }
            .execute(&mut connection)
        }));
    }
    steps.extend(codes.inserted.into_iter().map(insert_code));
}

fn insert_code(row: BackupCodeRow) -> Step {
    Step::new(move |mut connection| {
        diesel::insert_into(backup_codes::table)
            .values(&row)
            .execute(&mut connection)
    })
}
