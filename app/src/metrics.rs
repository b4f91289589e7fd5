//! The server's figures, in Prometheus' text format.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use async_trait::async_trait;
use metrics::{Counter, Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use phoneproof_domain::AttemptOutcome;
use phoneproof_domain::ports::{Receipt, SendError, Sms, SmsGateway};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::wiring::StoreFigures;

const ABOUT: Metadata<'static> = Metadata::new("phoneproof", Level::INFO, None);

/// The figures of one server. No label ever holds a number, an id or a code.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    codes_sent: Counter,
    codes_not_sent: Counter,
    verified: Counter,
    wrong_codes: Counter,
    failed: Counter,
    expired: Counter,
    store_commits: Counter,
    store_groups: Counter,
    store_figures: Arc<dyn StoreFigures>,
    access: Access,
}

/// Who may read the figures.
pub(crate) enum Access {
    Everybody,
    Nobody,
    Bearer(SecretString),
}

impl Metrics {
    pub(crate) fn new(access: Access, store_figures: Arc<dyn StoreFigures>) -> Self {
        // From the time of a cached read to that of a slow carrier.
        const SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        for (name, unit, text) in [
            ("phoneproof_http_requests_total", None, "Requests answered."),
            (
                "phoneproof_codes_total",
                None,
                "Codes by what became of them: sent, not_sent, verified, wrong, failed, expired.",
            ),
        ] {
            recorder.describe_counter(name.into(), unit, SharedString::const_str(text));
        }
        recorder.describe_histogram(
            "phoneproof_http_request_duration_seconds".into(),
            Some(Unit::Seconds),
            "Time to answer a request.".into(),
        );
        recorder.describe_counter(
            "phoneproof_store_commits_total".into(),
            None,
            "Changes committed to the store.".into(),
        );
        recorder.describe_counter(
            "phoneproof_store_groups_total".into(),
            None,
            "Groups they were committed in; each is one sync to disk.".into(),
        );
        let code = |event: &'static str| {
            recorder.register_counter(
                &labelled("phoneproof_codes_total", vec![Label::new("event", event)]),
                &ABOUT,
            )
        };
        Self {
            codes_sent: code("sent"),
            codes_not_sent: code("not_sent"),
            verified: code("verified"),
            wrong_codes: code("wrong"),
            failed: code("failed"),
            expired: code("expired"),
            store_commits: recorder.register_counter(&Key::from_static_name("phoneproof_store_commits_total"), &ABOUT),
            store_groups: recorder.register_counter(&Key::from_static_name("phoneproof_store_groups_total"), &ABOUT),
            handle: recorder.handle(),
            recorder,
            store_figures,
            access,
        }
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: StatusCode, took: Duration) {
        // Unknown methods and paths share one row: a scanner must not grow the table.
        let method = match method {
            known @ ("GET" | "POST" | "PATCH" | "PUT" | "DELETE" | "OPTIONS" | "HEAD") => known.to_owned(),
            _ => "other".to_owned(),
        };
        let labels = vec![Label::new("method", method), Label::new("route", route.to_owned())];
        let mut counted = labels.clone();
        counted.push(Label::new("status", status.as_str().to_owned()));
        self.recorder
            .register_counter(&labelled("phoneproof_http_requests_total", counted), &ABOUT)
            .increment(1);
        self.recorder
            .register_histogram(&labelled("phoneproof_http_request_duration_seconds", labels), &ABOUT)
            .record(took.as_secs_f64());
    }

    /// The same gateway, its texts counted.
    pub(crate) fn counted(&self, gateway: Arc<dyn SmsGateway>) -> Arc<dyn SmsGateway> {
        Arc::new(CountedGateway {
            gateway,
            sent: self.codes_sent.clone(),
            not_sent: self.codes_not_sent.clone(),
        })
    }

    pub(crate) fn attempted(&self, outcome: AttemptOutcome) {
        let counter = match outcome {
            AttemptOutcome::Verified => &self.verified,
            AttemptOutcome::WrongCode { .. } => &self.wrong_codes,
            AttemptOutcome::Failed => &self.failed,
            AttemptOutcome::Expired => &self.expired,
        };
        counter.increment(1);
    }

    /// Folds what was recorded into the figures; without it they would pile up between readings.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }

    /// The figures as text.
    pub(crate) fn render(&self) -> String {
        let (commits, groups) = self.store_figures.commits_and_groups();
        self.store_commits.absolute(commits);
        self.store_groups.absolute(groups);
        self.handle.render()
    }

    /// Whether a request with this `Authorization` header may read the figures.
    pub(crate) fn may_read(&self, authorization: Option<&[u8]>) -> bool {
        match &self.access {
            Access::Everybody => true,
            Access::Nobody => false,
            Access::Bearer(token) => {
                let expected = format!("Bearer {}", token.expose_secret());
                authorization.is_some_and(|given| given.ct_eq(expected.as_bytes()).into())
            }
        }
    }
}

fn labelled(name: &'static str, labels: Vec<Label>) -> Key {
    Key::from_parts(name, labels)
}

/// Counts what a gateway takes and refuses.
struct CountedGateway {
    gateway: Arc<dyn SmsGateway>,
    sent: Counter,
    not_sent: Counter,
}

#[async_trait]
impl SmsGateway for CountedGateway {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let outcome = self.gateway.send(sms).await;
        match &outcome {
            // Whoever cannot say whether it was taken is believed to have taken it.
            Ok(_) | Err(SendError::Unknown(_)) => self.sent.increment(1),
            Err(_) => self.not_sent.increment(1),
        }
        outcome
    }
}
