//! The ports: what the rules need from the world, each one trait with its promises.
//!
//! Every port has a ready mock behind the feature `mock` (`MockClock`, `MockSmsGateway`,
//! `MockRepository::<User>`…) and a conformance suite in [`crate::conformance`] behind the
//! feature `conformance`.

mod archive;
mod clock;
mod commit;
mod entropy;
mod event_outbox;
mod events;
mod identity_provider;
mod instance_directory;
mod limiter;
mod password_hasher;
mod repository;
mod sealer;
mod security_notices;
mod session_directory;
mod signing_keys;
mod sms_gateway;
mod sms_outbox;
mod sms_receipts;
mod sms_sender;
mod store_health;
mod user_directory;

/// The cause of an error, from whichever adapter.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use crate::message::DeliveryReceipt;
pub use archive::{Archive, BeginError, CopyMark, Part, Record, UnknownPart};
pub use clock::Clock;
pub use commit::{Change, Commit, CommitError, Event, Unique, Write};
pub use entropy::Entropy;
pub use event_outbox::{DeliveryOutcome, EventOutbox, EventSink, QueuedEvent, SinkError};
pub use events::{EventText, Events, Happening, NoEvents};
pub use identity_provider::{Identity, IdentityError, IdentityProvider};
pub use instance_directory::InstanceDirectory;
pub use limiter::{Charge, Decision, Limiter, Window};
pub use password_hasher::{HasherError, PasswordHasher};
pub use repository::{Aggregate, Loaded, Repository, Revision};
pub use sealer::Sealer;
pub use security_notices::SecurityNotices;
pub use session_directory::{SessionDirectory, SessionQuery};
pub use signing_keys::{SigningKeys, StoredKey};
pub use sms_gateway::{Receipt, SendError, Sms, SmsGateway};
pub use sms_outbox::{MessageQuery, SmsOutbox};
pub use sms_receipts::{Callback, CallbackError, SmsReceipts};
pub use sms_sender::{Sending, SmsSender};
pub use store_health::{StoreError, StoreHealth};
pub use user_directory::{Direction, OrderBy, Span, UserDirectory, UserFilter, UserPlace, UserQuery};

#[cfg(feature = "mock")]
pub use {
    archive::MockArchive, clock::MockClock, commit::MockCommit, entropy::MockEntropy, event_outbox::MockEventOutbox,
    event_outbox::MockEventSink, events::MockEvents, identity_provider::MockIdentityProvider,
    instance_directory::MockInstanceDirectory, limiter::MockLimiter, password_hasher::MockPasswordHasher,
    repository::MockRepository, sealer::MockSealer, security_notices::MockSecurityNotices,
    session_directory::MockSessionDirectory, signing_keys::MockSigningKeys, sms_gateway::MockSmsGateway,
    sms_outbox::MockSmsOutbox, sms_receipts::MockSmsReceipts, sms_sender::MockSmsSender, store_health::MockStoreHealth,
    user_directory::MockUserDirectory,
};
