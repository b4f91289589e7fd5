//! Telnyx's webhooks, signed with Ed25519 over `timestamp|body`
//! (<https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks>).

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use phoneproof_domain::MessageState;
use phoneproof_domain::ports::{Callback, CallbackError, DeliveryReceipt, SmsReceipts};
use serde_json::Value;

use crate::TelnyxSms;

/// A signed time may be so many seconds off.
const SKEW: i64 = 300;

impl SmsReceipts for TelnyxSms {
    fn read(&self, call: &Callback) -> Result<Vec<DeliveryReceipt>, CallbackError> {
        let key = self.public_key.as_ref().ok_or(CallbackError::Signature)?;
        let time = call.header("telnyx-timestamp").ok_or(CallbackError::Signature)?;
        let seconds: i64 = time.parse().map_err(|_| CallbackError::Signature)?;
        if (seconds - call.now).abs() > SKEW {
            return Err(CallbackError::Signature);
        }
        let signature = call
            .header("telnyx-signature-ed25519")
            .ok_or(CallbackError::Signature)?;
        let signature = BASE64_STANDARD
            .decode(signature)
            .map_err(|_| CallbackError::Signature)?;
        let signed = [time.as_bytes(), b"|", &call.body].concat();
        UnparsedPublicKey::new(&ED25519, key)
            .verify(&signed, &signature)
            .map_err(|_| CallbackError::Signature)?;

        let event: Value =
            serde_json::from_slice(&call.body).map_err(|error| CallbackError::Malformed(error.into()))?;
        let payload = &event["data"]["payload"];
        let missing = || CallbackError::Malformed("no message in it".into());
        let id = payload["id"].as_str().ok_or_else(missing)?;
        let state = match payload["to"][0]["status"].as_str().ok_or_else(missing)? {
            "sent" => MessageState::Sent,
            "delivered" => MessageState::Delivered,
            "sending_failed" | "delivery_failed" => MessageState::Undelivered,
            _ => return Ok(Vec::new()),
        };
        let code = payload["errors"][0]["code"].as_str();
        Ok(vec![DeliveryReceipt {
            provider_id: id.to_owned(),
            state,
            error: code.map(|code| format!("Telnyx {code}")),
        }])
    }
}
