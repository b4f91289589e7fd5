//! What a browser or app calls to sign up, sign in and keep its sessions (contract 6.1 to 6.5).

use actix_web::web::to;

use crate::http::handlers::{client, environment, handshake, jwks, sessions, sign_ins, sign_ups};
use crate::http::operations::Answer::{Enveloped, Json, Redirect};
use crate::http::operations::Caller::{Anybody, Client, Session};
use crate::http::operations::Parameter::{Flag, Object, Query, Required, Text};
use crate::http::operations::{DELETE, GET, Group, PATCH, POST, PUT, Parameter, op};

/// The factor to which a code is sent.
const FACTOR: &[Parameter] = &[Required("strategy"), Text("phone_number_id")];
/// A factor and its proof.
const ATTEMPT: &[Parameter] = &[Required("strategy"), Text("code"), Text("password")];
const SIGN_UP: &[Parameter] = &[
    Text("phone_number"),
    Text("password"),
    Text("first_name"),
    Text("last_name"),
    Text("locale"),
    Object("unsafe_metadata"),
    Text("strategy"),
    Flag("transfer"),
];

#[rustfmt::skip]
pub(super) const CLIENT: Group = Group {
    tag: "Client",
    about: "A browser or app, and its sessions.",
    operations: &[
        op(GET, "/v1/environment", Client, || to(environment::show),
            "Returns what this instance offers", &[], Json("Environment")),
        op(PATCH, "/v1/environment", Client, || to(environment::show),
            "Returns what this instance offers; the SDKs call it when a page becomes active", &[], Json("Environment")),
        op(GET, "/.well-known/jwks.json", Anybody, || to(jwks::show),
            "Lists the public keys of session tokens", &[], Json("Keys")),
        op(POST, "/v1/dev_browser", Anybody, || to(client::dev_browser),
            "Creates a token for a development browser", &[], Json("DevBrowser")),
        op(GET, "/v1/client", Client, || to(client::show),
            "Returns the client with its sessions", &[], Enveloped("?Client")),
        op(POST, "/v1/client", Client, || to(client::make),
            "Creates a client if there is none", &[], Enveloped("Client")),
        op(PUT, "/v1/client", Client, || to(client::make),
            "Creates a client if there is none", &[], Enveloped("Client")),
        op(DELETE, "/v1/client", Client, || to(client::remove),
            "Ends every session of the client and deletes the client", &[], Enveloped("?Client")),
        op(DELETE, "/v1/client/sessions", Client, || to(client::remove_sessions),
            "Ends every session of the client", &[], Enveloped("?Client")),
        op(GET, "/v1/client/handshake", Client, || to(handshake::show),
            "Updates the cookies of a server-rendered application",
            &[Required("redirect_url"), Text("suffixed_cookies"), Text("format"), Text("__clerk_hs_reason")], Redirect),
        op(GET, "/v1/client/sessions/{id}", Session, || to(sessions::show),
            "Returns a session", &[], Enveloped("Session")),
        op(POST, "/v1/client/sessions/{id}/touch", Session, || to(sessions::touch),
            "Makes a session the active one", &[Text("active_organization_id"), Text("intent")], Enveloped("Session")),
        op(POST, "/v1/client/sessions/{id}/end", Session, || to(sessions::end),
            "Ends a session", &[], Enveloped("Session")),
        op(POST, "/v1/client/sessions/{id}/remove", Session, || to(sessions::remove),
            "Removes a session from the client", &[], Enveloped("Session")),
        op(POST, "/v1/client/sessions/{id}/tokens", Session, || to(sessions::token),
            "Issues a session token, valid for one minute", &[Text("organization_id"), Query("debug")], Json("Token")),
        op(POST, "/v1/client/sessions/{id}/verify", Session, || to(sessions::verify),
            "Starts a reverification", &[Text("level")], Enveloped("SessionReverification")),
        op(POST, "/v1/client/sessions/{id}/verify/prepare_first_factor", Session, || to(sessions::prepare_first),
            "Sends a code for the first factor", FACTOR, Enveloped("SessionReverification")),
        op(POST, "/v1/client/sessions/{id}/verify/attempt_first_factor", Session, || to(sessions::attempt_first),
            "Attempts the first factor", ATTEMPT, Enveloped("SessionReverification")),
        op(POST, "/v1/client/sessions/{id}/verify/prepare_second_factor", Session, || to(sessions::prepare_second),
            "Sends a code for the second factor", FACTOR, Enveloped("SessionReverification")),
        op(POST, "/v1/client/sessions/{id}/verify/attempt_second_factor", Session, || to(sessions::attempt_second),
            "Attempts the second factor", ATTEMPT, Enveloped("SessionReverification")),
    ],
};

#[rustfmt::skip]
pub(super) const SIGN_UPS: Group = Group {
    tag: "Sign-up",
    about: "Creating an account with a phone number.",
    operations: &[
        op(POST, "/v1/client/sign_ups", Client, || to(sign_ups::create),
            "Starts a sign-up", SIGN_UP, Enveloped("SignUp")),
        op(GET, "/v1/client/sign_ups/{id}", Client, || to(sign_ups::show),
            "Returns the sign-up", &[], Enveloped("SignUp")),
        op(PATCH, "/v1/client/sign_ups/{id}", Client, || to(sign_ups::update),
            "Changes the sign-up", SIGN_UP, Enveloped("SignUp")),
        op(POST, "/v1/client/sign_ups/{id}/prepare_verification", Client, || to(sign_ups::prepare),
            "Sends a code to the number of the sign-up", &[Required("strategy")], Enveloped("SignUp")),
        op(POST, "/v1/client/sign_ups/{id}/attempt_verification", Client, || to(sign_ups::attempt),
            "Attempts a code; the right one creates the user and a session",
            &[Text("strategy"), Required("code")], Enveloped("SignUp")),
    ],
};

#[rustfmt::skip]
pub(super) const SIGN_INS: Group = Group {
    tag: "Sign-in",
    about: "Signing in with a code or password, and with a second factor.",
    operations: &[
        op(POST, "/v1/client/sign_ins", Client, || to(sign_ins::create),
            "Starts a sign-in",
            &[
                Text("identifier"), Text("strategy"), Text("password"), Text("ticket"), Flag("sign_up_if_missing"),
                Flag("transfer"),
            ], Enveloped("SignIn")),
        op(GET, "/v1/client/sign_ins/{id}", Client, || to(sign_ins::show),
            "Returns the sign-in", &[], Enveloped("SignIn")),
        op(POST, "/v1/client/sign_ins/{id}/prepare_first_factor", Client, || to(sign_ins::prepare_first_factor),
            "Sends a code for the first factor", FACTOR, Enveloped("SignIn")),
        op(POST, "/v1/client/sign_ins/{id}/attempt_first_factor", Client, || to(sign_ins::attempt_first_factor),
            "Attempts the first factor", ATTEMPT, Enveloped("SignIn")),
        op(POST, "/v1/client/sign_ins/{id}/prepare_second_factor", Client, || to(sign_ins::prepare_second_factor),
            "Sends a code for the second factor", FACTOR, Enveloped("SignIn")),
        op(POST, "/v1/client/sign_ins/{id}/attempt_second_factor", Client, || to(sign_ins::attempt_second_factor),
            "Attempts the second factor", ATTEMPT, Enveloped("SignIn")),
        op(POST, "/v1/client/sign_ins/{id}/reset_password", Client, || to(sign_ins::reset_password),
            "Sets a new password after a reset by code",
            &[Required("password"), Flag("sign_out_of_other_sessions")], Enveloped("SignIn")),
    ],
};
