//! `Commit`: any changes, in one transaction.

use async_trait::async_trait;
use phoneproof_domain::ports::{Commit, CommitError, Write};
use phoneproof_store_rows::{ClientPlan, Plan};

use crate::transaction::Step;
use crate::{PostgresStore, clients_repository, events, save, sign_in_tokens_repository, sms_outbox};

#[async_trait]
impl Commit for PostgresStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        // One user may get what another one gives away.
        let users = writes.iter().filter(|write| matches!(write, Write::User(_))).count();
        let steps = writes.into_iter().flat_map(steps);
        let steps = steps.map(|step| if users > 1 { step.in_order() } else { step });
        self.commit_steps(steps.collect()).await
    }
}

/// What one write comes to in statements.
fn steps(write: Write) -> Vec<Step> {
    match write {
        Write::User(change) => save::steps(Plan::of(&change)),
        Write::Client(change) => clients_repository::steps(ClientPlan::of(&change)),
        Write::SignInToken(change) => vec![sign_in_tokens_repository::step(&change)],
        Write::Message(message) => vec![sms_outbox::insert(&message)],
        Write::Event(event) => vec![events::insert(&event)],
    }
}
