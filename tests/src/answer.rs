use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer of the server, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            json,
            text,
        }
    }

    /// The resource inside the envelope of the user's API. Panics, with the answer, if this is no
    /// success or has no envelope.
    #[must_use]
    #[track_caller]
    pub fn response(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:#?}");
        assert!(self.json.get("client").is_some(), "no envelope: {self:#?}");
        &self.json["response"]
    }

    /// The bare resource of the back-end API. Panics, with the answer, if this is no success.
    #[must_use]
    #[track_caller]
    pub fn resource(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:#?}");
        &self.json
    }

    /// Checks that this is an error of the contract: its status, its code, the whole envelope.
    #[track_caller]
    pub fn is_error(&self, status: u16, code: &str) -> &Self {
        let error = &self.json["errors"][0];
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{self:#?}");
        for text in ["code", "message", "long_message"] {
            assert!(
                error[text].as_str().is_some_and(|text| !text.is_empty()),
                "{text}: {self:#?}"
            );
        }
        let trace_id = self.json["clerk_trace_id"].as_str().unwrap_or_default();
        assert!(
            trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{self:#?}"
        );
        assert_eq!(self.header("x-request-id"), Some(trace_id), "{self:#?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:#?}");
        self
    }

    /// Checks which parameter an error is about.
    #[track_caller]
    pub fn about(&self, param: &str) -> &Self {
        assert_eq!(
            self.json["errors"][0]["meta"]["param_name"].as_str(),
            Some(param),
            "{self:#?}"
        );
        self
    }

    /// One header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
