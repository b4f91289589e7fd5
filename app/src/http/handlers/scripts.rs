//! The SDKs' script files, as browsers ask for them: `<proxyUrl>/npm/@clerk/clerk-js@6/dist/clerk.browser.js`.

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ETAG, Encoding, Header, HeaderName,
    HeaderValue, IfNoneMatch, LOCATION, VARY,
};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream;

use crate::http::AppState;
use crate::http::present::error::ApiError;
use crate::sdk::{Coding, Found, Script, ScriptMissing};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// A version never changes; a year is the longest that caches are asked for (RFC 9111 has no bound, RFC 2616 had).
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A major version or a tag is another version some day, and a redirect leads elsewhere.
const FIVE_MINUTES: &str = "public, max-age=300";
/// How much of a script is handed to the connection at once. What is handed over is copied: a reader that is slow must not
/// hold a whole script.
const PART: usize = 32 * 1024;

pub(crate) async fn show(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let named = |name| request.match_info().get(name).unwrap_or_default();
    match state.scripts.find(named("package"), named("version"), named("file")) {
        Ok(Found::Here { script, exact }) => Ok(script_answer(&request, script, exact)),
        Ok(Found::Elsewhere(url)) => Ok(open_to_pages(&mut HttpResponse::Found())
            .insert_header((LOCATION, url))
            .insert_header((CACHE_CONTROL, FIVE_MINUTES))
            .finish()),
        Err(missing) if missing.is_all_of_package() && is_for_script_element(&request) => Ok(on_the_console(&missing)),
        Err(missing) => Err(ApiError::Script(missing)),
    }
}

fn script_answer(request: &HttpRequest, script: &Script, exact: bool) -> HttpResponse {
    let coding = accepted(request, script);
    let form = script.form(coding);
    let unchanged = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&form.etag)),
        Err(_) => false,
    };
    let mut answer = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    open_to_pages(&mut answer)
        .insert_header((ETAG, form.etag.to_string()))
        .insert_header((CACHE_CONTROL, if exact { FOR_EVER } else { FIVE_MINUTES }))
        .insert_header((VARY, "Accept-Encoding"));
    if unchanged {
        return answer.finish();
    }
    answer.content_type(JAVASCRIPT);
    match coding {
        Coding::Identity => {}
        Coding::Gzip => {
            answer.insert_header((CONTENT_ENCODING, "gzip"));
        }
        Coding::Brotli => {
            answer.insert_header((CONTENT_ENCODING, "br"));
        }
    }
    let content = form.content.clone();
    let length = content.len();
    let parts = (0..length).step_by(PART).map(move |at| {
        let part = content.slice(at..length.min(at + PART));
        Ok::<_, Infallible>(part)
    });
    answer.body(SizedStream::new(length as u64, stream::iter(parts)))
}

/// The coding that the browser likes best; the shortest of those that it likes equally. Whoever accepts none of them gets
/// the script as it is, which RFC 9110 §12.5.3 allows and every reader can use.
fn accepted(request: &HttpRequest, script: &Script) -> Coding {
    let Ok(header) = AcceptEncoding::parse(request) else {
        return Coding::Identity;
    };
    let encoding = |coding| match coding {
        Coding::Identity => Encoding::identity(),
        Coding::Gzip => Encoding::gzip(),
        Coding::Brotli => Encoding::brotli(),
    };
    let offered: Vec<(Coding, Encoding)> = script.codings().map(|coding| (coding, encoding(coding))).collect();
    let chosen = header.negotiate(offered.iter().map(|(_, encoding)| encoding));
    let chosen = offered.iter().find(|(_, encoding)| Some(encoding) == chosen.as_ref());
    chosen.map_or(Coding::Identity, |(coding, _)| *coding)
}

/// Scripts are public, and asked for without cookies: any page may have them, one that is isolated
/// (`Cross-Origin-Embedder-Policy`) too.
fn open_to_pages(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*")).insert_header((
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    ))
}

/// Whether a `<script>` or its preload asks. Browsers say so on https and on localhost (Fetch Metadata).
fn is_for_script_element(request: &HttpRequest) -> bool {
    let destination = request.headers().get("sec-fetch-dest");
    destination.is_some_and(|destination| destination == "script")
}

/// Says on the page's console that nothing of a package is here, and what to do. Browsers run no script of an answer that is
/// not a success, and show nothing of its body; so, for a `<script>` alone, this one is 200. Everybody else gets the error,
/// and so does everything else: the SDKs take a success for the script, and ask again after an error alone.
fn on_the_console(missing: &ScriptMissing) -> HttpResponse {
    tracing::warn!("a page asks for a script that is missing: {}", missing.kind());
    let text = serde_json::Value::String(format!("PhoneProof: {missing}"));
    open_to_pages(&mut HttpResponse::Ok())
        .content_type(JAVASCRIPT)
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(format!("console.error({text});\n"))
}
