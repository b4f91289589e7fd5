//! What every [`Clock`] must do.

use crate::Timestamp;
use crate::ports::Clock;

/// Runs the whole suite on a clock that tells the real time.
pub fn all(clock: &dyn Clock) {
    // 2025-01-01: a clock that counts seconds, or from its own start, is decades off.
    assert!(
        clock.now() > Timestamp::from_millis(1_735_689_600_000),
        "not milliseconds since the Unix epoch"
    );
    let (first, second) = (clock.now(), clock.now());
    assert!(second >= first, "it runs backwards by itself");
}
