use crate::contestant::{Case, Contestant, grouped};
use crate::report::Report;
use crate::sample::Sample;

/// One thing that ours promises, and what was measured.
pub(crate) struct Verdict {
    pub(crate) target: String,
    pub(crate) measured: f64,
    pub(crate) met: bool,
}

/// Most memory on SQLite: 40 MB.
const MEMORY: f64 = 40e6;

/// Least flows of the yardstick's, on an empty SQLite and on PostgreSQL of any size.
const OF_YARDSTICK: f64 = 0.5;
const OF_PGBENCH: f64 = 0.6;

/// Least flows in sessions, of those by token.
const OF_BY_TOKEN: f64 = 0.8;

/// Least flows on SQLite with so many stored numbers, of those on an empty one.
const OF_EMPTY: [(u32, f64); 2] = [(1_000_000, 0.85), (10_000_000, 0.8)];

/// Every target that the measurements can decide.
pub(crate) fn judge(report: &Report) -> Vec<Verdict> {
    let mut verdicts = on_empty_sqlite(report);
    for case in report.cases() {
        if case.stored == 0
            && case.clients > 1
            && let Some(ratio) = report.of_by_token(case)
        {
            let what = format!("{} over by token, {} clients", case.who.title(), case.clients);
            verdicts.push(at_least(what, ratio, OF_BY_TOKEN));
        }
    }
    for (stored, least) in OF_EMPTY {
        for clients in report.clients() {
            if let Some(share) = report.of_empty(sqlite(stored, clients)) {
                let stored = grouped(u64::from(stored));
                let what = format!("SQLite with {stored} numbers over an empty one, {clients} client(s)");
                verdicts.push(at_least(what, share, least));
            }
        }
    }
    for case in report.cases() {
        if case.who == Contestant::Postgres
            && let Some(ratio) = report.ratio(case)
        {
            let stored = grouped(u64::from(case.stored));
            let what = format!("PostgreSQL over pgbench, {stored} numbers, {} client(s)", case.clients);
            verdicts.push(at_least(what, ratio, OF_PGBENCH));
        }
    }
    let is_ours_on_sqlite = |who: Contestant| who.is_ours() && !who.on_postgres();
    let of_sqlite = report.samples.iter().filter(|(case, _)| is_ours_on_sqlite(case.who));
    if let Some(most) = of_sqlite.map(|(_, sample)| sample.peak_memory).max() {
        let most = f64::from(u32::try_from(most).unwrap_or(u32::MAX));
        verdicts.push(at_most(
            "peak memory on SQLite in MB".to_owned(),
            most / 1e6,
            MEMORY / 1e6,
        ));
    }
    let errors = f64::from(report.count_errors());
    verdicts.push(at_most("errors".to_owned(), errors, 0.0));
    verdicts
}

fn on_empty_sqlite(report: &Report) -> Vec<Verdict> {
    let ours = |clients| report.median(sqlite(0, clients));
    let mut verdicts = Vec::new();
    for clients in [16, 64] {
        if let Some(ratio) = report.ratio(sqlite(0, clients)) {
            let what = format!("SQLite over its yardstick, {clients} clients");
            verdicts.push(at_least(what, ratio, OF_YARDSTICK));
        }
    }
    for who in [Contestant::SqliteInSession, Contestant::Sqlite] {
        for (clients, most) in [(1, 3.0), (16, 1.5)] {
            let case = Case {
                who,
                ..sqlite(0, clients)
            };
            if let Some(sample) = report.median(case) {
                let what = format!("syncs a flow on {}, {clients} client(s)", who.title());
                verdicts.push(at_most(what, sample.syncs, most));
            }
        }
    }
    if let (Some(few), Some(many)) = (ours(16), ours(64)) {
        let request = |sample: &Sample| sample.request.unwrap_or_default().p99;
        for (of, growth) in [
            ("request", request(&many) / request(&few)),
            ("flow", many.flow.p99 / few.flow.p99),
        ] {
            let what = format!("p99 of a {of} on SQLite at 64 clients over that at 16");
            verdicts.push(at_most(what, growth, 5.0));
        }
    }
    verdicts
}

const fn sqlite(stored: u32, clients: usize) -> Case {
    Case {
        who: Contestant::Sqlite,
        stored,
        clients,
    }
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
