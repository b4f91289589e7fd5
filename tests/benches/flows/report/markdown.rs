use std::fmt::{self, Write};

use super::{Report, megabytes};
use crate::contestant::{Case, Contestant, grouped};
use crate::sample::Sample;
use crate::targets::judge;

/// The columns of the large table; nothing in a cell is typed by hand.
const HEAD: &str = "| clients | server | flows/s | of by token | of its yardstick | request p50 / p99 (ms) | flow p50 / p99 (ms) | \
    CPU s / 1000 flows: server | PostgreSQL | load | syncs / flow | peak memory |\n\
    | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";

impl Report {
    /// For `docs/benchmarks.md`.
    ///
    /// # Errors
    /// None: writing to a text does not fail.
    pub(crate) fn markdown(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        write!(text, "{}; {}.", self.machine.provenance(), self.method)?;
        writeln!(text, " {}.", self.machine)?;
        if let Some(postgres) = &self.postgres {
            writeln!(text, "\n{postgres}.")?;
        }
        for stored in self.sizes() {
            self.cells(&mut text, stored)?;
        }
        self.over_empty(&mut text)?;
        writeln!(text)?;
        for (who, millis) in &self.starts {
            let idle = megabytes(self.idle(*who));
            let name = who.name();
            writeln!(
                text,
                "- `{name}`: ready {millis:.1} ms after its start on an existing database; {idle:.1} MB when idle."
            )?;
        }
        for traced in &self.traced {
            writeln!(
                text,
                "- {}, {} client(s) under `strace`: {:.2} syncs of the log a flow, by its own count {:.2}.",
                traced.contestant.title(),
                traced.clients,
                traced.log,
                traced.groups
            )?;
        }
        writeln!(text, "\n| target | measured | |\n| --- | --- | --- |")?;
        for verdict in judge(self) {
            let word = if verdict.met { "met" } else { "**missed**" };
            writeln!(text, "| {} | {:.2} | {word} |", verdict.target, verdict.measured)?;
        }
        Ok(text)
    }

    fn cells(&self, text: &mut String, stored: u32) -> fmt::Result {
        write!(text, "\n### {} stored numbers\n\n{HEAD}", grouped(u64::from(stored)))?;
        let mut before = None;
        for case in self.cases().into_iter().filter(|case| case.stored == stored) {
            let Some(sample) = self.median(case) else { continue };
            let first = before.replace(case.clients) != Some(case.clients);
            let clients = if first { case.clients.to_string() } else { String::new() };
            self.cell(text, &clients, case, &sample)?;
        }
        Ok(())
    }

    fn cell(&self, text: &mut String, clients: &str, case: Case, sample: &Sample) -> fmt::Result {
        let or_none = |shown: Option<String>| shown.unwrap_or_else(|| "–".to_owned());
        let served = case.who != Contestant::Pgbench;
        writeln!(
            text,
            "| {clients} | {} | {} | {} | {} | {} | {:.2} / {:.2} | {} | {} | {:.2} | {:.2} | {} |",
            case.who.title(),
            grouped(whole(sample.flows_per_second)),
            or_none(self.of_by_token(case).map(bold)),
            or_none(self.ratio(case).map(bold)),
            or_none(
                sample
                    .request
                    .map(|request| format!("{:.2} / {:.2}", request.p50, request.p99))
            ),
            sample.flow.p50,
            sample.flow.p99,
            or_none(served.then(|| format!("{:.2}", sample.cpu))),
            or_none(case.who.on_postgres().then(|| format!("{:.2}", sample.database_cpu))),
            sample.generator_cpu,
            sample.syncs,
            or_none(served.then(|| format!("{:.1} MB", megabytes(sample.peak_memory)))),
        )
    }

    /// What is left of the speed as the store grows.
    fn over_empty(&self, text: &mut String) -> fmt::Result {
        let sizes: Vec<u32> = self.sizes().into_iter().filter(|size| *size > 0).collect();
        if sizes.is_empty() || !self.sizes().contains(&0) {
            return Ok(());
        }
        let heads: Vec<String> = sizes.iter().map(|size| grouped(u64::from(*size))).collect();
        write!(
            text,
            "\n### Flows/s over those on an empty store\n\n| clients | server | "
        )?;
        writeln!(
            text,
            "{} |\n| --- | --- |{}",
            heads.join(" | "),
            " --- |".repeat(sizes.len())
        )?;
        for case in self.cases().into_iter().filter(|case| case.stored == 0) {
            let shares = sizes.iter().map(|&stored| {
                let share = self.of_empty(Case { stored, ..case });
                share.map_or_else(|| "–".to_owned(), |share| format!("{share:.2}"))
            });
            let shares: Vec<String> = shares.collect();
            writeln!(
                text,
                "| {} | {} | {} |",
                case.clients,
                case.who.title(),
                shares.join(" | ")
            )?;
        }
        Ok(())
    }
}

fn bold(ratio: f64) -> String {
    format!("**{ratio:.2}**")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no machine does so many, and none less than none"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}
