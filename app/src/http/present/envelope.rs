//! The shapes of success: enveloped with the client for the user's API, bare for the back end's
//! (contract 2.2), and the cookies that go with the first.

use actix_web::HttpResponse;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use phoneproof_domain::use_cases::Done;
use phoneproof_domain::{ClientId, Token};
use serde::Serialize;

use crate::config::KeyKind;
use crate::http::AppState;
use crate::http::extract::visitor::{CLIENT_COOKIE, Page, Transport, UAT_COOKIE};
use crate::http::present::client_json::{ClientJson, ClientView, Part};
use crate::http::present::error::ApiError;

/// How long browsers keep the cookies: 400 days, the longest they allow (RFC 6265bis §5.5).
const COOKIE_SECONDS: u32 = 400 * 24 * 3600;

#[derive(Serialize)]
struct Envelope<'a, T> {
    response: T,
    client: Option<ClientJson<'a>>,
}

/// The resource itself. actix writes `application/json` without a charset, as the SDK needs it.
pub(crate) fn bare(resource: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(resource)
}

/// `{ "response": …, "client": null }`: a token's bearer has no client.
pub(crate) fn without_client(response: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(Envelope { response, client: None })
}

impl Page {
    /// The envelope around a part of the client, with the client as it is after what was done.
    pub(crate) async fn envelope<T>(
        &self,
        state: &AppState,
        done: &Done<T>,
        part: Part<'_>,
    ) -> Result<HttpResponse, ApiError> {
        let view = self.view(state, done).await?;
        Ok(self.enveloped(state, done, &view, view.part(part)))
    }

    /// The envelope around something else.
    pub(crate) async fn envelope_around<T>(
        &self,
        state: &AppState,
        done: &Done<T>,
        response: impl Serialize,
    ) -> Result<HttpResponse, ApiError> {
        let view = self.view(state, done).await?;
        Ok(self.enveloped(state, done, &view, response))
    }

    async fn view<'a, T>(&self, state: &'a AppState, done: &'a Done<T>) -> Result<ClientView<'a>, ApiError> {
        ClientView::new(state, done.client.as_ref(), &done.users, self.origin.as_deref()).await
    }

    /// The cookies or headers that follow from what was done go with it.
    fn enveloped<T>(
        &self,
        state: &AppState,
        done: &Done<T>,
        view: &ClientView<'_>,
        response: impl Serialize,
    ) -> HttpResponse {
        let client = view.json();
        let mut answer = HttpResponse::Ok().json(Envelope { response, client });
        self.tell_uat(state, answer.headers_mut(), view.uat());
        if let Some(token) = &done.token {
            self.hand_over(answer.headers_mut(), token);
        }
        answer
    }

    /// Gives the client its new token, the way the old one came.
    pub(crate) fn hand_over(&self, headers: &mut HeaderMap, token: &Token<ClientId>) {
        let token = token.reveal();
        match self.transport {
            Transport::Cookie => {
                let attributes = "; HttpOnly";
                set_cookie(
                    headers,
                    &self.cookie(CLIENT_COOKIE, &token, COOKIE_SECONDS, None, attributes),
                );
            }
            Transport::Native => {
                if let Ok(value) = HeaderValue::from_str(&token) {
                    headers.insert(AUTHORIZATION, value);
                }
            }
            Transport::DevBrowser => {
                if let Ok(value) = HeaderValue::from_str(&token) {
                    headers.insert(HeaderName::from_static("clerk-db-jwt"), value);
                }
            }
        }
    }

    /// Tells back ends when somebody last signed in or out, if they have heard something else. With
    /// test keys the SDK does so itself (contract, section 1).
    pub(crate) fn tell_uat(&self, state: &AppState, headers: &mut HeaderMap, uat: i64) {
        if self.transport != Transport::Cookie || state.publishable_key.kind() != KeyKind::Live {
            return;
        }
        let uat = uat.to_string();
        let suffixed = format!("{UAT_COOKIE}_{}", state.cookie_suffix);
        for (name, told) in [UAT_COOKIE, &suffixed].into_iter().zip(&self.uat) {
            if told.as_deref().unwrap_or("0") != uat {
                let domain = state.cookie_domain.as_deref();
                set_cookie(headers, &self.cookie(name, &uat, COOKIE_SECONDS, domain, ""));
            }
        }
    }

    /// Takes the client's token away.
    pub(crate) fn drop_token(&self, headers: &mut HeaderMap) {
        if self.transport == Transport::Cookie {
            set_cookie(headers, &self.cookie(CLIENT_COOKIE, "", 0, None, "; HttpOnly"));
        }
    }

    fn cookie(&self, name: &str, value: &str, seconds: u32, domain: Option<&str>, more: &str) -> String {
        cookie(name, value, seconds, domain, self.secure, more)
    }
}

/// A cookie as `Set-Cookie` has it, with `more` attributes; it is kept for so many seconds.
pub(crate) fn cookie(name: &str, value: &str, seconds: u32, domain: Option<&str>, secure: bool, more: &str) -> String {
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite=Lax{domain}{secure}{more}")
}

/// Adds a cookie to an answer. The client's token stays the last of them: the proxy of `@clerk/express` passes on the last
/// `Set-Cookie` alone, and without that one nobody would be signed in. A handshake repairs the others.
pub(crate) fn set_cookie(headers: &mut HeaderMap, cookie: &str) {
    let Ok(value) = HeaderValue::from_str(cookie) else {
        return;
    };
    let mut cookies: Vec<HeaderValue> = headers.remove(SET_COOKIE).collect();
    cookies.push(value);
    let is_token = |cookie: &HeaderValue| {
        let rest = cookie.as_bytes().strip_prefix(CLIENT_COOKIE.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"="))
    };
    cookies.sort_by_key(is_token);
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_token_is_the_last_cookie_in_whatever_order_they_are_set() {
        let (token, uat, suffixed) = (
            "__client=a; Path=/",
            "__client_uat=1; Path=/",
            "__client_uat_x=1; Path=/",
        );
        for order in [[token, uat, suffixed], [uat, token, suffixed], [uat, suffixed, token]] {
            let mut headers = HeaderMap::new();
            for cookie in order {
                set_cookie(&mut headers, cookie);
            }
            let sent: Vec<&[u8]> = headers.get_all(SET_COOKIE).map(HeaderValue::as_bytes).collect();
            assert_eq!(sent, [uat, suffixed, token].map(str::as_bytes), "{order:?}");
        }
    }
}
