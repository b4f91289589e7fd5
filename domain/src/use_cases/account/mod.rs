//! What users do to their own accounts.

mod factors;
mod numbers;
mod password;
mod profile;
mod verification;

pub use factors::SecondFactorUpdate;
pub(super) use password::CheckedPassword;
pub use profile::ProfileUpdate;
pub use verification::Prepared;
