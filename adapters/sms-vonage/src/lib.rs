//! `SmsGateway` through Vonage's SMS API (<https://developer.vonage.com/en/api/sms>), and its signed receipts.

mod receipts;

use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::Segments;
use phoneproof_domain::ports::{BoxError, Receipt, SendError, Sms, SmsGateway};
use phoneproof_sms_http::{Answer, SetupError, base_url, by_status, client, exchange, throttled, unknown};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// What an operator sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The API key.
    pub api_key: String,
    /// Its secret.
    pub api_secret: SecretString,
    /// The signature secret (HMAC-SHA-256), by which receipts are believed; without it they are not taken.
    pub signature_secret: Option<SecretString>,
    /// The sender: a number or a name.
    pub from: String,
    /// `https://rest.nexmo.com`, or that of a region.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// How long Vonage is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_base_url() -> String {
    "https://rest.nexmo.com".to_owned()
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Texts through one Vonage account.
pub struct VonageSms {
    client: reqwest::Client,
    url: String,
    options: Options,
    callback: Option<String>,
}

/// What we read of an answer: always 200, whatever became of the text.
#[derive(Debug, Deserialize)]
struct Sent {
    messages: Vec<SentMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SentMessage {
    status: String,
    message_id: Option<String>,
}

impl VonageSms {
    /// A gateway; `callback` is where Vonage shall say what became of each text.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(options: Options, callback: Option<String>) -> Result<Self, SetupError> {
        let base = base_url(&options.base_url)?;
        Ok(Self {
            client: client(Duration::from_millis(options.timeout_ms.max(100)))?,
            url: format!("{}/sms/json", base.as_str().trim_end_matches('/')),
            // Without the secret no receipt could be told from a forgery.
            callback: callback.filter(|_| options.signature_secret.is_some()),
            options,
        })
    }

    fn form(&self, sms: &Sms) -> Vec<(&'static str, String)> {
        let options = &self.options;
        let milliseconds = u64::try_from(sms.valid_for.as_millis()).unwrap_or(u64::MAX);
        let mut form = vec![
            ("api_key", options.api_key.clone()),
            ("api_secret", options.api_secret.expose_secret().to_owned()),
            ("from", sms.sender.as_ref().unwrap_or(&options.from).clone()),
            ("to", sms.to.as_str().trim_start_matches('+').to_owned()),
            ("text", sms.body().to_owned()),
            (
                "type",
                if Segments::of(sms.body()).gsm {
                    "text"
                } else {
                    "unicode"
                }
                .to_owned(),
            ),
            // At least 20 s; a code must not arrive late.
            ("ttl", milliseconds.max(20_000).to_string()),
            ("client-ref", sms.id.as_str().to_owned()),
        ];
        form.extend(self.callback.clone().map(|callback| ("callback", callback)));
        form
    }
}

/// Vonage's statuses in the port's words (<https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms>).
fn sorted(status: &str, answer: &Answer) -> SendError {
    let cause = |text: &str| BoxError::from(format!("Vonage {status}: {text}"));
    match status {
        "1" | "10" => throttled(answer),
        "2" => SendError::Refused(cause("missing parameters")),
        "3" => SendError::Refused(cause("invalid parameters")),
        "4" => SendError::Refused(cause("invalid credentials")),
        "5" => SendError::Unavailable(cause("internal error")),
        "6" => SendError::Rejected(cause("the number is not recognised")),
        "7" => SendError::Rejected(cause("the number is barred")),
        "8" => SendError::Refused(cause("the account is barred")),
        "9" => SendError::Refused(cause("no credit left")),
        "11" => SendError::Refused(cause("the account may not use this API")),
        "12" => SendError::Refused(cause("the text is too long")),
        "14" => SendError::Refused(cause("invalid signature")),
        "15" => SendError::Refused(cause("the sender is not allowed")),
        "22" | "23" => SendError::Rejected(cause("the network is not reachable or not allowed")),
        "29" => SendError::Refused(cause("a trial account texts listed numbers alone")),
        "33" => SendError::Rejected(cause("the number is deactivated")),
        _ => SendError::Refused(cause("refused")),
    }
}

#[async_trait]
impl SmsGateway for VonageSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let answer = exchange(self.client.post(&self.url).form(&self.form(sms))).await?;
        if answer.status != 200 {
            return Err(by_status(&answer, ""));
        }
        let sent: Sent =
            serde_json::from_slice(&answer.body).map_err(|_| unknown("an answer that is not understood"))?;
        // One for each segment; the first one names the whole.
        match sent.messages.first() {
            Some(SentMessage {
                status,
                message_id: Some(id),
            }) if status == "0" => Ok(Receipt::of(id)),
            Some(message) if message.status != "0" => Err(sorted(&message.status, &answer)),
            _ => Err(unknown("an answer without a message")),
        }
    }
}
