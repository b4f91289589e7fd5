//! `POST …/Messages.json` (<https://www.twilio.com/docs/messaging/api/message-resource>), on the traits of twilio-async.
//!
//! Of that crate we take the credentials, the form and the answer; the request goes over our own client, because the
//! crate's has one host, no time-out, and loses status and headers.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hyper014::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper014::{Body, Method, Request};
use phoneproof_domain::ports::SendError;
use phoneproof_sms_http::{Answer, exchange};
use serde::Deserialize;
use twilio_async::{Credentials, Execute, TwilioErr, TwilioJson, TwilioRequest, TwilioResp, encode_pairs};

/// What we read of a message that Twilio took; everything else may be missing or null.
#[derive(Debug, Deserialize)]
pub(crate) struct Created {
    pub(crate) sid: String,
}

/// One message to be created.
pub(crate) struct CreateMessage<'a> {
    pub(crate) client: &'a reqwest::Client,
    pub(crate) url: &'a str,
    pub(crate) credentials: &'a Credentials,
    pub(crate) form: Vec<(&'static str, String)>,
    /// How the exchange went: the crate's errors have no room for it.
    seen: Mutex<Option<Result<Answer, SendError>>>,
}

impl<'a> CreateMessage<'a> {
    pub(crate) fn new(
        client: &'a reqwest::Client,
        url: &'a str,
        credentials: &'a Credentials,
        form: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            client,
            url,
            credentials,
            form,
            seen: Mutex::default(),
        }
    }

    /// How the exchange went.
    pub(crate) fn seen(self) -> Option<Result<Answer, SendError>> {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Execute for CreateMessage<'_> {
    fn request<U>(&self, method: Method, url: U, body: Option<String>) -> Result<Request<Body>, TwilioErr>
    where
        U: AsRef<str>,
    {
        let request = Request::builder()
            .method(method)
            .uri(url.as_ref())
            .header(AUTHORIZATION, self.credentials.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        Ok(request.body(Body::from(body.unwrap_or_default()))?)
    }

    async fn execute<U, D>(&self, method: Method, url: U, body: Option<String>) -> TwilioResp<TwilioJson<D>>
    where
        U: AsRef<str> + Send,
        D: for<'de> Deserialize<'de>,
    {
        let request = self.request(method, url, body.clone())?;
        let mut ours = self
            .client
            .post(request.uri().to_string())
            .body(body.unwrap_or_default());
        for (name, value) in request.headers() {
            ours = ours.header(name.as_str(), value.as_bytes());
        }
        let answer = exchange(ours).await;
        let read = match &answer {
            Ok(answer) => serde_json::from_slice(&answer.body).map_err(TwilioErr::from),
            Err(_) => Err(TwilioErr::Io(std::io::Error::other("no answer"))),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        read
    }
}

#[async_trait]
impl TwilioRequest for CreateMessage<'_> {
    type Resp = Created;

    async fn run(&self) -> TwilioResp<TwilioJson<Created>> {
        self.execute(Method::POST, self.url, encode_pairs(&self.form)).await
    }
}
