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
    for length in [0, 1, 7, 8, 9, 15, 17, 4_096] {
        // A byte that is zero in all of 64 fills was left as it was: by chance once in 2^512 times.
        let mut written = vec![false; length];
        for _ in 0..64 {
            let mut bytes = vec![0u8; length];
            entropy.fill(&mut bytes);
            for (written, byte) in written.iter_mut().zip(bytes) {
                *written |= byte != 0;
            }
        }
        let left = written.iter().position(|written| !written);
        assert_eq!(left, None, "a byte of {length} was left as it was");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random enough, but it forgets what is left of the last eight bytes.
    struct WholeWordsOnly;

    impl Entropy for WholeWordsOnly {
        fn fill(&self, bytes: &mut [u8]) {
            for word in bytes.chunks_exact_mut(8) {
                word.copy_from_slice(&crate::conformance::given::random().to_be_bytes());
            }
        }
    }

    #[test]
    #[should_panic(expected = "a byte of 1 was left as it was")]
    fn a_source_that_forgets_the_end_is_found_out() {
        all(&WholeWordsOnly);
    }
}
