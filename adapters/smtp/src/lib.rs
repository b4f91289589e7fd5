//! A mail server by its address: what adapters that send e-mail share.

use std::sync::OnceLock;
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

pub use lettre::transport::smtp::Error as SmtpError;

/// Why a mail server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address.
    #[error("smtp_url: not smtps://HOST or smtp://HOST:PORT (without TLS on this machine alone)")]
    Url,
    /// A user name without a password, or the other way round.
    #[error("set both username and password, or neither")]
    Credentials,
    /// TLS could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] SmtpError),
}

/// Sends messages through one mail server, over a few kept connections.
pub struct Mailer {
    server: AsyncSmtpTransportBuilder,
    /// Made at the first message: its pool needs a running runtime, and a configuration is checked without one.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Mailer {
    /// A mail server: `smtps://mail.example.com` (TLS from the start), `smtp://mail.example.com:587` (STARTTLS, required), or
    /// without TLS on this machine alone, `smtp://127.0.0.1:25`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn new(
        smtp_url: &str,
        username: Option<&str>,
        password: Option<&SecretString>,
        timeout: Duration,
    ) -> Result<Self, ServerError> {
        let (scheme, place) = smtp_url.split_once("://").ok_or(ServerError::Url)?;
        let place = place.trim_end_matches('/');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| ServerError::Url)?)),
            None => (place, None),
        };
        if host.is_empty() {
            return Err(ServerError::Url);
        }
        let is_here = matches!(host, "127.0.0.1" | "localhost");
        let mut server = match scheme {
            "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(ServerError::Tls)?,
            "smtp" if is_here => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
            "smtp" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(ServerError::Tls)?,
            _ => return Err(ServerError::Url),
        };
        if let Some(port) = port {
            server = server.port(port);
        }
        server = match (username, password) {
            (Some(user), Some(password)) => {
                server.credentials(Credentials::new(user.to_owned(), password.expose_secret().to_owned()))
            }
            (None, None) => server,
            _ => return Err(ServerError::Credentials),
        };
        Ok(Self {
            server: server.timeout(Some(timeout.max(Duration::from_millis(100)))),
            transport: OnceLock::new(),
        })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// What the server says, or that it cannot be reached.
    pub async fn send(&self, message: Message) -> Result<Response, SmtpError> {
        let transport = self.transport.get_or_init(|| self.server.clone().build());
        transport.send(message).await
    }
}

/// Whether nobody listens there: then nothing was taken.
#[must_use]
pub fn is_refused(error: &SmtpError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    false
}
