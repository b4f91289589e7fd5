//! The SDKs' script files: the folder that holds their packages, and what answers a browser that asks for one.
//!
//! `phoneproof sdk add` fills the folder ([`SdkFolder::install`]); the server reads it once, at its start ([`Scripts`]).

mod folder;
mod package;
mod scripts;

pub(crate) use folder::SdkFolder;
pub(crate) use package::SdkSpec;
pub(crate) use scripts::{Coding, Found, Script, ScriptMissing, Scripts};
