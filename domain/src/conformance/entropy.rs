//! What every [`Entropy`] must do.

use std::collections::BTreeSet;

use crate::ports::Entropy;

/// Runs the whole suite.
pub fn all(entropy: &dyn Entropy) {
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes);
        assert!(seen.insert(bytes), "16 bytes came twice");
    }
    for length in [0, 1, 7, 8, 9, 4_096] {
        // All zeros three times in a row is not chance, from two bytes on.
        let untouched = (0..8).all(|_| {
            let mut bytes = vec![0u8; length];
            entropy.fill(&mut bytes);
            bytes.iter().all(|byte| *byte == 0)
        });
        assert!(length == 0 || !untouched, "{length} bytes were left as they were");
    }
}
