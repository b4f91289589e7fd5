/// Gives random bytes fit for secrets. Nothing in the domain asks the system for them.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random ones from a cryptographic source.
    ///
    /// There is no error: an adapter whose source fails must panic rather than give weak bytes,
    /// for a guessable code is worse than none.
    fn fill(&self, bytes: &mut [u8]);
}
