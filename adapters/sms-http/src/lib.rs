//! What SMS providers over HTTP share: one exchange, and what its failure means for the text.
//!
//! The question behind every failure is whether the provider may have taken the text. No connection: certainly not. A
//! request that left and brought no answer, or none that can be read: perhaps.

use std::time::Duration;

use phoneproof_domain::ports::{BoxError, SendError};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use url::{Host, Url};

/// How large an answer may be; providers send a few hundred bytes.
const MOST: usize = 64 * 1024;
/// How long to pause when a provider throttles and does not say.
const PAUSE: Duration = Duration::from_secs(5);
/// No provider pauses us for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Why an adapter cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Neither https, nor http on this machine.
    #[error("base_url: {0:?} is not an https:// address (http:// is for this machine alone)")]
    Url(String),
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The address of a provider: https, or http on this machine.
///
/// # Errors
/// [`SetupError::Url`].
pub fn base_url(text: &str) -> Result<Url, SetupError> {
    let refused = || SetupError::Url(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        Ok(url)
    } else {
        Err(refused())
    }
}

/// A client that follows no redirects and waits so long for a whole answer.
///
/// # Errors
/// [`SetupError::Client`].
pub fn client(timeout: Duration) -> Result<Client, SetupError> {
    let client = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .timeout(timeout);
    client.build().map_err(SetupError::Client)
}

/// A provider's whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a request, once.
///
/// # Errors
/// [`SendError::Unavailable`] if it certainly did not arrive, [`SendError::Unknown`] if it may have. Neither quotes the
/// address or anything that was sent.
pub async fn exchange(request: RequestBuilder) -> Result<Answer, SendError> {
    let mut response = request.send().await.map_err(failure)?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    // The request arrived: whatever goes wrong from here on, the text may be on its way.
    while let Some(chunk) = response.chunk().await.map_err(|error| unknown(error.without_url()))? {
        if body.len() + chunk.len() > MOST {
            return Err(unknown("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        retry_after: retry_after.map(Duration::from_secs),
        body,
    })
}

fn failure(error: reqwest::Error) -> SendError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        SendError::Unavailable(error.into())
    } else {
        unknown(error)
    }
}

/// It may have been taken.
pub fn unknown(cause: impl Into<BoxError>) -> SendError {
    SendError::Unknown(cause.into())
}

/// What a status means where the provider's own code says nothing.
#[must_use]
pub fn by_status(answer: &Answer, code: &str) -> SendError {
    let cause = || {
        BoxError::from(format!(
            "status {}{}{code}",
            answer.status,
            if code.is_empty() { "" } else { ", code " }
        ))
    };
    match answer.status {
        408 | 425 | 503 => SendError::Unavailable(cause()),
        429 => throttled(answer),
        400..=499 => SendError::Refused(cause()),
        // A proxy's 502 or 504, or a provider that broke down on the way: it may have been taken.
        _ => SendError::Unknown(cause()),
    }
}

/// The provider asks for a pause.
#[must_use]
pub fn throttled(answer: &Answer) -> SendError {
    SendError::Throttled {
        retry_after: answer.retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A provider that reads the request if it should, answers these bytes and hangs up.
    async fn provider(read: bool, answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if read {
                    let mut buffer = [0; 4096];
                    let _ = stream.read(&mut buffer).await;
                }
                let _ = stream.write_all(answer).await;
            }
        });
        url
    }

    async fn ask(url: &str, timeout: Duration) -> Result<Answer, SendError> {
        exchange(client(timeout).unwrap().post(url).body("to=%2B14155552671&body=123456")).await
    }

    #[tokio::test]
    async fn what_may_have_arrived_is_unknown_and_what_did_not_is_unavailable() {
        let long = Duration::from_secs(5);
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let outcome = ask(&format!("http://{closed}/"), long).await;
        assert!(matches!(outcome, Err(SendError::Unavailable(_))), "{outcome:?}");
        for answer in [
            &b""[..],
            b"garbage",
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        ] {
            let outcome = ask(&provider(true, answer).await, long).await;
            assert!(matches!(outcome, Err(SendError::Unknown(_))), "{outcome:?}");
            let told = format!("{outcome:?}");
            assert!(!told.contains("123456") && !told.contains("4155552671"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_slow_provider_is_unknown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let _silent = tokio::spawn(async move {
            listener
                .accept()
                .await
                .map(|(stream, _)| Box::leak(Box::new(stream)))
                .is_ok()
        });
        let outcome = ask(&url, Duration::from_millis(50)).await;
        assert!(matches!(outcome, Err(SendError::Unknown(_))), "{outcome:?}");
    }

    #[test]
    fn statuses_are_sorted() {
        let answer = |status, retry_after| Answer {
            status,
            retry_after,
            body: Vec::new(),
        };
        for (status, expected) in [
            (401, "Refused"),
            (403, "Refused"),
            (404, "Refused"),
            (400, "Refused"),
            (503, "Unavailable"),
            (408, "Unavailable"),
            (500, "Unknown"),
            (502, "Unknown"),
            (504, "Unknown"),
            (302, "Unknown"),
        ] {
            let sorted = format!("{:?}", by_status(&answer(status, None), "7"));
            assert!(sorted.starts_with(expected), "{status}: {sorted}");
        }
        for (asked, pause) in [(None, 5), (Some(7), 7), (Some(100_000), 3600)] {
            let error = by_status(&answer(429, asked.map(Duration::from_secs)), "");
            assert!(matches!(error, SendError::Throttled { retry_after } if retry_after.as_secs() == pause));
        }
    }

    #[test]
    fn providers_are_asked_over_tls() {
        for (url, fine) in [
            ("https://api.twilio.com", true),
            ("http://127.0.0.1:9/", true),
            ("http://localhost:9", true),
            ("http://api.twilio.com", false),
            ("http://10.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
            ("nonsense", false),
        ] {
            assert_eq!(base_url(url).is_ok(), fine, "{url}");
        }
    }
}
