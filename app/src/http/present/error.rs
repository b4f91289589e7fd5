//! The one table of errors: what each is called on the wire, and with which status (contract, 3 and 10).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use phoneproof_domain::ports::{BoxError, SendError, StoreError, Unique};
use phoneproof_domain::use_cases::{AuthError, FactorOutcome, UserError};
use phoneproof_domain::{
    AttemptOutcome, Entrance, MalformedCode, NumberError, Password, PasswordError, PhoneError, ProfileError,
    ProofError, TicketError,
};
use serde_json::{Value, json};

use crate::sdk::ScriptMissing;
use crate::session_tokens::SigningError;

/// The content coding in which bodies are taken, beside none.
const ACCEPTED_CODING: &str = "gzip";

/// What a request can be answered instead of what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("required parameter missing")]
    ParamMissing(&'static str),
    #[error("parameter empty")]
    ParamNil(&'static str),
    #[error("parameter of the wrong type")]
    ParamType(&'static str),
    #[error("parameter value not allowed")]
    ParamValue(&'static str),
    #[error("parameter malformed")]
    ParamFormat(&'static str),
    #[error("parameter unknown here")]
    ParamUnknown(&'static str),
    #[error("parameter no longer taken here")]
    ParamDeprecated(&'static str),
    #[error("an unverified number cannot be that")]
    VerificationNeeded(&'static str),
    #[error("lists of different length")]
    ArrayLength(&'static str),
    #[error("phone number refused: {0}")]
    Number(NumberError, &'static str),
    #[error("code refused: {0}")]
    Code(MalformedCode),
    #[error("body is not what its content type says")]
    BodyMalformed,
    #[error("body too large")]
    BodyTooLarge,
    #[error("body too slow")]
    BodyTooSlow,
    #[error("content type not supported")]
    ContentType,
    #[error("content coding not supported")]
    ContentCoding,
    #[error("the code was not accepted: {0:?}")]
    Attempt(AttemptOutcome),
    #[error("not signed in")]
    SignedOut,
    #[error("token not accepted")]
    Token(#[source] BoxError),
    #[error("secret key not accepted")]
    SecretKey,
    #[error("malformed Authorization header")]
    AuthorizationHeader,
    #[error("identity provider unavailable")]
    IdentityUnavailable(#[source] BoxError),
    #[error("origin not allowed")]
    Origin,
    #[error("nothing here")]
    NotFound,
    #[error("no such script: {}", .0.kind())]
    Script(ScriptMissing),
    #[error("method not allowed")]
    Method,
    #[error("a parameter that another one needs is missing")]
    ConditionalParamMissing(&'static str),
    #[error("a parameter names nothing of this user")]
    ResourceParam(&'static str),
    #[error("backup code malformed")]
    BackupCodeMalformed,
    #[error("the factor was not accepted: {0:?}")]
    Factor(FactorOutcome),
    #[error("the password is not the user's")]
    IncorrectPassword,
    #[error("no Origin header")]
    OriginMissing,
    #[error("both Origin and Authorization")]
    OriginAndAuthorization,
    #[error("apps are not let in")]
    NativeDisabled,
    #[error("proxied without the secret key")]
    ProxyKeyMissing,
    #[error("proxied with another secret key")]
    ProxyKey,
    #[error("only for development instances")]
    DevelopmentOnly,
    #[error("the number is proven, and nobody has it")]
    SignUpIfMissing(Value),
    #[error("there are no refresh tokens")]
    RefreshToken,
    #[error("there are no invitations")]
    Invitations,
    #[error("the caller is not the provider")]
    Callback,
    #[error("the redirect URL is not allowed")]
    RedirectUrl,
    #[error("the development browser is unknown")]
    DevBrowser,
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error(transparent)]
    User(UserError),
    #[error(transparent)]
    Auth(AuthError),
    #[error("unexpected: {0}")]
    Internal(&'static str),
}

/// One line of the table.
struct Entry {
    status: u16,
    code: &'static str,
    message: &'static str,
    long_message: String,
    meta: Option<Value>,
    retry_after: Option<u64>,
}

fn entry(status: u16, code: &'static str, message: &'static str, long_message: impl Into<String>) -> Entry {
    Entry {
        status,
        code,
        message,
        long_message: long_message.into(),
        meta: None,
        retry_after: None,
    }
}

impl Entry {
    fn param(mut self, name: &str) -> Self {
        self.meta = Some(json!({ "param_name": name }));
        self
    }

    fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// Whole seconds, rounded up: who waits as long as told is not told again.
fn seconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1)
}

impl ApiError {
    #[expect(clippy::too_many_lines, reason = "one table is easier to read than two")]
    fn entry(&self) -> Entry {
        match self {
            Self::ParamMissing(name) => entry(
                422,
                "form_param_missing",
                "is missing",
                format!("{name} must be included."),
            )
            .param(name),
            Self::ParamNil(name) => entry(422, "form_param_nil", "is empty", format!("Enter {name}.")).param(name),
            Self::ParamType(name) => entry(
                422,
                "form_param_type_invalid",
                "is of the wrong type",
                format!("{name} is of the wrong type."),
            )
            .param(name),
            Self::ParamValue(name) => entry(
                422,
                "form_param_value_invalid",
                "is invalid",
                format!("{name} does not match one of the allowed values."),
            )
            .param(name),
            Self::ParamFormat(name) => entry(
                422,
                "form_param_format_invalid",
                "is invalid",
                format!("{name} is malformed."),
            )
            .param(name),
            Self::ParamUnknown(name) => entry(
                422,
                "form_param_unknown",
                "is unknown",
                format!("{name} is not a valid parameter for this request."),
            )
            .param(name),
            Self::ParamDeprecated(name) => entry(
                422,
                "form_param_deprecated",
                "is deprecated",
                format!("{name} is no longer taken here; use the metadata endpoint."),
            )
            .param(name),
            Self::VerificationNeeded(name) => entry(
                422,
                "form_verification_needed",
                "needs verification",
                "Only a verified phone number can be the primary one.",
            )
            .param(name),
            Self::ArrayLength(name) => entry(
                422,
                "form_param_array_length_mismatch",
                "has the wrong length",
                format!("{name} must have one entry for each phone number."),
            )
            .param(name),
            Self::Number(NumberError::Empty, name) => {
                entry(422, "form_param_nil", "is empty", "Enter a phone number.").param(name)
            }
            Self::Number(_, name) => entry(
                422,
                "form_param_format_invalid",
                "is invalid",
                "The phone number must be a valid number in international format, such as +14155552671.",
            )
            .param(name),
            Self::Code(MalformedCode::Empty) => {
                entry(422, "form_param_nil", "is empty", "Enter the code.").param("code")
            }
            // No code looks like this, so it is wrong; it does not count as a try.
            Self::Code(MalformedCode::NotSixDigits) => {
                entry(422, "form_code_incorrect", "is incorrect", "The code is six digits.").param("code")
            }
            Self::BodyMalformed => entry(
                422,
                "form_param_format_invalid",
                "is malformed",
                "The body is not valid UTF-8, not what its content type or coding says, or not an object.",
            ),
            Self::BodyTooLarge => entry(
                413,
                "request_body_too_large",
                "Request body too large",
                "The body may have at most 64 KiB.",
            ),
            Self::BodyTooSlow => entry(
                408,
                "request_timeout",
                "Request timeout",
                "The body took too long to arrive.",
            ),
            Self::ContentType => entry(
                415,
                "unsupported_content_type",
                "Unsupported content type",
                "Send application/json or application/x-www-form-urlencoded.",
            ),
            Self::ContentCoding => entry(
                415,
                "unsupported_content_encoding",
                "Unsupported content encoding",
                format!("Send the body as it is, or with Content-Encoding: {ACCEPTED_CODING}."),
            ),
            Self::Attempt(outcome) | Self::Factor(FactorOutcome::Code(outcome)) => attempt_entry(*outcome),
            Self::SignedOut => entry(
                401,
                "signed_out",
                "Signed out",
                "Nobody is signed in: send a token as Authorization: Bearer.",
            ),
            Self::Token(_) => entry(
                401,
                "authentication_invalid",
                "Invalid authentication",
                "The token is not valid.",
            ),
            Self::SecretKey => entry(
                401,
                "clerk_key_invalid",
                "The provided secret key is invalid",
                "Send the secret key of this instance as Authorization: Bearer.",
            ),
            Self::AuthorizationHeader => entry(
                401,
                "authorization_header_format_invalid",
                "Invalid Authorization header format",
                "The Authorization header must be Bearer, a blank, and the token or key.",
            ),
            Self::IdentityUnavailable(_) => entry(
                503,
                "service_unavailable",
                "Service unavailable",
                "The identity provider cannot be reached; try again in a moment.",
            )
            .retry_after(2),
            Self::Origin => entry(
                400,
                "origin_invalid",
                "Invalid HTTP Origin header",
                "This origin may not call this API; server.allowed_origins lists those that may.",
            ),
            Self::NotFound => entry(404, "resource_not_found", "not found", "No such resource."),
            Self::Script(missing) => entry(404, "resource_not_found", "not found", missing.to_string()),
            Self::Method => entry(
                405,
                "method_not_allowed",
                "Method not allowed",
                "This resource does not take this method.",
            ),
            Self::ConditionalParamMissing(name) => entry(
                422,
                "form_conditional_param_missing",
                "is missing",
                format!("{name} is needed for this strategy."),
            )
            .param(name),
            Self::ResourceParam(name) => entry(
                422,
                "form_resource_not_found",
                "not found",
                format!("{name} names nothing that is there."),
            )
            .param(name),
            // No backup code looks like this, so it is wrong; it does not count as a try.
            Self::BackupCodeMalformed => entry(
                422,
                "form_code_incorrect",
                "is incorrect",
                "The backup code does not match.",
            )
            .param("code"),
            Self::Factor(FactorOutcome::WrongPassword) => password_entry(),
            Self::Factor(FactorOutcome::CompromisedPassword) => entry(
                422,
                "form_password_compromised",
                "is compromised",
                "Others may know this password. Reset it, or use another way to sign in.",
            )
            .param("password"),
            Self::Factor(FactorOutcome::WrongBackupCode | FactorOutcome::Passed) => {
                phone_entry(PhoneError::WrongBackupCode)
            }
            Self::IncorrectPassword => entry(
                422,
                "incorrect_password",
                "Incorrect password",
                "The password is not this user's.",
            ),
            Self::OriginMissing => entry(
                400,
                "origin_missing",
                "Origin header missing",
                "A request that changes something and carries cookies must say which page it comes from.",
            ),
            Self::OriginAndAuthorization => entry(
                400,
                "origin_authorization_headers_conflict",
                "Setting both the Origin and Authorization headers is forbidden",
                "An app sends Authorization, a page sends Origin; a request cannot be both.",
            ),
            Self::NativeDisabled => entry(
                400,
                "native_api_disabled",
                "Native API disabled",
                "This instance lets in no apps; native.enabled does.",
            ),
            Self::ProxyKeyMissing => entry(
                400,
                "proxy_request_missing_secret_key",
                "Missing Clerk-Secret-Key header",
                "A proxy that sends Clerk-Proxy-Url must send the secret key too.",
            ),
            Self::ProxyKey => entry(
                401,
                "proxy_request_invalid_secret_key",
                "Invalid Clerk-Secret-Key header",
                "The secret key that the proxy sends is not the one of this instance.",
            ),
            Self::Callback => entry(
                403,
                "authorization_invalid",
                "Forbidden",
                "The signature of the call is missing or wrong.",
            ),
            Self::DevelopmentOnly => entry(
                400,
                "request_invalid_for_environment",
                "Request only valid for development instances",
                "Only a development instance does this.",
            ),
            Self::SignUpIfMissing(_) | Self::Factor(FactorOutcome::Transferable) => entry(
                404,
                "sign_up_if_missing_transfer",
                "Account not found",
                "Nobody has this phone number. Sign up with it: it is proven.",
            ),
            Self::RefreshToken => entry(
                401,
                "refresh_token_not_found",
                "Refresh token not found",
                "There are no refresh tokens here; send the browser to the handshake.",
            ),
            Self::Invitations => entry(
                400,
                "invitations_not_supported",
                "Invitations are not supported",
                "Invitations go by e-mail, and accounts here have phone numbers alone. Create the user, or a sign-in token.",
            ),
            Self::RedirectUrl => entry(
                400,
                "origin_invalid",
                "Invalid redirect URL",
                "redirect_url leads to an origin that is not allowed; server.allowed_origins lists those that are.",
            ),
            Self::DevBrowser => entry(
                401,
                "dev_browser_unauthenticated",
                "Browser unauthenticated",
                "The token of the development browser is missing or unknown.",
            ),
            Self::Signing(SigningError::Store(_)) => store_away(),
            Self::Signing(_) => ApiError::Internal("signing").entry(),
            Self::User(error) => user_entry(error),
            Self::Auth(error) => auth_entry(error),
            Self::Internal(_) => entry(
                500,
                "internal_clerk_error",
                "Oops, an unexpected error occurred",
                "There was an internal error on our side.",
            ),
        }
    }

    /// The body of the answer. `trace_id` is what the log says too.
    pub(crate) fn body(&self, trace_id: &str) -> Value {
        let entry = self.entry();
        let mut error = json!({ "code": entry.code, "message": entry.message, "long_message": entry.long_message });
        if let Some(meta) = entry.meta {
            error["meta"] = meta;
        }
        let mut body = json!({ "errors": [error], "clerk_trace_id": trace_id });
        if let Self::SignUpIfMissing(client) = self {
            // The prebuilt card looks there, and not at the code.
            body["client"] = client.clone();
        }
        body
    }

    /// The answer.
    pub(crate) fn response(&self, trace_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code()).json(self.body(trace_id));
        if let Some(wait) = self.entry().retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if let Self::ContentCoding = self {
            // Tells this 415 from one for the content type (RFC 9110 §15.5.16).
            response
                .headers_mut()
                .insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_CODING));
        }
        if matches!(self, Self::Script(_)) {
            // A page of any origin may read it; without this its console would speak of CORS alone.
            let everybody = HeaderValue::from_static("*");
            response
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
        }
        response
    }

    /// The code on the wire.
    pub(crate) fn code(&self) -> &'static str {
        self.entry().code
    }
}

fn attempt_entry(outcome: AttemptOutcome) -> Entry {
    match outcome {
        AttemptOutcome::WrongCode { .. } => {
            entry(422, "form_code_incorrect", "is incorrect", "The code does not match.").param("code")
        }
        AttemptOutcome::Failed => entry(
            400,
            "verification_failed",
            "verification failed",
            "Too many wrong codes. Ask for a new code.",
        ),
        AttemptOutcome::Expired => entry(
            400,
            "verification_expired",
            "expired",
            "The code has expired. Ask for a new code.",
        ),
        AttemptOutcome::Verified => entry(
            500,
            "internal_clerk_error",
            "Oops, an unexpected error occurred",
            "A success was answered as an error.",
        ),
    }
}

fn user_entry(error: &UserError) -> Entry {
    match error {
        UserError::Phone(error) => phone_entry(*error),
        UserError::NotAllowed(refused) => {
            let country = refused.country.map(|country| country.to_string());
            let place = country.as_deref().unwrap_or("this network");
            let long = format!("Phone numbers of this kind or country ({place}) are not supported.");
            entry(403, "unsupported_country_code", "Unsupported country code", long)
                .meta(json!({ "param_name": "phone_number", "alpha_2": country, "country_code": refused.calling_code.to_string() }))
        }
        UserError::Profile(error @ ProfileError::Text) => {
            entry(422, "form_param_format_invalid", "is invalid", error.to_string())
        }
        UserError::Profile(error @ ProfileError::Username) => {
            entry(422, "form_param_format_invalid", "is invalid", error.to_string()).param("username")
        }
        UserError::Profile(error @ ProfileError::MetadataTooLarge) => {
            entry(422, "form_param_value_invalid", "is too large", error.to_string())
        }
        UserError::Banned => entry(403, "user_banned", "User banned", "This account is banned."),
        UserError::DeleteSelfDisabled => entry(
            403,
            "user_delete_self_not_enabled",
            "Deletion not allowed",
            "This account cannot be deleted by its user.",
        ),
        UserError::Locked { left } => entry(403, "user_locked", "User locked", "This account is locked for now.")
            .meta(json!({ "lockout_expires_in_seconds": seconds(*left) })),
        UserError::NoSuchUser => entry(404, "resource_not_found", "not found", "No such user."),
        UserError::NumberNeeded => entry(
            422,
            "form_data_missing",
            "Missing data",
            "A user needs at least one phone number.",
        )
        .param("phone_number"),
        UserError::Taken(Unique::PhoneNumber) => phone_entry(PhoneError::Taken),
        UserError::Taken(Unique::Username) => entry(
            422,
            "form_identifier_exists",
            "already exists",
            "That username is taken.",
        )
        .param("username"),
        UserError::Taken(Unique::ExternalId) => entry(
            422,
            "form_identifier_exists",
            "already exists",
            "That external id is taken.",
        )
        .param("external_id"),
        UserError::Contended => entry(
            409,
            "conflict",
            "Conflict",
            "Too many changes at the same time; try again.",
        )
        .retry_after(1),
        UserError::NotSent(SendError::Rejected(_)) => entry(
            400,
            "sms_send_error",
            "SMS not sent",
            "The carrier does not deliver to this phone number.",
        ),
        UserError::NotSent(_) => entry(
            400,
            "sms_send_error",
            "SMS not sent",
            "The text could not be sent; try again later.",
        ),
        UserError::Store(_) => store_away(),
    }
}

fn store_away() -> Entry {
    entry(
        503,
        "service_unavailable",
        "Service unavailable",
        "The store cannot be reached; try again in a moment.",
    )
    .retry_after(2)
}

fn password_entry() -> Entry {
    entry(
        422,
        "form_password_incorrect",
        "is incorrect",
        "The password is incorrect. Try again, or use another way.",
    )
    .param("password")
}

#[expect(clippy::too_many_lines, reason = "one table is easier to read than two")]
fn auth_entry(error: &AuthError) -> Entry {
    match error {
        AuthError::User(error) => user_entry(error),
        AuthError::SignedOut => entry(401, "signed_out", "Signed out", "Nobody is signed in."),
        // Not 401, which the SDK takes for a sign-out: the browser has the new token by the time it tries again.
        AuthError::TokenReplaced => entry(
            503,
            "service_unavailable",
            "Service unavailable",
            "The token of this browser was replaced a moment ago; try again with the new one.",
        )
        .retry_after(1),
        AuthError::FactorClosed(closed) => closed_entry(closed.left),
        AuthError::SessionOver => entry(
            401,
            "authentication_invalid",
            "Invalid authentication",
            "This session is not active.",
        ),
        AuthError::NotFound => entry(404, "resource_not_found", "not found", "No such resource."),
        AuthError::IdentifierNotFound => entry(
            422,
            "form_identifier_not_found",
            "is invalid",
            "Nobody signs in with this phone number.",
        )
        .param("identifier"),
        AuthError::SessionExists => entry(
            400,
            "session_exists",
            "Session already exists",
            "Somebody is signed in already. Sign out first.",
        ),
        AuthError::AlreadySignedIn(session) => entry(
            400,
            "identifier_already_signed_in",
            "Already signed in",
            "This user is signed in already.",
        )
        .meta(json!({ "session_id": session.as_str() })),
        AuthError::SignUpClosed => entry(
            403,
            "sign_up_mode_restricted",
            "Access restricted",
            "Signing up is not open to everybody here.",
        ),
        AuthError::Blocked(entrance) => {
            let (text, param) = match entrance {
                Entrance::SignUp => ("This phone number may not sign up.", "phone_number"),
                Entrance::SignIn => ("This phone number may not sign in.", "identifier"),
            };
            entry(403, "not_allowed_access", "Access not allowed", text).param(param)
        }
        AuthError::SignUpIfMissingClosed => entry(
            422,
            "sign_up_if_missing_not_allowed",
            "is not allowed",
            "Unknown phone numbers do not lead to a sign-up here.",
        )
        .param("sign_up_if_missing"),
        AuthError::SignUpIfMissingStrategy => entry(
            422,
            "sign_up_if_missing_strategy_not_supported",
            "is not supported",
            "An unknown phone number leads to a sign-up by a code alone.",
        )
        .param("strategy"),
        AuthError::NothingToTransfer => entry(
            400,
            "account_transfer_invalid",
            "Invalid account transfer",
            "No sign-in has proven a phone number that nobody has.",
        ),
        AuthError::WrongStep => entry(
            400,
            "client_state_invalid",
            "Invalid state for client",
            "The sign-in is at another step.",
        ),
        AuthError::NoSuchFactor => entry(
            400,
            "strategy_for_user_invalid",
            "Invalid verification strategy",
            "This account has no such factor.",
        ),
        AuthError::NoSuchNumber => ApiError::ResourceParam("phone_number_id").entry(),
        AuthError::NoSecondFactors => entry(
            400,
            "no_second_factors",
            "No second factors",
            "This account has no second factor to prepare.",
        ),
        AuthError::Proof(ProofError::NotPrepared) => phone_entry(PhoneError::NotPrepared),
        AuthError::Proof(ProofError::AnotherStrategy) => entry(
            400,
            "verification_strategy_invalid",
            "Invalid verification strategy",
            "The code was sent for another strategy.",
        ),
        AuthError::Proof(ProofError::AlreadyVerified) => entry(
            400,
            "verification_already_verified",
            "already verified",
            "This code was entered already.",
        ),
        AuthError::NumberMissing => ApiError::ParamMissing("phone_number").entry(),
        AuthError::Claimed => entry(
            400,
            "identification_claimed",
            "Identification claimed by another user",
            "Somebody else has proven this phone number meanwhile.",
        ),
        AuthError::ReverificationMissing => entry(
            400,
            "session_reverification_missing",
            "No reverification",
            "No reverification was begun in this session.",
        ),
        AuthError::ReverificationStep => entry(
            400,
            "invalid_action_for_session_reverification",
            "Invalid action",
            "The reverification waits for something else.",
        ),
        AuthError::ReverificationRequired => entry(
            403,
            "session_reverification_required",
            "Additional verification required",
            "Prove again that it is you.",
        ),
        AuthError::Ticket(error) => ticket_entry(*error),
        AuthError::Password(PasswordError::TooShort) => entry(
            422,
            "form_password_length_too_short",
            "is too short",
            format!("A password has at least {} characters.", Password::MIN_CHARS),
        )
        .param("password"),
        AuthError::Password(PasswordError::TooLong) => entry(
            422,
            "form_password_length_too_long",
            "is too long",
            format!("A password has at most {} characters.", Password::MAX_CHARS),
        )
        .param("password"),
        AuthError::PasswordsOff => ApiError::ParamUnknown("password").entry(),
        AuthError::WrongPassword => password_entry(),
        AuthError::NoPassword => entry(400, "no_password_set", "No password set", "This user has no password."),
        AuthError::VerificationUsed => phone_entry(PhoneError::AlreadyVerified),
        AuthError::TooOften { retry_after } => entry(
            429,
            "too_many_requests",
            "Too many requests",
            format!("Too many requests. Try again in {} seconds.", seconds(*retry_after)),
        )
        .retry_after(seconds(*retry_after)),
        AuthError::TooManyCodes { retry_after } => entry(
            429,
            "verification_code_too_many_requests",
            "Too many requests",
            format!(
                "Too many codes. Ask for another one in {} seconds.",
                seconds(*retry_after)
            ),
        )
        .retry_after(seconds(*retry_after)),
        AuthError::Hasher(_) => entry(
            503,
            "service_unavailable",
            "Service unavailable",
            "Too many passwords at once; try again in a moment.",
        )
        .retry_after(2),
    }
}

/// Another factor may be tried at once, so this is no lock of the user.
fn closed_entry(left: Option<std::time::Duration>) -> Entry {
    let Some(left) = left.map(seconds) else {
        return entry(
            429,
            "too_many_requests",
            "Too many requests",
            "Too many wrong tries. Sign in again in another way, then set a new password.",
        );
    };
    let text = format!("Too many wrong tries. Use another way to sign in, or try again in {left} seconds.");
    entry(429, "too_many_requests", "Too many requests", text).retry_after(left)
}

fn ticket_entry(error: TicketError) -> Entry {
    let (code, text) = match error {
        TicketError::Unknown => ("ticket_invalid_code", "This ticket is not valid."),
        TicketError::Expired => ("ticket_expired_code", "This ticket has expired."),
        TicketError::Used => ("sign_in_token_already_used_code", "This ticket was used already."),
        TicketError::Revoked => ("sign_in_token_revoked_code", "This ticket was revoked."),
        TicketError::Useless => (
            "sign_in_token_cannot_be_used_code",
            "This ticket is of no use any more.",
        ),
        TicketError::NotPending => (
            "sign_in_token_cannot_be_revoked_code",
            "Only a pending ticket can be revoked.",
        ),
    };
    entry(400, code, "Ticket not accepted", text)
}

#[expect(clippy::too_many_lines, reason = "one table is easier to read than two")]
fn phone_entry(error: PhoneError) -> Entry {
    match error {
        PhoneError::NotFound => entry(404, "resource_not_found", "not found", "No such phone number."),
        PhoneError::Taken => entry(
            422,
            "form_identifier_exists",
            "already exists",
            "That phone number is taken. Try another one.",
        )
        .param("phone_number"),
        PhoneError::TooManyUnverified => entry(
            400,
            "too_many_unverified_identifications",
            "Too many unverified phone numbers",
            "Verify or remove one of the unverified phone numbers first.",
        ),
        PhoneError::NotPrepared => entry(
            400,
            "verification_missing",
            "missing verification",
            "No code was asked for. Ask for one first.",
        ),
        PhoneError::AlreadyVerified => entry(
            400,
            "verification_already_verified",
            "already verified",
            "This phone number is verified already.",
        ),
        PhoneError::TooSoon { retry_after } => entry(
            429,
            "verification_code_too_many_requests",
            "Too many requests",
            format!(
                "A code was just sent. Ask for another one in {} seconds.",
                seconds(retry_after)
            ),
        )
        .retry_after(seconds(retry_after)),
        PhoneError::SecondFactorUnverified => entry(
            400,
            "identification_update_second_factor_unverified",
            "Identification not verified",
            "Only a verified phone number can be a second factor.",
        ),
        PhoneError::NewSecondFactorUnverified => entry(
            400,
            "identification_create_second_factor_unverified",
            "Identification not verified",
            "A phone number cannot be added as a second factor without being verified.",
        ),
        PhoneError::PrimaryUnverified => ApiError::VerificationNeeded("primary_phone_number_id").entry(),
        PhoneError::PrimaryNotFound => entry(
            422,
            "form_resource_not_found",
            "not found",
            "No such phone number on this user.",
        )
        .param("primary_phone_number_id"),
        PhoneError::LastIdentificationReserved => entry(
            400,
            "identification_update_failed",
            "Update failed",
            "The last phone number one can sign in with cannot become a second factor. Add another one first.",
        ),
        PhoneError::LastSecondFactor => entry(
            400,
            "second_factor_deletion_not_allowed",
            "Not allowed",
            "This application requires a second factor. Add another one before you remove this.",
        ),
        PhoneError::LastIdentificationRemoved => entry(
            400,
            "identification_deletion_failed",
            "Deletion failed",
            "The last phone number one can sign in with cannot be removed.",
        ),
        PhoneError::NotASecondFactor => entry(
            400,
            "identification_update_failed",
            "Update failed",
            "Only a phone number that is a second factor can be the default one.",
        ),
        PhoneError::DefaultNeeded => entry(
            422,
            "form_disable_default_second_factor_not_allowed",
            "not allowed",
            "There is always a default second factor: make another one the default instead.",
        )
        .param("default_second_factor"),
        PhoneError::NoSecondFactor => entry(
            400,
            "backup_codes_not_available",
            "Backup codes not available",
            "Backup codes need another second factor to be on.",
        ),
        PhoneError::WrongBackupCode => entry(
            422,
            "form_code_incorrect",
            "is incorrect",
            "The backup code does not match.",
        )
        .param("code"),
    }
}

impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

/// One way to say the same: what users refuse is the same wherever it comes from.
impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::User(error) => Self::User(error),
            other => Self::Auth(other),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::User(error.into())
    }
}

impl From<PhoneError> for ApiError {
    fn from(error: PhoneError) -> Self {
        Self::User(error.into())
    }
}

impl From<ProfileError> for ApiError {
    fn from(error: ProfileError) -> Self {
        Self::User(error.into())
    }
}

impl From<TicketError> for ApiError {
    fn from(error: TicketError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<MalformedCode> for ApiError {
    fn from(error: MalformedCode) -> Self {
        Self::Code(error)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Without a trace id: `observe` puts the whole answer in its place.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
