use std::time::Duration;

use crate::load::{Flow, Reading};

/// What one measurement gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Flows in the counted span, a second.
    pub(crate) flows_per_second: f64,
    pub(crate) request: Latency,
    pub(crate) flow: Latency,
    /// Processor seconds of the server for 1000 flows.
    pub(crate) cpu: f64,
    /// The same of the load generator.
    pub(crate) generator_cpu: f64,
    /// The share of the machine's cores that other processes took: what makes a measurement doubtful.
    pub(crate) others: f64,
    /// Groups of commits a flow, over the whole run with its start and its end.
    pub(crate) groups: f64,
    /// In bytes.
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
    pub(crate) fn new(flows: &[Flow], errors: Vec<String>, from: &Reading, to: &Reading, groups: u32) -> Self {
        let counted: Vec<&Flow> = flows
            .iter()
            .filter(|flow| (from.at..to.at).contains(&flow.ended))
            .collect();
        let thousands = count(counted.len()) / 1000.0;
        let wall = (to.at - from.at).as_secs_f64();
        let used = |reading: fn(&Reading) -> Duration| reading(to).saturating_sub(reading(from));
        let (server, generator) = (used(|reading| reading.server), used(|reading| reading.generator));
        let others = used(|reading| reading.all).saturating_sub(server + generator);
        Self {
            flows_per_second: count(counted.len()) / wall,
            request: Latency::of(counted.iter().flat_map(|flow| flow.requests).collect()),
            flow: Latency::of(counted.iter().map(|flow| flow.took).collect()),
            cpu: server.as_secs_f64() / thousands,
            generator_cpu: generator.as_secs_f64() / thousands,
            others: others.as_secs_f64() / wall / count(std::thread::available_parallelism().map_or(1, usize::from)),
            groups: f64::from(groups) / count(flows.len()),
            flows: u32::try_from(flows.len()).unwrap_or(u32::MAX),
            errors,
            ..Self::default()
        }
    }

    /// The middle one of several measurements, value by value; the most of memory; all errors.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| median(samples.iter().map(value).collect());
        Self {
            flows_per_second: middle(|sample| sample.flows_per_second),
            request: Latency {
                p50: middle(|sample| sample.request.p50),
                p99: middle(|sample| sample.request.p99),
            },
            flow: Latency {
                p50: middle(|sample| sample.flow.p50),
                p99: middle(|sample| sample.flow.p99),
            },
            cpu: middle(|sample| sample.cpu),
            generator_cpu: middle(|sample| sample.generator_cpu),
            others: middle(|sample| sample.others),
            groups: middle(|sample| sample.groups),
            idle_memory: samples
                .iter()
                .map(|sample| sample.idle_memory)
                .max()
                .unwrap_or_default(),
            peak_memory: samples
                .iter()
                .map(|sample| sample.peak_memory)
                .max()
                .unwrap_or_default(),
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
