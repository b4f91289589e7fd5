//! `/v1/me/backup_codes` (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::caller::Caller;
use super::envelope::enveloped;
use super::error::ApiError;
use super::json::BackupCodesJson;
use crate::server::AppState;

pub(crate) async fn renew(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (_, codes) = state.users.renew_backup_codes(&caller.user).await?;
    Ok(enveloped(BackupCodesJson::new(
        state.users.passing_id("bkc"),
        &codes,
        state.users.now(),
    )))
}
