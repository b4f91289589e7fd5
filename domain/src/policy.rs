//! The numbers that an operator may tune, as the rules take them.

use std::sync::Arc;
use std::time::Duration;

use crate::allowlist::{Allowlist, NotAllowed};
use crate::e164::{E164, NumberError, dialled};
use crate::failures::Lockout;
use crate::instance::LiveSettings;
use crate::number_plan::NumberPlan;
use crate::test_number::is_test_number;
use crate::texts::Texts;

/// How long a code is accepted: 10 minutes.
///
/// The longest that NIST SP 800-63B-4 §3.1.3.2 allows for an out-of-band secret.
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The settings of the rules. Defaults and reasons stand in `config/default.toml`.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[derive(Debug, Clone)]
pub struct Policy {
    /// The words of the texts.
    pub texts: Arc<Texts>,
    /// Whose numbers may be added and texted.
    pub allowlist: Allowlist,
    /// Whether `+1 XXX 555 0100…0199` take the fixed code and are never texted.
    pub test_mode: bool,
    /// How long a code is accepted, at most [`CODE_LIFETIME`].
    pub code_lifetime: Duration,
    /// Wrong codes after which a verification fails, at least 1.
    pub max_attempts: u8,
    /// Shortest time between two codes for one number; zero for none.
    pub resend_after: Duration,
    /// Unverified numbers that one user may hold at once; none for no cap.
    pub max_unverified: Option<u32>,
    /// Whether users sign in with their numbers, so that the last one is kept for that.
    pub used_for_first_factor: bool,
    /// Whether turning on the first second factor issues backup codes.
    pub backup_codes: bool,
    /// Whether every user must have a second factor: sessions are pending until then.
    pub second_factor_required: bool,
    /// When wrong passwords and codes lock a user, and how long any lock lasts.
    pub lockout: Lockout,
    /// Whether users may have passwords.
    pub passwords: bool,
    /// How long a session lasts.
    pub session_lifetime: Duration,
    /// Whether a client has at most one live session.
    pub single_session: bool,
    /// Within which time a factor must have been proven for sensitive actions; none asks for none.
    pub reverify_after: Option<Duration>,
    /// Whether a user's other numbers are texted when the account changes.
    pub notice_texts: bool,
    /// Whether anybody may sign up.
    pub sign_up_open: bool,
    /// Whether what a browser is told is the same, and takes as long, whether or not anybody has the number.
    pub enumeration_protection: bool,
    /// What a back end changed while the instance runs.
    pub live: LiveSettings,
}

impl Policy {
    /// Reads a phone number as a user spells it.
    ///
    /// In test mode `+1 555 555 0100` and its like are taken as well, though no such area code
    /// exists: they are what people write into their tests.
    ///
    /// # Errors
    /// See [`E164::parse_input`].
    pub fn parse_number(&self, input: &str) -> Result<E164, NumberError> {
        E164::parse_input(input).or_else(|error| {
            let spelled: Option<E164> = dialled(input).ok().and_then(|dialled| dialled.parse().ok());
            spelled.filter(|number| self.is_test(number)).ok_or(error)
        })
    }

    /// Lets `number` be added and texted, or says why not.
    ///
    /// # Errors
    /// [`NotAllowed`]: its country is off the allowlist, or numbers of its kind are not texted.
    pub fn admit(&self, number: &E164) -> Result<(), NotAllowed> {
        let plan = NumberPlan::of(number);
        // A test number of no real area code (+1 555) belongs to no country and costs nothing.
        if plan.country().is_none() && self.is_test(number) {
            return Ok(());
        }
        self.allowlist.admit(&plan)?;
        let blocked = plan
            .country()
            .filter(|country| self.live.read(|live| live.blocked_countries.contains(country)));
        match blocked {
            Some(_) => Err(NotAllowed::of(plan)),
            None => Ok(()),
        }
    }

    /// Whether test numbers are in use.
    #[must_use]
    pub fn test_mode(&self) -> bool {
        self.live.read(|live| live.test_mode).unwrap_or(self.test_mode)
    }

    /// Whether `number` takes the fixed code and is never texted.
    #[must_use]
    pub fn is_test(&self, number: &E164) -> bool {
        is_test_number(number) && self.test_mode()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::policy;

    #[test]
    fn test_numbers_are_numbers_in_test_mode_alone() {
        let mut policy = policy();
        for (input, admitted) in [
            ("+1 (555) 555-0100", true),
            ("+1 415 555 0199", true),
            ("+1 876 555 0100", false),
            ("+1 800 555 0100", false),
        ] {
            let number = policy.parse_number(input).unwrap();
            assert_eq!(policy.admit(&number).is_ok(), admitted, "{input}");
        }
        assert!(policy.parse_number("+1 555 555 0200").is_err());
        policy.test_mode = false;
        assert!(policy.parse_number("+1 555 555 0100").is_err());
        assert!(policy.parse_number("+1 415 555 0100").is_ok());
    }
}
