//! `SmsGateway` that hands each text to the team's own sender: a signed `sms.created` event (contract 9), and 2xx is
//! taken.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use phoneproof_domain::OtpCode;
use phoneproof_domain::ports::{Clock, Receipt, SendError, Sms, SmsGateway};
use phoneproof_sms_http::{SetupError, base_url, by_status, client, exchange};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

/// What an operator sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The endpoint: https, or http on this machine.
    pub url: String,
    /// What calls are signed with: `whsec_` and base64.
    pub secret: SecretString,
    /// How long the endpoint is waited for, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

const fn default_timeout_ms() -> u64 {
    5_000
}

/// Why the options make no gateway.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Not `whsec_` and base64.
    #[error("secret: not \"whsec_\" and base64 of at least 16 bytes; `echo whsec_$(openssl rand -base64 24)`")]
    Secret,
}

/// Texts through the team's own endpoint.
pub struct WebhookSms {
    client: reqwest::Client,
    url: String,
    key: Vec<u8>,
    clock: Arc<dyn Clock>,
}

impl WebhookSms {
    /// A gateway.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, OptionsError> {
        let secret = options.secret.expose_secret().trim();
        let key = secret.strip_prefix("whsec_").ok_or(OptionsError::Secret)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| OptionsError::Secret)?;
        if key.len() < 16 {
            return Err(OptionsError::Secret);
        }
        Ok(Self {
            client: client(Duration::from_millis(options.timeout_ms.max(100)))?,
            url: base_url(&options.url)?.into(),
            key,
            clock,
        })
    }

    fn body(&self, sms: &Sms) -> Value {
        let now = self.clock.now().as_millis();
        let code = sms.code.as_ref().map(OtpCode::reveal);
        json!({
            "object": "event",
            "type": "sms.created",
            "timestamp": now,
            "data": {
                "object": "sms_message",
                "id": sms.id.as_str(),
                "slug": if code.is_some() { "verification_code" } else { "security_notice" },
                "from_phone_number": sms.sender,
                "to_phone_number": sms.to.as_str(),
                "message": sms.body(),
                "status": "queued",
                // Null in a notice.
                "data": { "otp_code": code },
                // The endpoint must send it.
                "delivered_by_clerk": false,
                "expires_in_seconds": sms.valid_for.as_secs(),
                "created_at_ms": now,
            },
        })
    }

    fn signature(&self, id: &str, seconds: i64, body: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key).expect("any length is valid");
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[async_trait]
impl SmsGateway for WebhookSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        // The same on every try, so that the endpoint can tell a repetition.
        let id = format!("msg_{}", sms.id);
        let (seconds, body) = (self.clock.now().as_seconds(), self.body(sms).to_string());
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("svix-id", &id)
            .header("svix-timestamp", seconds)
            .header("svix-signature", self.signature(&id, seconds, &body))
            .body(body);
        let answer = exchange(request).await?;
        match answer.status {
            200..=299 => {
                // Its own name for the message, if it says one.
                let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
                let named = said.and_then(|said| said["id"].as_str().map(str::to_owned));
                Ok(Receipt::of(
                    named.unwrap_or_else(|| format!("{id}-{}", self.clock.now().as_millis())),
                ))
            }
            // The endpoint says that this number cannot be texted.
            422 => Err(SendError::Rejected("the endpoint answered 422".into())),
            _ => Err(by_status(&answer, "")),
        }
    }
}
