//! What back ends call with the secret key (contract 8).

use actix_web::web::to;

use crate::http::handlers::{back_end_sessions, handshake, instance, jwks, phone_numbers, sms_messages, users};
use crate::http::operations::Answer::{Json, Nothing};
use crate::http::operations::Caller::BackEnd;
use crate::http::operations::Parameter::{Flag, Integer, List, Object, Required, Text};
use crate::http::operations::{DELETE, GET, Group, PATCH, POST, PUT, Parameter, op};

/// Filters, order and page of a list of users.
const LIST: &[Parameter] = &[
    List("phone_number"),
    List("user_id"),
    List("external_id"),
    List("username"),
    Text("query"),
    Text("phone_number_query"),
    Integer("created_at_after"),
    Integer("created_at_before"),
    Integer("last_active_at_after"),
    Integer("last_active_at_before"),
    Integer("last_sign_in_at_after"),
    Integer("last_sign_in_at_before"),
    Text("order_by"),
    Integer("limit"),
    Integer("offset"),
];
/// The filters alone: no `order_by`, `limit` and `offset`.
const FILTERS: &[Parameter] = LIST.split_at(LIST.len() - 3).0;

#[rustfmt::skip]
pub(super) const USERS: Group = Group {
    tag: "Secret key: users",
    about: "Users, as a back end manages them.",
    operations: &[
        op(GET, "/v1/users", BackEnd, || to(users::list),
            "Lists users, newest first", LIST, Json("[User]")),
        op(POST, "/v1/users", BackEnd, || to(users::create),
            "Creates a user",
            &[
                List("phone_number"), List("phone_number_identification_status"), Text("password"),
                Flag("skip_password_checks"), Flag("skip_password_requirement"), Text("first_name"), Text("last_name"),
                Text("username"), Text("external_id"), Object("public_metadata"), Object("private_metadata"),
                Object("unsafe_metadata"), List("backup_codes"), Text("locale"), Text("notice_email_address"),
                Text("created_at"), Flag("banned"), Flag("locked"), Flag("delete_self_enabled"),
            ], Json("User")),
        op(GET, "/v1/users/count", BackEnd, || to(users::count),
            "Counts users", FILTERS, Json("TotalCount")),
        op(GET, "/v1/users/{id}", BackEnd, || to(users::show),
            "Returns a user", &[], Json("User")),
        op(PATCH, "/v1/users/{id}", BackEnd, || to(users::update),
            "Changes a user",
            &[
                Text("first_name"), Text("last_name"), Text("username"), Text("external_id"),
                Text("primary_phone_number_id"), Text("password"), Flag("skip_password_checks"),
                Flag("sign_out_of_other_sessions"), List("backup_codes"), Text("locale"), Text("notice_email_address"),
                Flag("delete_self_enabled"),
            ], Json("User")),
        op(DELETE, "/v1/users/{id}", BackEnd, || to(users::remove),
            "Deletes a user and frees the user's numbers", &[], Json("Deleted")),
        op(PATCH, "/v1/users/{id}/metadata", BackEnd, || to(users::merge_metadata),
            "Merges into the metadata; null removes a key",
            &[Object("public_metadata"), Object("private_metadata"), Object("unsafe_metadata")], Json("User")),
        op(PUT, "/v1/users/{id}/metadata", BackEnd, || to(users::replace_metadata),
            "Replaces each metadata field that is given",
            &[Object("public_metadata"), Object("private_metadata"), Object("unsafe_metadata")], Json("User")),
        op(DELETE, "/v1/users/{id}/mfa", BackEnd, || to(users::disable_mfa),
            "Turns off every second factor", &[], Json("UserId")),
        op(DELETE, "/v1/users/{id}/backup_code", BackEnd, || to(users::remove_backup_codes),
            "Removes the backup codes", &[], Json("UserId")),
        op(PUT, "/v1/users/{id}/phone_number", BackEnd, || to(users::replace_phone_numbers),
            "Replaces all numbers of a user with one",
            &[Required("phone_number"), Text("identification_status")], Json("PhoneNumber")),
        op(POST, "/v1/users/{id}/ban", BackEnd, || to(users::ban),
            "Bans a user and ends every session", &[], Json("User")),
        op(POST, "/v1/users/{id}/unban", BackEnd, || to(users::unban),
            "Lifts a ban", &[], Json("User")),
        op(POST, "/v1/users/{id}/lock", BackEnd, || to(users::lock),
            "Locks a user for the configured time", &[], Json("User")),
        op(POST, "/v1/users/{id}/unlock", BackEnd, || to(users::unlock),
            "Unlocks a user", &[], Json("User")),
        op(POST, "/v1/users/{id}/verify_password", BackEnd, || to(back_end_sessions::verify_password),
            "Checks a password", &[Required("password")], Json("Verified")),
        op(POST, "/v1/users/{id}/remove_password", BackEnd, || to(back_end_sessions::remove_password),
            "Removes the password", &[], Json("User")),
    ],
};

