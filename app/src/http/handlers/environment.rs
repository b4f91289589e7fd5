//! `/v1/environment`: what the SDK's components must know of this instance (contract 4.2).

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::http::AppState;
use crate::http::present::envelope::bare;

pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    let mut environment = state.environment.clone();
    // The one part that a back end changes while the instance runs.
    environment["auth_config"]["test_mode"] = json!(state.cases.policy().test_mode());
    bare(environment)
}
