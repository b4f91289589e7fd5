//! One phone number of one user.

use crate::verification::{BackEndVerification, Verification};
use crate::{E164, PhoneNumberId, Timestamp};

/// A phone number on a user: the `PhoneNumber` object of the contract (5.1).
///
/// Its fields change through [`UserPhones`](crate::UserPhones) alone, which keeps the rules that
/// span all numbers of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    /// The identifier, `idn_…`.
    pub id: PhoneNumberId,
    /// The number itself; `toString()` of the object.
    pub number: E164,
    /// How far its proof has come.
    pub verification: Verification,
    /// The verification that a back end drives, apart from the user's own (contract 8.4).
    pub by_back_end: Option<BackEndVerification>,
    /// Held for this user without being proven (`reserved` on the wire, set by a back end).
    pub held: bool,
    /// Used as a second factor; such a number no longer identifies the user at sign-in.
    pub reserved_for_second_factor: bool,
    /// Whether it is the number that the outside identity provider vouches for (`linked_to` on the wire).
    pub linked: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

impl PhoneNumber {
    /// A number that was just added and is not proven.
    #[must_use]
    pub const fn unverified(id: PhoneNumberId, number: E164, now: Timestamp) -> Self {
        Self {
            id,
            number,
            verification: Verification::Unprepared,
            by_back_end: None,
            held: false,
            reserved_for_second_factor: false,
            linked: false,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the number is proven.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verification.is_verified()
    }

    /// Whether the number is this user's alone, in the whole instance.
    #[must_use]
    pub const fn is_owned(&self) -> bool {
        self.is_verified() || self.held
    }

    /// Whether it is held for the user and waits to be proven.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held && !self.is_verified()
    }

    /// Whether a sign-in that begins with it is the user's: [it identifies](Self::identifies) the user, or will once the
    /// code of that very sign-in has proven it.
    #[must_use]
    pub const fn begins_sign_in(&self) -> bool {
        self.identifies() || self.is_held()
    }

    /// Whether the user can sign in with it: proven, and not set aside as a second factor.
    #[must_use]
    pub const fn identifies(&self) -> bool {
        self.is_verified() && !self.reserved_for_second_factor
    }
}
