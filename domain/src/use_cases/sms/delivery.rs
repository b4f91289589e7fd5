//! Trying a message that is leased, and what follows from the answer.

use std::sync::Arc;
use std::time::Duration;

use crate::message::{Content, MOST_UNSETTLED, Message, SendOutcome};
use crate::ports::{Clock, Entropy, Sealer, SendError, Sms, SmsGateway, SmsOutbox, StoreError};
use crate::{OtpCode, Timestamp};

/// The first pause after a try that failed; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Tries messages, whoever leased them.
#[derive(Clone)]
pub struct Delivery {
    /// Where messages are kept.
    pub outbox: Arc<dyn SmsOutbox>,
    /// What sends them.
    pub gateway: Arc<dyn SmsGateway>,
    /// What opens them.
    pub sealer: Arc<dyn Sealer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Jitter: those that failed together do not come back together.
    pub entropy: Arc<dyn Entropy>,
}

/// What came of a try.
#[derive(Debug)]
pub enum Delivered {
    /// A provider took it, or may have: it is not tried again.
    Sent,
    /// It is tried again later.
    Again,
    /// It is given up.
    Failed(SendError),
}

/// A try, for whoever made it and for the log.
#[derive(Debug)]
pub struct Attempt {
    /// What came of it, to be kept.
    pub outcome: SendOutcome,
    /// The same for whoever waits.
    pub delivered: Delivered,
}

impl Delivery {
    /// Tries a leased message once. The caller must [`keep`](Delivery::keep) what came of it; whoever waits for the text need
    /// not wait for that as well.
    pub async fn attempt(&self, message: &Message) -> Attempt {
        let now = self.clock.now();
        let left = message.expires_at.since(now);
        if now >= message.expires_at {
            return expired();
        }
        if message.unsettled > MOST_UNSETTLED {
            let doubt = Some("whoever sent it died, again and again".to_owned());
            return sent(None, None, 0, doubt);
        }
        let Some(sms) = self.opened(message, left) else {
            let reason = "the text cannot be opened: was the instance secret changed?".to_owned();
            return failed(reason.clone(), SendError::Refused(reason.into()));
        };
        match self.gateway.send(&sms).await {
            Ok(receipt) => sent(receipt.gateway, Some(receipt.provider_id), sms.segments(), None),
            // Once more might be once too often.
            Err(error @ SendError::Unknown(_)) => sent(None, None, sms.segments(), Some(told(&error))),
            Err(error @ (SendError::Rejected(_) | SendError::Refused(_))) => failed(told(&error), error),
            Err(error) => {
                let pause = match &error {
                    SendError::Throttled { retry_after } => *retry_after,
                    _ => Duration::ZERO,
                };
                let at = self.again_at(message.tries, pause);
                if at >= message.expires_at {
                    let reason = format!("{}; its code runs out before the next try", told(&error));
                    return failed(reason, error);
                }
                Attempt {
                    outcome: SendOutcome::Again {
                        at,
                        reason: told(&error),
                    },
                    delivered: Delivered::Again,
                }
            }
        }
    }

    /// Keeps what came of a try.
    ///
    /// # Errors
    ///
    /// If the store can't. The try then ends as one that its process did not survive: after the lease the same text may be
    /// sent again, [`MOST_UNSETTLED`] times in all.
    pub async fn keep(&self, message: &Message, outcome: &SendOutcome) -> Result<(), StoreError> {
        self.outbox.record_outcome(message, outcome, self.clock.now()).await
    }

    fn opened(&self, message: &Message, left: Duration) -> Option<Sms> {
        let opened = self.sealer.open(message.id.as_str(), message.sealed.as_deref()?)?;
        let content = Content::of_sealed(&opened)?;
        let code = content.code.as_deref().map(OtpCode::parse).transpose().ok()?;
        Some(Sms::new(
            message.id.clone(),
            message.to.clone(),
            code,
            content.text,
            left,
        ))
    }

    /// Exponential with jitter: between the pause and half as much again.
    fn again_at(&self, tries: u32, least: Duration) -> Timestamp {
        let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(10));
        let pause = doubled.min(LONGEST_PAUSE).max(least);
        let mut byte = [0u8];
        self.entropy.fill(&mut byte);
        self.clock.now().plus(pause + pause.mul_f64(f64::from(byte[0]) / 512.0))
    }
}

fn expired() -> Attempt {
    Attempt {
        outcome: SendOutcome::Expired,
        delivered: Delivered::Failed(SendError::Unavailable("its code has run out".into())),
    }
}

fn failed(reason: String, error: SendError) -> Attempt {
    Attempt {
        outcome: SendOutcome::Failed { reason },
        delivered: Delivered::Failed(error),
    }
}

fn sent(gateway: Option<String>, provider_id: Option<String>, segments: u32, doubt: Option<String>) -> Attempt {
    Attempt {
        outcome: SendOutcome::Sent {
            gateway,
            provider_id,
            segments,
            doubt,
        },
        delivered: Delivered::Sent,
    }
}

