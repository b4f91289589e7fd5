use std::fmt::{self, Display};

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::sample::{Latency, Sample};
use crate::server::Contestant;
use crate::syncs::Traced;
use crate::targets::judge;

/// All that was measured.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) samples: Vec<(Contestant, usize, Sample)>,
    pub(crate) traced: Vec<Traced>,
    /// Milliseconds from start to ready.
    pub(crate) starts: Vec<(Contestant, f64)>,
}

impl Report {
    /// The numbers of clients, in the order of their measurements.
    pub(crate) fn clients(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.samples.iter().map(|(_, clients, _)| *clients).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The median of all rounds.
    pub(crate) fn median(&self, contestant: Contestant, clients: usize) -> Option<Sample> {
        let these = self
            .samples
            .iter()
            .filter(|(who, many, _)| (*who, *many) == (contestant, clients));
        let these: Vec<Sample> = these.map(|(_, _, sample)| sample.clone()).collect();
        (!these.is_empty()).then(|| Sample::median(&these))
    }

    /// Our flows a second over the yardstick's.
    pub(crate) fn ratio(&self, clients: usize) -> Option<f64> {
        let (ours, yardstick) = (
            self.median(Contestant::Ours, clients)?,
            self.median(Contestant::Yardstick, clients)?,
        );
        Some(ours.flows_per_second / yardstick.flows_per_second)
    }

    /// Every number, for programs.
    pub(crate) fn json(&self) -> Value {
        let latency = |latency: Latency| json!({ "p50_ms": latency.p50, "p99_ms": latency.p99 });
        let figures = |sample: &Sample| {
            json!({
                "flows_per_second": sample.flows_per_second,
                "request": latency(sample.request),
                "flow": latency(sample.flow),
                "cpu_seconds_per_1000_flows": sample.cpu,
                "share_of_cores_taken_by_others": sample.others,
                "generator_cpu_seconds_per_1000_flows": sample.generator_cpu,
                "syncs_per_flow": sample.groups,
                "idle_memory_bytes": sample.idle_memory,
                "peak_memory_bytes": sample.peak_memory,
                "flows": sample.flows,
                "errors": sample.errors.len(),
            })
        };
        let medians = self.clients().into_iter().flat_map(|clients| {
            Contestant::BOTH.into_iter().filter_map(move |who| {
                self.median(who, clients)
                    .map(|sample| json!({ "server": who.name(), "clients": clients, "median": figures(&sample) }))
            })
        });
        let rounds = self.samples.iter().map(
            |(who, clients, sample)| json!({ "server": who.name(), "clients": clients, "figures": figures(sample) }),
        );
        let ratios = self
            .clients()
            .into_iter()
            .filter_map(|clients| Some(json!({ "clients": clients, "ratio": self.ratio(clients)? })));
        let traced = self.traced.iter().map(|traced| {
            json!({
                "server": traced.contestant.name(), "clients": traced.clients, "groups_per_flow": traced.groups,
                "log_syncs_per_flow": traced.log, "other_syncs_per_flow": traced.other,
            })
        });
        let starts = self
            .starts
            .iter()
            .map(|(who, millis)| json!({ "server": who.name(), "start_to_ready_ms": millis }));
        let targets = judge(self)
            .into_iter()
            .map(|verdict| json!({ "target": verdict.target, "measured": verdict.measured, "met": verdict.met }));
        json!({
            "machine": {
                "cores": self.machine.cores, "folder": self.machine.folder, "disk": self.machine.disk, "sync_ms": self.machine.sync,
            },
            "medians": medians.collect::<Vec<_>>(),
            "rounds": rounds.collect::<Vec<_>>(),
            "ratios": ratios.collect::<Vec<_>>(),
            "traced_syncs": traced.collect::<Vec<_>>(),
            "starts": starts.collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nrequest and flow in ms; CPU: processor seconds for 1000 flows; syncs: for one flow; others: what other processes took of the cores\n"
        )?;
        write_row(
            f,
            [
                "clients", "server", "flows/s", "req p50", "req p99", "flow p50", "flow p99", "CPU", "load CPU",
                "syncs", "peak MB", "others", "errors",
            ]
            .map(str::to_owned),
        )?;
        for clients in self.clients() {
            for who in Contestant::BOTH {
                let Some(sample) = self.median(who, clients) else {
                    continue;
                };
                write_row(
                    f,
                    [
                        clients.to_string(),
                        who.name().to_owned(),
                        format!("{:.0}", sample.flows_per_second),
                        format!("{:.2}", sample.request.p50),
                        format!("{:.2}", sample.request.p99),
                        format!("{:.2}", sample.flow.p50),
                        format!("{:.2}", sample.flow.p99),
                        format!("{:.3}", sample.cpu),
                        format!("{:.3}", sample.generator_cpu),
                        format!("{:.3}", sample.groups),
                        format!("{:.1}", megabytes(sample.peak_memory)),
                        format!("{:.0} %", sample.others * 100.0),
                        sample.errors.len().to_string(),
                    ],
                )?;
            }
            if let Some(ratio) = self.ratio(clients) {
                writeln!(f, "{:>7}  {:<9}  {ratio:>8.2}", "", "ratio")?;
            }
        }
        writeln!(f)?;
        for (who, millis) in &self.starts {
            let idle = self
                .samples
                .iter()
                .filter(|(name, ..)| name == who)
                .map(|(_, _, sample)| sample.idle_memory)
                .max();
            writeln!(
                f,
                "{:<9}  ready {millis:.1} ms after its start, on an existing database; {:.1} MB when idle",
                who.name(),
                megabytes(idle.unwrap_or_default())
            )?;
        }
        for traced in &self.traced {
            let Traced {
                clients,
                groups,
                log,
                other,
                ..
            } = traced;
            writeln!(
                f,
                "{:<9}  {clients:>2} client(s) under strace: {groups:.3} groups a flow by its own count; {log:.3} syncs of the log and {other:.3} of other files",
                traced.contestant.name()
            )?;
        }
        let errors = self
            .samples
            .iter()
            .flat_map(|(who, _, sample)| sample.errors.iter().map(|error| (who.name(), error)));
        for (who, error) in errors.take(5) {
            writeln!(f, "error of {who}: {error}")?;
        }
        writeln!(f)?;
        for verdict in judge(self) {
            writeln!(
                f,
                "{}  {} (is {:.2})",
                if verdict.met { "PASS" } else { "FAIL" },
                verdict.target,
                verdict.measured
            )?;
        }
        Ok(())
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: [String; 13]) -> fmt::Result {
    for (at, cell) in cells.iter().enumerate() {
        match at {
            0 => write!(f, "{cell:>7}")?,
            1 => write!(f, "  {cell:<9}")?,
            _ => write!(f, "  {cell:>8}")?,
        }
    }
    writeln!(f)
}

#[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
