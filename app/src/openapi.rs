//! The OpenAPI document of both APIs, made from the table of operations and one of schemas.
//!
//! `docs/openapi.json` is its printed form; tests compare it with the routes and with real answers.

mod schemas;

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use crate::http::operations::{Answer, Caller, Operation, Parameter, documented};

/// The document (OpenAPI 3.1).
#[must_use]
pub fn document() -> Value {
    let (mut tags, mut paths) = (Vec::new(), Map::new());
    for (group, operations) in documented() {
        tags.push(json!({ "name": group.tag, "description": group.about }));
        for operation in operations {
            let path = paths.entry(operation.path).or_insert_with(|| json!({}));
            path[method(operation)] = described(group.tag, operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "PhoneProof",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Proves who owns a phone number and uses it as a second factor, over the HTTP contract of Clerk's SDKs. \
                The browser API takes forms and answers `{ response, client }`; the secret-key API takes JSON and answers the resource itself. \
                Every error has the form of `Errors`. `HEAD` is answered wherever `GET` is, but for delivery receipts.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "responses": errors(),
            "securitySchemes": {
                "client": {
                    "type": "apiKey", "in": "cookie", "name": "__client",
                    "description": "The browser's client token. Apps send it as `Authorization` with `_is_native=1`.",
                },
                "identity": { "type": "http", "scheme": "bearer", "description": "The token of the configured identity provider." },
                "metricsToken": { "type": "http", "scheme": "bearer", "description": "The token of the option `metrics.token`." },
                "secretKey": { "type": "http", "scheme": "bearer", "description": "The secret key, `sk_…`: for back ends only." },
            },
        },
    })
}

/// As OpenAPI writes it.
fn method(operation: &Operation) -> String {
    operation.method.as_str().to_lowercase()
}

fn described(tag: &str, operation: &Operation) -> Value {
    let (in_query, in_body): (Vec<Parameter>, Vec<Parameter>) = operation
        .parameters
        .iter()
        .partition(|parameter| operation.method == Method::GET || matches!(parameter, Parameter::Query(_)));
    let mut parameters: Vec<Value> = operation
        .path
        .split('{')
        .filter_map(|after| Some(after.split_once('}')?.0))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(in_query.into_iter().map(Parameter::as_query));
    if matches!(operation.caller, Caller::Client | Caller::Session | Caller::Actor) {
        parameters.push(json!({
            "name": "_is_native", "in": "query", "schema": { "enum": ["1"] },
            "description": "An app: the client's token is in the `Authorization` header, and there are no cookies.",
        }));
    }
    if matches!(operation.caller, Caller::Session | Caller::Actor) {
        parameters.push(json!({
            "name": "_clerk_session_id", "in": "query", "schema": { "type": "string" },
            "description": "In which of the client's sessions; the last active one if not given.",
        }));
    }
    let mut described = json!({
        "tags": [tag],
        "summary": operation.summary,
        "operationId": operation_id(operation),
        "parameters": parameters,
        "responses": responses(operation),
        "security": security(operation.caller),
    });
    if !in_body.is_empty() {
        described["requestBody"] = body(operation, &in_body);
    }
    described
}

/// Any one of these is enough; an empty one stands for no credentials. A provider's signature has no form here.
fn security(caller: Caller) -> Value {
    match caller {
        Caller::Anybody | Caller::Provider | Caller::Developer => json!([]),
        Caller::Client => json!([{ "client": [] }, {}]),
        Caller::Session => json!([{ "client": [] }]),
        Caller::Actor => json!([{ "client": [] }, { "identity": [] }]),
        Caller::BackEnd => json!([{ "secretKey": [] }]),
        Caller::Operator => json!([{ "metricsToken": [] }, {}]),
    }
}

fn operation_id(operation: &Operation) -> String {
    let path = operation.path.trim_start_matches("/v1/");
    let words = path.split(['/', '.', '@']).filter(|word| !word.is_empty());
    let words = words.map(|word| match word {
        "{id}" => "one",
        word => word,
    });
    std::iter::once(method(operation).as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn body(operation: &Operation, fields: &[Parameter]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name().to_owned(), field.schema()))
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.is_required())
        .map(|field| field.name())
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let mut content = json!({ "application/json": { "schema": schema } });
    if operation.caller != Caller::BackEnd {
        content["application/x-www-form-urlencoded"] = json!({ "schema": schema });
    }
    json!({ "required": !required.is_empty(), "content": content })
}

/// The errors of any operation.
const ERRORS: &[(&str, &str, &str)] = &[
    (
        "400",
        "Impossible",
        "The state or the origin does not permit the request, or the request is malformed.",
    ),
    (
        "401",
        "Unauthenticated",
        "Nobody is signed in, or the key or token is not accepted.",
    ),
    (
        "403",
        "Refused",
        "The user or the instance's settings do not permit it.",
    ),
    ("404", "NotFound", "The resource does not exist."),
    ("408", "TooSlow", "The body arrived too slowly."),
    ("409", "Conflict", "Too many concurrent changes; try again."),
    ("413", "TooLarge", "The body is too large."),
    (
        "415",
        "ContentType",
        "The body is neither a form nor JSON, or in a content coding other than gzip: then `Accept-Encoding` says so.",
    ),
    (
        "422",
        "Parameter",
        "A parameter is missing, malformed or not acceptable.",
    ),
    (
        "429",
        "TooOften",
        "Too many requests; `Retry-After` says when to try again.",
    ),
    ("500", "Internal", "Internal server error."),
    (
        "503",
        "Unavailable",
        "The store, the identity provider or the SMS provider is unavailable; `Retry-After` says when to try again.",
    ),
];

