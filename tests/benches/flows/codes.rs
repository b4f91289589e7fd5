use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The clients that wait for a code, by number without its plus sign.
#[derive(Default)]
pub(crate) struct Codes {
    waiting: Mutex<HashMap<u64, oneshot::Sender<String>>>,
}

impl Codes {
    /// Call it before the code is asked for: it may arrive before the answer.
    pub(crate) fn expect(&self, number: u64) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(number, sender);
        receiver
    }

    pub(crate) fn arrived(&self, number: u64, code: &str) {
        if let Some(sender) = self.waiting().remove(&number) {
            let _ = sender.send(code.to_owned());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<String>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
