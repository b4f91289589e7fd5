//! `/v1/me/backup_codes` (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::AppState;
use crate::http::extract::actor::Acting;
use crate::http::present::error::ApiError;
use crate::http::present::json::BackupCodesJson;

pub(crate) async fn renew(acting: Acting, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.renew_backup_codes(&acting.actor).await?;
    let (id, now) = (state.cases.passing_id("bkc"), state.cases.now());
    let codes = BackupCodesJson::new(id, &done.outcome, now);
    acting.answer.envelope(&state, &done, codes).await
}
