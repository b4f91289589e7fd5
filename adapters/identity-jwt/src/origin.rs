use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use phoneproof_domain::ports::BoxError;
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::io::AsyncReadExt;
use url::{Host, Url};

use crate::options::ConfigError;

/// A JWKS of many keys has some 10 KiB; what is larger is not one.
const MAX_BYTES: usize = 256 * 1024;

/// Where keys come from.
pub(crate) enum Origin {
    Fixed,
    File(PathBuf),
    Url { url: Url, client: Client },
}

impl Origin {
    /// The keys at a URL, if they may be fetched from there: nobody on the way may swap them.
    pub(crate) fn url(text: &str, timeout: Duration) -> Result<Self, ConfigError> {
        let url = Url::parse(text).map_err(|error| ConfigError(format!("jwks_url: {text:?} is no URL: {error}")))?;
        let loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let mut client = Client::builder().redirect(Policy::none()).timeout(timeout);
        match url.scheme() {
            "https" => {}
            // Whatever proxy the environment names, this machine is reached directly.
            "http" if loopback => client = client.no_proxy(),
            _ => {
                return Err(ConfigError(format!(
                    "jwks_url: {text:?} must be https, or http on this machine"
                )));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConfigError(
                "jwks_url: a key set is public, it takes no password".to_owned(),
            ));
        }
        let client = client
            .build()
            .map_err(|error| ConfigError(format!("jwks_url: {error}")))?;
        Ok(Self::Url { url, client })
    }

    /// The text of the key set as it is now.
    pub(crate) async fn read(&self) -> Result<String, BoxError> {
        let bytes = match self {
            Self::Fixed => return Err("fixed keys are not read anew".into()),
            Self::File(path) => {
                let mut bytes = Vec::new();
                let file = tokio::fs::File::open(path).await?;
                file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).await?;
                bounded(bytes)?
            }
            Self::Url { url, client } => fetch(client, url).await?,
        };
        Ok(String::from_utf8(bytes)?)
    }
}

async fn fetch(client: &Client, url: &Url) -> Result<Vec<u8>, BoxError> {
    // The log names the origin already, without what a query may hold.
    let mut response = client
        .get(url.clone())
        .send()
        .await
        .map_err(reqwest::Error::without_url)?;
    if !response.status().is_success() {
        return Err(format!("the answer is {}", response.status()).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        body = bounded(body)?;
    }
    Ok(body)
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, BoxError> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("there are more than {MAX_BYTES} bytes").into());
    }
    Ok(bytes)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed => f.write_str("fixed keys"),
            Self::File(path) => path.display().fmt(f),
            Self::Url { url, .. } => write!(f, "{}{}", url.origin().ascii_serialization(), url.path()),
        }
    }
}
