//! `Repository<SignInToken>`: one ticket; and the statements that write it.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{Change, Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{SignInToken, SignInTokenId};
use phoneproof_store_rows::rows::SignInTokenRow;
use phoneproof_store_rows::schema::sign_in_tokens;
use phoneproof_store_rows::{Update, WholeTicket};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::kept::FirstRevision;
use crate::save::must_be_one;

#[async_trait]
impl Repository<SignInToken> for SqliteStore {
    async fn load(&self, id: &SignInTokenId) -> Result<Option<Loaded<SignInToken>>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| {
                let found: Option<(i64, SignInTokenRow)> = sign_in_tokens::table
                    .find(id.as_str())
                    .select((sign_in_tokens::revision, SignInTokenRow::as_select()))
                    .get_result(connection)
                    .optional()?;
                let Some((revision, row)) = found else {
                    return Ok(None);
                };
                Ok(Some(Loaded {
                    aggregate: row.into_ticket()?,
                    revision: Revision(revision),
                }))
            })
            .await
    }
}

/// Writes a change, if its revision still stands.
pub(crate) fn save(connection: &mut SqliteConnection, change: &Change<SignInToken>) -> Result<(), Failure> {
    match change {
        Change::Create(ticket) => {
            diesel::insert_into(sign_in_tokens::table)
                .values((SignInTokenRow::of(ticket), sign_in_tokens::revision.eq(FirstRevision)))
                .execute(connection)?;
            Ok(())
        }
        Change::Replace { before, after } => {
            let row = SignInTokenRow::of(after);
            let revision = before.revision.0;
            let of = sign_in_tokens::id
                .eq(after.id.as_str())
                .and(sign_in_tokens::revision.eq(revision));
            let set = (&row, sign_in_tokens::revision.eq(revision + 1)).as_changeset();
            let kind = WholeTicket;
            must_be_one(Update { kind, set, of }.execute(connection)?)
        }
        Change::Delete(before) => {
            let of = sign_in_tokens::table
                .find(before.aggregate.id.as_str())
                .filter(sign_in_tokens::revision.eq(before.revision.0));
            must_be_one(diesel::delete(of).execute(connection)?)
        }
    }
}
