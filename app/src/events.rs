//! Webhook events: made of what a commit changes, and kept in that very commit (contract 9).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::ports::{
    Change, Clock, CommitError, Entropy, Event, Loaded, Repository, Sealer, StoreError, UnitOfWork, Write,
};
use phoneproof_domain::{
    Client, ClientId, Ending, Message, Notice, OtpCode, PhoneNumberId, Policy, Session, SessionStatus, Timestamp, User,
    UserId, passing_id,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::http::{session_event, user_event};
use crate::seal::Seal;

/// A store that keeps an event for whatever changes.
pub(crate) struct EventRecorder {
    pub(crate) users: Arc<dyn Repository<User>>,
    pub(crate) clients: Arc<dyn Repository<Client>>,
    pub(crate) unit_of_work: Arc<dyn UnitOfWork>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) seal: Arc<Seal>,
    /// What opens texts.
    pub(crate) texts: Arc<dyn Sealer>,
    pub(crate) policy: Policy,
    pub(crate) instance: String,
    /// Whether anybody subscribed to events.
    pub(crate) told: bool,
    /// Whether users are told of changes by e-mail.
    pub(crate) notified: bool,
    /// Told after each commit that made events.
    pub(crate) news: Arc<Notify>,
}

impl EventRecorder {
    fn event(&self, kind: &str, data: &Value, now: Timestamp) -> Option<Write> {
        if !self.told {
            return None;
        }
        let id = passing_id("msg", now, &*self.entropy);
        let body = json!({
            "object": "event", "type": kind, "timestamp": now.as_millis(), "instance_id": self.instance, "data": data,
            "event_attributes": { "http_request": { "client_ip": "", "user_agent": "" } },
        });
        Some(Write::Event(Event {
            body: self.seal.close(&id, &body.to_string())?,
            id,
            kind: kind.to_owned(),
            at: now,
        }))
    }

    fn of_user(&self, change: &Change<User>, now: Timestamp) -> Option<Write> {
        let shown = |user: &User| user_event(user, now, &self.policy.lockout);
        match change {
            Change::Create(user) => self.event("user.created", &shown(user), now),
            // `updated_at` grows with whatever changes, and with nothing else.
            Change::Replace { before, after } if before.aggregate.updated_at != after.updated_at => {
                self.event("user.updated", &shown(after), now)
            }
            Change::Replace { .. } => None,
            Change::Delete(before) => {
                let data = json!({ "object": "user", "id": before.aggregate.id.as_str(), "deleted": true });
                self.event("user.deleted", &data, now)
            }
        }
    }

    /// What the user is told of a change, at the address from before it: whoever takes over an account must not
    /// keep its owner in the dark by changing the address first.
    fn notices(&self, change: &Change<User>, now: Timestamp) -> Vec<Write> {
        let Change::Replace { before, after } = change else {
            return Vec::new();
        };
        let before = &before.aggregate;
        let address = before
            .profile
            .notice_email
            .as_ref()
            .or(after.profile.notice_email.as_ref());
        let Some(address) = address.filter(|_| self.notified) else {
            return Vec::new();
        };
        let application = self.policy.texts.application();
        let notices = Notice::between(before, after).into_iter().filter_map(|notice| {
            let id = passing_id("msg", now, &*self.entropy);
            let body = json!({
                "to": address.as_str(),
                "subject": format!("{application}: your account has changed"),
                "text": format!("{notice}\n\nIf that was you, there is nothing to do. If not, contact {application} at once.\n"),
            });
            Some(Write::Event(Event {
                body: self.seal.close(&id, &body.to_string())?,
                id,
                kind: notice.kind().to_owned(),
                at: now,
            }))
        });
        notices.collect()
    }

    fn of_message(&self, message: &Message, now: Timestamp) -> Option<Write> {
        let opened = self.texts.open(message.id.as_str(), message.sealed.as_deref()?)?;
        let (code, text) = opened.split_at_checked(OtpCode::DIGITS)?;
        self.event(SMS_CREATED, &sms_created(message, code, text), now)
    }

