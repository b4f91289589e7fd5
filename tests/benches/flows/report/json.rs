use serde_json::{Value, json};

use super::Report;
use crate::contestant::Case;
use crate::sample::{Latency, Sample};
use crate::targets::judge;

impl Report {
    /// Every number, for programs.
    pub(crate) fn json(&self) -> Value {
        let medians = self.cases().into_iter().filter_map(|case| {
            let mut cell = cell(case, &self.median(case)?);
            cell["over_its_yardstick"] = json!(self.ratio(case));
            cell["over_by_token"] = json!(self.of_by_token(case));
            cell["over_an_empty_store"] = json!(self.of_empty(case));
            Some(cell)
        });
        let rounds = self.samples.iter().map(|(case, sample)| cell(*case, sample));
        let traced = self.traced.iter().map(|traced| {
            json!({
                "contestant": traced.contestant.name(), "clients": traced.clients, "groups_per_flow": traced.groups,
                "log_syncs_per_flow": traced.log, "other_syncs_per_flow": traced.other,
            })
        });
        let starts = self
            .starts
            .iter()
            .map(|(who, millis)| json!({ "contestant": who.name(), "start_to_ready_ms": millis }));
        let targets = judge(self)
            .into_iter()
            .map(|verdict| json!({ "target": verdict.target, "measured": verdict.measured, "met": verdict.met }));
        json!({
            "machine": self.machine.json(),
            "postgres": self.postgres,
            "method": self.method,
            "medians": medians.collect::<Vec<_>>(),
            "rounds": rounds.collect::<Vec<_>>(),
            "traced_syncs": traced.collect::<Vec<_>>(),
            "starts": starts.collect::<Vec<_>>(),
            "failed": self.failed.iter().map(|(case, error)| format!("{case}: {error}")).collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

fn cell(case: Case, sample: &Sample) -> Value {
    let latency = |latency: Latency| json!({ "p50_ms": latency.p50, "p99_ms": latency.p99 });
    json!({
        "contestant": case.who.name(),
        "stored": case.stored,
        "clients": case.clients,
        "flows_per_second": sample.flows_per_second,
        "request": sample.request.map(latency),
        "flow": latency(sample.flow),
        "cpu_seconds_per_1000_flows": sample.cpu,
        "postgres_cpu_seconds_per_1000_flows": sample.database_cpu,
        "generator_cpu_seconds_per_1000_flows": sample.generator_cpu,
        "share_of_cores_taken_by_others": sample.others,
        "syncs_per_flow": sample.syncs,
        "idle_memory_bytes": sample.idle_memory,
        "peak_memory_bytes": sample.peak_memory,
        "flows": sample.flows,
        "errors": sample.errors.len(),
    })
}
