//! What Clerk's instances have and instances here do not: lists are empty, for applications list them in passing.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::json;

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::ids::user_named;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::list::list_json;

/// A list that is always a page of `{ data, total_count }`.
pub(crate) async fn page(_: BackEnd) -> HttpResponse {
    nothing()
}

/// A list that is such a page if that is asked for.
pub(crate) async fn list(_: BackEnd, Query(params): Query) -> Result<HttpResponse, ApiError> {
    params.page()?;
    Ok(list_json(params.flag("paginated")?, Vec::new(), 0))
}

/// What a user has none of. The user must be there all the same.
pub(crate) async fn page_of_user(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.cases.user(&user_named(&id)?).await?;
    Ok(nothing())
}

pub(crate) async fn invite(_: BackEnd, Body(params): Body) -> Result<HttpResponse, ApiError> {
    params.required("email_address")?;
    Err(ApiError::Invitations)
}

/// Its body is a list, whatever is in it.
pub(crate) async fn invite_each(_: BackEnd) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Invitations)
}

fn nothing() -> HttpResponse {
    bare(json!({ "data": [], "total_count": 0 }))
}
