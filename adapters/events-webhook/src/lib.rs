//! `EventSink` over HTTP: one `POST` of JSON, signed (contract 9; <https://www.standardwebhooks.com>).

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Event, EventSink, SinkError};
use reqwest::redirect::Policy;
use sha2::Sha256;
use url::{Host, Url};

/// How long the endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a webhook endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// Neither https, nor http on this machine.
    #[error("{0:?} is not an https:// address (http:// is for this machine alone)")]
    Url(String),
    /// Not `whsec_` and base64.
    #[error("a signing secret is \"whsec_\" and base64 of at least 16 bytes; `echo whsec_$(openssl rand -base64 24)`")]
    Secret,
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Posts events to one endpoint. Redirects are not followed; any 2xx is success.
pub struct Webhook {
    url: Url,
    key: Vec<u8>,
    client: reqwest::Client,
}

impl Webhook {
    /// An endpoint with its signing secret, `whsec_…`.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(url: &str, secret: &str) -> Result<Self, OptionsError> {
        let refused = || OptionsError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| refused())?;
        let loopback = match parsed.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && loopback) {
            return Err(refused());
        }
        let key = secret.trim().strip_prefix("whsec_").ok_or(OptionsError::Secret)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| OptionsError::Secret)?;
        if key.len() < 16 {
            return Err(OptionsError::Secret);
        }
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE);
        Ok(Self {
            url: parsed,
            key,
            client: client.build().map_err(OptionsError::Client)?,
        })
    }

    /// `v1,` and the base64 of HMAC-SHA-256 over id, time and body.
    fn signature(&self, id: &str, seconds: i64, body: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key).expect("any length is valid");
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[async_trait]
impl EventSink for Webhook {
    async fn tell(&self, event: &Event, now: Timestamp) -> Result<(), SinkError> {
        let seconds = now.as_seconds();
        let answer = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("svix-id", &event.id)
            .header("svix-timestamp", seconds)
            .header("svix-signature", self.signature(&event.id, seconds, &event.body))
            .body(event.body.clone())
            .send()
            .await
            // The address may hold a secret of the team's.
            .map_err(|error| SinkError(error.without_url().into()))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(SinkError(format!("the endpoint answered {}", answer.status()).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn event() -> Event {
        Event {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            kind: "test".to_owned(),
            body: "{\"test\": 2432232314}".to_owned(),
            at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn it_signs_as_the_specification_s_example_does() {
        // https://github.com/standard-webhooks/standard-webhooks: the example of its libraries.
        let webhook = Webhook::new("https://example.com/hooks", SECRET).unwrap();
        let event = event();
        let signature = webhook.signature(&event.id, 1_614_265_330, &event.body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[tokio::test]
    async fn only_2xx_is_success_and_redirects_are_not_followed() {
        for (status, taken) in [(200, true), (204, true), (302, false), (410, false), (500, false)] {
            let server = MockServer::start().await;
            Mock::given(method("POST"))
                .and(header("svix-id", event().id.as_str()))
                .respond_with(ResponseTemplate::new(status).insert_header("location", "/elsewhere"))
                .expect(1)
                .mount(&server)
                .await;
            let webhook = Webhook::new(&server.uri(), SECRET).unwrap();
            let outcome = webhook.tell(&event(), Timestamp::from_millis(1_000)).await;
            assert_eq!(outcome.is_ok(), taken, "{status}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for (url, secret) in [
            ("http://example.com/", SECRET),
            ("ftp://example.com/", SECRET),
            ("nonsense", SECRET),
            ("https://example.com/", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("https://example.com/", "whsec_c2hvcnQ="),
        ] {
            assert!(Webhook::new(url, secret).is_err(), "{url} {secret}");
        }
        assert!(Webhook::new("http://127.0.0.1:9/", SECRET).is_ok());
    }
}
