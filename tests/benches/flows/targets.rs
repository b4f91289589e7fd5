use crate::report::Report;
use crate::sample::Sample;
use crate::server::Contestant;

/// One thing that ours promises, and what was measured.
pub(crate) struct Verdict {
    pub(crate) target: String,
    pub(crate) measured: f64,
    pub(crate) met: bool,
}

/// Most memory: 40 MB.
const MEMORY: f64 = 40e6;

/// Every target that the measurements can decide.
pub(crate) fn judge(report: &Report) -> Vec<Verdict> {
    let ours = |clients| report.median(Contestant::Ours, clients);
    let mut verdicts = Vec::new();
    for clients in [16, 64] {
        if let Some(ratio) = report.ratio(clients) {
            verdicts.push(at_least(
                format!("flows/s of the yardstick's at {clients} clients"),
                ratio,
                0.5,
            ));
        }
    }
    for (clients, most) in [(1, 3.0), (16, 1.5)] {
        if let Some(sample) = ours(clients) {
            verdicts.push(at_most(
                format!("syncs a flow at {clients} client(s)"),
                sample.groups,
                most,
            ));
        }
    }
    if let (Some(few), Some(many)) = (ours(16), ours(64)) {
        verdicts.push(at_most(
            "p99 of a request at 64 clients over that at 16".to_owned(),
            many.request.p99 / few.request.p99,
            5.0,
        ));
        verdicts.push(at_most(
            "p99 of a flow at 64 clients over that at 16".to_owned(),
            many.flow.p99 / few.flow.p99,
            5.0,
        ));
    }
    let all: Vec<Sample> = report.clients().iter().filter_map(|clients| ours(*clients)).collect();
    if let Some(most) = all.iter().map(|sample| sample.peak_memory).max() {
        let most = f64::from(u32::try_from(most).unwrap_or(u32::MAX));
        let mut verdict = at_most("peak memory in MB".to_owned(), most / 1e6, MEMORY / 1e6);
        verdict.met = most <= MEMORY;
        verdicts.push(verdict);
        let errors = all
            .iter()
            .map(|sample| u32::try_from(sample.errors.len()).unwrap_or(u32::MAX))
            .sum::<u32>();
        verdicts.push(at_most("errors".to_owned(), f64::from(errors), 0.0));
    }
    verdicts
}

fn at_least(what: String, measured: f64, bound: f64) -> Verdict {
    Verdict {
        target: format!("{what}: at least {bound}"),
        measured,
        met: measured >= bound,
    }
}

fn at_most(what: String, measured: f64, bound: f64) -> Verdict {
    Verdict {
        target: format!("{what}: at most {bound}"),
        measured,
        met: measured <= bound,
    }
}
