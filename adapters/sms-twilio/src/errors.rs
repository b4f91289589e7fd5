//! Twilio's error codes in the port's words, code by code (<https://www.twilio.com/docs/api/errors>).

use phoneproof_domain::ports::{BoxError, SendError};
use phoneproof_sms_http::{Answer, by_status, throttled};

/// What a code asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This number, never again.
    Number,
    /// Our account or configuration.
    Account,
    /// A pause.
    Pause,
    /// Another try may succeed.
    Outage,
}

/// Code, what it asks of us, and what it says.
pub(crate) const CODES: &[(u32, Meaning, &str)] = &[
    (11200, Meaning::Outage, "HTTP retrieval failure"),
    (14107, Meaning::Pause, "message rate limit exceeded"),
    (20001, Meaning::Account, "unknown parameters"),
    (
        20003,
        Meaning::Account,
        "authentication failed: account SID, token or key",
    ),
    (20005, Meaning::Account, "the account is not active"),
    (20006, Meaning::Account, "access denied"),
    (20008, Meaning::Account, "a resource that test credentials may not use"),
    (20404, Meaning::Account, "no such account or messaging service"),
    (20429, Meaning::Pause, "too many requests"),
    (20500, Meaning::Outage, "internal server error"),
    (20503, Meaning::Outage, "service unavailable"),
    (21211, Meaning::Number, "invalid 'To' phone number"),
    (21212, Meaning::Account, "invalid 'From' number"),
    (21214, Meaning::Number, "'To' phone number cannot be reached"),
    (21217, Meaning::Number, "phone number does not appear to be valid"),
    (21265, Meaning::Number, "'To' number cannot be a short code"),
    (
        21408,
        Meaning::Account,
        "permission to send to this country is not enabled (geo permissions)",
    ),
    (21601, Meaning::Account, "the sender's number cannot send SMS"),
    (21603, Meaning::Account, "a sender is required"),
    (21604, Meaning::Number, "a 'To' phone number is required"),
    (
        21606,
        Meaning::Account,
        "the sender is not a valid SMS-capable number of the account",
    ),
    (21608, Meaning::Account, "trial accounts text verified numbers alone"),
    (21610, Meaning::Number, "the recipient has replied STOP"),
    (21611, Meaning::Pause, "the sender's queue is full"),
    (21612, Meaning::Number, "the number is not reachable from this sender"),
    (21614, Meaning::Number, "'To' number is not a mobile number"),
    (21617, Meaning::Account, "the text is too long"),
    (21635, Meaning::Number, "'To' number is a landline"),
    (21660, Meaning::Account, "the sender does not belong to the account"),
    (21701, Meaning::Account, "the messaging service does not exist"),
    (21703, Meaning::Account, "the messaging service has no sender"),
    (
        21704,
        Meaning::Account,
        "the messaging service has no sender for this country",
    ),
    (21705, Meaning::Account, "the messaging service is invalid"),
    (30001, Meaning::Pause, "the queue overflowed"),
    (30002, Meaning::Account, "the account is suspended"),
    (30003, Meaning::Number, "the handset is unreachable"),
    (30004, Meaning::Number, "the recipient blocks the message"),
    (30005, Meaning::Number, "the handset is unknown or no longer in service"),
    (30006, Meaning::Number, "landline or unreachable carrier"),
    (30007, Meaning::Account, "the carrier filtered the message as unwanted"),
    (30008, Meaning::Outage, "unknown error of the carrier"),
    (
        30010,
        Meaning::Account,
        "the message costs more than the account allows",
    ),
    (30022, Meaning::Pause, "the throughput of the sender is exceeded"),
    (30023, Meaning::Account, "the daily limit of the campaign is reached"),
    (30034, Meaning::Account, "the sender is not registered (A2P 10DLC)"),
    (60410, Meaning::Number, "the number is blocked for fraud"),
    (63038, Meaning::Account, "the account's daily message limit is exceeded"),
];

/// What an error means. Twilio refused the text: whatever the code, it was not taken.
pub(crate) fn sorted(code: Option<u32>, answer: &Answer) -> SendError {
    let Some((code, meaning, text)) = CODES.iter().find(|(known, ..)| Some(*known) == code) else {
        let code = code.map(|code| code.to_string()).unwrap_or_default();
        return by_status(answer, &code);
    };
    let cause = || BoxError::from(format!("Twilio {code}: {text}"));
    match meaning {
        Meaning::Number => SendError::Rejected(cause()),
        Meaning::Account => SendError::Refused(cause()),
        Meaning::Pause => throttled(answer),
        Meaning::Outage => SendError::Unavailable(cause()),
    }
}

/// What is kept of a code in a receipt.
pub(crate) fn told(code: &str) -> String {
    let known = CODES.iter().find(|(known, ..)| known.to_string() == code);
    known.map_or_else(
        || format!("Twilio {code}"),
        |(code, _, text)| format!("Twilio {code}: {text}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_code_stands_once() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
