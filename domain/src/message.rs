//! One text message on its way, from the commit that made it to the carrier's last word.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{E164, MessageId, OtpCode, PhoneNumberId, Timestamp, UserId};

/// How far a message has come (the words of `GET /v1/sms_messages`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Waits for its next try.
    Queued,
    /// Somebody tries just now or has not noted the end yet, or died trying.
    Sending,
    /// A provider took it.
    Sent,
    /// The provider says that it reached the handset.
    Delivered,
    /// The provider took it and says that it did not arrive.
    Undelivered,
    /// No provider took it, and none will be asked again.
    Failed,
    /// Its code ran out before a provider took it.
    Expired,
}

impl MessageState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Expired,
    ];

    /// The word on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether a carrier's receipt may lead from here to `next`: receipts come late, twice and out of order.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (
                Self::Queued | Self::Sending | Self::Sent,
                Self::Sent | Self::Delivered | Self::Undelivered
            ) | (Self::Undelivered, Self::Delivered)
        )
    }
}

/// What a carrier says of a message that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// What the provider calls the message.
    pub provider_id: String,
    /// How far it has come.
    pub state: MessageState,
    /// Why not further.
    pub error: Option<String>,
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The identifier, `sms_…`.
    pub id: MessageId,
    /// To whom.
    pub to: E164,
    /// Whose code it is; none during a sign-up.
    pub user: Option<UserId>,
    /// The user's number, if it is one already.
    pub phone_number: Option<PhoneNumberId>,
    /// What is sent, sealed: a store never sees it in clear. Gone once it is of no use any more.
    pub sealed: Option<String>,
    /// How far it has come.
    pub state: MessageState,
    /// The gateway that took it, or was asked last.
    pub gateway: Option<String>,
    /// What that provider calls it.
    pub provider_id: Option<String>,
    /// How often a provider was asked, or may have been.
    pub tries: u32,
    /// Tries of which nobody has noted the end: one under way, and those whose makers died. At most [`MOST_UNSETTLED`] are made.
    pub unsettled: u32,
    /// What it costs, in segments.
    pub segments: u32,
    /// Why it has not come further, without number or code.
    pub error: Option<String>,
    /// When to try next, or when a try counts as lost; none once no try will follow.
    pub due_at: Option<Timestamp>,
    /// When its code runs out.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

/// How long whoever tries a message has it alone: longer than all providers of one text are waited for (45 s), and than
/// the clocks of two processes may differ (30 s), for the lease is given by one and judged by another.
pub const MESSAGE_LEASE: Duration = Duration::from_secs(90);

/// A process may die between the provider's taking and the settling. So the same text is tried again after such
/// a death, and never more often: it bounds what one code can cost.
pub const MOST_UNSETTLED: u32 = 2;

impl Message {
    /// A new one without content, due at once, whose code runs out at `expires_at`.
    #[must_use]
    pub const fn queued(id: MessageId, to: E164, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            id,
            to,
            user: None,
            phone_number: None,
            sealed: None,
            state: MessageState::Queued,
            gateway: None,
            provider_id: None,
            tries: 0,
            unsettled: 0,
            segments: 0,
            error: None,
            due_at: Some(now),
            expires_at,
            created_at: now,
            updated_at: now,
        }
    }

    /// The same message, over before it has begun: nobody gets it. It is kept so that as much is written as for one that is
    /// sent.
    #[must_use]
    pub fn withheld(self) -> Self {
        Self {
            sealed: None,
            state: MessageState::Expired,
            tries: 0,
            unsettled: 0,
            due_at: None,
            error: Some("withheld: its code could not have been right".to_owned()),
            ..self
        }
    }

    /// Whether no try will follow.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.due_at.is_none()
    }

    /// Takes the message for a try.
    pub fn lease(&mut self, now: Timestamp) {
        self.state = MessageState::Sending;
        self.tries = self.tries.saturating_add(1);
        self.unsettled = self.unsettled.saturating_add(1);
        self.due_at = Some(now.plus(MESSAGE_LEASE));
        self.updated_at = now;
    }

    /// Notes what came of the try that was the `tries`-th. One that no provider took is forgotten once another try has
    /// begun: its end was noted too late to decide anything.
    pub fn record_outcome(&mut self, tries: u32, outcome: SendOutcome, now: Timestamp) {
        if self.tries != tries && !matches!(outcome, SendOutcome::Sent { .. }) {
            return;
        }
        self.unsettled = 0;
        self.updated_at = now;
        self.due_at = None;
        match outcome {
            SendOutcome::Sent {
                gateway,
                provider_id,
                segments,
                doubt,
            } => {
                // The receipt may have been faster.
                if matches!(self.state, MessageState::Queued | MessageState::Sending) {
                    self.state = MessageState::Sent;
                }
                self.gateway = gateway.or(self.gateway.take());
                self.provider_id = provider_id.or(self.provider_id.take());
                self.segments = segments;
                self.error = doubt;
            }
            SendOutcome::Again { at, reason } => {
                self.state = MessageState::Queued;
                self.due_at = Some(at);
                self.error = Some(reason);
            }
            SendOutcome::Failed { reason } => {
                self.state = MessageState::Failed;
                self.error = Some(reason);
            }
            SendOutcome::Expired => self.state = MessageState::Expired,
        }
        if self.due_at.is_none() {
            self.sealed = None;
        }
    }

    /// Notes what the carrier says, as far as [`MessageState::may_become`] lets it. Whether that changed anything.
    ///
    /// A try that is under way stays so until its end is noted: the receipt may have been faster.
    pub fn apply_receipt(&mut self, receipt: &DeliveryReceipt, now: Timestamp) -> bool {
        if self.state == receipt.state || !self.state.may_become(receipt.state) {
            return false;
        }
        self.state = receipt.state;
        self.error.clone_from(&receipt.error);
        self.updated_at = now;
        true
    }
}

