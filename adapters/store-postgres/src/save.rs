//! The statements that write a user.

use diesel::prelude::*;
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};
use phoneproof_store_rows::{
    BackupCodeRows, NumberRows, Plan, StandingOfUser, StateOfNumber, Update, WholeCode, WholeUser,
};

use crate::fragments::FirstRevision;
use crate::transaction::Step;

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
        Plan::Delete { id, revision } => {
            let gone = users::table.find(id).filter(users::revision.eq(revision));
            steps.push(Step::new(diesel::delete(gone)).must_find().in_order());
        }
    }
    steps
}

/// One that exists is left alone, whatever else it may be in the way of: what matters then is that it exists.
fn insert_user(user: UserRow) -> Step {
    let inserted = diesel::insert_into(users::table)
        .values((user, users::revision.eq(FirstRevision)))
        .on_conflict(users::id)
        .do_nothing();
    Step::new(inserted).must_find()
}

fn update_user(user: UserRow, revision: i64, profile: bool) -> Step {
    let next = users::revision.eq(revision + 1);
    let of = users::id.eq(user.id).and(users::revision.eq(revision));
    let step = if profile {
        let (kind, set) = (WholeUser, (user.profile, user.standing, next).as_changeset());
        Step::new(Update { kind, set, of })
    } else {
        let (kind, set) = (StandingOfUser, (user.standing, next).as_changeset());
        Step::new(Update { kind, set, of })
    };
    step.must_find()
}

fn save_numbers(steps: &mut Vec<Step>, user_id: &str, numbers: NumberRows) {
    // The default second factor leaves one before it comes to another.
    let several = numbers.updated.len() + numbers.inserted.len() > 1;
    for id in numbers.deleted {
        let user_id = user_id.to_owned();
        steps.push(Step::new(diesel::delete(phone_numbers::table.find((user_id, id)))).in_order());
    }
    for row in numbers.updated {
        let updated = Step::new(Update {
            kind: StateOfNumber,
            set: row.state.as_changeset(),
            of: phone_numbers::user_id.eq(row.user_id).and(phone_numbers::id.eq(row.id)),
        });
        steps.push(if several { updated.in_order() } else { updated });
    }
    steps.extend(numbers.inserted.into_iter().map(insert_number));
}

fn insert_number(row: PhoneNumberRow) -> Step {
    Step::new(diesel::insert_into(phone_numbers::table).values(row))
}

fn save_codes(steps: &mut Vec<Step>, user_id: &str, codes: BackupCodeRows) {
    if let Some(position) = codes.deleted_from {
        let gone = backup_codes::table
            .filter(backup_codes::user_id.eq(user_id.to_owned()))
            .filter(backup_codes::position.ge(position));
        steps.push(Step::new(diesel::delete(gone)).in_order());
    }
    for row in codes.updated {
        let of = backup_codes::user_id
            .eq(row.user_id.clone())
            .and(backup_codes::position.eq(row.position));
        let (kind, set) = (WholeCode, row.as_changeset());
        steps.push(Step::new(Update { kind, set, of }));
    }
    steps.extend(codes.inserted.into_iter().map(insert_code));
}

fn insert_code(row: BackupCodeRow) -> Step {
    Step::new(diesel::insert_into(backup_codes::table).values(row))
}
