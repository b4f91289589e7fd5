//! `SmsGateway` through Twilio's Messages API, and its signed delivery receipts.

mod create_message;
mod errors;
mod receipts;

use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::ports::{Receipt, SendError, Sms, SmsGateway};
use phoneproof_sms_http::{SetupError, base_url, client, unknown};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use twilio_async::{Credentials, TwilioJson, TwilioRequest};

use create_message::CreateMessage;

/// What an operator sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The account, `AC…`.
    pub account_sid: String,
    /// The account's token. It also signs receipts: without it they are not taken.
    pub auth_token: Option<SecretString>,
    /// An API key, `SK…`, instead of the token.
    pub api_key: Option<String>,
    /// The key's secret.
    pub api_key_secret: Option<SecretString>,
    /// The sender: a number of the account in E.164, or a name where the country takes one.
    pub from: Option<String>,
    /// A messaging service, `MG…`, instead of a sender.
    pub messaging_service_sid: Option<String>,
    /// `https://api.twilio.com`, or that of a region.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// How long Twilio is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_base_url() -> String {
    "https://api.twilio.com".to_owned()
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Why the options make no gateway.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// No account.
    #[error("account_sid: {0:?} is not \"AC\" and 32 hexadecimal digits")]
    Account(String),
    /// Neither token nor key.
    #[error("set auth_token, or api_key and api_key_secret")]
    Credentials,
    /// Credentials that no header can carry.
    #[error("the credentials hold characters that no header can carry")]
    Characters,
    /// Neither sender nor service, or both.
    #[error("set either from or messaging_service_sid")]
    Sender,
    /// The address cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// Texts through one Twilio account.
pub struct TwilioSms {
    client: reqwest::Client,
    url: String,
    credentials: Credentials,
    sender: String,
    callback: Option<String>,
    auth_token: Option<SecretString>,
}

impl TwilioSms {
    /// A gateway; `callback` is where Twilio shall say what became of each text.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: Options, callback: Option<String>) -> Result<Self, OptionsError> {
        let account = options.account_sid;
        let digits = account.strip_prefix("AC").unwrap_or_default();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(OptionsError::Account(account));
        }
        let (user, secret) = match (&options.api_key, &options.api_key_secret, &options.auth_token) {
            (Some(key), Some(secret), _) => (key, secret),
            (None, None, Some(token)) => (&account, token),
            _ => return Err(OptionsError::Credentials),
        };
        let credentials = Credentials::basic(user, secret.expose_secret()).map_err(|_| OptionsError::Characters)?;
        let ((None, Some(sender)) | (Some(sender), None)) = (options.from, options.messaging_service_sid) else {
            return Err(OptionsError::Sender);
        };
        let base = base_url(&options.base_url)?;
        Ok(Self {
            client: client(Duration::from_millis(options.timeout_ms.max(100)))?,
            url: format!(
                "{}/2010-04-01/Accounts/{account}/Messages.json",
                base.as_str().trim_end_matches('/')
            ),
            credentials,
            sender,
            // Without the token no receipt could be told from a forgery.
            callback: callback.filter(|_| options.auth_token.is_some()),
            auth_token: options.auth_token,
        })
    }

    fn form(&self, sms: &Sms) -> Vec<(&'static str, String)> {
        let sender = sms.sender.as_ref().unwrap_or(&self.sender).clone();
        let by_service = sender.starts_with("MG") && sender.len() == 34;
        let mut form = vec![
            ("To", sms.to.as_str().to_owned()),
            (if by_service { "MessagingServiceSid" } else { "From" }, sender),
            ("Body", sms.body().to_owned()),
            // Twilio drops what is still queued then: a code must not arrive late. At least 1, at most 14400.
            ("ValidityPeriod", sms.valid_for.as_secs().clamp(1, 14_400).to_string()),
        ];
        form.extend(self.callback.clone().map(|callback| ("StatusCallback", callback)));
        form
    }
}

#[async_trait]
impl SmsGateway for TwilioSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let request = CreateMessage::new(&self.client, &self.url, &self.credentials, self.form(sms));
        let read = request.run().await;
        let answer = request
            .seen()
            .unwrap_or_else(|| Err(SendError::Unavailable("no request was made".into())))?;
        let created = (200..300).contains(&answer.status);
        match read {
            Ok(TwilioJson::Success(message)) if created => Ok(Receipt::of(message.sid)),
            Ok(TwilioJson::Fail { code, .. }) if !created => Err(errors::sorted(u32::try_from(code).ok(), &answer)),
            _ if created => Err(unknown(format!("status {} without a message SID", answer.status))),
            _ => Err(errors::sorted(None, &answer)),
        }
    }
}
