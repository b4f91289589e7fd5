//! Reading a request: who sends it, and what it asks for.

pub(crate) mod back_end_limit;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod origin;
pub(crate) mod params;
pub(crate) mod user_filter;
pub(crate) mod visitor;
