//! `/v1/users`: users by secret key (contract 8.2).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::ports::UserQuery;
use phoneproof_domain::use_cases::{AdminProfileUpdate, AuthError, MetadataUpdate, NewUser};
use phoneproof_domain::{BackupCode, E164, Metadata, Password, Profile, Standing, Timestamp, User, UserId};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::ids::user_named;
use crate::http::extract::params;
use crate::http::extract::params::Params;
use crate::http::extract::profile::{patch, profile_update};
use crate::http::extract::user_filter::{STARTING_AFTER, user_filter, user_page};
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, PhoneNumberJson, UserJson};

/// E-mail and more do not exist here. To ignore them silently would make a caller
/// believe that an account is protected.
const UNBUILT: [&str; 4] = ["password_digest", "email_address", "totp_secret", "web3_wallet"];

pub(crate) async fn create(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    params.refuse(&UNBUILT)?;
    let new = NewUser {
        profile: Profile {
            first_name: patch(&params, "first_name")?.value(),
            last_name: patch(&params, "last_name")?.value(),
            username: patch(&params, "username")?.value(),
            external_id: patch(&params, "external_id")?.value(),
            locale: patch(&params, "locale")?.value(),
            notice_email: patch(&params, "notice_email_address")?.value(),
            public_metadata: metadata(&params, "public_metadata")?,
            private_metadata: metadata(&params, "private_metadata")?,
            unsafe_metadata: metadata(&params, "unsafe_metadata")?,
        },
        numbers: numbers(&state, &params)?,
        backup_codes: backup_codes(&params)?.unwrap_or_default(),
        created_at: created_at(&params)?,
        banned: params.flag("banned")?.unwrap_or(false),
        locked: params.flag("locked")?.unwrap_or(false),
        delete_self_enabled: params.flag("delete_self_enabled")?,
        password: password(&state, &params)?,
        may_lack_number: params.flag("skip_user_requirement")?.unwrap_or(false),
    };
    Ok(shown(&state, &state.cases.create_user(new).await?))
}

pub(crate) async fn list(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let page = user_page(&params)?;
    let Some(filter) = page.filter else {
        return Ok(all_shown(&state, &[]));
    };
    let query = UserQuery {
        filter,
        order_by: page.order_by,
        direction: page.direction,
        after: None,
        limit: page.limit,
        offset: page.offset,
    };
    match state.cases.list_users(query, page.starting_after.as_ref()).await {
        Ok(users) => Ok(all_shown(&state, &users)),
        Err(AuthError::NotFound) => Err(ApiError::ResourceParam(STARTING_AFTER)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn count(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let total_count = match user_filter(&params)? {
        Some(filter) => state.cases.count_users(&filter).await?,
        None => 0,
    };
    Ok(bare(json!({ "object": "total_count", "total_count": total_count })))
}

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(&state, &state.cases.user(&user_named(&id)?).await?))
}

pub(crate) async fn update(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    params.refuse(&UNBUILT)?;
    for name in ["public_metadata", "private_metadata", "unsafe_metadata"] {
        if params.has(name) {
            return Err(ApiError::ParamDeprecated(name));
        }
    }
    let update = AdminProfileUpdate {
        profile: profile_update(&params)?,
        external_id: patch(&params, "external_id")?,
        locale: patch(&params, "locale")?,
        notice_email: patch(&params, "notice_email_address")?,
        delete_self_enabled: params.flag("delete_self_enabled")?,
        backup_codes: backup_codes(&params)?,
        password: password(&state, &params)?,
        sign_out: params.flag("sign_out_of_other_sessions")?.unwrap_or(false),
    };
    Ok(shown(
        &state,
        &state.cases.update_user(&user_named(&id)?, &update).await?,
    ))
}

pub(crate) async fn merge_metadata(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    update_metadata(&state, &id, &params, false).await
}

pub(crate) async fn replace_metadata(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    update_metadata(&state, &id, &params, true).await
}

async fn update_metadata(state: &AppState, id: &str, params: &Params, replace: bool) -> Result<HttpResponse, ApiError> {
    let update = MetadataUpdate {
        public: params.object("public_metadata")?,
        private: params.object("private_metadata")?,
        unsafe_: params.object("unsafe_metadata")?,
        replace,
    };
    Ok(shown(
        state,
        &state.cases.update_metadata(&user_named(id)?, &update).await?,
    ))
}

pub(crate) async fn remove(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    state.cases.delete_user(&user_named(&id)?).await?;
    Ok(bare(DeletedJson::new("user", &id)))
}

pub(crate) async fn disable_mfa(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    state.cases.disable_second_factors(&user_named(&id)?).await?;
    Ok(bare(json!({ "user_id": *id })))
}

pub(crate) async fn remove_backup_codes(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.cases.remove_backup_codes(&user_named(&id)?).await?;
    Ok(bare(json!({ "user_id": *id })))
}

pub(crate) async fn ban(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(&state, &state.cases.set_banned(&user_named(&id)?, true).await?))
}

pub(crate) async fn unban(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(&state, &state.cases.set_banned(&user_named(&id)?, false).await?))
}

pub(crate) async fn ban_each(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    set_each_banned(&state, &params, true).await
}

