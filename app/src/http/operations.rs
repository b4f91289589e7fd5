//! The table of operations: method, path, caller, handler, parameters, answer.
//!
//! The routes, the check of the secret key and the OpenAPI document are made from it. An operation that is not in the
//! table does not exist, and one that is in it is documented.

mod account;
mod back_end;
mod browser;
mod server;

use std::collections::BTreeMap;

use actix_web::guard::fn_guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use crate::http::extract::back_end::require_secret_key;
use crate::http::present::error::ApiError;

/// Every operation, in the order of the document.
const GROUPS: &[Group] = &[
    browser::CLIENT,
    browser::SIGN_UPS,
    browser::SIGN_INS,
    account::USER,
    account::PHONE_NUMBERS,
    back_end::USERS,
    back_end::NUMBERS,
    back_end::SESSIONS,
    back_end::INSTANCE,
    back_end::ABSENT,
    server::SERVER,
    server::DEVELOPMENT,
];

const DELETE: Method = Method::DELETE;
const GET: Method = Method::GET;
const PATCH: Method = Method::PATCH;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// Operations under one tag of the document.
pub(crate) struct Group {
    pub(crate) tag: &'static str,
    pub(crate) about: &'static str,
    pub(crate) operations: &'static [Operation],
}

/// One method of one path.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With `{id}` for an identifier.
    pub(crate) path: &'static str,
    pub(crate) caller: Caller,
    /// Makes the route to the handler; each worker of the server has its own.
    handler: fn() -> Route,
    pub(crate) summary: &'static str,
    /// In the query of a GET, else in the body; but see [`Parameter::Query`]. Those of the path are named by the path.
    pub(crate) parameters: &'static [Parameter],
    pub(crate) answer: Answer,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody in particular.
    Anybody,
    /// A browser or app, whether or not a user is signed in.
    Client,
    /// A user in one of the client's sessions.
    Session,
    /// A user, in a session or with an identity provider's token.
    Actor,
    /// A back end, with the secret key. The check runs before the handler, whatever the handler extracts.
    BackEnd,
    /// Who watches the server: with the metrics token, where one is configured.
    Operator,
    /// An SMS provider, whose signature the handler verifies.
    Provider,
    /// Anybody who calls the server by its own name, in development only.
    Developer,
}

/// A parameter by its type. Each may be left out or null, except for the required ones.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parameter {
    /// A text that must be given.
    Required(&'static str),
    Text(&'static str),
    /// `true` or `false`.
    Flag(&'static str),
    Integer(&'static str),
    Object(&'static str),
    /// Several texts.
    List(&'static str),
    /// Several texts, at least one.
    RequiredList(&'static str),
    /// A text in the query, whatever the method.
    Query(&'static str),
}

/// The answer to a successful request. The text is a type in the notation of `openapi::schemas`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// The resource itself.
    Json(&'static str),
    /// The resource in the browser API's envelope.
    Enveloped(&'static str),
    /// The resource, with 200 for yes and 503 for no.
    Verdict(&'static str),
    Nothing,
    Redirect,
    Page,
    Script,
    Metrics,
}

const fn op(
    method: Method,
    path: &'static str,
    caller: Caller,
    handler: fn() -> Route,
    summary: &'static str,
    parameters: &'static [Parameter],
    answer: Answer,
) -> Operation {
    Operation {
        method,
        path,
        caller,
        handler,
        summary,
        parameters,
        answer,
    }
}

/// The groups of the API and their operations: all but what exists in development only.
pub(crate) fn documented() -> impl Iterator<Item = (&'static Group, Vec<&'static Operation>)> {
    GROUPS.iter().filter_map(|group| {
        let operations = group.operations.iter();
        let documented: Vec<_> = operations.filter(|known| known.caller != Caller::Developer).collect();
        (!documented.is_empty()).then_some((group, documented))
    })
}

/// Registers the operations; those of [`Caller::Developer`] in development only.
pub(crate) fn routes(config: &mut ServiceConfig, development: bool) {
    let operations = GROUPS.iter().flat_map(|group| group.operations);
    // The first path that matches is taken. `{` sorts after every letter, so `/users/count` precedes `/users/{id}`.
    let mut paths: BTreeMap<&str, Vec<&'static Operation>> = BTreeMap::new();
    for operation in operations.filter(|known| development || known.caller != Caller::Developer) {
        paths.entry(operation.path).or_default().push(operation);
    }
    for (path, operations) in paths {
        config.service(resource(path, &operations));
    }
    config.default_service(web::to(|| async { Err::<HttpResponse, _>(ApiError::NotFound) }));
}

/// A path with its methods; any other method is answered 405 with the list of those that are allowed.
fn resource(path: &str, operations: &[&'static Operation]) -> Resource {
    let methods = operations.iter().flat_map(|operation| operation.methods());
    let methods: Vec<&str> = methods.map(Method::as_str).collect();
    let allowed = methods.join(", ");
    let resource = operations.iter().fold(web::resource(path), |resource, operation| {
        resource.route(operation.route())
    });
    resource.default_service(web::to(move || {
        let mut response = HttpResponse::from_error(ApiError::Method);
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        async { response }
    }))
}

impl Operation {
    /// The methods that the handler answers. `HEAD` is `GET` without the body, which `observe` leaves out (RFC 9110 §9.3.2);
    /// not for a provider's `GET`, which tells what became of a text: a safe method must change nothing (RFC 9110 §9.2.1).
    fn methods(&self) -> &[Method] {
        const GET_AND_HEAD: &[Method] = &[Method::GET, Method::HEAD];
        if self.method == GET && self.caller != Caller::Provider {
            GET_AND_HEAD
        } else {
            std::slice::from_ref(&self.method)
        }
    }

    /// The route to the handler; for back ends, behind the check of the secret key.
    fn route(&'static self) -> Route {
        let methods = self.methods();
        let route = (self.handler)().guard(fn_guard(move |context| methods.contains(&context.head().method)));
        match self.caller {
            Caller::BackEnd => route.wrap(from_fn(require_secret_key)),
            // Their handlers cannot do without what tells the caller: a client, a session, a signature.
            Caller::Anybody
            | Caller::Client
            | Caller::Session
            | Caller::Actor
            | Caller::Operator
            | Caller::Provider
            | Caller::Developer => route,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_operation_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for operation in GROUPS.iter().flat_map(|group| group.operations) {
            let named = (operation.path, operation.method.as_str());
            assert!(seen.insert(named), "{named:?}");
        }
    }

    /// The first segments of the two APIs do not collide (contract 1): whatever is not for browsers, users, providers and
    /// orchestrators needs the secret key.
    #[test]
    fn only_the_browser_api_and_the_server_itself_answer_without_the_secret_key() {
        const OPEN: [&str; 7] = [
            "client",
            "dev_browser",
            "environment",
            "health",
            "me",
            "ready",
            "sms_callbacks",
        ];
        for operation in GROUPS.iter().flat_map(|group| group.operations) {
            let Some(rest) = operation.path.strip_prefix("/v1/") else {
                continue;
            };
            let open = OPEN.contains(&rest.split('/').next().unwrap_or_default());
            assert_eq!(operation.caller != Caller::BackEnd, open, "{}", operation.path);
        }
    }
}
