use async_trait::async_trait;
use phoneproof_domain::Message;
use phoneproof_domain::ports::{Courier, Sealer, Sending};
use phoneproof_domain::use_cases::{Attempt, Delivered, Delivery};

/// A courier that tries at once, and that is it: for rules under test, without a server around them.
pub struct DirectCourier(pub Delivery);

#[async_trait]
impl Courier for DirectCourier {
    async fn send(&self, message: Message) -> Sending {
        let Attempt { settled, delivered } = self.0.attempt(&message).await;
        // As after a death: whoever waits is told all the same.
        let _ = self.0.keep(&message, &settled).await;
        match delivered {
            Delivered::Sent => Sending::Sent,
            Delivered::Again => Sending::Underway,
            Delivered::Failed(error) => Sending::Failed(error),
        }
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
