use crate::Timestamp;

/// Tells the time. Nothing in the domain asks the system for it.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The time now. It may jump either way (an operator sets the clock); the rules allow for it.
    fn now(&self) -> Timestamp;
}
