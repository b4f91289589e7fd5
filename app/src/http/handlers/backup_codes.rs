//! `/v1/me/backup_codes` (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::AppState;
use crate::http::extract::caller::Caller;
use crate::http::present::error::ApiError;
use crate::http::present::json::BackupCodesJson;

pub(crate) async fn renew(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    caller.must_be_fresh(&state)?;
    let (_, codes) = caller.users.renew_backup_codes(&caller.user).await?;
    let (id, now) = (state.users.passing_id("bkc"), state.users.now());
    caller.enveloped(&state, BackupCodesJson::new(id, &codes, now)).await
}
