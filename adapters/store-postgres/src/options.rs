//! What an operator may tune, and how the URL is read.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use url::Url;

use crate::OpenError;

/// When a commit counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Once the server's disk says so: an acknowledged change survives a power cut.
    #[default]
    Full,
    /// Once the server has it in memory (`synchronous_commit = off`): a power cut may take back the last changes, though
    /// never half of one.
    Normal,
}

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:5432/database`, with `sslmode` and `sslrootcert` as libpq has them.
    pub url: String,
    /// When a commit counts as written. Default: [`Synchronous::Full`].
    pub synchronous: Synchronous,
    /// Most connections of this process; two more are for searches. At least 1. Default: 16.
    pub connections: usize,
    /// How long a statement may take, on the server's side; zero for no limit. Searches may take 30 times as long.
    /// Default: 1.5 s, so that a caller has an answer within 2 s.
    pub statement_timeout: Duration,
    /// Whether opening applies pending migrations. Without, they are an error that says so. Default: true.
    pub migrate: bool,
}

impl Options {
    /// The defaults, for the database at `url`.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            synchronous: Synchronous::default(),
            connections: 16,
            statement_timeout: Duration::from_millis(1500),
            migrate: true,
        }
    }
}

/// Whom to trust to be the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Nobody is asked: the line does not leave the machine, or the operator says so.
    Off,
    /// A certificate for the host's name, of an authority of the operating system or of those in the file.
    Verified {
        /// Authorities of the operator's own, PEM.
        authorities: Option<PathBuf>,
    },
}

/// Where the database is, without the password.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// `host:5432/database`, for whoever reads an error.
    pub(crate) place: String,
}

/// Reads the URL. The parameters of TLS are ours, for the library's `require` would take any certificate.
pub(crate) fn target(url: &str) -> Result<Target, OpenError> {
    let (mut mode, mut authorities) = (None, None);
    let mut bare = Url::parse(url).map_err(|_| OpenError::Url)?;
    if !matches!(bare.scheme(), "postgres" | "postgresql") {
        return Err(OpenError::Url);
    }
    let kept: Vec<(String, String)> = bare
        .query_pairs()
        .filter_map(|(name, value)| match &*name {
            "sslmode" => {
                mode = Some(value.into_owned());
                None
            }
            "sslrootcert" => {
                authorities = Some(PathBuf::from(&*value));
                None
            }
            _ => Some((name.into_owned(), value.into_owned())),
        })
        .collect();
    bare.set_query(None);
    if !kept.is_empty() {
        // Form encoding writes a space as a plus sign, which the library takes for one.
        let query = bare
            .query_pairs_mut()
            .extend_pairs(&kept)
            .finish()
            .query()
            .unwrap_or_default();
        let query = query.replace('+', "%20");
        bare.set_query(Some(&query));
    }
    let mut config: Config = bare.as_str().parse().map_err(|_| OpenError::Url)?;
    if config.get_hosts().is_empty() || config.get_dbname().is_none() {
        return Err(OpenError::Url);
    }
    let tls = match mode.as_deref() {
        Some("disable") => Tls::Off,
        None if stays_here(&config) && authorities.is_none() => Tls::Off,
        // What a stranger's certificate would do for `require` and `prefer` is nothing.
        None | Some("require" | "verify-ca" | "verify-full") => Tls::Verified { authorities },
        Some(_) => return Err(OpenError::SslMode),
    };
    config.ssl_mode(if tls == Tls::Off {
        SslMode::Disable
    } else {
        SslMode::Require
    });
    let place = format!("{}/{}", hosts(&config), config.get_dbname().unwrap_or_default());
    Ok(Target { config, tls, place })
}

/// Whether what is said stays on this machine. An address, where one is given, counts for more than the name beside it.
fn stays_here(config: &Config) -> bool {
    config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

/// Whether what is said to the host stays on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn hosts(config: &Config) -> String {
    let port = |at: usize| config.get_ports().get(at).or(config.get_ports().first()).copied();
    let host = |(at, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at).unwrap_or(5432)),
        Host::Unix(folder) => format!("{}:{}", folder.display(), port(at).unwrap_or(5432)),
    };
    config
        .get_hosts()
        .iter()
        .enumerate()
        .map(host)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_the_machine_is_verified() {
        let verified = Tls::Verified { authorities: None };
        for (url, tls) in [
            ("postgres://me@db.example.com/x", verified.clone()),
            ("postgresql://me@10.0.0.1:6432/x", verified.clone()),
            ("postgres://me@db.example.com/x?sslmode=require", verified.clone()),
            ("postgres://me@127.0.0.1/x?sslmode=verify-full", verified),
            ("postgres://me@127.0.0.1/x", Tls::Off),
            ("postgres://me@[::1]/x", Tls::Off),
            ("postgres://me@localhost/x", Tls::Off),
            ("postgres:///x?host=/run/postgresql", Tls::Off),
            ("postgres://me@localhost/x?hostaddr=127.0.0.1", Tls::Off),
            (
                "postgres://me@localhost/x?hostaddr=10.0.0.5",
                Tls::Verified { authorities: None },
            ),
            ("postgres://me@db.example.com/x?sslmode=disable", Tls::Off),
            (
                "postgres://me@localhost/x?sslrootcert=/etc/ca.pem",
                Tls::Verified {
                    authorities: Some("/etc/ca.pem".into()),
                },
            ),
        ] {
            let target = target(url).unwrap();
            assert_eq!(target.tls, tls, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_without_being_repeated() {
        for url in [
            "",
            "mysql://me:secret@db/x",
            "postgres://me:secret@db",
            "postgres://me:secret@db/x?sslmode=prefer",
            "postgres://me:secret@db/x?unknown=1",
            "postgres://me:secret@db:notaport/x",
        ] {
            let message = target(url).unwrap_err().to_string();
            assert!(
                message.contains("postgres://") || message.contains("sslmode"),
                "{message}"
            );
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn the_place_names_no_password() {
        let target = target("postgres://me:s3cret%2B@db.example.com:6432/phone?application_name=a%20b").unwrap();
        assert_eq!(target.place, "db.example.com:6432/phone");
        assert_eq!(target.config.get_password(), Some(&b"s3cret+"[..]));
        assert_eq!(target.config.get_application_name(), Some("a b"));
    }

    #[test]
    fn a_plus_sign_in_a_password_is_one() {
        let target = target("postgres://me:ab+cd@db/x?application_name=a%20b").unwrap();
        assert_eq!(target.config.get_password(), Some(&b"ab+cd"[..]));
        assert_eq!(target.config.get_application_name(), Some("a b"));
    }
}
