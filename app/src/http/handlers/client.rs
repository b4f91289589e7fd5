//! `/v1/client`: the browser or app that asks (contract 6.1).

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::extract::visitor::Visitor;
use crate::http::present::client_json::{ClientView, Part};
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    // On a plain GET the client is the response; the other place is for what changes.
    let done = state.cases.unchanged(&visitor.context);
    visitor.page.envelope(&state, &done, Part::Client).await
}

pub(crate) async fn make(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.make_client(&visitor.context).await?;
    visitor.page.envelope(&state, &done, Part::Client).await
}

/// Ends all sessions and forgets the client.
pub(crate) async fn remove(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.cases.sign_out(&visitor.context).await?;
    let mut answer = bare(json!({ "response": null, "client": null }));
    visitor.page.tell_uat(&state, answer.headers_mut(), 0);
    visitor.page.drop_token(answer.headers_mut());
    Ok(answer)
}

/// `signOut()`: ends all sessions; the client stays.
pub(crate) async fn remove_sessions(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let client = state.cases.sign_out(&visitor.context).await?;
    let view = ClientView::new(&state, client.as_ref(), &[], None).await?;
    let mut answer = bare(json!({ "response": view.json(), "client": Value::Null }));
    visitor.page.tell_uat(&state, answer.headers_mut(), 0);
    Ok(answer)
}

/// A development browser's token, before anything else (contract 2.4).
pub(crate) async fn dev_browser(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    if !state.publishable_key.has_dev_browser() {
        return Err(ApiError::NotFound);
    }
    let done = state.cases.make_client(&visitor.context).await?;
    let token = done.token.or(visitor.page.token).ok_or(ApiError::NotFound)?;
    Ok(bare(json!({ "id": token.reveal() })))
}
