//! `UserDirectory`: questions across users.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{StoreError, UserDirectory, UserFilter, UserQuery};
use phoneproof_domain::{E164, PhoneNumberId, User, UserId};

use crate::SqliteStore;
use crate::kept::IsOwned;
use crate::readers::ReadError;
use crate::search::{follows, order, user_conditions};
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};
use phoneproof_store_rows::{corrupt, with_belongings};

#[async_trait]
impl UserDirectory for SqliteStore {
    async fn owner_of(&self, number: &E164) -> Result<Option<UserId>, StoreError> {
        let number = number.clone();
        self.readers
            .read(move |connection| user_id(owner_of(connection, number.as_str())?))
            .await
    }

    async fn user_with(&self, id: &PhoneNumberId) -> Result<Option<UserId>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| user_id(user_with(connection, id.as_str())?))
            .await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        let query = query.clone();
        self.searches.read(move |connection| list(connection, &query)).await
    }

    async fn count(&self, filter: &UserFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.searches
            .read(move |connection| {
                let mut counted = users::table.select(diesel::dsl::count_star()).into_boxed();
                for condition in user_conditions(&filter) {
                    counted = counted.filter(condition);
                }
                let count: i64 = counted.first(connection)?;
                Ok(count.unsigned_abs())
            })
            .await
    }
}

fn owner_of(connection: &mut SqliteConnection, number: &str) -> QueryResult<Option<String>> {
    phone_numbers::table
        .filter(phone_numbers::number.eq(number))
        .filter(IsOwned)
        .select(phone_numbers::user_id)
        // No `first`: its bound LIMIT makes SQLite prepare the statement anew each time.
        .get_result(connection)
        .optional()
}

fn user_with(connection: &mut SqliteConnection, id: &str) -> QueryResult<Option<String>> {
    phone_numbers::table
        .filter(phone_numbers::id.eq(id))
        .select(phone_numbers::user_id)
        // No `first`: its bound LIMIT makes SQLite prepare the statement anew each time.
        .get_result(connection)
        .optional()
}

fn list(connection: &mut SqliteConnection, query: &UserQuery) -> Result<Vec<User>, ReadError> {
    let mut found = users::table
        .select(UserRow::as_select())
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .into_boxed();
    for condition in user_conditions(&query.filter) {
        found = found.filter(condition);
    }
    if let Some(place) = &query.after {
        found = found.filter(follows(place, query.direction));
    }
    for term in order(query.order_by, query.direction) {
        found = found.then_order_by(term);
    }
    let users = found.load(connection)?;
    load_belongings(connection, users)
}

/// Reads what belongs to all these users at once.
fn load_belongings(connection: &mut SqliteConnection, users: Vec<UserRow>) -> Result<Vec<User>, ReadError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
    let numbers = phone_numbers::table
        .filter(phone_numbers::user_id.eq_any(&ids))
        .order_by((phone_numbers::created_at_ms, phone_numbers::id))
        .select(PhoneNumberRow::as_select())
        .load(connection)?;
    let codes = backup_codes::table
        .filter(backup_codes::user_id.eq_any(&ids))
        .order_by(backup_codes::position)
        .select(BackupCodeRow::as_select())
        .load(connection)?;
    Ok(with_belongings(users, numbers, codes)?)
}

fn user_id(id: Option<String>) -> Result<Option<UserId>, ReadError> {
    let parse = |id: String| {
        id.parse()
            .map_err(|error| corrupt("phone_numbers, user_id", &id, error).into())
    };
    id.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;
    use diesel::sql_types::Text;
    use phoneproof_domain::Timestamp;
    use phoneproof_domain::ports::{Change, Direction, OrderBy};

    use super::*;
    use crate::connection::{Connector, Role};
    use crate::save::save;
    use crate::{Options, users_repository};
    use phoneproof_store_rows::Plan;

    /// How SQLite finds the rows of all statements that `run` makes.
    fn plans(run: impl FnOnce(&mut SqliteConnection)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::at(folder.path().join("test.db"));
        drop(SqliteStore::open(options.clone()).unwrap());
        let mut connection = Connector::new(&options).unwrap().connect(Role::Write).unwrap();
        let statements = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&statements);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                seen.lock().unwrap().push(query.to_string());
            }
        });
        run(&mut connection);
        let statements = std::mem::take(&mut *statements.lock().unwrap());
        let plan = |statement: String| {
            let (statement, _binds) = statement.split_once(" -- binds").unwrap();
            let plan = sql_plan(&mut connection, statement);
            format!("{statement}: {plan}")
        };
        statements.into_iter().map(plan).collect()
    }

    fn sql_plan(connection: &mut SqliteConnection, statement: &str) -> String {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = Text)]
            detail: String,
        }
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"))
            .load(connection)
            .unwrap();
        steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_asked_often_is_found_by_an_index() {
        let number = "+14155552671".parse().unwrap();
        let user = User::new("user_".parse().unwrap(), Timestamp::from_millis(0));
        let by_number = UserFilter {
            phone_numbers: vec![number],
            ..UserFilter::default()
        };
        let page = |filter: &UserFilter, direction| UserQuery {
            filter: filter.clone(),
            order_by: OrderBy::CreatedAt,
            direction,
            after: None,
            limit: 10,
            offset: 0,
        };
        let plans = plans(|connection| {
            owner_of(connection, "+14155552671").unwrap();
            user_with(connection, "idn_").unwrap();
            save(connection, &Plan::of(&Change::Create(user.clone()))).unwrap();
            let before = users_repository::load(connection, "user_").unwrap().unwrap();
            let mut after = user.clone();
            after.banned = true;
            let replace = Change::Replace { before, after };
            save(connection, &Plan::of(&replace)).unwrap();
            list(connection, &page(&by_number, Direction::Ascending)).unwrap();
            list(connection, &page(&UserFilter::default(), Direction::Descending)).unwrap();
        });
        assert!(plans.len() >= 9, "{plans:#?}");
        assert!(plans[0].contains("INDEX phone_numbers_owned"), "{}", plans[0]);
        assert!(plans[1].contains("INDEX phone_numbers_id"), "{}", plans[1]);
        let by_number = plans.iter().find(|plan| plan.contains("`number` IN")).unwrap();
        assert!(by_number.contains("INDEX phone_numbers_owned"), "{by_number}");
        assert!(by_number.contains("INDEX phone_numbers_unowned"), "{by_number}");
        for plan in &plans {
            // A page of all users walks along the index, which is a scan that ends with the page.
            let walks = plan.contains("SCAN users USING INDEX users_created_at");
            assert!(walks || !plan.contains("SCAN"), "{plan}");
            assert!(!walks || !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
