//! A browser or app that asks: its client, its page, its address (contract 2.4).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HeaderMap, ORIGIN, REFERER, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use phoneproof_domain::use_cases::AuthError;
use phoneproof_domain::{
    Activity, Address, ClientContext, ClientId, InSession, Languages, RequestContext, SessionId, Token,
};
use url::Url;

use crate::http::AppState;
use crate::http::extract::params::Params;
use crate::http::extract::weighted::weighted;
use crate::http::present::error::ApiError;

/// The name of the cookie that holds the client's token.
pub(crate) const CLIENT_COOKIE: &str = "__client";
/// The name of the cookie that tells back ends when somebody last signed in or out.
pub(crate) const UAT_COOKIE: &str = "__client_uat";

/// How the client's token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a cookie.
    Cookie,
    /// In the `Authorization` header, both ways.
    Native,
    /// In the URL, and back in the header `Clerk-Db-Jwt`.
    DevBrowser,
}

/// The page or app that sends a request, and how it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) transport: Transport,
    /// The origin of the page, as far as it is known and allowed: the `azp` of tokens.
    pub(crate) origin: Option<String>,
    /// Whether cookies are for https alone.
    pub(crate) secure: bool,
    /// Whether it came through the application's own proxy.
    pub(crate) proxied: bool,
    /// What the request says in its cookies `__client_uat` and `__client_uat_<suffix>`.
    pub(crate) uat: [Option<String>; 2],
    /// The token that the request carried; it need not open anything.
    pub(crate) token: Option<Token<ClientId>>,
}

/// A browser or app that sends a request, be it the first.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) page: Page,
    pub(crate) context: ClientContext,
    /// The session that the request names.
    session: Option<String>,
}

impl Visitor {
    /// The session that is meant: the one named, or the one last active. What is no identifier names nothing.
    pub(crate) fn in_session(self, state: &AppState) -> Result<(Page, InSession), ApiError> {
        let named = self.session.as_deref().filter(|named| !named.is_empty());
        let named: Option<SessionId> = named.map(|id| id.parse().map_err(|_| ApiError::NotFound)).transpose()?;
        Ok((self.page, state.cases.in_session(self.context, named.as_ref())?))
    }

    /// The session of this identifier.
    pub(crate) fn in_session_named(self, state: &AppState, id: &str) -> Result<(Page, InSession), ApiError> {
        // Without a client nobody is signed in, whatever the id.
        if self.context.client.is_none() {
            return Err(ApiError::SignedOut);
        }
        let id: SessionId = id.parse().map_err(|_| ApiError::NotFound)?;
        Ok((self.page, state.cases.in_session(self.context, Some(&id))?))
    }
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<AppState>>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let state = state.ok_or(ApiError::Internal("no state"))?;
            read(&state, &request).await
        })
    }
}

