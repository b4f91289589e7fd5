//! The end-to-end tests, in one program: linking the whole server once for each file took longer than running them.
//!
//! Each module is about one flow or promise. They run on the store that `TEST_STORE` names, and `make test` runs them on
//! each; what depends on no store, or names its own, is in [`once`].

mod attacks;
mod back_end;
mod bad_input;
mod crash;
mod create_phone_number;
mod delivery;
mod delivery_crash;
mod dev_tools;
mod drain;
mod enumeration;
mod handshake;
mod held_number;
mod invariants;
mod limits;
mod loads;
mod notices;
mod once;
mod own_account;
mod processes;
mod providers;
mod races;
mod readme;
mod reverification;
mod round_trip;
mod second_factor;
mod secrecy;
mod sign_up_and_in;
mod store_copy;
mod takeover;
mod tokens;
mod transport;
mod verify_phone_number;
mod wire;
