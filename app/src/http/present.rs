//! Writing an answer: the objects of the contract's section 5, envelopes, cookies, errors, events.

pub(crate) mod client_json;
pub(crate) mod envelope;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod event_texts;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod own_session_json;
pub(crate) mod session_json;
pub(crate) mod sign_in_json;
pub(crate) mod sign_up_json;
