//! The end of a thread.

use std::thread::JoinHandle;

/// Waits until `thread` has ended, and logs `panicked` if it was by that.
pub(crate) fn ended(thread: JoinHandle<()>, panicked: &str) {
    if thread.join().is_err() {
        tracing::error!("{panicked}");
    }
}
