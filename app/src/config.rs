//! The configuration: defaults compiled in, a file over them, the environment over both.
//!
//! [`Config`] is the file as types; [`Settings`] what it means, checked.

mod file;
mod keys;
mod list;
mod network;
mod origin;
mod sdk;
mod settings;
mod texts;

pub(crate) use file::Store as StoreOptions;
pub use file::{AdapterOptions, Config, Environment, LogFormat, Route, Synchronous};
pub use keys::{KeyKind, PublishableKey, SecretKey};
pub use network::Network;
pub(crate) use origin::page_origin;
pub use sdk::SdkSettings;
pub use settings::{Overrides, Settings};

/// Something in the configuration stops the start. One line; it names the option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error about one option, for instance `server.listen`.
    pub(crate) fn at(option: &str, problem: impl std::fmt::Display) -> Self {
        Self::line(format!("{option}: {problem}"))
    }

    /// An error of one line, whatever `text` holds.
    pub(crate) fn line(text: impl std::fmt::Display) -> Self {
        Self(
            text.to_string()
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        )
    }
}