    async fn of_client(
        &self,
        change: &Change<Client>,
        changed: Option<&User>,
        now: Timestamp,
    ) -> Result<Vec<Write>, StoreError> {
        let (before, after) = match change {
            Change::Create(after) => (None, after),
            Change::Replace { before, after } => (Some(&before.aggregate), after),
            Change::Delete(_) => return Ok(Vec::new()),
        };
        let mut events = Vec::new();
        for session in &after.sessions {
            let old = before.and_then(|before| before.session(&session.id));
            if old.is_some_and(|old| old.ending == session.ending) {
                continue;
            }
            let user = match changed.filter(|user| user.id == session.user) {
                Some(user) => Some(user.clone()),
                None => self.users.load(&session.user).await?.map(|loaded| loaded.aggregate),
            };
            let status = session.status(user.as_ref(), self.policy.second_factor_required, now);
            let Some(kind) = kind_of(session, status) else { continue };
            let data = session_event(&after.id, session, status, user.as_ref(), now, &self.policy.lockout);
            events.extend(self.event(kind, &data, now));
        }
        Ok(events)
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

#[async_trait]
impl Repository<User> for EventRecorder {
    async fn load(&self, id: &UserId) -> Result<Option<Loaded<User>>, StoreError> {
        self.users.load(id).await
    }

    async fn commit(&self, change: Change<User>) -> Result<(), CommitError> {
        self.commit_all(vec![Write::User(Box::new(change))]).await
    }
}

#[async_trait]
impl Repository<Client> for EventRecorder {
    async fn load(&self, id: &ClientId) -> Result<Option<Loaded<Client>>, StoreError> {
        self.clients.load(id).await
    }

    async fn commit(&self, change: Change<Client>) -> Result<(), CommitError> {
        self.commit_all(vec![Write::Client(Box::new(change))]).await
    }
}

#[async_trait]
impl UnitOfWork for EventRecorder {
    async fn commit_all(&self, mut writes: Vec<Write>) -> Result<(), CommitError> {
        let now = self.clock.now();
        let mut events = Vec::new();
        let changed = writes.iter().find_map(|write| match write {
            Write::User(change) => match &**change {
                Change::Create(user) | Change::Replace { after: user, .. } => Some(user.clone()),
                Change::Delete(_) => None,
            },
            _ => None,
        });
        for write in &writes {
            match write {
                Write::User(change) => {
                    events.extend(self.of_user(change, now));
                    events.extend(self.notices(change, now));
                }
                Write::Client(change) => events.extend(self.of_client(change, changed.as_ref(), now).await?),
                Write::Message(message) => events.extend(self.of_message(message, now)),
                Write::SignInToken(_) | Write::Event(_) => {}
            }
        }
        let any = !events.is_empty();
        writes.extend(events);
        self.unit_of_work.commit_all(writes).await?;
        if any {
            self.news.notify_one();
        }
        Ok(())
    }
}

/// The kind of the event that holds a code; its body is forgotten as soon as it is told.
pub(crate) const SMS_CREATED: &str = "sms.created";

/// What `sms.created` tells (contract 9). The text in it holds the code.
fn sms_created(message: &Message, code: &str, text: &str) -> Value {
    json!({
        "object": "sms_message",
        "id": message.id.as_str(),
        "slug": "verification_code",
        "from_phone_number": "",
        "to_phone_number": message.to.as_str(),
        "phone_number_id": message.phone_number.as_ref().map(PhoneNumberId::as_str),
        "user_id": message.user.as_ref().map(UserId::as_str),
        "message": text,
        "status": "queued",
        "data": { "otp_code": code },
        "delivered_by_clerk": true,
        "created_at_ms": message.created_at.as_millis(),
    })
}

/// Whether it is for the user, rather than for the application's back end.
pub(crate) fn is_notice(kind: &str) -> bool {
    kind.starts_with("notice.")
}

/// How long after each failed try the next one comes (what Svix does); then it is given up.
const DELAYS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(10 * 3600),
];

/// When an event that was just tried for the `tries`-th time is tried again.
pub(crate) fn again_at(event: &Event, tries: u32, now: Timestamp, code_lifetime: Duration) -> Option<Timestamp> {
    let delay = DELAYS.get(usize::try_from(tries).ok()?)?;
    let next = now.plus(*delay);
    // Nobody needs a code that has expired.
    (event.kind != SMS_CREATED || next < event.at.plus(code_lifetime)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_grow_and_end_and_codes_are_not_told_too_late() {
        let at = Timestamp::from_millis(0);
        let event = |kind: &str| Event {
            id: "msg_1".to_owned(),
            kind: kind.to_owned(),
            body: String::new(),
            at,
        };
        let code = Duration::from_secs(600);
        let next = |kind: &str, tries| again_at(&event(kind), tries, at, code);
        assert_eq!(next("user.created", 0), Some(at.plus(Duration::from_secs(5))));
        assert_eq!(next("user.created", 6), Some(at.plus(Duration::from_secs(36_000))));
        assert_eq!(next("user.created", 7), None);
        assert_eq!(next(SMS_CREATED, 1), Some(at.plus(Duration::from_secs(300))));
        assert_eq!(next(SMS_CREATED, 2), None);
    }
}