async fn read(state: &AppState, request: &HttpRequest) -> Result<Visitor, ApiError> {
    let headers = request.headers();
    let query = Params::from_form(request.query_string().as_bytes())?;
    let native = matches!(query.given("_is_native")?, Some("1" | "true"));
    let proxy = proxy(state, headers)?;
    let origin = header(headers, ORIGIN.as_str());
    let (transport, presented) = if native {
        if !state.native {
            return Err(ApiError::NativeDisabled);
        }
        if origin.is_some() && headers.contains_key(AUTHORIZATION) {
            return Err(ApiError::OriginAndAuthorization);
        }
        let token = header(headers, AUTHORIZATION.as_str()).unwrap_or_default();
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        (Transport::Native, vec![token.to_owned()])
    } else if state.publishable_key.has_dev_browser() {
        let token = query.given("__clerk_db_jwt")?.unwrap_or_default();
        (Transport::DevBrowser, vec![token.to_owned()])
    } else {
        (Transport::Cookie, cookies(headers, CLIENT_COOKIE))
    };
    let address = address(state, request, proxy.is_some());
    let agent = header(headers, USER_AGENT.as_str()).map(|agent| agent.chars().take(255).collect());
    let about = RequestContext {
        activity: Activity {
            address: address.map(|address| address.to_string()),
            user_agent: agent,
        },
        address: address.map(Address),
        languages: languages(headers),
    };
    let (context, token) = opened(state, &presented, about).await?;
    if transport == Transport::DevBrowser
        && context.client.is_none()
        && !matches!(request.path(), "/v1/dev_browser" | "/v1/client/handshake")
    {
        return Err(ApiError::DevBrowser);
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && transport == Transport::Cookie && context.client.is_some() && origin.is_none() && proxy.is_none() {
        // Browsers send it with every POST. Whoever leaves it out is none, or hides where it comes from.
        return Err(ApiError::OriginMissing);
    }
    let suffixed = format!("{UAT_COOKIE}_{}", state.cookie_suffix);
    Ok(Visitor {
        page: Page {
            transport,
            origin: origin_of_page(state, headers, proxy.as_ref()),
            secure: proxy
                .as_ref()
                .map_or(state.secure_cookies, |proxy| proxy.scheme() == "https"),
            proxied: proxy.is_some(),
            uat: [cookies(headers, UAT_COOKIE).pop(), cookies(headers, &suffixed).pop()],
            token,
        },
        context,
        session: query.given("_clerk_session_id")?.map(str::to_owned),
    })
}

/// The client that one of the presented tokens opens, and the token that did, or was the last to be tried. Several cookies
/// of one name are somebody's game with paths and domains; one may be ours.
async fn opened(
    state: &AppState,
    presented: &[String],
    about: RequestContext,
) -> Result<(ClientContext, Option<Token<ClientId>>), ApiError> {
    let (mut last, mut replaced) = (None, None);
    for token in presented.iter().take(4).filter_map(|text| text.parse().ok()) {
        let opened = state.cases.client_context(Some(&token), about.clone()).await;
        last = Some(token);
        match opened {
            Ok(context) if context.client.is_some() => return Ok((context, last)),
            Ok(_) => {}
            Err(error @ AuthError::TokenReplaced) => replaced = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    match replaced {
        Some(error) => Err(error.into()),
        None => Ok((state.cases.client_context(None, about).await?, last)),
    }
}

/// The public URL of the application's own proxy, if the request came through one that holds the secret key.
fn proxy(state: &AppState, headers: &HeaderMap) -> Result<Option<Url>, ApiError> {
    let Some(url) = header(headers, "clerk-proxy-url") else {
        return Ok(None);
    };
    let key = header(headers, "clerk-secret-key").ok_or(ApiError::ProxyKeyMissing)?;
    if !state.secret_key.is(key) {
        return Err(ApiError::ProxyKey);
    }
    Ok(Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https")))
}

/// The page that asks. Same-origin GETs carry no `Origin`: then the proxy's origin, else the
/// referrer's if it is an allowed one.
fn origin_of_page(state: &AppState, headers: &HeaderMap, proxy: Option<&Url>) -> Option<String> {
    if let Some(origin) = header(headers, ORIGIN.as_str()) {
        // `observe` has refused those that are not allowed.
        return Some(origin.to_owned());
    }
    if let Some(proxy) = proxy {
        return Some(proxy.origin().ascii_serialization());
    }
    let referrer = Url::parse(header(headers, REFERER.as_str())?).ok()?;
    let origin = referrer.origin().ascii_serialization();
    state.origins.allows(&origin).then_some(origin)
}

fn address(state: &AppState, request: &HttpRequest, proxied: bool) -> Option<IpAddr> {
    let socket = request.peer_addr()?.ip();
    let trusted = |address: IpAddr| state.trusted_proxies.iter().any(|network| network.contains(address));
    Some(visitors_address(request.headers(), socket, proxied, trusted))
}

/// The visitor's address: the socket's; behind a trusted proxy the right-most entry of
/// `X-Forwarded-For` that is no proxy; behind the application's own proxy the first one.
///
/// An entry that cannot be read hides who wrote those before it, so none of them counts (RFC 7239 §6): what the visitor has
/// sent would otherwise pass for an address that a proxy has seen.
fn visitors_address(headers: &HeaderMap, socket: IpAddr, proxied: bool, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let forwarded = forwarded(headers);
    let visitor = if proxied {
        forwarded.first().copied().flatten()
    } else if trusted(socket) {
        let mut known = forwarded.iter().rev().map_while(|entry| *entry);
        known.find(|address| !trusted(*address))
    } else {
        None
    };
    visitor.unwrap_or(socket)
}

/// The entries of `X-Forwarded-For`, none for one that is no address; the visitor's part of the list may hold any octets.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all("x-forwarded-for")
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|entry| std::str::from_utf8(entry.trim_ascii()).ok().and_then(node))
        .collect()
}

/// An address as proxies write it: alone, in brackets, or with a port (`192.0.2.1:443`, `[2001:db8::1]:443`).
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The values of all cookies of this name. A `Cookie` header is a list of octets (RFC 6265 §5.4), and the host's other
/// cookies may hold any: only those of this name must be text.
fn cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let value_of = |pair: &[u8]| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        let value = value.trim_ascii_start().strip_prefix(b"=")?;
        let value = std::str::from_utf8(value.trim_ascii_start()).ok()?;
        Some(value.trim_matches('"').to_owned())
    };
    headers
        .get_all(COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(value_of)
        .collect()
}

/// The languages that the browser asks for.
pub(crate) fn languages(headers: &HeaderMap) -> Languages {
    Languages::by_weight(weighted(headers, &ACCEPT_LANGUAGE))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn sent(name: HeaderName, values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_whatever_octets_the_others_hold() {
        for values in [
            &["name=José; __client=a".as_bytes()][..],
            &[b"name=Jos\xe9; __client=a"],
            &[b"__client=a; name=\xff\xfe"],
            &[b"name=\xff", b"__client=a"],
            &[b"x; =; __client2=b; a__client=c;__client=a"],
            &[b"__client = \"a\" ; y=z"],
        ] {
            assert_eq!(cookies(&sent(COOKIE, values), "__client"), ["a"], "{values:?}");
        }
        let ours = sent(COOKIE, &[b"__client=\xff; __client=; __client=b=c"]);
        assert_eq!(cookies(&ours, "__client"), ["", "b=c"]);
    }

    #[test]
    fn a_forwarded_address_is_read_in_each_form_that_proxies_write() {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        for (entry, read) in [
            ("192.0.2.1", address("192.0.2.1")),
            (" 192.0.2.1:443 ", address("192.0.2.1")),
            ("2001:db8::1", address("2001:db8::1")),
            ("[2001:db8::1]", address("2001:db8::1")),
            ("[2001:db8::1]:443", address("2001:db8::1")),
            ("", None),
            ("unknown", None),
            ("_hidden", None),
            ("[192.0.2.1]", None),
            ("[2001:db8::1", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:99999", None),
            ("192.0.2.1 192.0.2.2", None),
        ] {
            let headers = sent(HeaderName::from_static("x-forwarded-for"), &[entry.as_bytes()]);
            assert_eq!(forwarded(&headers), [read], "{entry:?}");
        }
    }

    #[test]
    fn nothing_before_an_entry_that_cannot_be_read_counts() {
        const SOCKET: &str = "10.0.0.1";
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        // What is sent, whom a trusted proxy leads to, and whom the application's own proxy does.
        for (values, behind_trusted, behind_own) in [
            (&[][..], SOCKET, SOCKET),
            (&[&b"192.0.2.1"[..]], "192.0.2.1", "192.0.2.1"),
            (&[b"192.0.2.1, 192.0.2.2:5000"], "192.0.2.2", "192.0.2.1"),
            (
                &[b"192.0.2.1, [2001:db8::1]:5000, 10.0.0.2"],
                "2001:db8::1",
                "192.0.2.1",
            ),
            (&[b"192.0.2.1", b"192.0.2.2, 10.0.0.2"], "192.0.2.2", "192.0.2.1"),
            // The visitor's own words, on the left, hide nobody on the right.
            (&[b"\xe9, 192.0.2.2"], "192.0.2.2", SOCKET),
            (&[b"unknown, 192.0.2.2"], "192.0.2.2", SOCKET),
            (&[b"", b"192.0.2.2"], "192.0.2.2", SOCKET),
            // Whoever wrote them is hidden by what is on their right.
            (&[b"192.0.2.1, unknown"], SOCKET, "192.0.2.1"),
            (&[b"192.0.2.1, \xe9, 10.0.0.2"], SOCKET, "192.0.2.1"),
            (&[b"192.0.2.1, , 10.0.0.2"], SOCKET, "192.0.2.1"),
            (&[b"192.0.2.1", b"_hidden"], SOCKET, "192.0.2.1"),
            // Proxies alone.
            (&[b"10.0.0.3, 10.0.0.2"], SOCKET, "10.0.0.3"),
        ] {
            let headers = sent(HeaderName::from_static("x-forwarded-for"), values);
            let told = |socket: &str, proxied| visitors_address(&headers, address(socket), proxied, trusted);
            assert_eq!(told(SOCKET, false), address(behind_trusted), "{values:?}");
            assert_eq!(told(SOCKET, true), address(behind_own), "{values:?}");
            assert_eq!(told("198.51.100.1", false), address("198.51.100.1"), "{values:?}");
        }
    }
}
