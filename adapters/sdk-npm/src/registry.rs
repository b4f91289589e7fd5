use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use semver::Version;
use serde::Deserialize;
use url::Url;

use crate::integrity::Integrity;
use crate::selector::Selector;

/// How large a list of versions may be, in bytes. That of `@clerk/clerk-js` has 1.5 MB.
const MAX_LIST: u64 = 64 * 1024 * 1024;
/// How large a tarball may be, in bytes. That of `@clerk/clerk-js` 6.40.0 has 3.6 MB.
pub const MAX_TARBALL: u64 = 64 * 1024 * 1024;
/// How long to wait for the connection, and for each further part of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A mirror may keep its tarballs elsewhere; what it leads to is verified like any other.
const MAX_REDIRECTS: usize = 5;
/// Versions with their tarballs and checksums, without each version's whole `package.json`.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// An npm registry or a mirror of one.
pub struct Registry {
    client: Client,
    base: Url,
}

/// One version that the registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// What the registry says its tarball's checksum is; none if it says nothing that can be read.
    pub integrity: Option<Integrity>,
    tarball: Url,
}

/// Why a package cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// No answer, or half of one.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// What was asked for.
        url: Url,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The registry does not know the package.
    #[error("{registry} has no package {package}")]
    UnknownPackage {
        /// The registry.
        registry: Url,
        /// The package.
        package: String,
    },
    /// The registry knows the package, and not this version.
    #[error("{registry} has no {spec}")]
    UnknownVersion {
        /// The registry.
        registry: Url,
        /// The package and the version that was asked for.
        spec: String,
    },
    /// The registry refuses, or is broken.
    #[error("{url} answers {status}")]
    Refused {
        /// What was asked for.
        url: Url,
        /// The answer.
        status: StatusCode,
    },
    /// More than we take.
    #[error("{url} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: Url,
        /// The most that is taken.
        limit: u64,
    },
    /// The list of versions is none.
    #[error("{url} is no list of versions")]
    Malformed {
        /// What was asked for.
        url: Url,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// The abbreviated document of a package, as far as it matters here. Its versions are texts: one that cannot be read is
/// not the one that is looked for.
#[derive(Deserialize)]
struct Document {
    #[serde(default, rename = "dist-tags")]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    versions: BTreeMap<String, Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    integrity: Option<String>,
}

impl Registry {
    /// The registry at `base`.
    ///
    /// # Errors
    /// [`RegistryError::Client`].
    pub fn new(base: &Url) -> Result<Self, RegistryError> {
        let from_https = base.scheme() == "https";
        let redirects = Policy::custom(move |attempt| {
            if from_https && attempt.url().scheme() != "https" {
                attempt.stop()
            } else {
                Policy::limited(MAX_REDIRECTS).redirect(attempt)
            }
        });
        let client = Client::builder()
            .user_agent(concat!("phoneproof/", env!("CARGO_PKG_VERSION")))
            .redirect(redirects)
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE);
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(Self {
            client: client.build().map_err(RegistryError::Client)?,
            base,
        })
    }

    /// The release that is meant: a tag is what the registry says it is.
    ///
    /// # Errors
    /// [`RegistryError`]; among them that there is no such package or version.
    pub async fn find(&self, package: &str, selector: &Selector) -> Result<Release, RegistryError> {
        // The slash of a scope is escaped, so that a package is one segment.
        let url = self.at(&package.replace('/', "%2f"));
        let request = self.client.get(url.clone()).header(ACCEPT, ABBREVIATED);
        let response = request.send().await;
        let response = response.map_err(|source| unreachable(&url, source))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(RegistryError::UnknownPackage {
                registry: self.base.clone(),
                package: package.to_owned(),
            });
        }
        let list = body(response, &url, MAX_LIST, &mut |_, _| {}).await?;
        let mut document: Document =
            serde_json::from_slice(&list).map_err(|source| RegistryError::Malformed { url, source })?;
        let version = match selector {
            Selector::Tag(tag) => document.tags.get(tag).and_then(|text| Version::parse(text).ok()),
            Selector::Major(_) | Selector::Exact(_) => {
                let versions = document.versions.keys().filter_map(|text| Version::parse(text).ok());
                selector.newest(versions)
            }
        };
        let found = version.and_then(|version| {
            let manifest = document.versions.remove(&version.to_string())?;
            Some((version, manifest.dist))
        });
        let Some((version, dist)) = found else {
            return Err(RegistryError::UnknownVersion {
                registry: self.base.clone(),
                spec: format!("{package}@{selector}"),
            });
        };
        Ok(Release {
            integrity: dist.integrity.and_then(|text| text.parse().ok()),
            tarball: self.tarball(package, &version, &dist.tarball),
            version,
        })
    }

    /// Where the tarball is: where the registry says, if that is within the registry. A mirror that was copied without its
    /// addresses names the registry that it was copied from; its own tarball has the usual path.
    fn tarball(&self, package: &str, version: &Version, named: &str) -> Url {
        let named = Url::parse(named).ok();
        let named = named.filter(|url| url.origin() == self.base.origin());
        named.unwrap_or_else(|| {
            let name = package.rsplit('/').next().unwrap_or(package);
            self.at(&format!("{package}/-/{name}-{version}.tgz"))
        })
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    /// The tarball of a release, not yet verified. `advance` is told how many bytes have arrived, and of how many if that
    /// is known.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn download(
        &self,
        release: &Release,
        advance: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<Vec<u8>, RegistryError> {
        let url = &release.tarball;
        let response = self.client.get(url.clone()).send().await;
        body(
            response.map_err(|source| unreachable(url, source))?,
            url,
            MAX_TARBALL,
            advance,
        )
        .await
    }
}

fn unreachable(url: &Url, source: reqwest::Error) -> RegistryError {
    RegistryError::Unreachable {
        url: url.clone(),
        // The address is said already.
        source: source.without_url(),
    }
}

/// The whole body of a successful answer, of at most `limit` bytes.
async fn body(
    mut response: Response,
    url: &Url,
    limit: u64,
    advance: &mut (dyn FnMut(u64, Option<u64>) + Send),
) -> Result<Vec<u8>, RegistryError> {
    if response.status() != StatusCode::OK {
        return Err(RegistryError::Refused {
            url: url.clone(),
            status: response.status(),
        });
    }
    let (total, mut body, mut arrived) = (response.content_length(), Vec::new(), 0);
    while let Some(part) = response.chunk().await.map_err(|source| unreachable(url, source))? {
        arrived += part.len() as u64;
        if arrived > limit {
            return Err(RegistryError::TooLarge {
                url: url.clone(),
                limit,
            });
        }
        body.extend_from_slice(&part);
        advance(arrived, total);
    }
    Ok(body)
}
