//! SMS without a carrier, for development: every text is shown on the console and kept in an
//! inbox that the development page and `GET /dev/inbox` read.
//!
//! The inbox lives in this process's memory and is bounded; nothing that decides anything depends
//! on it.

mod gateway;
mod inbox;
mod printer;

pub use gateway::{ConsoleSms, Options};
pub use inbox::{Inbox, Message};
