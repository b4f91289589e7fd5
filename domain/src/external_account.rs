//! A user's account at the outside identity provider, as far as its word on the user's phone number is believed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::e164::{E164, dialled};
use crate::{ExternalAccountId, Timestamp};

/// How long a claim that conflicted with the rules is not tried again: an hour. The other owner may remove the number, or
/// the operator may allow its country; until then a request with the claim neither writes nor logs.
const REFUSED_FOR: Duration = Duration::from_secs(3600);
/// Longest name of a provider, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// The name of an identity provider: 1 to 32 lower-case letters. `oauth_` and the name is the type of whatever is linked
/// to an account there; Clerk documents it as `^oauth_[a-z]+$`.
///
/// ```
/// # use phoneproof_domain::ProviderName;
/// assert_eq!("acme".parse::<ProviderName>().unwrap().to_string(), "acme");
/// assert!("Acme 2".parse::<ProviderName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

/// The text is no name of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an identity provider is 1 to 32 letters from a to z")]
pub struct MalformedProviderName;

impl FromStr for ProviderName {
    type Err = MalformedProviderName;

    fn from_str(text: &str) -> Result<Self, MalformedProviderName> {
        let well_formed =
            (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedProviderName)
        }
    }
}

impl TryFrom<String> for ProviderName {
    type Error = MalformedProviderName;

    fn try_from(text: String) -> Result<Self, MalformedProviderName> {
        text.parse()
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a provider claims about a user's phone number (`phone_number` and `phone_number_verified`, OpenID Connect Core
/// §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneClaim {
    /// This is the number.
    Number {
        /// In the one spelling that is compared. It need not be a number that exists.
        number: E164,
        /// Whether the provider has verified that the user controls it.
        verified: bool,
    },
    /// It is no international number.
    Malformed,
}

impl PhoneClaim {
    /// Reads a claim. Spellings of one number are one claim: `+1 (415) 555-2671`, as the specification writes it, and
    /// `+14155552671`.
    ///
    /// ```
    /// # use phoneproof_domain::PhoneClaim;
    /// assert_eq!(PhoneClaim::parse("+1 (415) 555-2671", true), PhoneClaim::parse("+14155552671", true));
    /// assert_eq!(PhoneClaim::parse("call me", true), PhoneClaim::Malformed);
    /// ```
    #[must_use]
    pub fn parse(spelled: &str, verified: bool) -> Self {
        // Whether a number that libphonenumber does not know is a test number is for the policy to say.
        let number = E164::parse_input(spelled).or_else(|_| dialled(spelled).and_then(|dialled| dialled.parse()));
        number.map_or(Self::Malformed, |number| Self::Number { number, verified })
    }
}

/// A claim with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPhone {
    /// Who says so.
    pub provider: ProviderName,
    /// What it says.
    pub claim: PhoneClaim,
    /// When the token was issued that holds it.
    pub issued_at: Option<Timestamp>,
}

/// The account at the provider, with the claim that was last decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAccount {
    /// The identifier, which stays the same for good.
    pub id: ExternalAccountId,
    /// The provider.
    pub provider: ProviderName,
    /// The claim that was last followed or refused. It is not followed a second time, so that a number that its user has
    /// removed does not come back.
    pub claim: PhoneClaim,
    /// When the token was issued that held it.
    pub issued_at: Option<Timestamp>,
    /// When it was refused; none if it was followed.
    pub refused_at: Option<Timestamp>,
}

impl ExternalAccount {
    /// Whether `said` must be decided on.
    #[must_use]
    pub fn is_news(&self, said: &ProviderPhone, now: Timestamp) -> bool {
        // Tokens from before a change of the claim live on beside the newer ones; the number must not go back and forth.
        let is_older = said
            .issued_at
            .zip(self.issued_at)
            .is_some_and(|(said, last)| said < last);
        let is_due = self
            .refused_at
            .is_some_and(|at| now.since(at).max(at.since(now)) >= REFUSED_FOR);
        !is_older && (!self.is_same_claim(said) || self.provider != said.provider || is_due)
    }

    /// Whether this very claim was decided on before.
    #[must_use]
    pub fn is_same_claim(&self, said: &ProviderPhone) -> bool {
        self.claim == said.claim
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn said(number: &str, verified: bool, issued_at: Option<i64>) -> ProviderPhone {
        ProviderPhone {
            provider: "acme".parse().unwrap(),
            claim: PhoneClaim::parse(number, verified),
            issued_at: issued_at.map(Timestamp::from_millis),
        }
    }

    fn account(refused_at: Option<Timestamp>) -> ExternalAccount {
        let last = said("+14155552671", true, Some(1_000));
        ExternalAccount {
            id: format!("idn_{:027}", 1).parse().unwrap(),
            provider: last.provider,
            claim: last.claim,
            issued_at: last.issued_at,
            refused_at,
        }
    }

    #[test]
    fn a_claim_is_news_when_it_differs_in_more_than_spelling() {
        let followed = account(None);
        let is_news = |number, verified| followed.is_news(&said(number, verified, Some(2_000)), NOW);
        assert!(!is_news("+14155552671", true));
        assert!(!is_news("+1 (415) 555-2671", true));
        assert!(!is_news("0014155552671", true));
        assert!(is_news("+14155552671", false));
        assert!(is_news("+14155552672", true));
        assert!(is_news("nonsense", true));
        let renamed = ProviderPhone {
            provider: "other".parse().unwrap(),
            ..said("+14155552671", true, None)
        };
        assert!(followed.is_news(&renamed, NOW));
    }

    #[test]
    fn an_older_token_says_nothing_new() {
        let followed = account(None);
        for (issued_at, is_news) in [
            (Some(999), false),
            (Some(1_000), true),
            (Some(1_001), true),
            (None, true),
        ] {
            let other = said("+14155552672", true, issued_at);
            assert_eq!(followed.is_news(&other, NOW), is_news, "{issued_at:?}");
        }
    }

    #[test]
    fn a_refused_claim_is_tried_again_after_an_hour_whichever_way_the_clock_goes() {
        let same = said("+14155552671", true, Some(1_000));
        let refused = account(Some(NOW));
        let hour = REFUSED_FOR;
        let almost = Timestamp::from_millis(NOW.as_millis() + 3_599_999);
        assert!(!refused.is_news(&same, NOW));
        assert!(!refused.is_news(&same, almost));
        assert!(refused.is_news(&same, NOW.plus(hour)));
        assert!(refused.is_news(&same, Timestamp::from_millis(NOW.as_millis() - 3_600_000)));
        assert!(!account(None).is_news(&same, NOW.plus(hour)));
    }

    #[test]
    fn what_is_no_number_is_malformed_and_a_test_number_is_one() {
        for text in [
            "",
            " ",
            "4155552671",
            "+1 415 555 2671 ext. 5",
            "+",
            "+1415555267112345678",
            "＋14155552671",
        ] {
            assert_eq!(PhoneClaim::parse(text, true), PhoneClaim::Malformed, "{text}");
        }
        let test = PhoneClaim::parse("+1 555 555 0100", true);
        assert!(matches!(test, PhoneClaim::Number { number, verified: true } if number.as_str() == "+15555550100"));
    }

    #[test]
    fn a_name_is_lower_case_letters() {
        for name in ["", "Acme", "acme2", "ac-me", "ac me", "é", &"a".repeat(33)] {
            assert_eq!(name.parse::<ProviderName>(), Err(MalformedProviderName), "{name}");
        }
        assert!("a".repeat(32).parse::<ProviderName>().is_ok());
    }
}
