//! `Commit`: any changes, in one transaction.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{Change, Commit, CommitError, Event, Write};
use phoneproof_domain::{Message, SignInToken};
use phoneproof_store_rows::{ClientPlan, Plan};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::save::save;
use crate::{clients_repository, events, sign_in_tokens_repository, sms_outbox};

/// What one write comes to in rows.
enum Step {
    User(Box<Plan>),
    Client(Box<ClientPlan>),
    SignInToken(Box<Change<SignInToken>>),
    Message(Box<Message>),
    Event(Event),
}

impl Step {
    fn of(write: Write) -> Self {
        match write {
            Write::User(change) => Self::User(Box::new(Plan::of(&change))),
            Write::Client(change) => Self::Client(Box::new(ClientPlan::of(&change))),
            Write::SignInToken(change) => Self::SignInToken(change),
            Write::Message(message) => Self::Message(message),
            Write::Event(event) => Self::Event(event),
        }
    }

    fn save(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        match self {
            Self::User(plan) => save(connection, plan),
            Self::Client(plan) => clients_repository::save(connection, plan),
            Self::SignInToken(change) => sign_in_tokens_repository::save(connection, change),
            Self::Message(message) => sms_outbox::insert(connection, message),
            Self::Event(event) => events::save(connection, event),
        }
    }
}

#[async_trait]
impl Commit for SqliteStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let steps: Vec<Step> = writes.into_iter().map(Step::of).collect();
        self.writer
            .write(Box::new(move |connection| {
                steps.iter().try_for_each(|step| step.save(connection))
            }))
            .await
    }
}
