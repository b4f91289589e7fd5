//! `Repository<SignInToken>`: one ticket; and the statements that write it.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use phoneproof_domain::ports::{Change, Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{SignInToken, SignInTokenId};
use phoneproof_store_rows::rows::SignInTokenRow;
use phoneproof_store_rows::schema::sign_in_tokens;
use phoneproof_store_rows::{Update, WholeTicket};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::FirstRevision;
use crate::transaction::Step;

#[async_trait]
impl Repository<SignInToken> for PostgresStore {
    async fn load(&self, id: &SignInTokenId) -> Result<Option<Loaded<SignInToken>>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| load(connection, id).await)
            .await
    }
}

async fn load(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<Loaded<SignInToken>>, Failure> {
    let found: Option<(i64, SignInTokenRow)> = sign_in_tokens::table
        .find(id)
        .select((sign_in_tokens::revision, SignInTokenRow::as_select()))
        .get_result(&mut connection)
        .await
        .optional()?;
    let Some((revision, row)) = found else {
        return Ok(None);
    };
    Ok(Some(Loaded {
        aggregate: row.into_ticket()?,
        revision: Revision(revision),
    }))
}

/// The statement of a change, which finds the revision that was read, or the change came too late.
pub(crate) fn step(change: &Change<SignInToken>) -> Step {
    match change {
        Change::Create(ticket) => {
            let row = SignInTokenRow::of(ticket);
            let inserted = diesel::insert_into(sign_in_tokens::table)
                .values((row, sign_in_tokens::revision.eq(FirstRevision)))
                .on_conflict(sign_in_tokens::id)
                .do_nothing();
            Step::new(inserted).must_find()
        }
        Change::Replace { before, after } => {
            let (row, revision) = (SignInTokenRow::of(after), before.revision.0);
            let of = sign_in_tokens::id
                .eq(row.id.clone())
                .and(sign_in_tokens::revision.eq(revision));
            let set = (row, sign_in_tokens::revision.eq(revision + 1)).as_changeset();
            let kind = WholeTicket;
            Step::new(Update { kind, set, of }).must_find()
        }
        Change::Delete(before) => {
            let (id, revision) = (before.aggregate.id.as_str().to_owned(), before.revision.0);
            let gone = sign_in_tokens::table
                .find(id)
                .filter(sign_in_tokens::revision.eq(revision));
            Step::new(diesel::delete(gone)).must_find().in_order()
        }
    }
}
