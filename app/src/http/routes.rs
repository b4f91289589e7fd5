//! Every path, in one place.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use super::error::ApiError;
use super::{backup_codes, dev, health, me, metrics, my_phone_numbers, phone_numbers, users};

/// Registers the paths. `/dev/…` exists in development alone.
pub(crate) fn routes(config: &mut ServiceConfig, development: bool) {
    config
        .service(resource("/v1/health", [(Method::GET, web::get().to(health::show))]))
        .service(resource("/metrics", [(Method::GET, web::get().to(metrics::show))]))
        .service(resource(
            "/v1/me",
            [
                (Method::GET, web::get().to(me::show)),
                (Method::PATCH, web::patch().to(me::update)),
                (Method::DELETE, web::delete().to(me::remove)),
            ],
        ))
        .service(resource(
            "/v1/me/metadata",
            [(Method::PATCH, web::patch().to(me::merge_metadata))],
        ))
        .service(resource(
            "/v1/me/phone_numbers",
            [
                (Method::GET, web::get().to(my_phone_numbers::list)),
                (Method::POST, web::post().to(my_phone_numbers::create)),
            ],
        ))
        .service(resource(
            "/v1/me/phone_numbers/{id}",
            [
                (Method::GET, web::get().to(my_phone_numbers::show)),
                (Method::PATCH, web::patch().to(my_phone_numbers::update)),
                (Method::DELETE, web::delete().to(my_phone_numbers::remove)),
            ],
        ))
        .service(post(
            "/v1/me/phone_numbers/{id}/prepare_verification",
            web::post().to(my_phone_numbers::prepare_verification),
        ))
        .service(post(
            "/v1/me/phone_numbers/{id}/attempt_verification",
            web::post().to(my_phone_numbers::attempt_verification),
        ))
        .service(post("/v1/me/backup_codes", web::post().to(backup_codes::renew)))
        .configure(secret_key_routes);
    if development {
        dev::routes(config);
    }
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(ApiError::NotFound) }));
}

fn secret_key_routes(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/v1/users",
            [
                (Method::GET, web::get().to(users::list)),
                (Method::POST, web::post().to(users::create)),
            ],
        ))
        .service(resource(
            "/v1/users/count",
            [(Method::GET, web::get().to(users::count))],
        ))
        .service(resource(
            "/v1/users/{id}",
            [
                (Method::GET, web::get().to(users::show)),
                (Method::PATCH, web::patch().to(users::update)),
                (Method::DELETE, web::delete().to(users::remove)),
            ],
        ))
        .service(resource(
            "/v1/users/{id}/metadata",
            [
                (Method::PATCH, web::patch().to(users::merge_metadata)),
                (Method::PUT, web::put().to(users::replace_metadata)),
            ],
        ))
        .service(resource(
            "/v1/users/{id}/mfa",
            [(Method::DELETE, web::delete().to(users::disable_mfa))],
        ))
        .service(resource(
            "/v1/users/{id}/backup_code",
            [(Method::DELETE, web::delete().to(users::remove_backup_codes))],
        ))
        .service(resource(
            "/v1/users/{id}/phone_number",
            [(Method::PUT, web::put().to(users::replace_phone_numbers))],
        ))
        .service(post("/v1/users/{id}/ban", web::post().to(users::ban)))
        .service(post("/v1/users/{id}/unban", web::post().to(users::unban)))
        .service(post("/v1/users/{id}/lock", web::post().to(users::lock)))
        .service(post("/v1/users/{id}/unlock", web::post().to(users::unlock)))
        .service(post("/v1/phone_numbers", web::post().to(phone_numbers::create)))
        .service(resource(
            "/v1/phone_numbers/{id}",
            [
                (Method::GET, web::get().to(phone_numbers::show)),
                (Method::PATCH, web::patch().to(phone_numbers::update)),
                (Method::DELETE, web::delete().to(phone_numbers::remove)),
            ],
        ));
}

/// A path with its methods; any other one is 405 with the list of those that are taken.
pub(crate) fn resource<const N: usize>(path: &str, methods: [(Method, Route); N]) -> Resource {
    let allowed = methods
        .iter()
        .map(|(method, _)| method.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let mut resource = web::resource(path);
    for (_, route) in methods {
        resource = resource.route(route);
    }
    resource.default_service(web::to(move |_: HttpRequest| {
        let mut response = HttpResponse::from_error(ApiError::Method);
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        async { response }
    }))
}

fn post(path: &str, route: Route) -> Resource {
    resource(path, [(Method::POST, route)])
}
