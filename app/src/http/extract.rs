//! Reading a request: who sends it, and what it asks for.

pub(crate) mod actor;
pub(crate) mod back_end;
pub(crate) mod body;
pub(crate) mod dev_tools;
pub(crate) mod factor;
pub(crate) mod ids;
pub(crate) mod lifetime;
pub(crate) mod params;
pub(crate) mod profile;
pub(crate) mod user_filter;
pub(crate) mod visitor;
pub(crate) mod weighted;
