//! A sign-in and the factors that it offers, as they stand on the wire (contract 5.8).

use phoneproof_domain::{
    E164, Factor, PhoneNumberId, Policy, Proof, SessionId, ShortText, SignIn, Step, Timestamp, User,
};
use serde::Serialize;

use crate::http::present::json::VerificationJson;

/// 5.8
#[derive(Serialize)]
pub(crate) struct SignInJson<'a> {
    object: &'static str,
    id: &'a str,
    status: &'static str,
    supported_identifiers: [&'static str; 1],
    identifier: Option<&'a str>,
    supported_first_factors: Option<Vec<FactorJson>>,
    supported_second_factors: Option<Vec<FactorJson>>,
    first_factor_verification: Option<VerificationJson>,
    second_factor_verification: Option<VerificationJson>,
    user_data: Option<UserDataJson<'a>>,
    created_session_id: Option<&'a str>,
    abandon_at: i64,
    client_trust_state: &'static str,
}

/// What a sign-in shows of its user.
#[derive(Serialize)]
struct UserDataJson<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    image_url: &'static str,
    has_image: bool,
}

/// A factor that one may choose.
#[derive(Serialize)]
pub(crate) struct FactorJson {
    strategy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<PhoneNumberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<bool>,
}

impl<'a> SignInJson<'a> {
    pub(crate) fn new(sign_in: &'a SignIn, user: Option<&'a User>, policy: &Policy, now: Timestamp) -> Self {
        let is_alive = sign_in.is_alive(user, now);
        // Nothing of the second factor shows before the first has passed, nor once that is worth nothing.
        let shows_second = is_alive && matches!(sign_in.step, Step::NeedsSecondFactor | Step::Complete(_));
        let second = user.filter(|user| shows_second && user.two_factor_enabled());
        let proof = |proof: &Option<Proof>| proof.as_ref().map(|proof| VerificationJson::of_proof(proof, now));
        let identifier = sign_in.identifier.as_ref();
        let first = match (&sign_in.disguise, identifier) {
            (Some(disguise), Some(typed)) => Some(Factor::of_disguise(disguise, typed, policy)),
            _ => user.map(|user| Factor::first_of(user, identifier, policy)),
        };
        let mut first_verification = proof(&sign_in.first);
        if sign_in.is_transferable() {
            first_verification = first_verification.map(VerificationJson::transferable);
        }
        Self {
            object: "sign_in_attempt",
            id: sign_in.id.as_str(),
            status: if is_alive { sign_in.step.as_str() } else { "abandoned" },
            supported_identifiers: ["phone_number"],
            identifier: identifier.map(E164::as_str),
            supported_first_factors: first.map(FactorJson::first),
            supported_second_factors: second.map(|user| FactorJson::second(Factor::second_of(user))),
            first_factor_verification: first_verification,
            second_factor_verification: proof(&sign_in.second),
            user_data: user.map(UserDataJson::new),
            created_session_id: sign_in.session().map(SessionId::as_str),
            abandon_at: sign_in.abandon_at().as_millis(),
            client_trust_state: "known",
        }
    }
}

impl<'a> UserDataJson<'a> {
    fn new(user: &'a User) -> Self {
        Self {
            first_name: user.profile.first_name.as_ref().map(ShortText::as_str),
            last_name: user.profile.last_name.as_ref().map(ShortText::as_str),
            image_url: "",
            has_image: false,
        }
    }
}

impl FactorJson {
    /// First factors: each tells whether its number is the primary one.
    pub(crate) fn first(factors: Vec<Factor>) -> Vec<Self> {
        let shown = |(factor, primary)| Self { primary, ..factor };
        factors.into_iter().map(Self::new).map(shown).collect()
    }

    /// Second factors: each tells whether its number is the default one.
    pub(crate) fn second(factors: Vec<Factor>) -> Vec<Self> {
        let shown = |(factor, default)| Self { default, ..factor };
        factors.into_iter().map(Self::new).map(shown).collect()
    }

    /// A factor, and whether its number is the preferred one.
    fn new(factor: Factor) -> (Self, Option<bool>) {
        let (number, preferred) = factor.number.map_or((None, None), |number| {
            (Some((number.id, number.safe_identifier)), Some(number.preferred))
        });
        let (phone_number_id, safe_identifier) = number.unzip();
        let shown = Self {
            strategy: factor.strategy.as_str(),
            phone_number_id,
            safe_identifier,
            primary: None,
            default: None,
        };
        (shown, preferred)
    }
}
