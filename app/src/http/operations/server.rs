//! What concerns the server itself: providers, operators, documentation, development.

use actix_web::web::to;

use crate::http::handlers::{dev, docs, health, metrics, ready, scripts, sms_callbacks};
use crate::http::operations::Answer::{Json, Metrics, Nothing, Page, Redirect, Script, Verdict};
use crate::http::operations::Caller::{Anybody, Developer, Operator, Provider};
use crate::http::operations::Parameter::{Required, Text};
use crate::http::operations::{GET, Group, POST, op};

#[rustfmt::skip]
pub(super) const SERVER: Group = Group {
    tag: "Server",
    about: "The server itself: health, metrics, delivery receipts, the SDKs' scripts, documentation.",
    operations: &[
        op(GET, "/v1/sms_callbacks/{gateway}", Provider, || to(sms_callbacks::take),
            "Receives the delivery status of a text, signed by the provider", &[], Nothing),
        op(POST, "/v1/sms_callbacks/{gateway}", Provider, || to(sms_callbacks::take),
            "Receives the delivery status of a text, signed by the provider", &[], Nothing),
        op(GET, "/v1/health", Anybody, || to(health::show),
            "Reports that the process runs, and whether its store is available", &[], Json("Health")),
        op(GET, "/v1/ready", Anybody, || to(ready::show),
            "Reports whether the server is ready for requests; 503 if not", &[], Verdict("Readiness")),
        op(GET, "/npm/@clerk/{package}@{version}/dist/{file}", Anybody, || to(scripts::show),
            "Returns a script of @clerk/clerk-js or @clerk/ui, by its exact version, a major version or a tag", &[], Script),
        op(GET, "/metrics", Operator, || to(metrics::show),
            "Returns metrics for Prometheus; 404 in production unless a token is configured", &[], Metrics),
        op(GET, "/openapi.json", Anybody, || to(docs::openapi),
            "Returns this document", &[], Json("*")),
        op(GET, "/docs", Anybody, || to(docs::index),
            "Redirects to the page of this document", &[], Redirect),
        op(GET, "/docs/{file}", Anybody, || to(docs::file),
            "Returns a file of the page that renders this document", &[], Page),
    ],
};

/// For tests and demonstrations; not part of the API, and so not in its document.
#[rustfmt::skip]
pub(super) const DEVELOPMENT: Group = Group {
    tag: "Development",
    about: "Tools of a developer.",
    operations: &[
        // Trailing slashes are gone by now: people find the page at /dev/.
        op(GET, "/dev", Developer, || to(dev::page::html),
            "Returns the page with the handset", &[], Page),
        op(GET, "/dev/page.css", Developer, || to(dev::page::css),
            "Returns the style sheet of the page", &[], Page),
        op(GET, "/dev/page.js", Developer, || to(dev::page::js),
            "Returns the script of the page", &[], Page),
        op(GET, "/dev/inbox", Developer, || to(dev::inbox::list),
            "Lists the texts to a number", &[Text("to")], Json("*")),
        op(GET, "/dev/inbox/stream", Developer, || to(dev::inbox::stream),
            "Streams texts as they arrive", &[], Page),
        op(POST, "/dev/token", Developer, || to(dev::token::issue),
            "Issues a token of the development identity provider", &[Required("user")], Json("*")),
    ],
};
