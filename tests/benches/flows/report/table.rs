use std::fmt::{self, Display};

use super::{Report, megabytes};
use crate::contestant::{Case, grouped};
use crate::sample::Sample;
use crate::targets::judge;

const HEAD: [&str; 14] = [
    "clients", "server", "flows/s", "req p50", "req p99", "flow p50", "flow p99", "CPU", "PG CPU", "load CPU", "syncs",
    "peak MB", "others", "errors",
];

/// For a terminal.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{}; request and flow in ms; CPU: processor seconds for 1000 flows, of the server's processes, of PostgreSQL \
             and of the load generator; syncs: for one flow; others: what other processes took of the cores",
            self.method
        )?;
        for stored in self.sizes() {
            writeln!(f, "\n{} stored numbers", grouped(u64::from(stored)))?;
            write_row(f, &HEAD.map(str::to_owned))?;
            for case in self.cases().into_iter().filter(|case| case.stored == stored) {
                if let Some(sample) = self.median(case) {
                    write_row(f, &row(case, &sample))?;
                }
                for (of, ratio) in [
                    ("  of by token", self.of_by_token(case)),
                    ("  of yardstick", self.ratio(case)),
                ] {
                    if let Some(ratio) = ratio {
                        writeln!(f, "{:>7}  {of:<16}  {ratio:>8.2}", "")?;
                    }
                }
            }
        }
        writeln!(f)?;
        for (who, millis) in &self.starts {
            let idle = megabytes(self.idle(*who));
            let name = who.name();
            writeln!(
                f,
                "{name:<16}  ready {millis:.1} ms after its start, on an existing database; {idle:.1} MB when idle"
            )?;
        }
        for traced in &self.traced {
            writeln!(
                f,
                "{:<16}  {:>2} client(s) under strace: {:.3} groups a flow by its own count; {:.3} syncs of the log and {:.3} of other files",
                traced.contestant.name(),
                traced.clients,
                traced.groups,
                traced.log,
                traced.other
            )?;
        }
        for (case, error) in self.errors().take(5) {
            writeln!(f, "error of {case}: {error}")?;
        }
        writeln!(f)?;
        for verdict in judge(self) {
            let word = if verdict.met { "PASS" } else { "FAIL" };
            writeln!(f, "{word}  {} (is {:.2})", verdict.target, verdict.measured)?;
        }
        Ok(())
    }
}

fn row(case: Case, sample: &Sample) -> [String; 14] {
    let request = sample.request;
    let request = |of: fn(_) -> f64| request.map_or("-".to_owned(), |latency| format!("{:.2}", of(latency)));
    [
        case.clients.to_string(),
        case.who.name().to_owned(),
        format!("{:.0}", sample.flows_per_second),
        request(|latency| latency.p50),
        request(|latency| latency.p99),
        format!("{:.2}", sample.flow.p50),
        format!("{:.2}", sample.flow.p99),
        format!("{:.3}", sample.cpu),
        format!("{:.3}", sample.database_cpu),
        format!("{:.3}", sample.generator_cpu),
        format!("{:.3}", sample.syncs),
        format!("{:.1}", megabytes(sample.peak_memory)),
        format!("{:.0} %", sample.others * 100.0),
        sample.errors.len().to_string(),
    ]
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String; 14]) -> fmt::Result {
    for (at, cell) in cells.iter().enumerate() {
        match at {
            0 => write!(f, "{cell:>7}")?,
            1 => write!(f, "  {cell:<16}")?,
            _ => write!(f, "  {cell:>8}")?,
        }
    }
    writeln!(f)
}
