use phoneproof_domain::{EmailAddress, PhoneClaim, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// What is read of a token's claims once its signature is checked.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Value,
    pub(crate) exp: f64,
    pub(crate) nbf: Option<f64>,
    pub(crate) iat: Option<f64>,
    pub(crate) email: Option<Value>,
    pub(crate) email_verified: Option<Value>,
    pub(crate) phone_number: Option<Value>,
    pub(crate) phone_number_verified: Option<Value>,
}

impl Claims {
    /// The address, unless the provider says that nobody has proven it.
    pub(crate) fn email(&self) -> Option<EmailAddress> {
        let denied = matches!(&self.email_verified, Some(Value::Bool(false)));
        let text = self.email.as_ref()?.as_str().filter(|_| !denied)?;
        text.parse().ok()
    }

    /// What is said of the phone number; none if nothing is, for claims depend on the scope that was asked for. Unlike an
    /// address for notices, a number lets its owner in: it counts as verified only where the claim is the boolean `true`
    /// (OpenID Connect Core §5.1).
    pub(crate) fn phone(&self) -> Option<PhoneClaim> {
        let verified = matches!(&self.phone_number_verified, Some(Value::Bool(true)));
        let number = self.phone_number.as_ref()?.as_str();
        Some(number.map_or(PhoneClaim::Malformed, |spelled| PhoneClaim::parse(spelled, verified)))
    }

    /// When the token was issued, to the millisecond.
    pub(crate) fn issued_at(&self) -> Option<Timestamp> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time out of range becomes the nearest one"
        )]
        self.iat
            .map(|seconds| Timestamp::from_millis((seconds * 1000.0) as i64))
    }
}

/// Why claims are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("the token is for another audience")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
}

impl Claims {
    /// Whether one of `audiences` is meant: `aud` is a text or a list of them (RFC 7519 §4.1.3).
    pub(crate) fn is_for(&self, audiences: &[String]) -> Result<(), ClaimError> {
        let meant = |text: &Value| {
            text.as_str()
                .is_some_and(|text| audiences.iter().any(|audience| audience == text))
        };
        let found = match &self.aud {
            Value::Array(list) => list.iter().any(meant),
            single => meant(single),
        };
        if found { Ok(()) } else { Err(ClaimError::Audience) }
    }

    pub(crate) fn window(&self) -> Window {
        let start = self.nbf.into_iter().chain(self.iat).fold(f64::NEG_INFINITY, f64::max);
        Window { start, end: self.exp }
    }
}

/// When a token is valid: from `start` to before `end`, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    start: f64,
    end: f64,
}

impl Window {
    /// Whether `now` is inside, give or take `leeway` seconds. `iat` in the future counts as "not
    /// yet": such a token was made by a clock that cannot be trusted with `exp` either.
    pub(crate) fn holds(&self, now: Timestamp, leeway: u32) -> Result<(), ClaimError> {
        #[expect(clippy::cast_precision_loss, reason = "exact to the millisecond for 285,000 years")]
        let now = now.as_millis() as f64 / 1000.0;
        let leeway = f64::from(leeway);
        // JSON has no NaN and no infinity, so the comparisons are total.
        if now >= self.end + leeway {
            return Err(ClaimError::Expired);
        }
        if now + leeway >= self.start {
            Ok(())
        } else {
            Err(ClaimError::NotYet)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_unless_it_is_said_to_be_unproven() {
        let claims = |more: &str| -> Claims {
            serde_json::from_str(&format!(r#"{{"iss": "i", "sub": "s", "aud": "a", "exp": 10{more}}}"#)).unwrap()
        };
        let email = |more| claims(more).email().map(|email| email.as_str().to_owned());
        let ada = Some("ada@example.com".to_owned());
        assert_eq!(email(""), None);
        assert_eq!(email(r#", "email": "ada@example.com""#), ada);
        assert_eq!(email(r#", "email": "ada@example.com", "email_verified": true"#), ada);
        assert_eq!(email(r#", "email": "ada@example.com", "email_verified": false"#), None);
        assert_eq!(email(r#", "email": 7"#), None);
        assert_eq!(email(r#", "email": "nobody""#), None);
    }

    #[test]
    fn a_number_counts_as_verified_only_if_the_provider_says_true() {
        let phone = |more: &str| -> Option<PhoneClaim> {
            let text = format!(r#"{{"iss": "i", "sub": "s", "aud": "a", "exp": 10{more}}}"#);
            serde_json::from_str::<Claims>(&text).unwrap().phone()
        };
        let number = |verified| Some(PhoneClaim::parse("+14155552671", verified));
        for (verified, counts) in [
            ("", false),
            (r#", "phone_number_verified": true"#, true),
            (r#", "phone_number_verified": false"#, false),
            (r#", "phone_number_verified": null"#, false),
            (r#", "phone_number_verified": "true""#, false),
            (r#", "phone_number_verified": 1"#, false),
        ] {
            let claims = format!(r#", "phone_number": "+1 (415) 555-2671"{verified}"#);
            assert_eq!(phone(&claims), number(counts), "{verified}");
        }
        for silent in ["", r#", "phone_number": null"#, r#", "phone_number_verified": true"#] {
            assert_eq!(phone(silent), None, "{silent}");
        }
        for malformed in ["7", "\"\"", "\"415 555 2671\"", "[]", r#"{"n": "+14155552671"}"#] {
            let claims = format!(r#", "phone_number": {malformed}, "phone_number_verified": true"#);
            assert_eq!(phone(&claims), Some(PhoneClaim::Malformed), "{malformed}");
        }
    }

    #[test]
    fn the_time_of_issue_is_kept_to_the_millisecond() {
        let issued_at = |iat: &str| {
            let text = format!(r#"{{"iss": "i", "sub": "s", "aud": "a", "exp": 10{iat}}}"#);
            serde_json::from_str::<Claims>(&text).unwrap().issued_at()
        };
        assert_eq!(issued_at(""), None);
        assert_eq!(
            issued_at(r#", "iat": 1800000000"#),
            Some(Timestamp::from_millis(1_800_000_000_000))
        );
        assert_eq!(issued_at(r#", "iat": 1.5"#), Some(Timestamp::from_millis(1_500)));
    }
}
