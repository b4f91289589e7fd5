//! `/v1/me/backup_codes` (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::caller::Caller;
use super::error::ApiError;
use super::json::BackupCodesJson;
use crate::server::AppState;

pub(crate) async fn renew(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    caller.must_be_fresh(&state)?;
    let (_, codes) = caller.users.renew_backup_codes(&caller.user).await?;
    let (id, now) = (state.users.passing_id("bkc"), state.users.now());
    caller.enveloped(&state, BackupCodesJson::new(id, &codes, now)).await
}
