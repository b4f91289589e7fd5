use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

/// One text as the inbox shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The number, E.164.
    pub to: String,
    /// The whole text.
    pub body: String,
    /// The code in it; none in a notice.
    pub code: Option<String>,
    /// When it was sent, in milliseconds since the epoch.
    pub created_at: i64,
}

/// The texts that were sent last, and a feed of those that come.
#[derive(Debug)]
pub struct Inbox {
    kept: Mutex<Kept>,
    feed: broadcast::Sender<Message>,
}

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<Message>,
    received: u64,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            feed: broadcast::channel(64).0,
        }
    }
}

impl Inbox {
    /// So many texts are kept; the oldest go first.
    pub const CAPACITY: usize = 1_000;

    /// The texts to one number, or all, newest last.
    #[must_use]
    pub fn messages(&self, to: Option<&str>) -> Vec<Message> {
        let wanted = |message: &&Message| to.is_none_or(|to| message.to == to);
        self.kept().messages.iter().filter(wanted).cloned().collect()
    }

    /// The texts from now on. A reader that falls behind by 64 loses the oldest and may look
    /// them up in [`Inbox::messages`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.feed.subscribe()
    }

    /// Keeps a text and answers how many there have been.
    pub(crate) fn keep(&self, message: Message) -> u64 {
        let received = {
            let mut kept = self.kept();
            if kept.messages.len() == Self::CAPACITY {
                kept.messages.pop_front();
            }
            kept.messages.push_back(message.clone());
            kept.received += 1;
            kept.received
        };
        // Nobody listening is no error.
        let _ = self.feed.send(message);
        received
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere cannot leave a queue of texts half-changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(to: &str, created_at: i64) -> Message {
        Message {
            to: to.to_owned(),
            body: "body".to_owned(),
            code: Some("123456".to_owned()),
            created_at,
        }
    }

    #[test]
    fn texts_are_found_by_number_newest_last() {
        let inbox = Inbox::default();
        for (to, at) in [("+14155552671", 1), ("+14155552672", 2), ("+14155552671", 3)] {
            inbox.keep(message(to, at));
        }
        assert_eq!(
            inbox.messages(Some("+14155552671")),
            [message("+14155552671", 1), message("+14155552671", 3)]
        );
        assert_eq!(inbox.messages(None).len(), 3);
        assert_eq!(inbox.messages(Some("+1")), []);
    }

    #[test]
    fn the_oldest_texts_go_first() {
        let inbox = Inbox::default();
        for at in 0..=1_000 {
            inbox.keep(message("+14155552671", at));
        }
        let kept = inbox.messages(None);
        assert_eq!((kept.len(), kept[0].created_at), (Inbox::CAPACITY, 1));
    }

    #[tokio::test]
    async fn a_listener_hears_of_each_text() {
        let inbox = Inbox::default();
        let mut feed = inbox.subscribe();
        inbox.keep(message("+14155552671", 7));
        assert_eq!(feed.recv().await, Ok(message("+14155552671", 7)));
    }
}
