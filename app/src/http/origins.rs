//! Which web pages may call the API from a browser (CORS; contract 2.3).

use std::net::SocketAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use phoneproof_domain::LiveSettings;
use url::Url;

/// The origins that may call, and the hosts under which the server is itself.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    own: Vec<String>,
    configured: Vec<String>,
    /// A back end may put others in the place of the configured ones.
    live: LiveSettings,
    own_hosts: Vec<String>,
}

/// What the `Origin` header of a request means for it.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// No page asks, or the path is none that pages call.
    NoPage,
    /// A page that may.
    Allowed(HeaderValue),
    /// A page that may not.
    Refused,
}

impl Origins {
    /// The configured origins and the server's own: that of its public URL, and in development those under which the machine
    /// reaches itself. In production whatever listens on the visitor's machine could call from there.
    pub(crate) fn new(
        configured: Vec<String>,
        live: LiveSettings,
        address: SocketAddr,
        public_url: Option<&Url>,
        development: bool,
    ) -> Self {
        let port = address.port();
        let mut own_hosts = vec![
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
            address.to_string(),
        ];
        let mut own: Vec<String> = Vec::new();
        if development {
            own.extend(own_hosts.iter().map(|host| format!("http://{host}")));
        }
        if let Some(url) = public_url {
            own.push(url.origin().ascii_serialization());
            own_hosts.extend(
                url.host_str()
                    .map(|host| url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))),
            );
        }
        Self {
            own,
            configured,
            live,
            own_hosts,
        }
    }

    /// The origins of the configuration.
    pub(crate) fn configured(&self) -> &[String] {
        &self.configured
    }

    /// Whether the request names the server as it names itself. Under another name (DNS
    /// rebinding) a stranger's page would be "the same origin".
    pub(crate) fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.own_hosts.iter().any(|own| own == host))
    }

    /// Whether pages of this origin may call.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        let is_in = |origins: &[String]| origins.iter().any(|allowed| allowed == origin);
        is_in(&self.own)
            || self
                .live
                .read(|live| is_in(live.allowed_origins.as_ref().unwrap_or(&self.configured)))
    }

    pub(crate) fn judge(&self, request: &ServiceRequest) -> Verdict {
        let Some(origin) = request.headers().get(header::ORIGIN) else {
            return Verdict::NoPage;
        };
        // As the router will read it: `//v1/%6de` must not be another path here than there.
        if !is_for_pages(request.match_info().as_str()) {
            return Verdict::NoPage;
        }
        match origin.to_str() {
            Ok(text) if self.allows(text) => Verdict::Allowed(origin.clone()),
            _ => Verdict::Refused,
        }
    }
}

/// The user's API. The secret key has no business in a browser: no CORS for the other one.
fn is_for_pages(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.next() {
        Some("v1") => matches!(segments.next(), Some("me" | "client" | "environment" | "dev_browser")),
        Some("dev") => true,
        _ => false,
    }
}

/// Whether the browser only asks what it may do.
pub(crate) fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Verdict {
    /// Writes the answer's headers; errors need them too.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, preflight: bool) {
        let Self::Allowed(origin) = self else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After, X-Country, Clerk-Db-Jwt"),
        );
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if preflight {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static("Authorization, Content-Type"),
            );
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
}
