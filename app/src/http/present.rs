//! Writing an answer: the objects of the contract's section 5, envelopes, cookies, errors.

pub(crate) mod client_json;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod json;
