//! The two shapes of success: enveloped for the user's API, bare for the back end's.

use actix_web::HttpResponse;
use serde::Serialize;

/// `{ "response": …, "client": … }` (contract 2.2). A token's bearer has no client.
#[derive(Serialize)]
struct Envelope<T> {
    response: T,
    client: Option<()>,
}

pub(crate) fn enveloped(response: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(Envelope { response, client: None })
}

/// The resource itself. actix writes `application/json` without a charset, as the SDK needs it.
pub(crate) fn bare(resource: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(resource)
}
