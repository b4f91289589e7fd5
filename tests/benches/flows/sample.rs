use std::time::Duration;

use crate::load::{Flow, Reading};

/// What one measurement gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Flows in the counted span, a second.
    pub(crate) flows_per_second: f64,
    /// None where there are no requests.
    pub(crate) request: Option<Latency>,
    pub(crate) flow: Latency,
    /// Processor seconds of the server, all its processes together, for 1000 flows.
    pub(crate) cpu: f64,
    /// The same of PostgreSQL, all its processes together.
    pub(crate) database_cpu: f64,
    /// The same of the load generator.
    pub(crate) generator_cpu: f64,
    /// The share of the machine's cores that other processes took: what makes a measurement doubtful.
    pub(crate) others: f64,
    /// Syncs of the log a flow, over the whole run with its start and its end.
    pub(crate) syncs: f64,
    /// In bytes, of all processes of the server together.
    pub(crate) idle_memory: u64,
    pub(crate) peak_memory: u64,
    /// All flows that went well, with those at the start that are not counted above.
    pub(crate) flows: u32,
    pub(crate) errors: Vec<String>,
}

/// In milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Sample {
    pub(crate) fn new(flows: &[Flow], errors: Vec<String>, from: &Reading, to: &Reading) -> Self {
        let counted: Vec<&Flow> = flows
            .iter()
            .filter(|flow| (from.at..to.at).contains(&flow.ended))
            .collect();
        let thousands = count(counted.len()) / 1000.0;
        let wall = (to.at - from.at).as_secs_f64();
        let used = |reading: fn(&Reading) -> Duration| reading(to).saturating_sub(reading(from));
        let (server, database) = (used(|reading| reading.server), used(|reading| reading.database));
        let generator = used(|reading| reading.generator);
        let others = used(|reading| reading.all).saturating_sub(server + database + generator);
        let requests: Vec<Duration> = counted.iter().filter_map(|flow| flow.requests).flatten().collect();
        Self {
            flows_per_second: count(counted.len()) / wall,
            request: (!requests.is_empty()).then(|| Latency::of(requests)),
            flow: Latency::of(counted.iter().map(|flow| flow.took).collect()),
            cpu: server.as_secs_f64() / thousands,
            database_cpu: database.as_secs_f64() / thousands,
            generator_cpu: generator.as_secs_f64() / thousands,
            others: others.as_secs_f64() / wall / count(std::thread::available_parallelism().map_or(1, usize::from)),
            flows: u32::try_from(flows.len()).unwrap_or(u32::MAX),
            errors,
            ..Self::default()
        }
    }

    /// Takes the syncs between two counts of them, if this is who counts them.
    pub(crate) fn count_syncs(&mut self, before: Option<u32>, after: Option<u32>) {
        if let (Some(before), Some(after)) = (before, after) {
            self.syncs = f64::from(after.saturating_sub(before)) / f64::from(self.flows);
        }
    }

    /// The middle one of several measurements, value by value; the most of memory; all errors.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| median(samples.iter().map(value).collect());
        let most = |value: fn(&Self) -> u64| samples.iter().map(value).max().unwrap_or_default();
        let requests: Vec<Latency> = samples.iter().filter_map(|sample| sample.request).collect();
        Self {
            flows_per_second: middle(|sample| sample.flows_per_second),
            request: (!requests.is_empty()).then(|| Latency::median(&requests)),
            flow: Latency::median(&samples.iter().map(|sample| sample.flow).collect::<Vec<_>>()),
            cpu: middle(|sample| sample.cpu),
            database_cpu: middle(|sample| sample.database_cpu),
            generator_cpu: middle(|sample| sample.generator_cpu),
            others: middle(|sample| sample.others),
            syncs: middle(|sample| sample.syncs),
            idle_memory: most(|sample| sample.idle_memory),
            peak_memory: most(|sample| sample.peak_memory),
            flows: samples.iter().map(|sample| sample.flows).sum(),
            errors: samples
                .iter()
                .flat_map(|sample| sample.errors.iter().cloned())
                .collect(),
        }
    }
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        // The smallest time that so many in a hundred do not exceed.
        let percentile = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            p50: percentile(50),
            p99: percentile(99),
        }
    }

    fn median(all: &[Self]) -> Self {
        Self {
            p50: median(all.iter().map(|latency| latency.p50).collect()),
            p99: median(all.iter().map(|latency| latency.p99).collect()),
        }
    }
}

/// The middle value; of an even count, the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => 0.0,
        (middle, 0) => f64::midpoint(values[middle - 1], values[middle]),
        (middle, _) => values[middle],
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
