//! A sign-up, as it stands on the wire (contract 5.7).

use phoneproof_domain::{E164, Policy, ShortText, SignUp, Timestamp, Verification};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::present::json::{Empty, VerificationJson};

/// 5.7
#[derive(Serialize)]
pub(crate) struct SignUpJson<'a> {
    object: &'static str,
    id: &'a str,
    status: &'static str,
    required_fields: [&'static str; 1],
    optional_fields: Vec<&'static str>,
    missing_fields: &'static [&'static str],
    unverified_fields: &'static [&'static str],
    verifications: VerificationsJson,
    username: Option<()>,
    email_address: Option<()>,
    phone_number: Option<&'a str>,
    web3_wallet: Option<()>,
    password_enabled: bool,
    has_password: bool,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    unsafe_metadata: &'a Map<String, Value>,
    public_metadata: Empty,
    custom_action: bool,
    external_id: Option<&'a str>,
    created_session_id: Option<&'a str>,
    created_user_id: Option<&'a str>,
    abandon_at: i64,
    legal_accepted_at: Option<i64>,
    locale: Option<&'a str>,
}

/// What a sign-up verifies, by field.
#[derive(Serialize)]
struct VerificationsJson {
    phone_number: Option<NumberVerificationJson>,
    email_address: Option<()>,
    web3_wallet: Option<()>,
    external_account: Option<()>,
}

/// 5.7, the table.
#[derive(Serialize)]
struct NumberVerificationJson {
    #[serde(flatten)]
    verification: VerificationJson,
    next_action: &'static str,
    supported_strategies: [&'static str; 1],
}

const PHONE_NUMBER: &[&str] = &["phone_number"];

impl<'a> SignUpJson<'a> {
    pub(crate) fn new(sign_up: &'a SignUp, policy: &Policy, now: Timestamp) -> Self {
        let (missing_fields, unverified_fields): (&[_], &[_]) = match &sign_up.number {
            None => (PHONE_NUMBER, &[]),
            Some(_) if sign_up.verification.is_verified() => (&[], &[]),
            Some(_) => (&[], PHONE_NUMBER),
        };
        let mut optional_fields = vec!["first_name", "last_name"];
        if policy.passwords {
            optional_fields.push("password");
        }
        let number = sign_up.number.as_ref();
        let completed = sign_up.completed.as_ref();
        Self {
            object: "sign_up_attempt",
            id: sign_up.id.as_str(),
            status: match completed {
                Some(_) => "complete",
                None if now >= sign_up.abandon_at() => "abandoned",
                None => "missing_requirements",
            },
            required_fields: ["phone_number"],
            optional_fields,
            missing_fields,
            unverified_fields,
            verifications: VerificationsJson {
                phone_number: number.map(|_| NumberVerificationJson::new(&sign_up.verification, now)),
                email_address: None,
                web3_wallet: None,
                external_account: None,
            },
            username: None,
            email_address: None,
            phone_number: number.map(E164::as_str),
            web3_wallet: None,
            password_enabled: sign_up.password.is_some(),
            has_password: sign_up.password.is_some(),
            first_name: sign_up.first_name.as_ref().map(ShortText::as_str),
            last_name: sign_up.last_name.as_ref().map(ShortText::as_str),
            unsafe_metadata: sign_up.unsafe_metadata.as_object(),
            public_metadata: Empty {},
            custom_action: sign_up.custom_action,
            external_id: sign_up.external_id.as_ref().map(ShortText::as_str),
            created_session_id: completed.map(|(_, session)| session.as_str()),
            created_user_id: completed.map(|(user, _)| user.as_str()),
            abandon_at: sign_up.abandon_at().as_millis(),
            legal_accepted_at: None,
            locale: sign_up.locale.as_ref().map(ShortText::as_str),
        }
    }
}

impl NumberVerificationJson {
    fn new(verification: &Verification, now: Timestamp) -> Self {
        Self {
            // Before `prepare` there must be neither status nor strategy.
            verification: VerificationJson::of(verification, now).unwrap_or_else(VerificationJson::not_begun),
            next_action: match verification {
                Verification::Running { .. } => "needs_attempt",
                verification if verification.is_verified() => "",
                _ => "needs_prepare",
            },
            supported_strategies: ["phone_code"],
        }
    }
}
