//! The running app for tests: the real server on a free port, a real store of its own, a
//! hand-set clock, and the console gateway or a carrier that does as it is told.
//!
//! Nothing here sleeps or polls: the clock is set, the answers are awaited.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a test fails")]
#![expect(
    clippy::must_use_candidate,
    reason = "a check answers what it checked, for the next check"
)]

mod answer;
mod browser;
mod carrier;
mod clock;
mod load;
mod mail_server;
mod no_limits;
mod outbox;
mod program;
mod sms_sender;
mod test_app;
mod test_store;

pub use answer::Answer;
pub use browser::{Browser, text};
pub use carrier::FakeCarrier;
pub use clock::HandSetClock;
pub use load::{Kept, Load, Tally, kept};
pub use mail_server::MailServer;
pub(crate) use no_limits::no_limits;
pub use program::Program;
pub use sms_sender::{ClearSealer, DirectSmsSender};
pub use test_app::{Actor, LIVE_SECRET_KEY, Setup, TestApp};
pub use test_store::TestStore;
