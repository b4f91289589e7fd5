use std::sync::Arc;

use async_trait::async_trait;
use phoneproof_domain::ports::{Clock, Receipt, SendError, Sms, SmsGateway};
use serde::Deserialize;

use crate::inbox::{Inbox, Message};
use crate::printer::Printer;

/// There is nothing to set. A misspelt option is still an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {}

/// Shows each text on the console and keeps it in the [`Inbox`].
pub struct ConsoleSms {
    inbox: Arc<Inbox>,
    printer: Printer,
    clock: Arc<dyn Clock>,
}

impl ConsoleSms {
    /// A gateway that fills `inbox` and prints to standard output.
    ///
    /// # Errors
    /// If the thread that prints cannot be started.
    pub fn new(inbox: Arc<Inbox>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Ok(Self {
            inbox,
            printer: Printer::start()?,
            clock,
        })
    }
}

#[async_trait]
impl SmsGateway for ConsoleSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let message = Message {
            to: sms.to.to_string(),
            body: sms.body().to_owned(),
            code: sms.code.as_ref().map(|code| code.reveal().to_owned()),
            created_at: self.clock.now().as_millis(),
        };
        self.printer.show(&message);
        let number = self.inbox.keep(message);
        Ok(Receipt::of(format!("console-{number}")))
    }
}
