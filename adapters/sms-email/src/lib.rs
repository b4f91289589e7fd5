//! `SmsGateway` through an e-mail-to-SMS gateway: the number becomes an address, such as `{number}@sms.example.com`.
//!
//! Meant for teams whose carrier offers nothing else. It never stands in for SMS as a second factor: what leaves here
//! arrives on the handset of that number, and nowhere else.

use std::time::Duration;

use async_trait::async_trait;
use lettre::Address;
use lettre::message::{Mailbox, Message, SinglePart};
use phoneproof_domain::E164;
use phoneproof_domain::ports::{BoxError, Receipt, SendError, Sms, SmsGateway};
use phoneproof_smtp::{Mailer, ServerError, SmtpError, is_refused};
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
    /// The sender's address, which the e-mail-to-SMS gateway knows.
    pub from: String,
    /// The recipient's address, with `{number}` (digits alone) or `{e164}` (with the plus).
    pub to: String,
    /// How long the mail server is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Why the options make no gateway.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The sender.
    #[error("from: {0:?} is no e-mail address")]
    From(String),
    /// The recipient.
    #[error("to: {0:?} does not make an e-mail address of a number; write {{number}}@sms.example.com")]
    To(String),
}

/// Texts through a mail server.
pub struct EmailSms {
    mailer: Mailer,
    from: Mailbox,
    to: String,
}

impl EmailSms {
    /// A gateway.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let from = options
            .from
            .parse()
            .map_err(|_| OptionsError::From(options.from.clone()))?;
        if address(&options.to, "14155552671").is_none() {
            return Err(OptionsError::To(options.to));
        }
        let timeout = Duration::from_millis(options.timeout_ms);
        Ok(Self {
            mailer: Mailer::new(
                &options.smtp_url,
                options.username.as_deref(),
                options.password.as_ref(),
                timeout,
            )?,
            from,
            to: options.to,
        })
    }

    fn message(&self, sms: &Sms) -> Result<Message, BoxError> {
        let to = recipient(&self.to, &sms.to).ok_or("no address for the number")?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .message_id(Some(format!("<{}@phoneproof>", sms.id)))
            .singlepart(SinglePart::plain(sms.body().to_owned()));
        Ok(message?)
    }
}

fn recipient(template: &str, number: &E164) -> Option<Address> {
    address(template, number.as_str().trim_start_matches('+'))
}

fn address(template: &str, digits: &str) -> Option<Address> {
    if template.matches("{number}").count() + template.matches("{e164}").count() != 1 {
        return None;
    }
    let text = template
        .replace("{number}", digits)
        .replace("{e164}", &format!("+{digits}"));
    text.parse().ok()
}

/// SMTP's answers in the port's words (RFC 5321 §4.2.1): 4yz is for now, 5yz for good.
fn sorted(error: SmtpError) -> SendError {
    // What a server says may quote the address, and that is the number.
    let cause = |what: &str| -> BoxError { format!("the mail server {what}").into() };
    match error.status().map(u16::from) {
        Some(421 | 450..=452) => SendError::Unavailable(cause("asks to try later")),
        Some(code @ (550 | 551 | 553)) => SendError::Rejected(cause(&format!("knows no such recipient ({code})"))),
        Some(code) => SendError::Refused(cause(&format!("refuses the message ({code})"))),
        None if error.is_client() || error.is_tls() => SendError::Unavailable(cause("cannot be reached safely")),
        None if error.is_timeout() => SendError::Unknown(cause("did not answer in time")),
        None if format!("{error:?}").contains("Connect") || is_refused(&error) => {
            SendError::Unavailable(cause("cannot be reached"))
        }
        None => SendError::Unknown(cause("broke off")),
    }
}

#[async_trait]
impl SmsGateway for EmailSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let message = self.message(sms).map_err(SendError::Rejected)?;
        let response = self.mailer.send(message).await.map_err(sorted)?;
        // Most servers say under which name they queued it.
        let said: String = response.message().collect::<Vec<_>>().join(" ");
        let queued = said.split_whitespace().last().filter(|word| word.len() > 3);
        Ok(Receipt::of(queued.map_or_else(
            || sms.id.to_string(),
            |word| format!("{}/{word}", sms.id),
        )))
    }
}
