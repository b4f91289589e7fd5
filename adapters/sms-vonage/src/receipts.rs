//! Vonage's delivery receipts (<https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts>), signed with
//! HMAC-SHA-256 over the sorted parameters (<https://developer.vonage.com/en/concepts/guides/signing-messages>).

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use phoneproof_domain::MessageState;
use phoneproof_domain::ports::{Callback, CallbackError, DeliveryReceipt, SmsReceipts};
use secrecy::ExposeSecret;
use url::form_urlencoded;

use crate::VonageSms;

/// A signed time may be so many seconds off.
const SKEW: i64 = 300;

impl SmsReceipts for VonageSms {
    fn read(&self, call: &Callback) -> Result<Vec<DeliveryReceipt>, CallbackError> {
        let mut fields = fields(call)?;
        let secret = self.options.signature_secret.as_ref().ok_or(CallbackError::Signature)?;
        let signature = fields.remove("sig").ok_or(CallbackError::Signature)?;
        let time: Option<i64> = fields.get("timestamp").and_then(|text| text.parse().ok());
        if time.is_none_or(|time| (time - call.now).abs() > SKEW) {
            return Err(CallbackError::Signature);
        }
        let signed = fields.iter().fold(String::new(), |text, (name, value)| {
            text + "&" + name + "=" + &value.replace(['&', '='], "_")
        });
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let tag = unhex(&signature).ok_or(CallbackError::Signature)?;
        hmac::verify(&key, signed.as_bytes(), &tag).map_err(|_| CallbackError::Signature)?;

        let missing = |name: &str| CallbackError::Malformed(format!("no {name}").into());
        let id = fields.get("messageId").ok_or_else(|| missing("messageId"))?;
        let state = match fields.get("status").ok_or_else(|| missing("status"))?.as_str() {
            "delivered" => MessageState::Delivered,
            "failed" | "rejected" | "expired" => MessageState::Undelivered,
            "accepted" | "buffered" => MessageState::Sent,
            _ => return Ok(Vec::new()),
        };
        let code = fields
            .get("err-code")
            .filter(|code| *code != "0" && state == MessageState::Undelivered);
        Ok(vec![DeliveryReceipt {
            provider_id: id.clone(),
            state,
            error: code.map(|code| format!("Vonage {code}")),
        }])
    }
}

/// From the query of a GET, a form or JSON: the account chooses.
fn fields(call: &Callback) -> Result<BTreeMap<String, String>, CallbackError> {
    if call.body.is_empty() {
        return Ok(form_urlencoded::parse(call.query.as_bytes()).into_owned().collect());
    }
    if call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
    {
        return serde_json::from_slice(&call.body).map_err(|error| CallbackError::Malformed(error.into()));
    }
    Ok(form_urlencoded::parse(&call.body).into_owned().collect())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
