//! `/v1/environment`: what the SDK's components must know of this instance (contract 4.2).

use actix_web::HttpResponse;
use actix_web::web::Data;
use phoneproof_domain::InstanceSettings;
use serde_json::json;

use crate::http::AppState;
use crate::http::present::envelope::bare;

pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    let mut environment = state.environment.clone();
    // What a back end changes while the instance runs.
    let policy = state.cases.policy();
    environment["auth_config"]["test_mode"] = json!(policy.test_mode());
    let restrictions = policy.live.read(InstanceSettings::restrictions);
    for (name, enabled) in [
        ("allowlist", restrictions.allowlist),
        ("blocklist", restrictions.blocklist),
        ("allowlist_blocklist_disabled_on_sign_in", restrictions.spare_sign_ins),
    ] {
        environment["user_settings"]["restrictions"][name]["enabled"] = json!(enabled);
    }
    bare(environment)
}
