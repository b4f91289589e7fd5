//! `SmsGateway` through Telnyx's Messaging API (<https://developers.telnyx.com/api/messaging/send-message>), and its
//! signed receipts.

mod receipts;

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use phoneproof_domain::ports::{BoxError, Receipt, SendError, Sms, SmsGateway};
use phoneproof_sms_http::{Answer, SetupError, base_url, by_status, client, exchange, throttled, unknown};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// What an operator sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The API key, `KEY…`.
    pub api_key: SecretString,
    /// The account's public key (Ed25519, base64), by which receipts are believed; without it they are not taken.
    pub public_key: Option<String>,
    /// The sender: a number of the account in E.164, or a name.
    pub from: Option<String>,
    /// A messaging profile, needed for names and number pools.
    pub messaging_profile_id: Option<String>,
    /// `https://api.telnyx.com`.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// How long Telnyx is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_base_url() -> String {
    "https://api.telnyx.com".to_owned()
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Why the options make no gateway.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Neither sender nor profile.
    #[error("set from, messaging_profile_id or both")]
    Sender,
    /// Not 32 bytes of base64.
    #[error("public_key: not the base64 of an Ed25519 key; the portal shows it under Keys & Credentials")]
    PublicKey,
}

/// Texts through one Telnyx account.
pub struct TelnyxSms {
    client: reqwest::Client,
    url: String,
    options: Options,
    public_key: Option<Vec<u8>>,
    callback: Option<String>,
}

impl TelnyxSms {
    /// A gateway; `callback` is where Telnyx shall say what became of each text.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: Options, callback: Option<String>) -> Result<Self, OptionsError> {
        let base = base_url(&options.base_url)?;
        if options.from.is_none() && options.messaging_profile_id.is_none() {
            return Err(OptionsError::Sender);
        }
        let key = options.public_key.as_ref().map(|key| BASE64_STANDARD.decode(key));
        let public_key = key.transpose().map_err(|_| OptionsError::PublicKey)?;
        if public_key.as_ref().is_some_and(|key| key.len() != 32) {
            return Err(OptionsError::PublicKey);
        }
        Ok(Self {
            client: client(Duration::from_millis(options.timeout_ms.max(100)))?,
            url: format!("{}/v2/messages", base.as_str().trim_end_matches('/')),
            callback: callback.filter(|_| public_key.is_some()),
            public_key,
            options,
        })
    }

    fn body(&self, sms: &Sms) -> Value {
        let mut body = json!({ "to": sms.to.as_str(), "text": sms.body(), "type": "SMS" });
        let optional = [
            ("from", sms.sender.as_ref().or(self.options.from.as_ref())),
            ("messaging_profile_id", self.options.messaging_profile_id.as_ref()),
            ("webhook_url", self.callback.as_ref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        body
    }
}

/// Telnyx's codes in the port's words (<https://developers.telnyx.com/docs/messaging/messages/error-codes>).
fn sorted(code: &str, answer: &Answer) -> SendError {
    let cause = |text: &str| BoxError::from(format!("Telnyx {code}: {text}"));
    match code {
        "10009" | "20006" | "20012" | "20013" => {
            SendError::Refused(cause("authentication failed or the account is blocked"))
        }
        "20100" => SendError::Refused(cause("no credit left")),
        "10011" | "40011" | "40018" => throttled(answer),
        "40300" | "40310" => SendError::Rejected(cause("invalid 'to' number, or opted out")),
        "40001" | "40008" | "40012" | "40021" | "40301" => SendError::Rejected(cause("the number cannot be texted")),
        "40302" => SendError::Refused(cause("the text is too long")),
        "40305" | "40306" | "40313" | "40315" | "40318" | "40329" => {
            SendError::Refused(cause("the sender is not allowed"))
        }
        "40309" | "40333" => SendError::Refused(cause("this destination is not enabled")),
        "10007" | "50000" | "50003" => SendError::Unavailable(cause("unavailable")),
        _ => by_status(answer, code),
    }
}

#[async_trait]
impl SmsGateway for TelnyxSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let request = self
            .client
            .post(&self.url)
            .bearer_auth(self.options.api_key.expose_secret());
        let answer = exchange(request.json(&self.body(sms))).await?;
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let id = body.as_ref().and_then(|body| body["data"]["id"].as_str());
        match (answer.status, id) {
            (200..=299, Some(id)) => Ok(Receipt::of(id)),
            (200..=299, None) => Err(unknown("an answer without a message id")),
            _ => {
                let code = body.as_ref().and_then(|body| body["errors"][0]["code"].as_str());
                Err(sorted(code.unwrap_or_default(), &answer))
            }
        }
    }
}
