//! What every [`SmsGateway`] must do.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::given::{NOW, Random};
use crate::ports::{SendError, Sms, SmsGateway};
use crate::{E164, MessageId, OtpCode};

/// A code that nothing else holds.
const CODE: &str = "918273";

/// A text with the code, or a notice without one.
fn sms(to: &E164, code: Option<&str>) -> Sms {
    let text = code.map_or_else(
        || "Conformance: your number was changed.".to_owned(),
        |code| format!("{code} is your Conformance code."),
    );
    Sms::new(
        MessageId::generate(NOW, &Random),
        to.clone(),
        code.map(|code| OtpCode::parse(code).unwrap()),
        text,
        Duration::from_secs(600),
    )
}

/// A carrier that takes everything: each text, with a code or without, is taken once and gets a receipt of its own, also
/// when many are sent at once.
pub async fn takes_texts(gateway: &dyn SmsGateway, to: &E164) {
    let (sms, notice) = (sms(to, Some(CODE)), sms(to, None));
    let texts = (0..32).map(|at| if at == 0 { &notice } else { &sms });
    let sent = join_all(texts.map(|text| gateway.send(text))).await;
    let receipts: BTreeSet<String> = sent
        .iter()
        .flatten()
        .map(|receipt| receipt.provider_id.clone())
        .collect();
    assert_eq!(
        receipts.len(),
        32,
        "a receipt is missing, or two texts share one: {sent:?}"
    );
    assert!(receipts.iter().all(|id| !id.is_empty()), "an empty receipt");
    let told = format!("{sent:?}");
    assert!(
        !told.contains(CODE) && !told.contains(to.as_str()),
        "a receipt holds code or number: {told}"
    );
}

/// A carrier that fails: the error is of the kind that the caller expects, and quotes nothing.
pub async fn fails(gateway: &dyn SmsGateway, to: &E164, expected: fn(&SendError) -> bool) {
    let sms = sms(to, Some(CODE));
    let outcome = gateway.send(&sms).await;
    assert!(outcome.as_ref().is_err_and(expected), "{outcome:?}");
    let told = format!("{outcome:?}");
    assert!(
        !told.contains(CODE) && !told.contains(to.as_str()),
        "an error holds code or number: {told}"
    );
}
