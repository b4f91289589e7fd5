//! One page of a list (contract 8.1).

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::http::present::envelope::bare;

/// A bare list, or with `paginated` one with its total.
pub(crate) fn list_json(paginated: Option<bool>, data: Vec<Value>, total: u64) -> HttpResponse {
    if paginated == Some(true) {
        bare(json!({ "data": data, "total_count": total }))
    } else {
        bare(data)
    }
}