#[rustfmt::skip]
pub(super) const NUMBERS: Group = Group {
    tag: "Secret key: phone numbers",
    about: "The numbers of users, as a back end manages them.",
    operations: &[
        op(POST, "/v1/phone_numbers", BackEnd, || to(phone_numbers::create),
            "Adds a number to a user",
            &[
                Required("user_id"), Required("phone_number"), Flag("verified"), Flag("primary"),
                Flag("reserved_for_second_factor"),
            ], Json("PhoneNumber")),
        op(GET, "/v1/phone_numbers/{id}", BackEnd, || to(phone_numbers::show),
            "Returns a number", &[], Json("PhoneNumber")),
        op(PATCH, "/v1/phone_numbers/{id}", BackEnd, || to(phone_numbers::update),
            "Changes a number",
            &[Flag("verified"), Flag("primary"), Flag("reserved_for_second_factor")], Json("PhoneNumber")),
        op(DELETE, "/v1/phone_numbers/{id}", BackEnd, || to(phone_numbers::remove),
            "Removes a number", &[], Json("Deleted")),
        op(POST, "/v1/phone_numbers/{id}/prepare_verification", BackEnd, || to(phone_numbers::prepare_verification),
            "Sends a code for a verification by the back end", &[], Json("Verification")),
        op(POST, "/v1/phone_numbers/{id}/attempt_verification", BackEnd, || to(phone_numbers::attempt_verification),
            "Attempts a code; the outcome is in `status`",
            &[Required("verification_id"), Required("code")], Json("Verification")),
    ],
};

#[rustfmt::skip]
pub(super) const SESSIONS: Group = Group {
    tag: "Secret key: sessions",
    about: "Sessions, clients and tokens, as a back end manages them.",
    operations: &[
        op(GET, "/v1/sessions", BackEnd, || to(back_end_sessions::list),
            "Lists sessions, newest first; with `paginated` as `{ data, total_count }`",
            &[
                Text("user_id"), Text("client_id"), Text("status"), Flag("paginated"), Integer("limit"),
                Integer("offset"),
            ], Json("*")),
        op(POST, "/v1/sessions", BackEnd, || to(back_end_sessions::create),
            "Creates a session without a browser, in development only", &[Required("user_id")], Json("BackEndSession")),
        op(GET, "/v1/sessions/{id}", BackEnd, || to(back_end_sessions::show),
            "Returns a session", &[], Json("BackEndSession")),
        op(POST, "/v1/sessions/{id}/revoke", BackEnd, || to(back_end_sessions::revoke),
            "Revokes a session", &[], Json("BackEndSession")),
        op(POST, "/v1/sessions/{id}/tokens", BackEnd, || to(back_end_sessions::token),
            "Issues a session token", &[Integer("expires_in_seconds")], Json("Token")),
        op(GET, "/v1/clients", BackEnd, || to(back_end_sessions::list_clients),
            "Lists clients, newest first; with `paginated` as `{ data, total_count }`",
            &[Flag("paginated"), Integer("limit"), Integer("offset")], Json("*")),
        op(GET, "/v1/clients/{id}", BackEnd, || to(back_end_sessions::show_client),
            "Returns a client", &[], Json("BackEndClient")),
        op(POST, "/v1/clients/verify", BackEnd, || to(back_end_sessions::verify_client),
            "Returns the client of a client token", &[Required("token")], Json("BackEndClient")),
        op(GET, "/v1/clients/handshake_payload", BackEnd, || to(handshake::redeem),
            "Returns the cookies of a handshake, once", &[Required("nonce")], Json("HandshakePayload")),
        op(POST, "/v1/sign_in_tokens", BackEnd, || to(back_end_sessions::create_ticket),
            "Creates a token that signs one user in, once",
            &[Required("user_id"), Integer("expires_in_seconds")], Json("SignInToken")),
        op(POST, "/v1/sign_in_tokens/{id}/revoke", BackEnd, || to(back_end_sessions::revoke_ticket),
            "Revokes a sign-in token", &[], Json("SignInToken")),
        op(POST, "/v1/testing_tokens", BackEnd, || to(back_end_sessions::create_testing_token),
            "Creates a token that passes bot checks", &[], Json("TestingToken")),
        op(GET, "/v1/jwks", BackEnd, || to(jwks::for_back_end),
            "Lists the public keys of session tokens", &[], Json("Keys")),
    ],
};

#[rustfmt::skip]
pub(super) const INSTANCE: Group = Group {
    tag: "Secret key: instance",
    about: "Settings of the instance, its blocklist, and the texts it sent.",
    operations: &[
        op(PATCH, "/v1/instance", BackEnd, || to(instance::update),
            "Changes settings of the running instance", &[Flag("test_mode"), List("allowed_origins")], Nothing),
        op(GET, "/v1/instance/communication", BackEnd, || to(instance::show_communication),
            "Lists the countries to which no texts are sent", &[], Json("Communication")),
        op(PATCH, "/v1/instance/communication", BackEnd, || to(instance::update_communication),
            "Replaces the list of countries to which no texts are sent",
            &[List("blocked_country_codes")], Json("Communication")),
        op(GET, "/v1/sms_messages", BackEnd, || to(sms_messages::list),
            "Lists texts, newest first; with `paginated` as `{ data, total_count }`",
            &[
                Text("phone_number"), Text("user_id"), Text("status"), Flag("paginated"), Integer("limit"),
                Integer("offset"),
            ], Json("*")),
        op(GET, "/v1/sms_messages/{id}", BackEnd, || to(sms_messages::show),
            "Returns the delivery status of a text", &[], Json("SmsMessage")),
        op(GET, "/v1/blocklist_identifiers", BackEnd, || to(instance::blocklist),
            "Lists the numbers that may not sign up", &[], Json("Blocklist")),
        op(POST, "/v1/blocklist_identifiers", BackEnd, || to(instance::block),
            "Adds a number to the blocklist", &[Required("identifier")], Json("BlocklistIdentifier")),
        op(DELETE, "/v1/blocklist_identifiers/{id}", BackEnd, || to(instance::unblock),
            "Removes a number from the blocklist", &[], Json("Deleted")),
    ],
};
