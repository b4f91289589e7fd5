/// Seals what must be kept but not read by whoever gets hold of the store.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Sealer: Send + Sync {
    /// Seals `text`, which opens again beside the same `id` alone. None if it cannot.
    fn close(&self, id: &str, text: &str) -> Option<String>;

    /// What was sealed; none if it is not ours, not whole, or of another `id`.
    fn open(&self, id: &str, sealed: &str) -> Option<String>;
}
