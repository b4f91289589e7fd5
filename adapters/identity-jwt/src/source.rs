use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::BoxError;
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::keys::KeySet;
use crate::options::{Algorithm, ConfigError};

/// Keys are asked for anew at most this often: an attacker who makes up key ids must not make us
/// hammer the provider.
const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
/// A JWKS of many keys has some 10 KiB.
const MAX_BYTES: usize = 256 * 1024;

/// Where keys come from.
pub(crate) enum Origin {
    Fixed,
    File(PathBuf),
    Url {
        url: Url,
        client: reqwest::Client,
        max_age: Duration,
    },
}

/// The keys of one provider, kept and renewed.
pub(crate) struct Source {
    origin: Origin,
    algorithms: Vec<Algorithm>,
    kept: RwLock<Kept>,
    /// Held while keys are asked for: many requests wait for one answer. It has the time of the
    /// last try.
    asking: Mutex<Option<Timestamp>>,
}

/// The keys at hand.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) keys: Arc<KeySet>,
    /// Grows with each change of the keys.
    pub(crate) version: u64,
    asked_at: Option<Timestamp>,
}

impl Source {
    pub(crate) fn new(origin: Origin, algorithms: Vec<Algorithm>) -> Self {
        Self {
            origin,
            algorithms,
            kept: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// Keys that are known from the beginning.
    pub(crate) fn starting_with(self, jwks: &str) -> Result<Self, ConfigError> {
        let keys = KeySet::parse(jwks, &self.algorithms)
            .map_err(|error| ConfigError(format!("the key set is no JWKS: {error}")))?;
        if keys.len() == 0 {
            return Err(ConfigError(
                "the key set holds no usable key (RSA of 2048 bits or more, P-256, Ed25519)".to_owned(),
            ));
        }
        self.keep(keys, None);
        Ok(self)
    }

    /// The keys as they are.
    pub(crate) fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the keys are too old to be used without asking again.
    pub(crate) fn is_old(&self, kept: &Kept, now: Timestamp) -> bool {
        let Origin::Url { max_age, .. } = &self.origin else {
            return false;
        };
        kept.asked_at
            .is_none_or(|asked_at| now.since(asked_at) >= *max_age || asked_at.since(now) >= *max_age)
    }

    /// Asks for the keys anew, unless that was done within the last minute. If it fails the old
    /// keys stay; without any it is an error.
    pub(crate) async fn renewed(&self, now: Timestamp) -> Result<Kept, BoxError> {
        let mut last_try = match self.asking.try_lock() {
            Ok(last_try) => last_try,
            // Somebody is asking already. Only who has no keys at all needs to wait for the answer.
            Err(_) if self.kept().keys.len() > 0 => return Ok(self.kept()),
            Err(_) => self.asking.lock().await,
        };
        let waited = last_try.is_none_or(|last| now.since(last).max(last.since(now)) >= SHORTEST_PAUSE);
        let mut failure: Option<BoxError> = None;
        if waited && !matches!(self.origin, Origin::Fixed) {
            *last_try = Some(now);
            match self.ask().await {
                Ok(keys) => self.keep(keys, Some(now)),
                Err(error) => {
                    tracing::warn!("the keys of the identity provider cannot be had: {error}");
                    failure = Some(error);
                }
            }
        }
        let kept = self.kept();
        if kept.keys.len() > 0 {
            return Ok(kept);
        }
        Err(failure.unwrap_or_else(|| "no keys yet; they were asked for less than a minute ago".into()))
    }

    fn keep(&self, keys: KeySet, asked_at: Option<Timestamp>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let version = kept.version + 1;
        *kept = Kept {
            keys: Arc::new(keys),
            version,
            asked_at,
        };
    }

    async fn ask(&self) -> Result<KeySet, BoxError> {
        let text = match &self.origin {
            Origin::Fixed => return Err("fixed keys are not asked for".into()),
            Origin::File(path) => tokio::fs::read_to_string(path).await?,
            Origin::Url { url, client, .. } => fetch(client, url).await?,
        };
        let keys = KeySet::parse(&text, &self.algorithms)?;
        if keys.len() == 0 {
            Err("the key set holds no usable key".into())
        } else {
            Ok(keys)
        }
    }
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<String, BoxError> {
    let mut response = client.get(url.clone()).send().await?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}", response.status()).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(format!("{url} answered more than {MAX_BYTES} bytes").into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(body)?)
}

/// The URL, if keys may be fetched from there: nobody on the way may swap them.
pub(crate) fn safe_url(text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|error| ConfigError(format!("jwks_url: {text:?} is no URL: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(ConfigError(format!(
            "jwks_url: {text:?} must be https, or http on this machine"
        ))),
    }
}
