//! Whether the store can serve.

use async_trait::async_trait;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use phoneproof_domain::ports::{StoreError, StoreHealth};
use phoneproof_store_rows::schema::users;

use crate::PostgresStore;
use crate::errors::{Failure, unavailable};

#[async_trait]
impl StoreHealth for PostgresStore {
    /// Reads a row, and asks whether changes are taken: a server that was made a standby answers and takes none.
    async fn check(&self) -> Result<(), StoreError> {
        self.connections.read(async |connection| check(connection).await).await
    }
}

async fn check(mut connection: &AsyncPgConnection) -> Result<(), Failure> {
    let any = users::table.select(users::id).limit(1);
    let read_only = sql::<Bool>("current_setting('transaction_read_only')::boolean");
    let (read_only, _): (bool, Option<String>) = diesel::select((read_only, any.single_value()))
        .get_result(&mut connection)
        .await?;
    if read_only {
        return Err(unavailable("the database is read-only").into());
    }
    Ok(())
}
