use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use phoneproof_domain::ports::{Receipt, SendError, Sms, SmsGateway};

type Behaviour = Box<dyn Fn(&Sms) -> Result<Receipt, SendError> + Send + Sync>;

/// A carrier that does as the test says, and remembers what it was given.
pub struct FakeCarrier {
    behaviour: Behaviour,
    given: Mutex<Vec<Sms>>,
}

impl FakeCarrier {
    /// A carrier that answers each text with `behaviour`.
    pub fn new(behaviour: impl Fn(&Sms) -> Result<Receipt, SendError> + Send + Sync + 'static) -> Self {
        Self {
            behaviour: Box::new(behaviour),
            given: Mutex::default(),
        }
    }

    /// The texts it was given, oldest first.
    pub fn given(&self) -> Vec<Sms> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl SmsGateway for FakeCarrier {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        self.given
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sms.clone());
        (self.behaviour)(sms)
    }
}
