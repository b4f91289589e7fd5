//! Sessions and clients, as back ends and events show them (contract 8.5, 9).

use phoneproof_domain::use_cases::KnownSession;
use phoneproof_domain::{Client, ClientId, Lockout, Session, SessionId, SessionStatus, Strategy, Timestamp, User};
use serde_json::{Value, json};

use crate::http::present::json::user_event;
use crate::http::present::own_session_json::tasks;

/// 8.5
pub(crate) fn session_json(known: &KnownSession) -> Value {
    shown(&known.client, &known.session, known.status)
}

/// A session as an event tells of it: with its user.
pub(crate) fn session_event(
    client: &ClientId,
    session: &Session,
    status: SessionStatus,
    user: Option<&User>,
    now: Timestamp,
    lockout: &Lockout,
) -> Value {
    let mut event = shown(client, session, status);
    event["user"] = json!(user.map(|user| user_event(user, now, lockout)));
    event
}

fn shown(client: &ClientId, session: &Session, status: SessionStatus) -> Value {
    json!({
        "object": "session",
        "id": session.id.as_str(),
        "user_id": session.user.as_str(),
        "client_id": client.as_str(),
        "actor": null,
        "status": status.as_str(),
        "last_active_organization_id": null,
        "last_active_at": session.last_active_at.as_millis(),
        "latest_activity": activity(session),
        "expire_at": session.expire_at.as_millis(),
        "abandon_at": session.expire_at.as_millis(),
        "tasks": tasks(status),
        "created_at": session.created_at.as_millis(),
        "updated_at": session.updated_at.as_millis(),
    })
}

pub(crate) fn client_json(client: &Client, sessions: &[KnownSession]) -> Value {
    let live: Vec<&KnownSession> = sessions.iter().filter(|known| known.status.is_live()).collect();
    json!({
        "object": "client",
        "id": client.id.as_str(),
        "session_ids": live.iter().map(|known| known.session.id.as_str()).collect::<Vec<_>>(),
        "sessions": live.iter().map(|known| session_json(known)).collect::<Vec<_>>(),
        "sign_in_id": client.sign_in.as_ref().map(|sign_in| sign_in.id.as_str()),
        "sign_up_id": client.sign_up.as_ref().map(|sign_up| sign_up.id.as_str()),
        "last_active_session_id": client.last_active_session.as_ref().map(SessionId::as_str),
        "last_authentication_strategy": client.last_strategy.map(Strategy::as_str),
        "created_at": client.created_at.as_millis(),
        "updated_at": client.updated_at.as_millis(),
    })
}

/// What the client said of itself, as far as it can be told from that.
pub(crate) fn activity(session: &Session) -> Value {
    let agent = session.activity.user_agent.as_deref().unwrap_or_default();
    let is_mobile = ["Mobile", "Android", "iPhone"].iter().any(|word| agent.contains(word));
    let device = ["iPhone", "iPad", "Android", "Macintosh", "Windows", "Linux"];
    let device = device.iter().find(|word| agent.contains(**word));
    // Each also calls itself by the names of those after it.
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    let browser = browsers.iter().find_map(|(mark, name)| {
        let version = agent.split(mark).nth(1)?.split([' ', ';']).next()?;
        Some((*name, version))
    });
    json!({
        "object": "session_activity",
        "id": session.id.as_str(),
        "device_type": device,
        "is_mobile": is_mobile,
        "browser_name": browser.map(|(name, _)| name),
        "browser_version": browser.map(|(_, version)| version),
        "ip_address": session.activity.address,
        "city": null,
        "country": null,
    })
}