/// An error with its causes. No gateway quotes number or code in one.
fn told(error: &SendError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::ports::{MockClock, MockSmsGateway, MockSmsOutbox, Receipt};
    use crate::testing::{Clear, Counting};
    use crate::{MESSAGE_LEASE, MessageId};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn message() -> Message {
        let id = MessageId::generate(NOW, &Counting::default());
        let to = "+14155552671".parse().unwrap();
        let mut message = Message {
            sealed: Some("123456123456 is your code".to_owned()),
            ..Message::queued(id, to, NOW, NOW.plus(Duration::from_secs(600)))
        };
        message.lease(NOW);
        message
    }

    /// The outcome after a gateway has answered so.
    async fn outcome(message: &Message, answer: Option<Result<Receipt, SendError>>, now: Timestamp) -> SendOutcome {
        let (mut clock, mut gateway, mut outbox) = (MockClock::new(), MockSmsGateway::new(), MockSmsOutbox::new());
        clock.expect_now().return_const(now);
        let (mut answer, times) = (answer.map(Some), 1);
        match &mut answer {
            Some(answer) => {
                let mut answer = answer.take();
                gateway
                    .expect_send()
                    .times(times)
                    .returning(move |_| answer.take().unwrap());
            }
            None => {
                gateway.expect_send().never();
            }
        }
        let kept = Arc::new(Mutex::new(None));
        let keeps = kept.clone();
        outbox.expect_record_outcome().times(1).returning(move |_, outcome, _| {
            *keeps.lock().unwrap() = Some(outcome.clone());
            Ok(())
        });
        let delivery = Delivery {
            outbox: Arc::new(outbox),
            gateway: Arc::new(gateway),
            sealer: Arc::new(Clear),
            clock: Arc::new(clock),
            entropy: Arc::new(Counting::default()),
        };
        let attempt = delivery.attempt(message).await;
        delivery.keep(message, &attempt.outcome).await.unwrap();
        kept.lock().unwrap().take().unwrap()
    }

    #[tokio::test]
    async fn what_a_provider_took_or_may_have_taken_is_not_sent_again() {
        let receipt = Receipt {
            gateway: Some("main".to_owned()),
            ..Receipt::of("SM1")
        };
        assert_eq!(
            outcome(&message(), Some(Ok(receipt)), NOW).await,
            SendOutcome::Sent {
                gateway: Some("main".to_owned()),
                provider_id: Some("SM1".to_owned()),
                segments: 1,
                doubt: None
            }
        );
        let unknown = outcome(&message(), Some(Err(SendError::Unknown("cut".into()))), NOW).await;
        assert!(
            matches!(unknown, SendOutcome::Sent { doubt: Some(_), .. }),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn what_nobody_will_take_is_given_up() {
        for error in [SendError::Rejected("21211".into()), SendError::Refused("20003".into())] {
            let failed = outcome(&message(), Some(Err(error)), NOW).await;
            assert!(matches!(failed, SendOutcome::Failed { .. }), "{failed:?}");
        }
    }

    #[tokio::test]
    async fn pauses_grow_and_keep_to_what_the_provider_asks_and_to_the_codes_life() {
        let mut message = message();
        let mut last = Duration::ZERO;
        for _ in 0..6 {
            let again = outcome(&message, Some(Err(SendError::Unavailable("down".into()))), NOW).await;
            let SendOutcome::Again { at, .. } = again else {
                panic!("{again:?}")
            };
            let pause = at.since(NOW);
            assert!(pause > last && pause <= LONGEST_PAUSE.mul_f64(1.5), "{pause:?}");
            last = pause.mul_f64(0.7);
            message.tries += 1;
        }
        let throttled = |seconds| SendError::Throttled {
            retry_after: Duration::from_secs(seconds),
        };
        let SendOutcome::Again { at, .. } = outcome(&message, Some(Err(throttled(300))), NOW).await else {
            panic!("given up")
        };
        assert!(at >= NOW.plus(Duration::from_secs(300)));
        let late = outcome(&message, Some(Err(throttled(600))), NOW).await;
        assert!(
            matches!(late, SendOutcome::Failed { .. }),
            "after its end nobody needs the code: {late:?}"
        );
    }

    #[tokio::test]
    async fn nothing_is_sent_too_late_or_a_third_time_into_the_unknown() {
        let end = NOW.plus(Duration::from_secs(600));
        assert_eq!(outcome(&message(), None, end).await, SendOutcome::Expired);
        let mut again = message();
        again.lease(NOW.plus(MESSAGE_LEASE));
        let second = outcome(&again, Some(Ok(Receipt::of("SM2"))), NOW).await;
        assert!(
            matches!(second, SendOutcome::Sent { doubt: None, .. }),
            "one death is repaired"
        );
        again.lease(NOW.plus(2 * MESSAGE_LEASE));
        let third = outcome(&again, None, NOW).await;
        assert!(matches!(third, SendOutcome::Sent { doubt: Some(_), .. }), "{third:?}");
    }
}