/// What a message carries, as it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The code in it, for gateways that build a text of their own; none in a notice.
    pub code: Option<String>,
    /// The text.
    pub text: String,
}

impl Content {
    /// The form that is sealed.
    #[must_use]
    pub fn to_sealable(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads what was sealed; by an earlier version, the code and the text without anything between.
    #[must_use]
    pub fn of_sealed(opened: &str) -> Option<Self> {
        if opened.starts_with('{') {
            return serde_json::from_str(opened).ok();
        }
        let (code, text) = opened.split_at_checked(OtpCode::DIGITS)?;
        Some(Self {
            code: Some(code.to_owned()),
            text: text.to_owned(),
        })
    }
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// A provider took it, or may have.
    Sent {
        /// Which.
        gateway: Option<String>,
        /// What it calls the message.
        provider_id: Option<String>,
        /// What it costs, in segments.
        segments: u32,
        /// Why nobody can be sure that it was taken.
        doubt: Option<String>,
    },
    /// Not this time.
    Again {
        /// When to try next.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Never.
    Failed {
        /// Why.
        reason: String,
    },
    /// Its code has run out.
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state() -> impl proptest::strategy::Strategy<Value = MessageState> {
        (0..MessageState::ALL.len()).prop_map(|at| MessageState::ALL[at])
    }

    #[test]
    fn every_word_is_read_back() {
        for state in MessageState::ALL {
            assert_eq!(MessageState::named(state.as_str()), Some(state));
        }
        assert_eq!(MessageState::named("lost"), None);
    }

    #[test]
    fn a_content_is_read_back_with_a_code_and_without() {
        for code in [Some("012345".to_owned()), None] {
            let content = Content {
                code,
                text: "{\"a\": 1} is your code\n\n@example.com #012345".to_owned(),
            };
            assert_eq!(Content::of_sealed(&content.to_sealable()), Some(content));
        }
    }

    #[test]
    fn what_an_earlier_version_sealed_is_read() {
        let read = Content::of_sealed("012345012345 is your code").unwrap();
        assert_eq!(read.code.as_deref(), Some("012345"));
        assert_eq!(read.text, "012345 is your code");
    }

    #[test]
    fn what_nobody_sealed_is_no_content() {
        for opened in ["", "0123", "{", "{\"code\":\"012345\"}", "12345\u{e9}x"] {
            assert_eq!(Content::of_sealed(opened), None, "{opened}");
        }
    }

    fn message() -> Message {
        let id = "sms_000000000000000000000000000".parse().unwrap();
        let now = Timestamp::from_millis(1_000);
        Message::queued(id, "+15555550100".parse().unwrap(), now, now.plus(MESSAGE_LEASE))
    }

    fn receipt(state: MessageState, error: Option<&str>) -> DeliveryReceipt {
        DeliveryReceipt {
            provider_id: "SM1".to_owned(),
            state,
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn a_receipt_changes_state_error_and_time_and_nothing_else() {
        let later = Timestamp::from_millis(2_000);
        let mut message = message();
        message.lease(Timestamp::from_millis(1_500));
        let before = message.clone();
        assert!(message.apply_receipt(&receipt(MessageState::Undelivered, Some("30005")), later));
        let expected = Message {
            state: MessageState::Undelivered,
            error: Some("30005".to_owned()),
            updated_at: later,
            ..before
        };
        assert_eq!(message, expected);
        assert!(message.apply_receipt(&receipt(MessageState::Delivered, None), later));
        assert_eq!((message.state, &message.error), (MessageState::Delivered, &None));
    }

    #[test]
    fn a_receipt_that_comes_twice_or_too_late_changes_nothing() {
        let (mut message, later) = (message(), Timestamp::from_millis(2_000));
        for (now, said) in [
            (MessageState::Sent, MessageState::Sent),
            (MessageState::Undelivered, MessageState::Undelivered),
            (MessageState::Delivered, MessageState::Sent),
            (MessageState::Expired, MessageState::Delivered),
        ] {
            message.state = now;
            let before = message.clone();
            assert!(
                !message.apply_receipt(&receipt(said, Some("late")), later),
                "{now:?} {said:?}"
            );
            assert_eq!(message, before);
        }
    }

    proptest! {
        /// However receipts come, what was delivered stays delivered and what failed here stays failed.
        #[test]
        fn receipts_never_lead_back(start in state(), receipts in proptest::collection::vec(state(), 0..8)) {
            let mut now = start;
            for next in receipts {
                if now.may_become(next) {
                    prop_assert!(!matches!(now, MessageState::Delivered | MessageState::Failed | MessageState::Expired));
                    prop_assert!(!matches!(next, MessageState::Queued | MessageState::Sending));
                    now = next;
                }
            }
            if start == MessageState::Delivered {
                prop_assert_eq!(now, MessageState::Delivered);
            }
        }
    }
}
