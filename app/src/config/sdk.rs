use std::path::PathBuf;

use url::{Host, Url};

use super::ConfigError;
use super::file::Sdk;

/// Where browsers are sent in development if `sdk.cdn` does not say: a CDN of everything on npm.
const DEVELOPMENT_CDN: &str = "https://cdn.jsdelivr.net/npm";

/// Where the scripts of the SDKs come from.
#[derive(Debug, Clone)]
pub struct SdkSettings {
    /// The folder of unpacked packages.
    pub folder: Option<PathBuf>,
    /// Where browsers are sent for others.
    pub cdn: Option<Url>,
    /// Where packages are fetched from.
    pub registry: Url,
}

impl SdkSettings {
    pub(crate) fn new(sdk: &Sdk, development: bool) -> Result<Self, ConfigError> {
        let cdn = match sdk.cdn.as_deref() {
            None if development => Some(DEVELOPMENT_CDN),
            None | Some("") => None,
            Some(cdn) => Some(cdn),
        };
        Ok(Self {
            folder: sdk.folder.clone(),
            cdn: cdn.map(|cdn| base_address("sdk.cdn", cdn)).transpose()?,
            registry: base_address("sdk.registry", &sdk.registry)?,
        })
    }

    /// The same, if the folder is there: a server that has lost it would send browsers elsewhere, silently.
    pub(crate) fn with_folder(self) -> Result<Self, ConfigError> {
        match &self.folder {
            Some(folder) if !folder.is_dir() => {
                let folder = folder.display();
                let problem =
                    format!("{folder} is no folder; `phoneproof sdk add @clerk/clerk-js@6 @clerk/ui@1` makes it");
                Err(ConfigError::at("sdk.folder", problem))
            }
            _ => Ok(self),
        }
    }
}

/// An address that paths are put behind. Scripts over plain http would be anybody's: that is for this machine alone.
fn base_address(option: &str, text: &str) -> Result<Url, ConfigError> {
    let Ok(url) = Url::parse(text) else {
        return Err(ConfigError::at(option, format!("{text:?} is no address")));
    };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    if !url.username().is_empty() || url.password().is_some() {
        // It would be printed with every error, and sent to every browser.
        return Err(ConfigError::at(
            option,
            "an address with a password in it is not supported",
        ));
    }
    if !secure || url.query().is_some() || url.fragment().is_some() {
        let problem = format!("{text:?} is not an https:// address of a folder (http:// is for this machine alone)");
        return Err(ConfigError::at(option, problem));
    }
    Ok(url)
}
