//! The kinds of factors by which a user's identity is proven.
//!
//! A rule speaks of factors. That a second factor is a phone number reserved for it is known here and in
//! [`UserPhones`](crate::UserPhones), and that a code goes by SMS where its text is written.

use crate::User;

/// A kind of second factor. Another one, TOTP for instance, is a variant here, a file with its rule, and a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecondFactorKind {
    /// A phone number that is reserved for it, to which a code is sent.
    PhoneCode,
}

impl SecondFactorKind {
    /// All of them, the strongest first.
    pub const ALL: [Self; 1] = [Self::PhoneCode];

    /// Whether the user has a factor of this kind.
    #[must_use]
    pub fn is_on(self, user: &User) -> bool {
        match self {
            Self::PhoneCode => user.phones.has_reserved_number(),
        }
    }
}

/// By what a code reaches its user. Another one is a variant here and an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A text message.
    Sms,
}

impl Channel {
    /// The word on the wire (contract 5.2).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
        }
    }
}

impl User {
    /// Whether a second factor is on. Backup codes stand behind another one and never alone.
    #[must_use]
    pub fn two_factor_enabled(&self) -> bool {
        SecondFactorKind::ALL.into_iter().any(|kind| kind.is_on(self))
    }
}
