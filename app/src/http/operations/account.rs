//! What users call to manage their own account (contract 6.4, 6.6 and 6.7).

use actix_web::web::to;

use crate::http::handlers::{backup_codes, me, my_phone_numbers, passwords, sessions};
use crate::http::operations::Answer::{Enveloped, Json};
use crate::http::operations::Caller::{Actor, Session};
use crate::http::operations::Parameter::{Flag, Object, Required, Text};
use crate::http::operations::{DELETE, GET, Group, PATCH, POST, op};

#[rustfmt::skip]
pub(super) const USER: Group = Group {
    tag: "User",
    about: "The signed-in user, in a session or with the token of an identity provider.",
    operations: &[
        op(GET, "/v1/me", Actor, || to(me::show),
            "Returns the user", &[], Enveloped("User")),
        op(PATCH, "/v1/me", Actor, || to(me::update),
            "Changes the profile or the primary number",
            &[Text("first_name"), Text("last_name"), Text("username"), Text("primary_phone_number_id")],
            Enveloped("User")),
        op(DELETE, "/v1/me", Actor, || to(me::remove),
            "Deletes the user's account", &[], Enveloped("Deleted")),
        op(PATCH, "/v1/me/metadata", Actor, || to(me::merge_metadata),
            "Merges into `unsafe_metadata`; null removes a key", &[Object("unsafe_metadata")], Enveloped("User")),
        op(POST, "/v1/me/backup_codes", Actor, || to(backup_codes::renew),
            "Replaces the backup codes", &[], Enveloped("BackupCodes")),
        op(POST, "/v1/me/change_password", Session, || to(passwords::change),
            "Sets or changes the password",
            &[Required("new_password"), Text("current_password"), Flag("sign_out_of_other_sessions")],
            Enveloped("User")),
        op(POST, "/v1/me/remove_password", Session, || to(passwords::remove),
            "Removes the password", &[Text("current_password")], Enveloped("User")),
        op(GET, "/v1/me/sessions", Actor, || to(sessions::list_mine),
            "Lists the user's sessions on all devices", &[], Json("[SessionWithActivities]")),
        op(GET, "/v1/me/sessions/active", Actor, || to(sessions::list_mine),
            "Lists the user's sessions on all devices, as `/v1/me/sessions` does",
            &[], Json("[SessionWithActivities]")),
        op(POST, "/v1/me/sessions/{id}/revoke", Session, || to(sessions::revoke_mine),
            "Ends a session on another device", &[], Enveloped("Session")),
    ],
};

#[rustfmt::skip]
pub(super) const PHONE_NUMBERS: Group = Group {
    tag: "Phone numbers",
    about: "The numbers of the signed-in user.",
    operations: &[
        op(GET, "/v1/me/phone_numbers", Actor, || to(my_phone_numbers::list),
            "Lists the user's numbers, oldest first", &[], Json("[PhoneNumber]")),
        op(POST, "/v1/me/phone_numbers", Actor, || to(my_phone_numbers::create),
            "Adds a number", &[Required("phone_number"), Flag("reserved_for_second_factor")], Enveloped("PhoneNumber")),
        op(GET, "/v1/me/phone_numbers/{id}", Actor, || to(my_phone_numbers::show),
            "Returns a number", &[], Enveloped("PhoneNumber")),
        op(PATCH, "/v1/me/phone_numbers/{id}", Actor, || to(my_phone_numbers::update),
            "Makes a number a second factor, or the default one",
            &[Flag("reserved_for_second_factor"), Flag("default_second_factor")], Enveloped("PhoneNumber")),
        op(DELETE, "/v1/me/phone_numbers/{id}", Actor, || to(my_phone_numbers::remove),
            "Removes a number", &[], Enveloped("Deleted")),
        op(POST, "/v1/me/phone_numbers/{id}/prepare_verification", Actor, || to(my_phone_numbers::prepare_verification),
            "Sends a verification code", &[Text("strategy")], Enveloped("PhoneNumber")),
        op(POST, "/v1/me/phone_numbers/{id}/attempt_verification", Actor, || to(my_phone_numbers::attempt_verification),
            "Attempts a verification code", &[Required("code")], Enveloped("PhoneNumber")),
    ],
};
