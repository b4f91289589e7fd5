//! Origins of pages, as browsers spell them in the header `Origin`.

use url::{Origin, Url};

/// Schemes of pages that come with a browser extension or an app instead of from a web server: the extensions of Chrome,
/// Firefox and Safari; Capacitor, Ionic, Tauri; Electron's `app`. A list, for of `htps://example.com` nobody could tell
/// otherwise that it is a slip.
const PACKAGED: &[&str] = &[
    "app",
    "capacitor",
    "chrome-extension",
    "ionic",
    "moz-extension",
    "safari-web-extension",
    "tauri",
];

/// Longest name behind such a scheme: that of a host (RFC 1035 §2.3.4).
const LONGEST: usize = 253;

/// An `http://` or `https://` address.
pub(super) fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// An origin as browsers spell it and nothing else: `https://app.example.com`, `chrome-extension://<id>`,
/// `capacitor://localhost`. A slash at the end is dropped.
pub(crate) fn page_origin(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (scheme, name) = text.split_once("://")?;
    if PACKAGED.contains(&scheme) {
        let is_name = (1..=LONGEST).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        return is_name.then(|| text.to_owned());
    }
    match web_address(text)?.origin() {
        // No wildcards: an asterisk would match nothing but itself, which no host is called.
        origin @ Origin::Tuple(..) if origin.ascii_serialization() == text && !text.contains('*') => {
            Some(text.to_owned())
        }
        Origin::Tuple(..) | Origin::Opaque(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_web_servers_extensions_and_apps_have_origins() {
        for origin in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://0f2a1c7e-3b5d-4c8e-9f60-7a1b2c3d4e5f",
            "safari-web-extension://0F2A1C7E-3B5D-4C8E-9F60-7A1B2C3D4E5F",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://-",
        ] {
            assert_eq!(page_origin(origin).as_deref(), Some(origin));
            assert_eq!(page_origin(&format!("{origin}/")).as_deref(), Some(origin));
        }
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/path",
            "https://app.example.com//",
            "https://app.example.com?x",
            "https://user@app.example.com",
            "https://*.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com:443",
            "htps://app.example.com",
            "ftp://example.com",
            "ws://example.com",
            "file:///",
            "javascript://localhost",
            "data://localhost",
            "javascript:alert(1)",
            "chrome-extension://",
            "chrome-extension:abc",
            "chrome-extension://abc/popup.html",
            "chrome-extension://abc def",
            "chrome-extension://*",
            "Chrome-Extension://abc",
            "capacitor://user@localhost",
            "capacitor://localhost?x",
            "capacitor://localhost#x",
            "capacitor://localhost\n",
            "://localhost",
        ] {
            assert_eq!(page_origin(text), None, "{text:?}");
        }
        assert_eq!(page_origin(&format!("capacitor://{}", "a".repeat(254))), None);
    }
}
