//! The instance's settings and blocklist, by secret key (contract 8.5).

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::{BlockedNumber, Country, InstanceSettings, SettingsChange};
use serde_json::{Value, json};

use crate::config::page_origin;
use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Body;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::DeletedJson;

fn communication_json(settings: &InstanceSettings) -> Value {
    let codes: Vec<&str> = settings.blocked_countries.iter().map(Country::as_str).collect();
    json!({ "object": "instance_communication", "blocked_country_codes": codes })
}

pub(crate) async fn show_communication(_: BackEnd, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    Ok(bare(communication_json(&state.cases.instance_settings().await?)))
}

/// The list is replaced as a whole.
pub(crate) async fn update_communication(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    const NAME: &str = "blocked_country_codes";
    let codes = params.list(NAME)?;
    let countries = codes.map(|codes| {
        let countries = codes.into_iter().map(str::parse);
        countries.collect::<Result<BTreeSet<Country>, _>>()
    });
    let change = SettingsChange {
        blocked_countries: countries.transpose().map_err(|_| ApiError::ParamValue(NAME))?,
        ..SettingsChange::default()
    };
    Ok(bare(communication_json(&state.cases.change_instance(change).await?)))
}

/// What else Clerk's instances have is refused by name rather than swallowed.
pub(crate) async fn update(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    const UNBUILT: [&str; 6] = [
        "hibp",
        "support_email",
        "clerk_js_version",
        "development_origin",
        "cookieless_dev",
        "url_based_session_syncing",
    ];
    params.refuse(&UNBUILT)?;
    let origins = params.list("allowed_origins")?.map(|origins| {
        let origins = origins.into_iter().map(page_origin);
        origins
            .collect::<Option<Vec<String>>>()
            .ok_or(ApiError::ParamFormat("allowed_origins"))
    });
    let change = SettingsChange {
        test_mode: params.flag("test_mode")?,
        allowed_origins: origins.transpose()?,
        ..SettingsChange::default()
    };
    state.cases.change_instance(change).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn blocked_json(entry: &BlockedNumber) -> Value {
    json!({
        "object": "blocklist_identifier",
        "id": entry.id.as_str(),
        "identifier": entry.number.as_str(),
        "identifier_type": "phone_number",
        "created_at": entry.created_at.as_millis(),
        "updated_at": entry.created_at.as_millis(),
    })
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
    let id = id.parse().map_err(|_| ApiError::NotFound)?;
    let entry = state.cases.unblock_number(&id).await?;
    Ok(bare(DeletedJson::new("blocklist_identifier", entry.id.as_str())))
}
