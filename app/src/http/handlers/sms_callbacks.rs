//! `/v1/sms_callbacks/:gateway`: what providers say became of texts. Believed with the provider's signature alone.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use phoneproof_domain::ports::{Callback, CallbackError};

use crate::error_chain::chain;
use crate::http::AppState;
use crate::http::extract::body::Raw;
use crate::http::present::error::ApiError;

pub(crate) async fn take(
    request: HttpRequest,
    state: Data<AppState>,
    gateway: Path<String>,
    Raw(body): Raw,
) -> Result<HttpResponse, ApiError> {
    let (url, reader) = state.receipts.get(&*gateway).ok_or(ApiError::NotFound)?;
    let query = request.query_string();
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let call = Callback {
        url: if query.is_empty() {
            url.clone()
        } else {
            format!("{url}?{query}")
        },
        query: query.to_owned(),
        headers: headers.collect(),
        body,
        now: state.cases.now().as_seconds(),
    };
    let receipts = reader.read(&call).map_err(|error| match error {
        CallbackError::Signature => ApiError::Callback,
        CallbackError::Malformed(_) => {
            tracing::warn!(gateway = %gateway, "a receipt is not understood: {}", chain(&error));
            ApiError::BodyMalformed
        }
    })?;
    for receipt in receipts {
        let known = state.cases.take_receipt(&gateway, &receipt).await?;
        tracing::debug!(gateway = %gateway, state = receipt.state.as_str(), known, "a receipt arrived");
    }
    // A message that we have forgotten is no reason for the provider to try again.
    Ok(HttpResponse::NoContent().finish())
}
