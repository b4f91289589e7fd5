mod json;
mod markdown;
mod table;

use crate::contestant::{Case, Contestant};
use crate::machine::Machine;
use crate::sample::Sample;
use crate::syncs::Traced;

/// Where a flow takes as long as a measurement hardly any begins and ends in it: such a rate is compared with nothing.
const TOO_SLOW_MS: f64 = 1000.0;

/// All that was measured.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// PostgreSQL's version and settings, if anybody was measured on it.
    pub(crate) postgres: Option<String>,
    /// How it was measured, for instance `medians of 5 rounds of 3 s`.
    pub(crate) method: String,
    pub(crate) samples: Vec<(Case, Sample)>,
    /// What could not be measured, and why.
    pub(crate) failed: Vec<(Case, String)>,
    pub(crate) traced: Vec<Traced>,
    /// Milliseconds from start to ready.
    pub(crate) starts: Vec<(Contestant, f64)>,
}

impl Report {
    /// Each cell that was measured: by size, number of clients, contestant.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut all = Vec::new();
        for stored in self.sizes() {
            for clients in self.clients() {
                let cases = Contestant::ALL.map(|who| Case { who, stored, clients });
                all.extend(cases.into_iter().filter(|case| self.samples_of(*case).next().is_some()));
            }
        }
        all
    }

    pub(crate) fn sizes(&self) -> Vec<u32> {
        sorted(self.samples.iter().map(|(case, _)| case.stored))
    }

    pub(crate) fn clients(&self) -> Vec<usize> {
        sorted(self.samples.iter().map(|(case, _)| case.clients))
    }

    /// The median of all rounds.
    pub(crate) fn median(&self, case: Case) -> Option<Sample> {
        let samples: Vec<Sample> = self.samples_of(case).cloned().collect();
        (!samples.is_empty()).then(|| Sample::median(&samples))
    }

    /// Flows a second over those of its yardstick.
    pub(crate) fn ratio(&self, case: Case) -> Option<f64> {
        let who = case.who.yardstick()?;
        self.over(case, Case { who, ..case })
    }

    /// Flows a second in sessions over those by token.
    pub(crate) fn of_by_token(&self, case: Case) -> Option<f64> {
        let who = case.who.by_token()?;
        self.over(case, Case { who, ..case })
    }

    /// Flows a second over those on an empty store.
    pub(crate) fn of_empty(&self, case: Case) -> Option<f64> {
        self.over(case, Case { stored: 0, ..case })
    }

    fn over(&self, case: Case, other: Case) -> Option<f64> {
        let (ours, theirs) = (self.median(case)?, self.median(other)?);
        let counted = theirs.flows_per_second > 0.0 && theirs.flow.p50 < TOO_SLOW_MS;
        counted.then(|| ours.flows_per_second / theirs.flows_per_second)
    }

    fn samples_of(&self, case: Case) -> impl Iterator<Item = &Sample> {
        let of_case = self.samples.iter().filter(move |(other, _)| *other == case);
        of_case.map(|(_, sample)| sample)
    }

    /// All that went wrong, within measurements and instead of them.
    fn errors(&self) -> impl Iterator<Item = (Case, &str)> {
        let within = self.samples.iter().flat_map(|(case, sample)| {
            let errors = sample.errors.iter();
            errors.map(|error| (*case, error.as_str()))
        });
        within.chain(self.failed.iter().map(|(case, error)| (*case, error.as_str())))
    }

    pub(crate) fn count_errors(&self) -> u32 {
        u32::try_from(self.errors().count()).unwrap_or(u32::MAX)
    }

    /// The memory of an idle process, the most that was seen.
    fn idle(&self, who: Contestant) -> u64 {
        let all = self.samples.iter().filter(|(case, _)| case.who == who);
        all.map(|(_, sample)| sample.idle_memory).max().unwrap_or_default()
    }
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
