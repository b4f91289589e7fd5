//! The numbers that are let in and those that are kept out, by secret key.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::{AllowedNumber, BlockedNumber, ListedNumber};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::ids::named;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::DeletedJson;
use crate::http::present::list::list_json;

const ALLOWED: &str = "allowlist_identifier";
const BLOCKED: &str = "blocklist_identifier";

pub(crate) async fn allowlist(
    _: BackEnd,
    state: Data<AppState>,
    Query(params): Query,
) -> Result<HttpResponse, ApiError> {
    let paginated = params.flag("paginated")?;
    let (limit, offset) = params.page()?;
    let allowed = state.cases.allowlist().await?;
    let total = u64::try_from(allowed.len()).unwrap_or(u64::MAX);
    let after = allowed.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let page = after.take(usize::try_from(limit).unwrap_or(usize::MAX));
    let shown = page.map(|entry| allowed_json(&state, entry)).collect();
    Ok(list_json(paginated, shown, total))
}

/// Nobody is told by `notify`: there is no address to write to.
pub(crate) async fn allow(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    params.flag("notify")?;
    let number = params.required_number("identifier", state.cases.policy())?;
    Ok(bare(allowed_json(&state, &state.cases.allow_number(number).await?)))
}

pub(crate) async fn disallow(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let entry = state.cases.disallow_number(&named(&id)?).await?;
    Ok(bare(DeletedJson::new(ALLOWED, entry.id.as_str())))
}

pub(crate) async fn blocklist(_: BackEnd, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let blocked = state.cases.blocklist().await?;
    let data: Vec<Value> = blocked.iter().map(blocked_json).collect();
    Ok(bare(json!({ "data": data, "total_count": data.len() })))
}

pub(crate) async fn block(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    let number = params.required_number("identifier", state.cases.policy())?;
    Ok(bare(blocked_json(&state.cases.block_number(number).await?)))
}

pub(crate) async fn unblock(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let entry = state.cases.unblock_number(&named(&id)?).await?;
    Ok(bare(DeletedJson::new(BLOCKED, entry.id.as_str())))
}

fn allowed_json(state: &AppState, entry: &AllowedNumber) -> Value {
    let mut shown = listed_json(ALLOWED, entry.id.as_str(), entry);
    shown["instance_id"] = json!(state.instance_id);
    shown["invitation_id"] = Value::Null;
    shown
}

fn blocked_json(entry: &BlockedNumber) -> Value {
    listed_json(BLOCKED, entry.id.as_str(), entry)
}

fn listed_json<Id>(object: &str, id: &str, entry: &ListedNumber<Id>) -> Value {
    json!({
        "object": object,
        "id": id,
        "identifier": entry.number.as_str(),
        "identifier_type": "phone_number",
        "created_at": entry.created_at.as_millis(),
        "updated_at": entry.created_at.as_millis(),
    })
}
