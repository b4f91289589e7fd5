//! `SecurityNotices` by e-mail.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, Message, SinglePart};
use phoneproof_domain::EmailAddress;
use phoneproof_domain::ports::{BoxError, SecurityNotices, SinkError};
use phoneproof_smtp::{Mailer, ServerError};
use secrecy::SecretString;
use serde::Deserialize;

/// What an operator sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The mail server: `smtps://HOST`, or `smtp://HOST:PORT` with STARTTLS.
    pub smtp_url: String,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The sender.
    pub from: String,
    /// How long the mail server is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Why the options make no sender.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The sender.
    #[error("from: {0:?} is no e-mail address")]
    From(String),
}

/// Tells users through a mail server.
pub struct EmailNotices {
    mailer: Mailer,
    from: Mailbox,
}

impl EmailNotices {
    /// What tells users.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let timeout = Duration::from_millis(options.timeout_ms);
        Ok(Self {
            mailer: Mailer::new(
                &options.smtp_url,
                options.username.as_deref(),
                options.password.as_ref(),
                timeout,
            )?,
            from: options.from.parse().map_err(|_| OptionsError::From(options.from))?,
        })
    }

    fn message(&self, id: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<Message, BoxError> {
        let to = to.as_str().parse().map_err(|_| "the address is not understood")?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            // The same on every try: mail clients show it once.
            .message_id(Some(format!("<{id}@phoneproof>")))
            .subject(subject)
            .singlepart(SinglePart::plain(text.to_owned()));
        Ok(message?)
    }
}

#[async_trait]
impl SecurityNotices for EmailNotices {
    async fn notify(&self, id: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<(), SinkError> {
        let message = self.message(id, to, subject, text).map_err(SinkError)?;
        // What a server says may quote the address.
        let failed = |code: Option<u16>| match code {
            Some(code) => SinkError(format!("the mail server answered {code}").into()),
            None => SinkError("the mail server cannot be reached, or broke off".into()),
        };
        let sent = self.mailer.send(message).await;
        sent.map(|_| ()).map_err(|error| failed(error.status().map(u16::from)))
    }
}
