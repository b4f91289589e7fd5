//! What follows from a change and is committed with it: events for the application's back end, notices to the user.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::UseCases;
use crate::change::{Consequences, Draft, Slot};
use crate::message::{Content, Message};
use crate::notice::Notice;
use crate::ports::{Decision, Event, Happening, StoreError, Write};
use crate::session::{Ending, Session};
use crate::{Client, E164, Languages, MessageId, ShortText, Timestamp, User};

/// How long the text of a notice is worth sending: an hour.
const NOTICE_LIFETIME: Duration = Duration::from_secs(3600);

/// On whose behalf a change happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The user's, or that of somebody who says so.
    User,
    /// A back end's: it tells its users itself, but for what an e-mail address is there for.
    BackEnd,
}

/// What follows from one change, however often it is decided.
pub(super) struct Aftermath<'a> {
    cases: &'a UseCases,
    by: By,
    /// Whether texts were within the instance's limit, by number. Nothing is given back, and nothing is charged twice.
    charged: Mutex<Vec<(E164, bool)>>,
    has_events: AtomicBool,
}

impl<'a> Aftermath<'a> {
    pub(super) fn new(cases: &'a UseCases, by: By) -> Self {
        Self {
            cases,
            by,
            charged: Mutex::default(),
            has_events: AtomicBool::new(false),
        }
    }

