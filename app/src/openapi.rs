//! The OpenAPI document of both APIs, made from one table of operations and one of schemas.
//!
//! `docs/openapi.json` is its printed form; tests hold it against the routes and against real answers.

mod operations;
mod schemas;

use serde_json::{Map, Value, json};

use operations::{Answer, Who};
pub use operations::{OPERATIONS, Operation};

/// The document (OpenAPI 3.1).
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        paths.entry(operation.path).or_insert_with(|| json!({}))[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "PhoneProof",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Proves who owns a phone number and uses it as a second factor, over the HTTP contract of Clerk's SDKs. \
                The browser API takes forms and answers `{ response, client }`; the secret-key API takes JSON and answers the resource itself. \
                Every error has the form of `Errors`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "Client", "description": "A browser or app, and its sessions." },
            { "name": "Sign-up" },
            { "name": "Sign-in" },
            { "name": "User", "description": "The user who acts, in a session or with the token of an identity provider." },
            { "name": "Phone numbers", "description": "The numbers of the user who acts." },
            { "name": "Secret key: users" },
            { "name": "Secret key: phone numbers" },
            { "name": "Secret key: sessions" },
            { "name": "Secret key: instance" },
            { "name": "Server" },
        ],
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
                "secretKey": { "type": "http", "scheme": "bearer", "description": "The secret key, `sk_…`: for back ends alone." },
            },
        },
    })
}

fn described(operation: &Operation) -> Value {
    let fields: Vec<Field<'_>> = operation.takes.split_whitespace().map(Field::of).collect();
    let in_query = operation.method == "get";
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if in_query {
        parameters.extend(fields.iter().map(Field::as_query));
    }
    if matches!(operation.who, Who::Client | Who::Session | Who::User) {
        parameters.push(json!({
            "name": "_is_native", "in": "query", "schema": { "enum": ["1"] },
            "description": "An app: the client's token is in the `Authorization` header, and there are no cookies.",
        }));
    }
    if operation.who == Who::User || operation.who == Who::Session {
        parameters.push(json!({
            "name": "_clerk_session_id", "in": "query", "schema": { "type": "string" },
            "description": "In which of the client's sessions; the last active one if not given.",
        }));
    }
    let mut described = json!({
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": operation_id(operation),
        "parameters": parameters,
        "responses": responses(operation),
        "security": operation.who.security(),
    });
    if !in_query && !fields.is_empty() {
        described["requestBody"] = body(operation, &fields);
    }
    described
}

fn operation_id(operation: &Operation) -> String {
    let path = operation.path.trim_start_matches("/v1/");
    let words = path.split(['/', '.']).filter(|word| !word.is_empty());
    let words = words.map(|word| match word {
        "{id}" => "one",
        word => word,
    });
    std::iter::once(operation.method)
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn body(operation: &Operation, fields: &[Field<'_>]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field.schema()))
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let mut content = json!({ "application/json": { "schema": schema } });
    if operation.who != Who::BackEnd {
        content["application/x-www-form-urlencoded"] = json!({ "schema": schema });
    }
    json!({ "required": !required.is_empty(), "content": content })
}

/// The ways in which any operation may be refused.
const ERRORS: &[(&str, &str, &str)] = &[
    (
        "400",
        "Impossible",
        "In this state, or from this origin, that is not possible; or the request is malformed.",
    ),
    (
        "401",
        "Unauthenticated",
        "Nobody is signed in, or the key or token is not accepted.",
    ),
    ("403", "Refused", "Refused."),
    ("404", "NotFound", "There is no such thing."),
    ("408", "TooSlow", "The body came too slowly."),
    ("409", "Conflict", "Too many changes at once; try again."),
    ("413", "TooLarge", "The body is too large."),
    ("415", "ContentType", "The body is neither a form nor JSON."),
    (
        "422",
        "Parameter",
        "A parameter is missing, malformed or not acceptable.",
    ),
    ("429", "TooOften", "Too often; `Retry-After` says when to try again."),
    ("500", "Bug", "A bug."),
    (
        "503",
        "Unavailable",
        "The store, the identity provider or the SMS provider is out; `Retry-After` says when to try again.",
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
        Answer::Redirect => json!({ "307": { "description": "Look there." } }),
        Answer::Page => json!({ "200": { "description": "A page.", "content": { "text/html": {} } } }),
        Answer::Figures => json!({ "200": { "description": "Figures.", "content": { "text/plain": {} } } }),
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
        responses["503"] = json!({ "description": "No; `Retry-After` says when to ask again.", "content": content });
    }
    responses
}

fn ok(schema: &Value) -> Value {
    json!({ "200": { "description": "Done.", "content": { "application/json": { "schema": schema } } } })
}

/// One parameter: `name`, `name!` if required, with `:b`, `:i`, `:o` or `:l` for what is no text.
struct Field<'a> {
    name: &'a str,
    required: bool,
    kind: &'a str,
}

impl<'a> Field<'a> {
    fn of(spec: &'a str) -> Self {
        let (name, kind) = spec.split_once(':').unwrap_or((spec, "s"));
        Self {
            name: name.trim_end_matches('!'),
            required: name.ends_with('!'),
            kind,
        }
    }

    fn schema(&self) -> Value {
        let mut schema = self.plain();
        if let Some(examples) = self.examples() {
            schema["examples"] = examples;
        }
        schema
    }

    /// What such a parameter looks like.
    fn examples(&self) -> Option<Value> {
        Some(match (self.name, self.kind) {
            ("phone_number" | "identifier", "s") => json!(["+14155550100"]),
            ("phone_number", "l") => json!([["+14155550100"]]),
            ("code", _) => json!(["424242"]),
            ("strategy", _) => json!(["phone_code"]),
            ("level", _) => json!(["multi_factor"]),
            ("identification_status", _) => json!(["verified"]),
            ("blocked_country_codes", _) => json!([["GB"]]),
            ("password" | "new_password" | "current_password", _) => json!(["correct horse battery"]),
            _ => return None,
        })
    }

    fn plain(&self) -> Value {
        match self.kind {
            "b" => json!({ "type": ["boolean", "null"] }),
            "i" => json!({ "type": ["integer", "null"] }),
            "o" => json!({ "type": ["object", "null"] }),
            "l" => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            _ if self.required => json!({ "type": "string" }),
            _ => json!({ "type": ["string", "null"] }),
        }
    }

    fn as_query(&self) -> Value {
        let schema = match self.kind {
            "b" => json!({ "type": "boolean" }),
            "i" => json!({ "type": "integer" }),
            "l" => json!({ "type": "array", "items": { "type": "string" } }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": self.name, "in": "query", "required": self.required, "schema": schema })
    }
}
