//! Every path, in one place.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use crate::http::handlers::{
    back_end_sessions, backup_codes, client, dev, docs, environment, handshake, health, instance, jwks, me, metrics,
    my_phone_numbers, passwords, phone_numbers, ready, sessions, sign_ins, sign_ups, sms_callbacks, sms_messages,
    users,
};
use crate::http::present::error::ApiError;

/// Registers the paths. `/dev/…` exists in development alone.
pub(crate) fn routes(config: &mut ServiceConfig, development: bool) {
    config
        .service(resource("/v1/health", [(Method::GET, web::get().to(health::show))]))
        .service(resource("/v1/ready", [(Method::GET, web::get().to(ready::show))]))
        .service(get("/openapi.json", web::get().to(docs::openapi)))
        .service(get("/docs", web::get().to(docs::index)))
        .service(get("/docs/{file}", web::get().to(docs::file)))
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
        .service(post("/v1/me/change_password", web::post().to(passwords::change)))
        .service(post("/v1/me/remove_password", web::post().to(passwords::remove)))
        .service(get("/v1/me/sessions", web::get().to(sessions::list_mine)))
        .service(get("/v1/me/sessions/active", web::get().to(sessions::list_mine)))
        .service(post(
            "/v1/me/sessions/{id}/revoke",
            web::post().to(sessions::revoke_mine),
        ))
        .configure(client_routes)
        .configure(sign_routes)
        .configure(secret_key_routes)
        .configure(secret_key_session_routes)
        .configure(instance_routes);
    if development {
        dev::routes(config);
    }
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(ApiError::NotFound) }));
}

/// The browser or app, and its sessions.
fn client_routes(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/v1/environment",
            [
                (Method::GET, web::get().to(environment::show)),
                (Method::PATCH, web::patch().to(environment::show)),
            ],
        ))
        .service(get("/.well-known/jwks.json", web::get().to(jwks::show)))
        .service(post("/v1/dev_browser", web::post().to(client::dev_browser)))
        .service(resource(
            "/v1/client",
            [
                (Method::GET, web::get().to(client::show)),
                (Method::POST, web::post().to(client::make)),
                (Method::PUT, web::put().to(client::make)),
                (Method::DELETE, web::delete().to(client::remove)),
            ],
        ))
        .service(get("/v1/client/handshake", web::get().to(handshake::show)))
        .service(resource(
            "/v1/client/sessions",
            [(Method::DELETE, web::delete().to(client::remove_sessions))],
        ))
        .service(get("/v1/client/sessions/{id}", web::get().to(sessions::show)))
        .service(post("/v1/client/sessions/{id}/touch", web::post().to(sessions::touch)))
        .service(post("/v1/client/sessions/{id}/end", web::post().to(sessions::end)))
        .service(post(
            "/v1/client/sessions/{id}/remove",
            web::post().to(sessions::remove),
        ))
        .service(post("/v1/client/sessions/{id}/tokens", web::post().to(sessions::token)))
        .service(post(
            "/v1/client/sessions/{id}/verify",
            web::post().to(sessions::verify),
        ))
        .service(post(
            "/v1/client/sessions/{id}/verify/prepare_first_factor",
            web::post().to(sessions::prepare_first),
        ))
        .service(post(
            "/v1/client/sessions/{id}/verify/attempt_first_factor",
            web::post().to(sessions::attempt_first),
        ))
        .service(post(
            "/v1/client/sessions/{id}/verify/prepare_second_factor",
            web::post().to(sessions::prepare_second),
        ))
        .service(post(
            "/v1/client/sessions/{id}/verify/attempt_second_factor",
            web::post().to(sessions::attempt_second),
        ));
}

