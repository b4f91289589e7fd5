//! Texts: drawing codes, and what becomes of a text on its way.

mod codes;
mod delivery;
mod messages;
mod receipts;

pub(super) use codes::{Drawn, Recipient};
pub use delivery::{Attempt, Delivered, Delivery};
