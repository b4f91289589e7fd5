//! One file a resource: read the request, ask one use case, present what it answers.

pub(crate) mod absent;
pub(crate) mod back_end_sessions;
pub(crate) mod back_end_sign_ups;
pub(crate) mod backup_codes;
pub(crate) mod client;
pub(crate) mod dev;
pub(crate) mod docs;
pub(crate) mod environment;
pub(crate) mod handshake;
pub(crate) mod health;
pub(crate) mod instance;
pub(crate) mod jwks;
pub(crate) mod me;
pub(crate) mod metrics;
pub(crate) mod my_phone_numbers;
pub(crate) mod number_lists;
pub(crate) mod passwords;
pub(crate) mod phone_numbers;
pub(crate) mod ready;
pub(crate) mod scripts;
pub(crate) mod sessions;
pub(crate) mod sign_ins;
pub(crate) mod sign_ups;
pub(crate) mod sms_callbacks;
pub(crate) mod sms_messages;
pub(crate) mod users;
