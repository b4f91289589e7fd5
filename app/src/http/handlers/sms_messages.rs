//! `/v1/sms_messages`: what became of each text, for back ends. The text and its code are never shown.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::ports::MessageQuery;
use phoneproof_domain::{Message, MessageState, PhoneNumberId, Timestamp, UserId};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Query;
use crate::http::extract::ids::named;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::list::list_json;

fn message_json(message: &Message) -> Value {
    json!({
        "object": "sms_message",
        "id": message.id.as_str(),
        "to_phone_number": message.to.as_str(),
        "user_id": message.user.as_ref().map(UserId::as_str),
        "phone_number_id": message.phone_number.as_ref().map(PhoneNumberId::as_str),
        "status": message.state.as_str(),
        "gateway": message.gateway,
        "provider_message_id": message.provider_id,
        "attempts": message.tries,
        "segments": message.segments,
        "error": message.error,
        "next_attempt_at": message.due_at.map(Timestamp::as_millis),
        "expire_at": message.expires_at.as_millis(),
        "created_at": message.created_at.as_millis(),
        "updated_at": message.updated_at.as_millis(),
    })
}

pub(crate) async fn list(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = params.page()?;
    let number = params.given("phone_number")?.map(|spelled| spelled.trim().parse());
    let status = params.given("status")?;
    let status = status.map(|word| MessageState::named(word).ok_or(ApiError::ParamValue("status")));
    // An id that is none belongs to nobody.
    let Ok(user) = params.given("user_id")?.map(str::parse).transpose() else {
        return Ok(list_json(params.flag("paginated")?, Vec::new(), 0));
    };
    let query = MessageQuery {
        user,
        to: number.transpose().map_err(|_| ApiError::ParamFormat("phone_number"))?,
        state: status.transpose()?,
        limit,
        offset,
    };
    let (messages, total) = state.cases.messages(&query).await?;
    Ok(list_json(
        params.flag("paginated")?,
        messages.iter().map(message_json).collect(),
        total,
    ))
}

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let message = state.cases.message(&named(&id)?).await?;
    Ok(bare(message_json(&message)))
}
