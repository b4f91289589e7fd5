//! A visitor's address, as far as limits look at it.

use std::net::{IpAddr, Ipv6Addr};

/// A visitor's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl Address {
    /// What one visitor commands: an IPv4 address, or an IPv6 network of 64 bits.
    pub(crate) fn visitor(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => network(address, 64),
        }
    }

    /// The network around: 24 bits of IPv4, 48 bits of IPv6.
    pub(crate) fn network(self) -> String {
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