fn errors() -> Map<String, Value> {
    let described = |description: &str| {
        let errors = json!({ "application/json": { "schema": schemas::reference("Errors") } });
        json!({ "description": description, "content": errors })
    };
    ERRORS
        .iter()
        .map(|(_, name, description)| ((*name).to_owned(), described(description)))
        .collect()
}

/// What any operation may be answered: which errors there are, with their codes, is in the contract's section 10.
fn responses(operation: &Operation) -> Value {
    let mut responses = match operation.answer {
        Answer::Nothing => json!({ "204": { "description": "Done." } }),
        Answer::Redirect => json!({ "307": { "description": "Redirect." } }),
        Answer::Page => json!({ "200": { "description": "A page.", "content": { "text/html": {} } } }),
        Answer::Script => json!({
            "200": {
                "description": "A script. Where there is none, a `<script>` element gets one that says so on the console, \
                    and everybody else 404.",
                "content": { "text/javascript": {} },
            },
            "302": { "description": "The same script on the CDN that `sdk.cdn` names." },
            "304": { "description": "The script that the caller has." },
        }),
        Answer::Metrics => json!({ "200": { "description": "Metrics.", "content": { "text/plain": {} } } }),
        Answer::Json(schema) | Answer::Verdict(schema) => ok(&schemas::reference(schema)),
        Answer::Enveloped(schema) => ok(&json!({
            "type": "object",
            "required": ["response", "client"],
            "properties": { "response": schemas::reference(schema), "client": schemas::reference("?Client") },
        })),
    };
    for (status, name, _) in ERRORS {
        responses[*status] = json!({ "$ref": format!("#/components/responses/{name}") });
    }
    if let Answer::Verdict(schema) = operation.answer {
        let content = json!({ "application/json": { "schema": schemas::reference(schema) } });
        responses["503"] =
            json!({ "description": "Not ready; `Retry-After` says when to try again.", "content": content });
    }
    responses
}

fn ok(schema: &Value) -> Value {
    json!({ "200": { "description": "Done.", "content": { "application/json": { "schema": schema } } } })
}

impl Parameter {
    fn name(self) -> &'static str {
        match self {
            Self::Required(name)
            | Self::Text(name)
            | Self::Flag(name)
            | Self::Integer(name)
            | Self::Object(name)
            | Self::List(name)
            | Self::RequiredList(name)
            | Self::Query(name) => name,
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Required(_) | Self::RequiredList(_))
    }

    /// In a body.
    fn schema(self) -> Value {
        let mut schema = match self {
            Self::Required(_) => json!({ "type": "string" }),
            Self::Text(_) | Self::Query(_) => json!({ "type": ["string", "null"] }),
            Self::Flag(_) => json!({ "type": ["boolean", "null"] }),
            Self::Integer(_) => json!({ "type": ["integer", "null"] }),
            Self::Object(_) => json!({ "type": ["object", "null"] }),
            Self::List(_) => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            Self::RequiredList(_) => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
        };
        if let Some(example) = self.example() {
            schema["examples"] = json!([example]);
        }
        schema
    }

    fn as_query(self) -> Value {
        let schema = match self {
            Self::Required(_) | Self::Text(_) | Self::Query(_) => json!({ "type": "string" }),
            Self::Flag(_) => json!({ "type": "boolean" }),
            Self::Integer(_) => json!({ "type": "integer" }),
            Self::Object(_) => json!({ "type": "object" }),
            Self::List(_) | Self::RequiredList(_) => json!({ "type": "array", "items": { "type": "string" } }),
        };
        json!({ "name": self.name(), "in": "query", "required": self.is_required(), "schema": schema })
    }

    fn example(self) -> Option<Value> {
        Some(match self {
            Self::List("phone_number") => json!(["+14155550100"]),
            Self::List("blocked_country_codes") => json!(["GB"]),
            Self::Required(name) | Self::Text(name) => match name {
                "phone_number" | "identifier" => json!("+14155550100"),
                "code" => json!("424242"),
                "strategy" => json!("phone_code"),
                "level" => json!("multi_factor"),
                "identification_status" => json!("verified"),
                "password" | "new_password" | "current_password" => json!("correct horse battery"),
                _ => return None,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_has_every_operation_under_an_id_of_its_own() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let described = paths.values().flat_map(|path| path.as_object().unwrap().values());
        let ids: BTreeSet<&str> = described
            .map(|described| described["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(
            ids.len(),
            documented().map(|(_, operations)| operations.len()).sum::<usize>()
        );
    }
}
