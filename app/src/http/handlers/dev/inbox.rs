use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::stream;
use phoneproof_sms_console::Message;
use serde_json::json;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;

use crate::http::AppState;
use crate::http::extract::body::Query;
use crate::http::extract::dev_tools::dev_tools;
use crate::http::present::error::ApiError;

/// A comment now and then, so that nobody takes the stream for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /dev/inbox?to=+1…`: the texts so far, newest last.
pub(crate) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
    Query(params): Query,
) -> Result<HttpResponse, ApiError> {
    let tools = dev_tools(&state, &request)?;
    // A plus sign that was not percent-encoded arrives as a blank.
    let to = params.given("to")?.map(|to| to.replacen(' ', "+", 1));
    Ok(HttpResponse::Ok().json(json!({ "messages": tools.inbox.messages(to.as_deref()) })))
}

/// `GET /dev/inbox/stream`: each text as it arrives (server-sent events).
pub(crate) async fn stream(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let tools = dev_tools(&state, &request)?;
    let start = (tools.inbox.subscribe(), tools.closing.clone(), true);
    let events = stream::unfold(start, |(mut feed, mut closing, first)| async move {
        // The first bytes tell the browser that the stream is open.
        let event = if first {
            Some(Bytes::from_static(b": open\n\n"))
        } else {
            next_event(&mut feed, &mut closing).await
        };
        event.map(|event| (Ok::<Bytes, Error>(event), (feed, closing, false)))
    });
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"));
    Ok(response.streaming(events))
}

async fn next_event(feed: &mut Receiver<Message>, closing: &mut watch::Receiver<bool>) -> Option<Bytes> {
    tokio::select! {
        // Either the server shuts down or its end of the channel is gone.
        _ = closing.wait_for(|closing| *closing) => None,
        () = tokio::time::sleep(HEARTBEAT) => Some(Bytes::from_static(b": still here\n\n")),
        // A reader that fell behind opens the stream anew and looks up in the inbox what it missed.
        message = feed.recv() => message.ok().map(|message| Bytes::from(format!("event: sms\ndata: {}\n\n", json!(message)))),
    }
}