/// Signing up and signing in.
fn sign_routes(config: &mut ServiceConfig) {
    config
        .service(post("/v1/client/sign_ups", web::post().to(sign_ups::create)))
        .service(resource(
            "/v1/client/sign_ups/{id}",
            [
                (Method::GET, web::get().to(sign_ups::show)),
                (Method::PATCH, web::patch().to(sign_ups::update)),
            ],
        ))
        .service(post(
            "/v1/client/sign_ups/{id}/prepare_verification",
            web::post().to(sign_ups::prepare),
        ))
        .service(post(
            "/v1/client/sign_ups/{id}/attempt_verification",
            web::post().to(sign_ups::attempt),
        ))
        .service(post("/v1/client/sign_ins", web::post().to(sign_ins::create)))
        .service(get("/v1/client/sign_ins/{id}", web::get().to(sign_ins::show)))
        .service(post(
            "/v1/client/sign_ins/{id}/prepare_first_factor",
            web::post().to(sign_ins::prepare_first_factor),
        ))
        .service(post(
            "/v1/client/sign_ins/{id}/attempt_first_factor",
            web::post().to(sign_ins::attempt_first_factor),
        ))
        .service(post(
            "/v1/client/sign_ins/{id}/prepare_second_factor",
            web::post().to(sign_ins::prepare_second_factor),
        ))
        .service(post(
            "/v1/client/sign_ins/{id}/attempt_second_factor",
            web::post().to(sign_ins::attempt_second_factor),
        ))
        .service(post(
            "/v1/client/sign_ins/{id}/reset_password",
            web::post().to(sign_ins::reset_password),
        ));
}

fn secret_key_session_routes(config: &mut ServiceConfig) {
    config
        .service(get("/v1/jwks", web::get().to(jwks::for_back_end)))
        .service(resource(
            "/v1/sessions",
            [
                (Method::GET, web::get().to(back_end_sessions::list)),
                (Method::POST, web::post().to(back_end_sessions::create)),
            ],
        ))
        .service(get("/v1/sessions/{id}", web::get().to(back_end_sessions::show)))
        .service(post(
            "/v1/sessions/{id}/revoke",
            web::post().to(back_end_sessions::revoke),
        ))
        .service(post(
            "/v1/sessions/{id}/tokens",
            web::post().to(back_end_sessions::token),
        ))
        .service(get("/v1/clients", web::get().to(back_end_sessions::list_clients)))
        .service(post(
            "/v1/clients/verify",
            web::post().to(back_end_sessions::verify_client),
        ))
        .service(get("/v1/clients/handshake_payload", web::get().to(handshake::redeem)))
        .service(get("/v1/clients/{id}", web::get().to(back_end_sessions::show_client)))
        .service(post(
            "/v1/sign_in_tokens",
            web::post().to(back_end_sessions::create_ticket),
        ))
        .service(post(
            "/v1/sign_in_tokens/{id}/revoke",
            web::post().to(back_end_sessions::revoke_ticket),
        ))
        .service(post(
            "/v1/testing_tokens",
            web::post().to(back_end_sessions::create_testing_token),
        ))
        .service(post(
            "/v1/users/{id}/verify_password",
            web::post().to(back_end_sessions::verify_password),
        ))
        .service(post(
            "/v1/users/{id}/remove_password",
            web::post().to(back_end_sessions::remove_password),
        ));
}

fn instance_routes(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/v1/instance",
            [(Method::PATCH, web::patch().to(instance::update))],
        ))
        .service(resource(
            "/v1/instance/communication",
            [
                (Method::GET, web::get().to(instance::show_communication)),
                (Method::PATCH, web::patch().to(instance::update_communication)),
            ],
        ))
        .service(resource(
            "/v1/sms_callbacks/{gateway}",
            [
                (Method::GET, web::get().to(sms_callbacks::take)),
                (Method::POST, web::post().to(sms_callbacks::take)),
            ],
        ))
        .service(get("/v1/sms_messages", web::get().to(sms_messages::list)))
        .service(get("/v1/sms_messages/{id}", web::get().to(sms_messages::show)))
        .service(resource(
            "/v1/blocklist_identifiers",
            [
                (Method::GET, web::get().to(instance::blocklist)),
                (Method::POST, web::post().to(instance::block)),
            ],
        ))
        .service(resource(
            "/v1/blocklist_identifiers/{id}",
            [(Method::DELETE, web::delete().to(instance::unblock))],
        ));
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
        .service(post(
            "/v1/phone_numbers/{id}/prepare_verification",
            web::post().to(phone_numbers::prepare_verification),
        ))
        .service(post(
            "/v1/phone_numbers/{id}/attempt_verification",
            web::post().to(phone_numbers::attempt_verification),
        ))
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

fn get(path: &str, route: Route) -> Resource {
    resource(path, [(Method::GET, route)])
}

fn post(path: &str, route: Route) -> Resource {
    resource(path, [(Method::POST, route)])
}
