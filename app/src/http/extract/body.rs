//! Reading the body of a request, within bounds.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;

use crate::http::AppState;
use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;

/// Longest body, as it is sent and as it is decoded: 64 KiB. The longest legitimate one holds a user's metadata, 8 KiB each.
const MAX_BYTES: usize = 64 * 1024;

/// The content codings that are decoded (RFC 9110 §8.4.1).
enum Coding {
    Identity,
    Gzip,
}

/// The parameters in the body. An empty body has none, whatever its content type says.
pub(crate) struct Body(pub(crate) Params);

/// The parameters in the query.
pub(crate) struct Query(pub(crate) Params);

/// The body, decoded but not interpreted, for those who check a signature over it.
pub(crate) struct Raw(pub(crate) Vec<u8>);

fn header(request: &HttpRequest, name: HeaderName) -> String {
    let value = request.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// How the body is coded. Several codings at once are nobody's need.
fn coding(headers: &HeaderMap) -> Result<Coding, ApiError> {
    let mut codings = headers
        .get_all(CONTENT_ENCODING)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(Coding::Identity),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        _ => Err(ApiError::ContentCoding),
    }
}

/// The content of a gzip body (RFC 1952). Whatever a small one stands for, no more than the limit is unpacked.
fn gunzipped(coded: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(coded).take(MAX_BYTES as u64 + 1);
    decoder.read_to_end(&mut content).map_err(|_| ApiError::BodyMalformed)?;
    if content.len() > MAX_BYTES {
        return Err(ApiError::BodyTooLarge);
    }
    Ok(content)
}

/// Reads and decodes a body, within bounds of size and time.
fn read(request: &HttpRequest, payload: &mut Payload) -> impl Future<Output = Result<Vec<u8>, ApiError>> + use<> {
    let mut payload = payload.take();
    let coding = coding(request.headers());
    let announced: usize = header(request, CONTENT_LENGTH).parse().unwrap_or(0);
    let limit = request
        .app_data::<Data<AppState>>()
        .map_or(Duration::from_secs(10), |state| state.body_timeout);
    async move {
        if announced > MAX_BYTES {
            return Err(ApiError::BodyTooLarge);
        }
        let read = async {
            let mut body = Vec::with_capacity(announced);
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| ApiError::BodyMalformed)?;
                if body.len() + chunk.len() > MAX_BYTES {
                    return Err(ApiError::BodyTooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        let read = tokio::time::timeout(limit, read).await;
        let body = read.map_err(|_| ApiError::BodyTooSlow)??;
        if body.is_empty() {
            // Nothing is coded in no way.
            return Ok(body);
        }
        match coding? {
            Coding::Identity => Ok(body),
            Coding::Gzip => gunzipped(&body),
        }
    }
}

impl FromRequest for Raw {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload);
        Box::pin(async move { body.await.map(Self) })
    }
}

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = header(request, CONTENT_TYPE);
        let body = read(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if body.is_empty() {
                return Ok(Self(Params::default()));
            }
            match content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
                .as_str()
            {
                "application/x-www-form-urlencoded" | "" => Params::from_form(&body).map(Self),
                "application/json" => Params::from_json(&body).map(Self),
                _ => Err(ApiError::ContentType),
            }
        })
    }
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Params::from_form(request.query_string().as_bytes()).map(Self))
    }
}