    /// Whether events were among what followed.
    pub(super) fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Relaxed)
    }

    fn event(&self, kind: &str, body: &str, now: Timestamp) -> Option<Write> {
        let ports = &self.cases.ports;
        let id = crate::passing_id("msg", now, &*ports.entropy);
        let body = ports.event_sealer.close(&id, body)?;
        self.has_events.store(true, Ordering::Relaxed);
        Some(Write::Event(Event {
            id,
            kind: kind.to_owned(),
            body,
            at: now,
        }))
    }

    fn tell(&self, happening: &Happening<'_>, now: Timestamp) -> Option<Write> {
        let text = self.cases.ports.events.tell(happening, now)?;
        self.event(text.kind, &text.body, now)
    }

    fn of_user(&self, user: &Slot<User>, now: Timestamp) -> Option<Write> {
        match (user.before(), user.after()) {
            (None, Some(user)) => self.tell(&Happening::UserCreated(user), now),
            // `updated_at` grows with whatever changes, and with nothing else.
            (Some(before), Some(after)) if before.updated_at != after.updated_at => {
                self.tell(&Happening::UserUpdated(after), now)
            }
            (Some(before), None) => self.tell(&Happening::UserDeleted(before), now),
            _ => None,
        }
    }

    async fn of_client(
        &self,
        client: &Slot<Client>,
        changed: Option<&User>,
        now: Timestamp,
    ) -> Result<Vec<Write>, StoreError> {
        let Some(after) = client.after() else {
            return Ok(Vec::new());
        };
        let mut writes = Vec::new();
        for session in &after.sessions {
            let old = client.before().and_then(|before| before.session(&session.id));
            let is_news = old.is_none_or(|old| old.ending != session.ending);
            if is_news && session.ending != Some(Ending::Replaced) {
                writes.extend(self.of_session(after, session, changed, now).await?);
            }
        }
        Ok(writes)
    }

    async fn of_session(
        &self,
        client: &Client,
        session: &Session,
        changed: Option<&User>,
        now: Timestamp,
    ) -> Result<Option<Write>, StoreError> {
        let user = match changed.filter(|user| user.id == session.user) {
            Some(user) => Some(user.clone()),
            None => self
                .cases
                .ports
                .users
                .load(&session.user)
                .await?
                .map(|loaded| loaded.aggregate),
        };
        let happening = Happening::Session {
            client: &client.id,
            session,
            status: self.cases.status(session, user.as_ref()),
            user: user.as_ref(),
        };
        Ok(self.tell(&happening, now))
    }

    fn of_message(&self, message: &Message, now: Timestamp) -> Option<Write> {
        let opened = self
            .cases
            .ports
            .sms_sealer
            .open(message.id.as_str(), message.sealed.as_deref()?)?;
        let content = Content::of_sealed(&opened)?;
        self.tell(
            &Happening::SmsCreated {
                message,
                content: &content,
            },
            now,
        )
    }

    /// What the user is told of a change, by e-mail at the address from before it: whoever takes over an account must not
    /// keep its owner in the dark by changing the address first.
    fn emails(&self, notices: &[Notice], before: &User, after: &User, now: Timestamp) -> Vec<Write> {
        let address = before.profile.notice_email.as_ref();
        let address = address.or(after.profile.notice_email.as_ref());
        let Some(address) = address.filter(|_| self.cases.ports.events.has_email()) else {
            return Vec::new();
        };
        let application = self.cases.policy.texts.application();
        let emails = notices.iter().filter_map(|notice| {
            let body = json!({
                "to": address.as_str(),
                "subject": format!("{application}: your account has changed"),
                "text": format!("{notice}\n\nIf that was you, there is nothing to do. If not, contact {application} at once.\n"),
            });
            self.event(notice.kind(), &body.to_string(), now)
        });
        emails.collect()
    }

    /// What the user's numbers from before the change are told by text: one text to each, whatever happened at once, as far
    /// as `limits.notices_per_user` allows. That is counted on the user, in the same commit, so that nobody can use it up
    /// but by changes that happen.
    async fn texts(&self, notices: &[Notice], before: &User, after: &mut User, now: Timestamp) -> Vec<Message> {
        let (policy, windows) = (&self.cases.policy, &self.cases.limits.notices_per_user);
        if !policy.notice_texts || self.by == By::BackEnd || !notices.iter().any(Notice::is_texted) {
            return Vec::new();
        }
        let mut messages = Vec::new();
        for number in Notice::recipients(notices, before) {
            if policy.admit(number).is_err() || policy.is_test(number) {
                continue;
            }
            if !after.may_be_texted(now, windows) {
                break;
            }
            if self.is_within_instance_limit(number).await {
                after.note_text(now, windows);
                messages.push(self.notice(number, before, now));
            }
        }
        messages
    }

    /// Whether the instance may send one text more. A limiter that cannot say keeps the text back, and never the change.
    async fn is_within_instance_limit(&self, number: &E164) -> bool {
        let known = {
            let charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
            charged.iter().find(|(known, _)| known == number).map(|(_, paid)| *paid)
        };
        if let Some(paid) = known {
            return paid;
        }
        let paid = matches!(self.cases.charge_notice().await, Ok(Decision::Allowed));
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        charged.push((number.clone(), paid));
        paid
    }

    fn notice(&self, number: &E164, user: &User, now: Timestamp) -> Message {
        let ports = &self.cases.ports;
        let id = MessageId::generate(now, &*ports.entropy);
        let languages = Languages::default().after(user.profile.locale.as_ref().map(ShortText::as_str));
        let content = Content {
            code: None,
            text: self.cases.policy.texts.notice(&languages),
        };
        Message {
            sealed: ports.sms_sealer.close(id.as_str(), &content.to_sealable()),
            user: Some(user.id.clone()),
            phone_number: user.phones.find_by_number(number).map(|number| number.id.clone()),
            ..Message::queued(id, number.clone(), now, now.plus(NOTICE_LIFETIME))
        }
    }
}

#[async_trait]
impl Consequences for Aftermath<'_> {
    async fn of(&self, decided: &mut Draft) -> Result<Vec<Write>, StoreError> {
        let now = self.cases.now();
        let mut writes = Vec::new();
        let mut texts = Vec::new();
        if let Some((before, after)) = decided.user_change() {
            let notices = Notice::between(before, after);
            writes.extend(self.emails(&notices, before, after, now));
            texts = self.texts(&notices, before, after, now).await;
        }
        let user = decided.user_slot();
        writes.extend(user.and_then(|user| self.of_user(user, now)));
        if let Some(client) = decided.client_slot() {
            writes.extend(self.of_client(client, user.and_then(Slot::after), now).await?);
        }
        for message in decided.messages().iter().chain(&texts) {
            writes.extend(self.of_message(message, now));
        }
        writes.extend(texts.into_iter().map(Box::new).map(Write::Message));
        Ok(writes)
    }
}
