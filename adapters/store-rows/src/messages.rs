//! The updates of a text on its way.

use diesel::dsl::{And, Eq};
use diesel::prelude::*;
use phoneproof_domain::{Message, SendOutcome, Timestamp};

use crate::rows::MessageProgress;
use crate::schema::sms_messages;
use crate::{EndOfTry, ProgressOfMessage, Update};

type Progress = <MessageProgress as AsChangeset>::Changeset;
type OfId = Eq<sms_messages::id, String>;
type OfLeased = And<
    And<And<OfId, Eq<sms_messages::state, &'static str>>, Eq<sms_messages::tries, i64>>,
    Eq<sms_messages::unsettled, i64>,
>;

/// Writes how far a message has come.
#[must_use]
pub fn progress(message: &Message) -> Update<ProgressOfMessage, Progress, OfId> {
    Update {
        kind: ProgressOfMessage,
        set: MessageProgress::of(message).as_changeset(),
        of: of_id(message),
    }
}

/// Settles a message that nothing has happened to since it was leased, and otherwise finds no row. Whatever happens to one
/// changes one of the three: a lease the tries, the end of a try what is unsettled, a receipt the state.
#[must_use]
pub fn end_of_try(leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Update<EndOfTry, Progress, OfLeased> {
    let mut message = leased.clone();
    message.record_outcome(leased.tries, outcome.clone(), now);
    Update {
        kind: EndOfTry,
        set: MessageProgress::of(&message).as_changeset(),
        of: of_id(leased)
            .and(sms_messages::state.eq(leased.state.as_str()))
            .and(sms_messages::tries.eq(i64::from(leased.tries)))
            .and(sms_messages::unsettled.eq(i64::from(leased.unsettled))),
    }
}

fn of_id(message: &Message) -> OfId {
    sms_messages::id.eq(message.id.as_str().to_owned())
}
