//! How often things may be asked for, across users, processes and restarts (`security.md`, "Limits").

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{Auth, AuthError};
use crate::ports::{Charge, Charged, Window};
use crate::{E164, UserId};

/// A visitor's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl Address {
    /// What one visitor commands: an IPv4 address, or an IPv6 network of 64 bits.
    fn visitor(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => network(address, 64),
        }
    }

    /// The network around: 24 bits of IPv4, 48 bits of IPv6.
    fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(address) => network(address, 48),
        }
    }
}

fn network(address: Ipv6Addr, bits: u32) -> String {
    let kept = address.to_bits() & (u128::MAX << (128 - bits));
    format!("{}/{bits}", Ipv6Addr::from_bits(kept))
}

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
    pub back_end_requests: Vec<Window>,
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

impl Auth {
    /// Takes room for one code to `number`, of `user`, asked for from `address`. Nothing is given back.
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`]; [`AuthError::User`] if the store cannot say, for texts cost money.
    pub async fn limit_codes(
        &self,
        number: &E164,
        user: Option<&UserId>,
        address: Option<Address>,
    ) -> Result<(), AuthError> {
        let limits = &*self.limits;
        let spelled = number.as_str();
        let range = &spelled[..spelled.len().saturating_sub(4)];
        let mut charges = Vec::new();
        if !limits.codes_per_number.is_empty() || !limits.code_waits.is_empty() {
            charges.push(Charge {
                key: format!("codes/number/{spelled}"),
                windows: limits.codes_per_number.clone(),
                waits: limits.code_waits.clone(),
                waits_span: DAY,
            });
        }
        charges.extend(charge("codes/range", range, &limits.codes_per_range));
        if let Some(user) = user {
            charges.extend(charge("codes/user", user.as_str(), &limits.codes_per_user));
        }
        if let Some(address) = address {
            charges.extend(charge("codes/address", &address.visitor(), &limits.codes_per_address));
            charges.extend(charge("codes/network", &address.network(), &limits.codes_per_network));
        }
        charges.extend(charge("codes/all", "", &limits.codes_in_all));
        match self.charge(&charges).await? {
            Charged::Yes => Ok(()),
            Charged::No { retry_after } => Err(AuthError::TooManyCodes { retry_after }),
        }
    }

    /// Takes room for one new number of `user`.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn limit_new_numbers(&self, user: &UserId) -> Result<(), AuthError> {
        let windows = &self.limits.new_numbers_per_user;
        self.take(charge("new-numbers/user", user.as_str(), windows)).await
    }

    /// Takes room for one sign-in or sign-up from `address`.
    pub(super) async fn limit_sign_ins(&self, kind: &str, address: Option<Address>) -> Result<(), AuthError> {
        let windows = &self.limits.sign_ins_per_address;
        self.take(address.and_then(|address| charge(kind, &address.visitor(), windows)))
            .await
    }

    /// Takes room for one try of a factor from `address`.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn limit_attempts(&self, kind: &str, address: Option<Address>) -> Result<(), AuthError> {
        let windows = &self.limits.attempts_per_address;
        self.take(address.and_then(|address| charge(kind, &address.visitor(), windows)))
            .await
    }

    /// Takes room for one request of the back end.
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
        Ok(self.charge(&charges).await? == Charged::Yes)
    }

    async fn take(&self, charge: Option<Charge>) -> Result<(), AuthError> {
        let Some(charge) = charge else { return Ok(()) };
        match self.charge(&[charge]).await? {
            Charged::Yes => Ok(()),
            Charged::No { retry_after } => Err(AuthError::TooOften { retry_after }),
        }
    }

    async fn charge(&self, charges: &[Charge]) -> Result<Charged, AuthError> {
        if charges.is_empty() {
            return Ok(Charged::Yes);
        }
        Ok(self.ports.limiter.charge(charges, self.now()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_visitor_is_an_ipv4_address_or_an_ipv6_network() {
        let of = |text: &str| Address(text.parse().unwrap());
        assert_eq!(of("203.0.113.9").visitor(), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9").visitor(), "203.0.113.9");
        assert_eq!(of("203.0.113.9").network(), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6").visitor(), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2:3:4:5:6").network(), "2001:db8:1::/48");
    }
}