pub(crate) async fn unban_each(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    set_each_banned(&state, &params, false).await
}

async fn set_each_banned(state: &AppState, params: &Params, banned: bool) -> Result<HttpResponse, ApiError> {
    let mut ids: Vec<UserId> = Vec::new();
    for id in params.required_list("user_ids")? {
        let id = user_named(id)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(all_shown(state, &state.cases.set_each_banned(&ids, banned).await?))
}

pub(crate) async fn set_compromised(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let sign_out = params.flag("revoke_all_sessions")?.unwrap_or(false);
    let user = state.cases.set_compromised(&user_named(&id)?, true, sign_out).await?;
    Ok(shown(&state, &user))
}

pub(crate) async fn unset_compromised(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let user = state.cases.set_compromised(&user_named(&id)?, false, false).await?;
    Ok(shown(&state, &user))
}

/// Authenticator apps are not among the second factors here; the codes on paper behind them are.
pub(crate) async fn verify_totp(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let code = params.required("code")?;
    let user = state.cases.user(&user_named(&id)?).await?.id;
    let code = BackupCode::parse(code).map_err(|_| ApiError::BackupCodeMalformed)?;
    state.cases.redeem_backup_code(&user, &code).await?;
    Ok(bare(json!({ "verified": true, "code_type": "backup_code" })))
}

pub(crate) async fn remove_totp(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let user = state.cases.user(&user_named(&id)?).await?;
    Ok(bare(json!({ "user_id": user.id.as_str() })))
}

pub(crate) async fn lock(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(&state, &state.cases.set_locked(&user_named(&id)?, true).await?))
}

pub(crate) async fn unlock(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(&state, &state.cases.set_locked(&user_named(&id)?, false).await?))
}

pub(crate) async fn replace_phone_numbers(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let number = params.required_number("phone_number", state.cases.policy())?;
    let standing = match params.given("identification_status")? {
        None => Standing::Verified,
        Some(status) => standing(status, "identification_status")?,
    };
    let (user, id) = state
        .cases
        .replace_phone_numbers(&user_named(&id)?, &number, standing)
        .await?;
    Ok(bare(PhoneNumberJson::of(&user, &id, None, state.cases.now())?))
}

fn all_shown(state: &AppState, users: &[User]) -> HttpResponse {
    let users = users.iter().map(|user| UserJson::for_back_end(user, &state.cases));
    bare(users.collect::<Vec<_>>())
}

fn shown(state: &AppState, user: &User) -> HttpResponse {
    bare(UserJson::for_back_end(user, &state.cases))
}

/// The password that a back end sets.
fn password(state: &AppState, params: &Params) -> Result<Option<Password>, ApiError> {
    let unchecked = params.flag("skip_password_checks")?.unwrap_or(false);
    match params.given("password")? {
        Some(text) => Ok(Some(state.cases.password_of_back_end(text, unchecked)?)),
        None => Ok(None),
    }
}

fn standing(status: &str, param: &'static str) -> Result<Standing, ApiError> {
    match status {
        "verified" => Ok(Standing::Verified),
        "reserved" => Ok(Standing::Reserved),
        "unverified" if param == "identification_status" => Ok(Standing::Unverified),
        _ => Err(ApiError::ParamValue(param)),
    }
}

fn numbers(state: &AppState, params: &Params) -> Result<Vec<(E164, Standing)>, ApiError> {
    const STATUS: &str = "phone_number_identification_status";
    let spelled = params.list("phone_number")?.unwrap_or_default();
    let statuses = params.list(STATUS)?.unwrap_or_else(|| vec!["verified"; spelled.len()]);
    if statuses.len() != spelled.len() {
        return Err(ApiError::ArrayLength(STATUS));
    }
    spelled
        .iter()
        .zip(statuses)
        .map(|(text, status)| {
            Ok((
                params::parsed(text, "phone_number", state.cases.policy())?,
                standing(status, STATUS)?,
            ))
        })
        .collect()
}

fn backup_codes(params: &Params) -> Result<Option<Vec<BackupCode>>, ApiError> {
    const MOST: usize = 20;
    let Some(codes) = params.list("backup_codes")? else {
        return Ok(None);
    };
    if codes.len() > MOST {
        return Err(ApiError::ParamValue("backup_codes"));
    }
    let parsed = codes
        .iter()
        .map(|code| BackupCode::parse(code).map_err(|_| ApiError::ParamFormat("backup_codes")));
    parsed.collect::<Result<_, _>>().map(Some)
}

fn metadata(params: &params::Params, name: &'static str) -> Result<Metadata, ApiError> {
    Ok(Metadata::new(params.object(name)?.unwrap_or_default())?)
}

/// Milliseconds or, as Clerk's SDK sends a date, RFC 3339 text.
fn created_at(params: &Params) -> Result<Option<Timestamp>, ApiError> {
    let date = params
        .text("created_at")
        .ok()
        .flatten()
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let millis = match date {
        Some(date) => i64::try_from(date.unix_timestamp_nanos() / 1_000_000).ok(),
        None => params.integer("created_at")?,
    };
    Ok(millis.map(Timestamp::from_millis))
}
