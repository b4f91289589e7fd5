use crate::message::{Content, Message};
use crate::{ClientId, Session, SessionStatus, Timestamp, User};

/// Something that happened to what an application's back end knows of (contract 9).
#[derive(Debug, Clone, Copy)]
pub enum Happening<'a> {
    /// A user was made.
    UserCreated(&'a User),
    /// A user has changed.
    UserUpdated(&'a User),
    /// A user is gone.
    UserDeleted(&'a User),
    /// A session began or ended.
    Session {
        /// The client that it is in.
        client: &'a ClientId,
        /// The session.
        session: &'a Session,
        /// How it stands now.
        status: SessionStatus,
        /// Its user, if there still is one.
        user: Option<&'a User>,
    },
    /// A text is on its way.
    SmsCreated {
        /// The text.
        message: &'a Message,
        /// What it says.
        content: &'a Content,
    },
}

/// An event in words, not yet sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText {
    /// What happened, for instance `user.created`.
    pub kind: &'static str,
    /// The body that subscribers get.
    pub body: String,
}

/// Puts what happens into the words of those who subscribed. It is asked while a change is decided, so it must be quick.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Events: Send + Sync {
    /// The event that tells of `happening`; none if nobody is told of it.
    #[allow(
        clippy::needless_lifetimes,
        clippy::elidable_lifetime_names,
        clippy::allow_attributes,
        reason = "mockall wants the lifetime named"
    )]
    fn tell<'a>(&self, happening: &Happening<'a>, at: Timestamp) -> Option<EventText>;

    /// Whether users are told of changes by e-mail.
    fn has_email(&self) -> bool;

    /// Events were committed: they need not wait for the next time that the outbox is looked at.
    fn committed(&self);
}

/// Nobody is told of anything.
#[derive(Debug, Clone, Copy)]
pub struct NoEvents;

impl Events for NoEvents {
    fn tell(&self, _: &Happening<'_>, _: Timestamp) -> Option<EventText> {
        None
    }

    fn has_email(&self) -> bool {
        false
    }

    fn committed(&self) {}
}
