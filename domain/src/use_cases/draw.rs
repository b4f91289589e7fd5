//! Drawing a code and writing the text that carries it: committed with what the code is for, sent afterwards.

use std::sync::Arc;

use async_trait::async_trait;

use super::{UserError, Users};
use crate::ports::{Change, CommitError, Loaded, Repository, Sending, StoreError, UnitOfWork, Write};
use crate::{CodeHash, E164, Message, MessageId, OtpCode, PhoneNumberId, Purpose, TEST_CODE, User, UserId};

/// Whom a code is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipient<'a> {
    pub(super) number: &'a E164,
    pub(super) phone_number: Option<&'a PhoneNumberId>,
    pub(super) user: Option<&'a User>,
}

/// A code that was drawn, and its text; nothing is written or sent yet.
pub(super) struct Drawn {
    pub(super) hash: CodeHash,
    /// To be committed with whatever the code is for; none for a test number, which is never texted.
    pub(super) message: Option<Message>,
}

impl Users {
    /// Draws a code for `purpose`, and writes its text.
    pub(super) fn draw(&self, to: Recipient<'_>, purpose: Purpose<'_>) -> Drawn {
        let entropy = &*self.ports.entropy;
        if self.policy.is_test(to.number)
            && let Ok(fixed) = OtpCode::parse(TEST_CODE)
        {
            return Drawn {
                hash: self.hasher.otp(purpose, &fixed),
                message: None,
            };
        }
        let (now, code) = (self.now(), OtpCode::generate(entropy));
        let locale = to
            .user
            .and_then(|user| user.profile.locale.as_ref())
            .map(ToString::to_string);
        let locale = locale.or_else(|| self.locale.clone());
        let text = self
            .policy
            .texts
            .text(locale.as_deref(), &code, self.policy.code_lifetime);
        let id = MessageId::generate(now, entropy);
        let sealed = self
            .ports
            .sealer
            .close(id.as_str(), &format!("{}{text}", code.reveal()));
        let mut message = Message {
            sealed,
            user: to.user.map(|user| user.id.clone()),
            phone_number: to.phone_number.cloned(),
            ..Message::queued(id, to.number.clone(), now, now.plus(self.policy.code_lifetime))
        };
        // The request itself tries first.
        message.lease(now);
        Drawn {
            hash: self.hasher.otp(purpose, &code),
            message: Some(message),
        }
    }

    /// These use cases, whose next change of a user commits `message` along with it.
    pub(super) fn carrying(&self, message: Option<&Message>) -> Self {
        let Some(message) = message else { return self.clone() };
        let mut users = self.clone();
        users.ports.repository = Arc::new(Carrying {
            repository: self.ports.repository.clone(),
            unit_of_work: self.ports.unit_of_work.clone(),
            message: message.clone(),
        });
        users
    }

    /// Sends what is committed. Whether a text went out; test numbers get none.
    pub(super) async fn send(&self, message: Option<Message>) -> Result<bool, UserError> {
        let Some(message) = message else { return Ok(false) };
        match self.ports.courier.send(message).await {
            Sending::Sent | Sending::Underway => Ok(true),
            Sending::Failed(error) => Err(UserError::NotSent(error)),
        }
    }
}

/// Users, each change of whom commits a message along with it.
struct Carrying {
    repository: Arc<dyn Repository<User>>,
    unit_of_work: Arc<dyn UnitOfWork>,
    message: Message,
}

#[async_trait]
impl Repository<User> for Carrying {
    async fn load(&self, id: &UserId) -> Result<Option<Loaded<User>>, StoreError> {
        self.repository.load(id).await
    }

    async fn commit(&self, change: Change<User>) -> Result<(), CommitError> {
        let message = Write::Message(Box::new(self.message.clone()));
        self.unit_of_work
            .commit_all(vec![Write::User(Box::new(change)), message])
            .await
    }
}
