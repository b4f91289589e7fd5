//! Every operation, a line each. A test holds the table against the routes.

use serde_json::{Value, json};

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// In lower case, as OpenAPI writes it.
    pub method: &'static str,
    /// With `{id}` for an identifier.
    pub path: &'static str,
    pub(super) tag: &'static str,
    pub(super) who: Who,
    pub(super) summary: &'static str,
    /// The parameters; in the query of a GET, else in the body. See `Field`.
    pub(super) takes: &'static str,
    pub(super) answer: Answer,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever.
    Anybody,
    /// A browser, be anybody signed in or not.
    Client,
    /// Who is signed in here.
    Session,
    /// Who is signed in here or comes with an identity provider's token.
    User,
    /// A back end.
    BackEnd,
}

/// What comes back when all is well.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// The resource itself.
    Json(&'static str),
    /// The resource in the browser API's envelope.
    Enveloped(&'static str),
    /// The resource, with 200 for yes and 503 for no.
    Verdict(&'static str),
    Nothing,
    Redirect,
    Page,
    Figures,
}

impl Who {
    pub(super) fn security(self) -> Value {
        match self {
            Self::Anybody => json!([]),
            Self::Client => json!([{ "client": [] }, {}]),
            Self::Session => json!([{ "client": [] }]),
            Self::User => json!([{ "client": [] }, { "identity": [] }]),
            Self::BackEnd => json!([{ "secretKey": [] }]),
        }
    }
}

use Answer::{Enveloped, Figures, Json, Nothing, Page, Redirect, Verdict};
use Who::{Anybody, BackEnd, Client, Session, User};

const fn op(
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    who: Who,
    summary: &'static str,
    takes: &'static str,
    answer: Answer,
) -> Operation {
    Operation {
        method,
        path,
        tag,
        who,
        summary,
        takes,
        answer,
    }
}

const USERS: &str = "Secret key: users";
const NUMBERS: &str = "Secret key: phone numbers";
const SESSIONS: &str = "Secret key: sessions";
const INSTANCE: &str = "Secret key: instance";
const MINE: &str = "Phone numbers";
const FACTOR: &str = "strategy! phone_number_id";
const TRY: &str = "strategy! code password";
const SIGN_UP: &str = "phone_number password first_name last_name locale unsafe_metadata:o strategy";
const FILTERS: &str = "phone_number:l user_id:l external_id:l username:l query phone_number_query created_at_after:i \
     created_at_before:i last_active_at_after:i last_active_at_before:i last_sign_in_at_after:i last_sign_in_at_before:i";
const LIST: &str = "phone_number:l user_id:l external_id:l username:l query phone_number_query created_at_after:i \
     created_at_before:i last_active_at_after:i last_active_at_before:i last_sign_in_at_after:i last_sign_in_at_before:i \
     order_by limit:i offset:i";

/// All of them.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    op("get", "/v1/environment", "Client", Client, "What this instance offers", "", Json("Environment")),
    op("patch", "/v1/environment", "Client", Client, "The same; the SDKs call it when a page becomes active", "", Json("Environment")),
    op("get", "/.well-known/jwks.json", "Client", Anybody, "The public keys of session tokens", "", Json("Keys")),
    op("post", "/v1/dev_browser", "Client", Anybody, "A token for a development browser", "", Json("DevBrowser")),
    op("get", "/v1/client", "Client", Client, "The browser with its sessions", "", Enveloped("?Client")),
    op("post", "/v1/client", "Client", Client, "A new client, if there is none", "", Enveloped("Client")),
    op("put", "/v1/client", "Client", Client, "The same", "", Enveloped("Client")),
    op("delete", "/v1/client", "Client", Client, "Signs everybody out of this browser and forgets it", "", Enveloped("?Client")),
    op("delete", "/v1/client/sessions", "Client", Client, "Signs everybody out of this browser", "", Enveloped("?Client")),
    op("get", "/v1/client/handshake", "Client", Client, "Brings a server-rendered application's cookies up to date", "redirect_url! suffixed_cookies format __clerk_hs_reason", Redirect),
    op("get", "/v1/client/sessions/{id}", "Client", Session, "A session", "", Enveloped("Session")),
    op("post", "/v1/client/sessions/{id}/touch", "Client", Session, "Makes a session the active one", "active_organization_id intent", Enveloped("Session")),
    op("post", "/v1/client/sessions/{id}/end", "Client", Session, "Ends a session", "", Enveloped("Session")),
    op("post", "/v1/client/sessions/{id}/remove", "Client", Session, "Removes a session from this browser", "", Enveloped("Session")),
    op("post", "/v1/client/sessions/{id}/tokens", "Client", Session, "A fresh session token, good for a minute", "organization_id", Json("Token")),
    op("post", "/v1/client/sessions/{id}/verify", "Client", Session, "Begins to prove a factor again", "level", Enveloped("SessionReverification")),
    op("post", "/v1/client/sessions/{id}/verify/prepare_first_factor", "Client", Session, "Sends a code", FACTOR, Enveloped("SessionReverification")),
    op("post", "/v1/client/sessions/{id}/verify/attempt_first_factor", "Client", Session, "Tries the first factor", TRY, Enveloped("SessionReverification")),
    op("post", "/v1/client/sessions/{id}/verify/prepare_second_factor", "Client", Session, "Sends a code", FACTOR, Enveloped("SessionReverification")),
    op("post", "/v1/client/sessions/{id}/verify/attempt_second_factor", "Client", Session, "Tries the second factor", TRY, Enveloped("SessionReverification")),

    op("post", "/v1/client/sign_ups", "Sign-up", Client, "Begins a sign-up", SIGN_UP, Enveloped("SignUp")),
    op("get", "/v1/client/sign_ups/{id}", "Sign-up", Client, "The sign-up", "", Enveloped("SignUp")),
    op("patch", "/v1/client/sign_ups/{id}", "Sign-up", Client, "Changes it", SIGN_UP, Enveloped("SignUp")),
    op("post", "/v1/client/sign_ups/{id}/prepare_verification", "Sign-up", Client, "Sends a code to its number", "strategy!", Enveloped("SignUp")),
    op("post", "/v1/client/sign_ups/{id}/attempt_verification", "Sign-up", Client, "Tries a code; the right one makes the user and a session", "strategy code!", Enveloped("SignUp")),

    op("post", "/v1/client/sign_ins", "Sign-in", Client, "Begins a sign-in", "identifier strategy password ticket", Enveloped("SignIn")),
    op("get", "/v1/client/sign_ins/{id}", "Sign-in", Client, "The sign-in", "", Enveloped("SignIn")),
    op("post", "/v1/client/sign_ins/{id}/prepare_first_factor", "Sign-in", Client, "Sends a code", FACTOR, Enveloped("SignIn")),
    op("post", "/v1/client/sign_ins/{id}/attempt_first_factor", "Sign-in", Client, "Tries the first factor", TRY, Enveloped("SignIn")),
    op("post", "/v1/client/sign_ins/{id}/prepare_second_factor", "Sign-in", Client, "Sends a code", FACTOR, Enveloped("SignIn")),
    op("post", "/v1/client/sign_ins/{id}/attempt_second_factor", "Sign-in", Client, "Tries the second factor", TRY, Enveloped("SignIn")),
    op("post", "/v1/client/sign_ins/{id}/reset_password", "Sign-in", Client, "Sets the new password after a reset by code", "password! sign_out_of_other_sessions:b", Enveloped("SignIn")),

    op("get", "/v1/me", "User", User, "The user", "", Enveloped("User")),
    op("patch", "/v1/me", "User", User, "Changes the profile or the primary number", "first_name last_name username primary_phone_number_id", Enveloped("User")),
    op("delete", "/v1/me", "User", User, "Deletes the own account", "", Enveloped("Deleted")),
    op("patch", "/v1/me/metadata", "User", User, "Merges into the metadata that the user may write", "unsafe_metadata:o", Enveloped("User")),
    op("post", "/v1/me/backup_codes", "User", User, "New backup codes in the place of the old", "", Enveloped("BackupCodes")),
    op("post", "/v1/me/change_password", "User", Session, "Sets a password", "new_password! current_password sign_out_of_other_sessions:b", Enveloped("User")),
    op("post", "/v1/me/remove_password", "User", Session, "Removes the password", "current_password", Enveloped("User")),
    op("get", "/v1/me/sessions", "User", User, "The user's sessions, on any device", "", Json("[SessionWithActivities]")),
    op("get", "/v1/me/sessions/active", "User", User, "The same", "", Json("[SessionWithActivities]")),
    op("post", "/v1/me/sessions/{id}/revoke", "User", Session, "Ends a session on another device", "", Enveloped("Session")),

    op("get", "/v1/me/phone_numbers", MINE, User, "All numbers, oldest first", "", Json("[PhoneNumber]")),
    op("post", "/v1/me/phone_numbers", MINE, User, "Adds a number", "phone_number! reserved_for_second_factor:b", Enveloped("PhoneNumber")),
    op("get", "/v1/me/phone_numbers/{id}", MINE, User, "A number", "", Enveloped("PhoneNumber")),
    op("patch", "/v1/me/phone_numbers/{id}", MINE, User, "Makes it a second factor, or the default one", "reserved_for_second_factor:b default_second_factor:b", Enveloped("PhoneNumber")),
    op("delete", "/v1/me/phone_numbers/{id}", MINE, User, "Removes it", "", Enveloped("Deleted")),
    op("post", "/v1/me/phone_numbers/{id}/prepare_verification", MINE, User, "Sends a code", "strategy", Enveloped("PhoneNumber")),
    op("post", "/v1/me/phone_numbers/{id}/attempt_verification", MINE, User, "Tries a code", "code!", Enveloped("PhoneNumber")),

    op("get", "/v1/users", USERS, BackEnd, "Users, newest first", LIST, Json("[User]")),
    op("post", "/v1/users", USERS, BackEnd, "Makes a user",
        "phone_number:l phone_number_identification_status:l password skip_password_checks:b skip_password_requirement:b first_name last_name username external_id \
         public_metadata:o private_metadata:o unsafe_metadata:o backup_codes:l locale notice_email_address created_at banned:b locked:b delete_self_enabled:b", Json("User")),
    op("get", "/v1/users/count", USERS, BackEnd, "How many there are", FILTERS, Json("TotalCount")),
    op("get", "/v1/users/{id}", USERS, BackEnd, "A user", "", Json("User")),
    op("patch", "/v1/users/{id}", USERS, BackEnd, "Changes a user",
        "first_name last_name username external_id primary_phone_number_id password skip_password_checks:b sign_out_of_other_sessions:b backup_codes:l locale notice_email_address \
         delete_self_enabled:b", Json("User")),
    op("delete", "/v1/users/{id}", USERS, BackEnd, "Deletes a user; the numbers become free", "", Json("Deleted")),
    op("patch", "/v1/users/{id}/metadata", USERS, BackEnd, "Merges into the metadata; null removes", "public_metadata:o private_metadata:o unsafe_metadata:o", Json("User")),
    op("put", "/v1/users/{id}/metadata", USERS, BackEnd, "Replaces each given field", "public_metadata:o private_metadata:o unsafe_metadata:o", Json("User")),
    op("delete", "/v1/users/{id}/mfa", USERS, BackEnd, "Turns every second factor off", "", Json("UserId")),
    op("delete", "/v1/users/{id}/backup_code", USERS, BackEnd, "Removes the backup codes", "", Json("UserId")),
    op("put", "/v1/users/{id}/phone_number", USERS, BackEnd, "Puts one number in the place of all", "phone_number! identification_status", Json("PhoneNumber")),
    op("post", "/v1/users/{id}/ban", USERS, BackEnd, "Keeps a user out and ends all sessions", "", Json("User")),
    op("post", "/v1/users/{id}/unban", USERS, BackEnd, "Lets the user in again", "", Json("User")),
    op("post", "/v1/users/{id}/lock", USERS, BackEnd, "Locks a user for a while", "", Json("User")),
    op("post", "/v1/users/{id}/unlock", USERS, BackEnd, "Unlocks the user", "", Json("User")),
    op("post", "/v1/users/{id}/verify_password", USERS, BackEnd, "Whether this is the password", "password!", Json("Verified")),
    op("post", "/v1/users/{id}/remove_password", USERS, BackEnd, "Removes the password", "", Json("User")),

    op("post", "/v1/phone_numbers", NUMBERS, BackEnd, "Adds a number to a user", "user_id! phone_number! verified:b primary:b reserved_for_second_factor:b", Json("PhoneNumber")),
    op("get", "/v1/phone_numbers/{id}", NUMBERS, BackEnd, "A number", "", Json("PhoneNumber")),
    op("patch", "/v1/phone_numbers/{id}", NUMBERS, BackEnd, "Changes it", "verified:b primary:b reserved_for_second_factor:b", Json("PhoneNumber")),
    op("delete", "/v1/phone_numbers/{id}", NUMBERS, BackEnd, "Removes it", "", Json("Deleted")),
    op("post", "/v1/phone_numbers/{id}/prepare_verification", NUMBERS, BackEnd, "Sends a code for a verification of the back end's own", "", Json("Verification")),
    op("post", "/v1/phone_numbers/{id}/attempt_verification", NUMBERS, BackEnd, "Tries a code on it; the outcome is in `status`", "verification_id! code!", Json("Verification")),

    op("get", "/v1/sessions", SESSIONS, BackEnd, "Sessions, youngest first; with `paginated` in `{ data, total_count }`", "user_id client_id status paginated:b limit:i offset:i", Json("*")),
    op("post", "/v1/sessions", SESSIONS, BackEnd, "A session without a browser; in development alone", "user_id!", Json("BackEndSession")),
    op("get", "/v1/sessions/{id}", SESSIONS, BackEnd, "A session", "", Json("BackEndSession")),
    op("post", "/v1/sessions/{id}/revoke", SESSIONS, BackEnd, "Ends it", "", Json("BackEndSession")),
    op("post", "/v1/sessions/{id}/tokens", SESSIONS, BackEnd, "A session token", "expires_in_seconds:i", Json("Token")),
    op("get", "/v1/clients", SESSIONS, BackEnd, "Clients, youngest first; with `paginated` in `{ data, total_count }`", "paginated:b limit:i offset:i", Json("*")),
    op("get", "/v1/clients/{id}", SESSIONS, BackEnd, "A client", "", Json("BackEndClient")),
    op("post", "/v1/clients/verify", SESSIONS, BackEnd, "The client that a token opens", "token!", Json("BackEndClient")),
    op("get", "/v1/clients/handshake_payload", SESSIONS, BackEnd, "The cookies of a handshake, once", "nonce!", Json("HandshakePayload")),
    op("post", "/v1/sign_in_tokens", SESSIONS, BackEnd, "A ticket that signs one user in, once", "user_id! expires_in_seconds:i", Json("SignInToken")),
    op("post", "/v1/sign_in_tokens/{id}/revoke", SESSIONS, BackEnd, "Takes it back", "", Json("SignInToken")),
    op("post", "/v1/testing_tokens", SESSIONS, BackEnd, "A token that passes bot checks", "", Json("TestingToken")),
    op("get", "/v1/jwks", SESSIONS, BackEnd, "The public keys of session tokens", "", Json("Keys")),

    op("patch", "/v1/instance", INSTANCE, BackEnd, "Changes settings while the instance runs", "test_mode:b allowed_origins:l", Nothing),
    op("get", "/v1/instance/communication", INSTANCE, BackEnd, "Countries that are not texted", "", Json("Communication")),
    op("patch", "/v1/instance/communication", INSTANCE, BackEnd, "Replaces the whole list", "blocked_country_codes:l", Json("Communication")),
    op("get", "/v1/sms_messages", INSTANCE, BackEnd, "Texts, youngest first; with `paginated` in `{ data, total_count }`", "phone_number user_id status paginated:b limit:i offset:i", Json("*")),
    op("get", "/v1/sms_messages/{id}", INSTANCE, BackEnd, "What became of a text", "", Json("SmsMessage")),
    op("get", "/v1/blocklist_identifiers", INSTANCE, BackEnd, "Numbers with which nobody signs up", "", Json("Blocklist")),
    op("post", "/v1/blocklist_identifiers", INSTANCE, BackEnd, "Adds one", "identifier!", Json("BlocklistIdentifier")),
    op("delete", "/v1/blocklist_identifiers/{id}", INSTANCE, BackEnd, "Takes one off", "", Json("Deleted")),

    op("get", "/v1/sms_callbacks/{gateway}", "Server", Anybody, "A provider says what became of a text; signed", "", Nothing),
    op("post", "/v1/sms_callbacks/{gateway}", "Server", Anybody, "The same", "", Nothing),
    op("get", "/v1/health", "Server", Anybody, "Whether it lives, and whether its store serves", "", Json("Health")),
    op("get", "/v1/ready", "Server", Anybody, "Whether requests should come here; 503 if not", "", Verdict("Readiness")),
    op("get", "/metrics", "Server", Anybody, "Figures for Prometheus; closed in production unless a token is configured", "", Figures),
    op("get", "/openapi.json", "Server", Anybody, "This document", "", Json("*")),
    op("get", "/docs", "Server", Anybody, "Leads to the page of this document", "", Redirect),
    op("get", "/docs/{file}", "Server", Anybody, "This document as a page", "", Page),
];
