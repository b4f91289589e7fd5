//! The real clock and the real random source keep the contracts of their ports.

use phoneproof_domain::OtpCode;
use phoneproof_domain::conformance;
use phoneproof_system::{SystemClock, SystemEntropy};

#[test]
fn the_clock_keeps_the_contract_of_its_port() {
    conformance::clock::all(&SystemClock);
}

#[test]
fn the_random_source_keeps_the_contract_of_its_port() {
    conformance::entropy::all(&SystemEntropy);
}

/// A million codes by their first three digits, by their last three, and whole. The bounds of
/// chi-square are seven standard deviations off (Wilson and Hilferty's approximation), which chance
/// exceeds about once in 10^12 runs.
#[test]
fn codes_are_uniform() {
    const DRAWS: u32 = 1_000_000;
    let (mut first, mut last, mut whole) = (vec![0u32; 1_000], vec![0u32; 1_000], vec![0u32; 1_000_000]);
    for _ in 0..DRAWS {
        let code: usize = OtpCode::generate(&SystemEntropy).reveal().parse().unwrap();
        first[code / 1_000] += 1;
        last[code % 1_000] += 1;
        whole[code] += 1;
    }
    for (counts, bound) in [(first, 1_345.0), (last, 1_345.0), (whole, 1_010_000.0)] {
        let classes = f64::from(u32::try_from(counts.len()).unwrap());
        let expected = f64::from(DRAWS) / classes;
        let chi_square: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum();
        assert!(chi_square < bound, "{chi_square} for {classes} classes");
    }
}
