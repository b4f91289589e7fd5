//! Twilio's status callbacks (<https://www.twilio.com/docs/messaging/guides/track-outbound-message-status>).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use phoneproof_domain::MessageState;
use phoneproof_domain::ports::{Callback, CallbackError, DeliveryReceipt, SmsReceipts};
use secrecy::ExposeSecret;
use url::form_urlencoded;

use crate::{TwilioSms, errors};

impl SmsReceipts for TwilioSms {
    fn read(&self, call: &Callback) -> Result<Vec<DeliveryReceipt>, CallbackError> {
        let mut fields: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
        let signature = call.header("x-twilio-signature").ok_or(CallbackError::Signature)?;
        let token = self.auth_token.as_ref().ok_or(CallbackError::Signature)?;
        // The address that Twilio was given, whatever proxy the call came through; then the sorted fields
        // (https://www.twilio.com/docs/usage/security#validating-requests).
        fields.sort();
        let signed = fields
            .iter()
            .fold(call.url.clone(), |text, (name, value)| text + name + value);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.expose_secret().as_bytes());
        let signature = BASE64_STANDARD
            .decode(signature)
            .map_err(|_| CallbackError::Signature)?;
        hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| CallbackError::Signature)?;

        let field = |name: &str| {
            fields
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let missing = |name: &str| CallbackError::Malformed(format!("no {name}").into());
        let provider_id = field("MessageSid").ok_or_else(|| missing("MessageSid"))?;
        let state = match field("MessageStatus").ok_or_else(|| missing("MessageStatus"))? {
            "sent" => MessageState::Sent,
            "delivered" | "read" => MessageState::Delivered,
            "undelivered" | "failed" | "canceled" => MessageState::Undelivered,
            // Steps on the way, and words that Twilio may yet invent.
            _ => return Ok(Vec::new()),
        };
        let code = field("ErrorCode").filter(|code| !code.is_empty());
        Ok(vec![DeliveryReceipt {
            provider_id: provider_id.to_owned(),
            state,
            error: code.map(errors::told),
        }])
    }
}
