//! Webhook events, as subscribers get them (contract 9).

use std::sync::Arc;

use phoneproof_domain::ports::{EventText, Events, Happening};
use phoneproof_domain::{Content, Ending, Lockout, Message, PhoneNumberId, Session, SessionStatus, Timestamp, UserId};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::http::present::json::user_event;
use crate::http::present::session_json::session_event;

/// The kind of the event that holds a code; its body is forgotten as soon as it is told.
pub(crate) const SMS_CREATED: &str = "sms.created";

/// Puts what happens into words for the application's back end.
pub(crate) struct EventTexts {
    /// `ins_…`, in every event.
    pub(crate) instance: String,
    pub(crate) lockout: Lockout,
    /// Whether anybody subscribed.
    pub(crate) has_subscriber: bool,
    /// Whether users are told of changes by e-mail.
    pub(crate) has_email: bool,
    /// Woken by each commit that made events.
    pub(crate) news: Arc<Notify>,
}

impl Events for EventTexts {
    fn tell(&self, happening: &Happening<'_>, at: Timestamp) -> Option<EventText> {
        if !self.has_subscriber {
            return None;
        }
        let lockout = &self.lockout;
        let (kind, data) = match happening {
            Happening::UserCreated(user) => ("user.created", user_event(user, at, lockout)),
            Happening::UserUpdated(user) => ("user.updated", user_event(user, at, lockout)),
            Happening::UserDeleted(user) => (
                "user.deleted",
                json!({ "object": "user", "id": user.id.as_str(), "deleted": true }),
            ),
            Happening::Session {
                client,
                session,
                status,
                user,
            } => (
                kind_of(session, *status)?,
                session_event(client, session, *status, *user, at, lockout),
            ),
            Happening::SmsCreated { message, content } => (SMS_CREATED, sms_created(message, content)),
        };
        let body = json!({
            "object": "event", "type": kind, "timestamp": at.as_millis(), "instance_id": self.instance, "data": data,
            "event_attributes": { "http_request": { "client_ip": "", "user_agent": "" } },
        });
        Some(EventText {
            kind,
            body: body.to_string(),
        })
    }

    fn has_email(&self) -> bool {
        self.has_email
    }

    fn committed(&self) {
        self.news.notify_one();
    }
}

const fn kind_of(session: &Session, status: SessionStatus) -> Option<&'static str> {
    match session.ending {
        Some(Ending::Ended) => Some("session.ended"),
        Some(Ending::Removed) => Some("session.removed"),
        Some(Ending::Revoked) => Some("session.revoked"),
        Some(Ending::Replaced) => None,
        None if matches!(status, SessionStatus::Pending) => Some("session.pending"),
        None => Some("session.created"),
    }
}

/// The text in it holds the code.
fn sms_created(message: &Message, content: &Content) -> Value {
    let slug = if content.code.is_some() {
        "verification_code"
    } else {
        "security_notice"
    };
    json!({
        "object": "sms_message",
        "id": message.id.as_str(),
        "slug": slug,
        "from_phone_number": "",
        "to_phone_number": message.to.as_str(),
        "phone_number_id": message.phone_number.as_ref().map(PhoneNumberId::as_str),
        "user_id": message.user.as_ref().map(UserId::as_str),
        "message": content.text,
        "status": "queued",
        "data": { "otp_code": content.code },
        "delivered_by_clerk": true,
        "created_at_ms": message.created_at.as_millis(),
    })
}
