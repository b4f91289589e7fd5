//! The ports: what the rules need from the world, each one trait with its promises.
//!
//! Every port has a ready mock behind the feature `mock` (`MockClock`, `MockSmsGateway`,
//! `MockRepository::<User>`…) and a conformance suite in [`crate::conformance`] behind the
//! feature `conformance`.

mod archive;
mod clock;
mod courier;
mod entropy;
mod event_outbox;
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
mod store_health;
mod unit_of_work;
mod user_directory;

/// The cause of an error, from whichever adapter.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use archive::{Archive, BeginError, CopyMark, Part, Record, UnknownPart};
pub use clock::Clock;
pub use courier::{Courier, Sending};
pub use entropy::Entropy;
pub use event_outbox::{EventOutbox, EventSink, QueuedEvent, SinkError, Told};
pub use identity_provider::{Identity, IdentityError, IdentityProvider};
pub use instance_directory::InstanceDirectory;
pub use limiter::{Charge, Charged, Limiter, Window};
pub use password_hasher::{HasherError, PasswordHasher};
pub use repository::{Aggregate, Change, CommitError, Loaded, Repository, Revision, Unique};
pub use sealer::Sealer;
pub use security_notices::SecurityNotices;
pub use session_directory::{SessionDirectory, SessionQuery};
pub use signing_keys::{SigningKeys, StoredKey};
pub use sms_gateway::{Receipt, SendError, Sms, SmsGateway};
pub use sms_outbox::{DeliveryReceipt, MessageQuery, SmsOutbox};
pub use sms_receipts::{Callback, CallbackError, SmsReceipts};
pub use store_health::{StoreError, StoreHealth};
pub use unit_of_work::{Event, UnitOfWork, Write};
pub use user_directory::{Direction, OrderBy, Span, UserDirectory, UserFilter, UserQuery};

#[cfg(feature = "mock")]
pub use {
    archive::MockArchive, clock::MockClock, courier::MockCourier, entropy::MockEntropy, event_outbox::MockEventOutbox,
    event_outbox::MockEventSink, identity_provider::MockIdentityProvider, instance_directory::MockInstanceDirectory,
    limiter::MockLimiter, password_hasher::MockPasswordHasher, repository::MockRepository, sealer::MockSealer,
    security_notices::MockSecurityNotices, session_directory::MockSessionDirectory, signing_keys::MockSigningKeys,
    sms_gateway::MockSmsGateway, sms_outbox::MockSmsOutbox, sms_receipts::MockSmsReceipts,
    store_health::MockStoreHealth, unit_of_work::MockUnitOfWork, user_directory::MockUserDirectory,
};
