//! The API by secret key: users and phone numbers as a back end manages them (contract, section 8).

mod absent;
mod access;
mod compromised;
mod instance;
mod kept_out;
mod listing;
mod numbers_of_users;
mod phone_numbers;
mod refusals;
mod refused_numbers;
mod restrictions;
mod several_users;
mod sign_ups;
mod users;
mod verification;

use phoneproof_tests::Actor;
use reqwest::Method;
use serde_json::Value;

/// The time on a new app's clock, in milliseconds.
const NOW: i64 = 1_800_000_000_000;

/// Makes a user and answers it.
async fn made(back_end: &Actor, user: &Value) -> Value {
    back_end.json(Method::POST, "/v1/users", user).await.resource().clone()
}

/// The id of a resource.
#[expect(clippy::expect_used, reason = "a resource without an id has failed the test")]
fn id(resource: &Value) -> String {
    resource["id"].as_str().expect("no id").to_owned()
}

fn user_path(user: &Value) -> String {
    format!("/v1/users/{}", id(user))
}

fn number_path(number: &Value) -> String {
    format!("/v1/phone_numbers/{}", id(number))
}
