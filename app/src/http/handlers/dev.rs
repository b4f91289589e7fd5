//! What exists in development alone: the page with the handset, the inbox, tokens for the asking.

pub(crate) mod inbox;
pub(crate) mod page;
pub(crate) mod token;
