//! Who is signed in: sign-ups, sign-ins, sessions, reverification.

mod disguised;
mod factor_check;
mod first_factor;
mod reverification;
mod second_factor;
mod sessions;
mod shown;
#[expect(clippy::module_inception, reason = "the sign-in among what belongs to signing in")]
mod sign_in;
mod sign_up;
mod ticket;

pub use factor_check::{FactorOutcome, TriedFactor};
pub use reverification::Turn;
pub use sign_in::SignInRequest;
pub use sign_up::SignUpRequest;
