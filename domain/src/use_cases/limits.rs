//! How often things may be asked for, across users, processes and restarts.

use std::time::Duration;

use super::{AuthError, UseCases};
use crate::ports::{Charge, Decision, StoreError, Window};
use crate::{Address, E164, UserId};

/// The limits; an empty list of windows is no limit. Defaults and reasons stand in `config/default.toml`.
#[expect(missing_docs, reason = "config/default.toml documents each")]
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub codes_per_number: Vec<Window>,
    /// The wait after the first code to a number, after the second, and so on.
    pub code_waits: Vec<Duration>,
    pub codes_per_range: Vec<Window>,
    pub codes_per_user: Vec<Window>,
    pub codes_per_address: Vec<Window>,
    pub codes_per_network: Vec<Window>,
    pub codes_in_all: Vec<Window>,
    pub new_numbers_per_user: Vec<Window>,
    pub sign_ins_per_address: Vec<Window>,
    pub attempts_per_address: Vec<Window>,
    pub attempts_per_number: Vec<Window>,
    pub notices_per_user: Vec<Window>,
    pub back_end_requests: Vec<Window>,
}

/// The number without its last four digits.
fn range(number: &E164) -> &str {
    let text = number.as_str();
    &text[..text.len().saturating_sub(4)]
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn charge(kind: &str, what: &str, windows: &[Window]) -> Option<Charge> {
    (!windows.is_empty()).then(|| Charge {
        key: format!("{kind}/{what}"),
        windows: windows.to_vec(),
        waits: Vec::new(),
        waits_span: DAY,
    })
}

impl UseCases {
    /// Consumes one permit for one code to `number`, of `user`, asked for from `address`. Nothing is given back.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`]; [`AuthError::User`] if the store cannot say, for texts cost money.
    pub async fn limit_codes(
        &self,
        number: &E164,
        user: Option<&UserId>,
        address: Option<Address>,
    ) -> Result<(), AuthError> {
        let mut charges = self.charges_of_number(number);
        charges.extend(self.charges_of_visitor(user, address));
        match self.charge(&charges).await? {
            Decision::Allowed => Ok(()),
            Decision::Limited { retry_after } => Err(AuthError::TooManyCodes { retry_after }),
        }
    }

    /// The same for a code that somebody asks for who must not learn whether anybody has the number: how often its owner had
    /// one sent is not told either. Whether the number may be sent one.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`] for what the visitor or the instance has used up, and, where nothing needs to be hidden,
    /// for the number; [`AuthError::User`] as above.
    pub(super) async fn limit_codes_discreetly(
        &self,
        number: &E164,
        user: Option<&UserId>,
        address: Option<Address>,
    ) -> Result<bool, AuthError> {
        if !self.policy.enumeration_protection {
            self.limit_codes(number, user, address).await?;
            return Ok(true);
        }
        if let Decision::Limited { retry_after } = self.charge(&self.charges_of_visitor(user, address)).await? {
            return Err(AuthError::TooManyCodes { retry_after });
        }
        Ok(self.charge(&self.charges_of_number(number)).await? == Decision::Allowed)
    }

    fn charges_of_number(&self, number: &E164) -> Vec<Charge> {
        let limits = &*self.limits;
        let mut charges = Vec::new();
        if !limits.codes_per_number.is_empty() || !limits.code_waits.is_empty() {
            charges.push(Charge {
                key: format!("codes/number/{}", number.as_str()),
                windows: limits.codes_per_number.clone(),
                waits: limits.code_waits.clone(),
                waits_span: DAY,
            });
        }
        charges.extend(charge("codes/range", range(number), &limits.codes_per_range));
        charges
    }

    /// Those of whoever asks, and of the whole instance.
    fn charges_of_visitor(&self, user: Option<&UserId>, address: Option<Address>) -> Vec<Charge> {
        let limits = &*self.limits;
        let mut charges = Vec::new();
        if let Some(user) = user {
            charges.extend(charge("codes/user", user.as_str(), &limits.codes_per_user));
        }
        if let Some(address) = address {
            charges.extend(charge("codes/address", &address.visitor(), &limits.codes_per_address));
            charges.extend(charge("codes/network", &address.network(), &limits.codes_per_network));
        }
        charges.extend(charge("codes/all", "", &limits.codes_in_all));
        charges
    }

    /// Consumes one permit for one new number of `user`.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn limit_new_numbers(&self, user: &UserId) -> Result<(), AuthError> {
        let windows = &self.limits.new_numbers_per_user;
        self.take(charge("new-numbers/user", user.as_str(), windows)).await
    }

    /// Consumes one permit for one sign-in or sign-up from `address`.
    pub(super) async fn limit_sign_ins(&self, kind: &str, address: Option<Address>) -> Result<(), AuthError> {
        let windows = &self.limits.sign_ins_per_address;
        self.take(address.and_then(|address| charge(kind, &address.visitor(), windows)))
            .await
    }

    /// Consumes one permit for one try of a factor from `address`.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn limit_attempts(&self, kind: &str, address: Option<Address>) -> Result<(), AuthError> {
        let windows = &self.limits.attempts_per_address;
        self.take(address.and_then(|address| charge(kind, &address.visitor(), windows)))
            .await
    }

    /// Consumes one permit for one try of a code at a number that is nobody's yet. It is consumed before the code is looked
    /// at, so that tries at once are counted as well as tries in turn.
    pub(super) async fn limit_attempts_at(&self, number: &E164) -> Result<(), AuthError> {
        let windows = &self.limits.attempts_per_number;
        self.take(charge("attempts/number", number.as_str(), windows)).await
    }

    /// The same for a code that a back end drives, which strangers cannot use up by signing up with the number.
    pub(super) async fn limit_attempts_by_back_end(&self, number: &E164) -> Result<(), AuthError> {
        let windows = &self.limits.attempts_per_number;
        self.take(charge("attempts/back-end", number.as_str(), windows)).await
    }

    /// The same for a sign-in that must not tell whether anybody has the number: whether a code may still be right if nobody
    /// has. It refuses nothing, for the owner's tries are counted on the owner.
    pub(super) async fn may_attempt_at(&self, number: &E164) -> Result<bool, AuthError> {
        let windows = &self.limits.attempts_per_number;
        let charges: Vec<Charge> = charge("attempts/sign-in", number.as_str(), windows)
            .into_iter()
            .collect();
        Ok(self.charge(&charges).await? == Decision::Allowed)
    }

    /// Writes as much as the wrong try of a user's password does, for a number that nobody has. It never runs out.
    pub(super) async fn charge_nobody(&self, number: &E164) -> Result<(), AuthError> {
        let window = Window {
            limit: u32::MAX,
            span: Duration::from_secs(1),
        };
        self.take(charge("nobody/number", number.as_str(), &[window])).await
    }

    /// Consumes one permit of the instance for a text that tells a user of a change.
    pub(super) async fn charge_notice(&self) -> Result<Decision, StoreError> {
        match charge("codes/all", "", &self.limits.codes_in_all) {
            Some(charge) => self.ports.limiter.charge(&[charge], self.now()).await,
            None => Ok(Decision::Allowed),
        }
    }

    /// Consumes one permit for one request of the back end.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn limit_back_end(&self) -> Result<(), AuthError> {
        self.take(charge("back-end", "", &self.limits.back_end_requests)).await
    }

    /// Whether this is the first time within `span` that `what` is taken.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn take_once(&self, what: &str, span: Duration) -> Result<bool, AuthError> {
        let window = Window { limit: 1, span };
        let charges: Vec<Charge> = charge("once", what, &[window]).into_iter().collect();
        Ok(self.charge(&charges).await? == Decision::Allowed)
    }

    async fn take(&self, charge: Option<Charge>) -> Result<(), AuthError> {
        let Some(charge) = charge else { return Ok(()) };
        match self.charge(&[charge]).await? {
            Decision::Allowed => Ok(()),
            Decision::Limited { retry_after } => Err(AuthError::TooOften { retry_after }),
        }
    }

    async fn charge(&self, charges: &[Charge]) -> Result<Decision, AuthError> {
        if charges.is_empty() {
            return Ok(Decision::Allowed);
        }
        Ok(self.ports.limiter.charge(charges, self.now()).await?)
    }
}
