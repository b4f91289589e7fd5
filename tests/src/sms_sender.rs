use async_trait::async_trait;
use phoneproof_domain::Message;
use phoneproof_domain::ports::{Sealer, Sending, SmsSender};
use phoneproof_domain::use_cases::{Attempt, Delivered, Delivery};

/// A sender that tries at once, and that is it: for rules under test, without a server around them.
pub struct DirectSmsSender(pub Delivery);

#[async_trait]
impl SmsSender for DirectSmsSender {
    async fn send(&self, message: Message) -> Sending {
        let Attempt { outcome, delivered } = self.0.attempt(&message).await;
        // As after a death: whoever waits is told all the same.
        let _ = self.0.keep(&message, &outcome).await;
        match delivered {
            Delivered::Sent => Sending::Sent,
            Delivered::Again => Sending::Underway,
            Delivered::Failed(error) => Sending::Failed(error),
        }
    }

    fn hand_over(&self, message: Message) {
        let sender = Self(self.0.clone());
        tokio::spawn(async move { sender.send(message).await });
    }
}

/// Seals nothing.
pub struct ClearSealer;

impl Sealer for ClearSealer {
    fn close(&self, _: &str, text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn open(&self, _: &str, sealed: &str) -> Option<String> {
        Some(sealed.to_owned())
    }
}
