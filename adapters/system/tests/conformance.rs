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

/// A million codes in a hundred classes by their first two digits, and again by their last two:
/// chi-square with 99 degrees of freedom exceeds 230 about once in 10^12 times by chance.
#[test]
fn codes_are_uniform() {
    const DRAWS: u32 = 1_000_000;
    let (mut first, mut last) = (vec![0u32; 100], vec![0u32; 100]);
    for _ in 0..DRAWS {
        let code = OtpCode::generate(&SystemEntropy);
        let digits = code.reveal();
        first[digits[..2].parse::<usize>().unwrap()] += 1;
        last[digits[4..].parse::<usize>().unwrap()] += 1;
    }
    let expected = f64::from(DRAWS) / 100.0;
    for classes in [first, last] {
        let chi_square: f64 = classes
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum();
        assert!(chi_square < 230.0, "{chi_square}");
    }
}
