//! The instance and its settings, by secret key.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::web::Data;
use phoneproof_domain::{Country, InstanceSettings, SettingsChange};
use serde_json::{Value, json};

use crate::config::page_origin;
use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Body;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;

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

pub(crate) async fn show(_: BackEnd, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let settings = state.cases.instance_settings().await?;
    let configured = state.origins.configured().to_vec();
    Ok(bare(json!({
        "object": "instance",
        "id": state.instance_id,
        "environment_type": if state.development { "development" } else { "production" },
        "allowed_origins": settings.allowed_origins.unwrap_or(configured),
    })))
}

/// What is about e-mail addresses decides nothing here, and cannot be turned on.
pub(crate) async fn update_restrictions(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    for name in ["block_email_subaddresses", "block_disposable_email_domains"] {
        if params.flag(name)? == Some(true) {
            return Err(ApiError::ParamUnknown(name));
        }
    }
    let change = SettingsChange {
        allowlist: params.flag("allowlist")?,
        blocklist: params.flag("blocklist")?,
        lists_spare_sign_ins: params.flag("allowlist_blocklist_disabled_on_sign_in")?,
        ..SettingsChange::default()
    };
    let restrictions = state.cases.change_instance(change).await?.restrictions();
    Ok(bare(json!({
        "object": "instance_restrictions",
        "allowlist": restrictions.allowlist,
        "blocklist": restrictions.blocklist,
        "allowlist_blocklist_disabled_on_sign_in": restrictions.spare_sign_ins,
        "block_email_subaddresses": false,
        "block_disposable_email_domains": false,
        "ignore_dots_for_gmail_addresses": false,
    })))
}
