//! What a back end asks for with the secret key: the same rules, on an administrator's behalf.

mod instance;
mod phone_numbers;
mod sessions;
mod sign_ups;
mod tickets;
mod users;
mod verification;

pub use phone_numbers::{AdminUpdate, NewPhoneNumber};
pub use sessions::KnownSession;
pub use users::{AdminProfileUpdate, MetadataUpdate, NewUser};
