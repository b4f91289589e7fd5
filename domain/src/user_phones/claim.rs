//! The number that an identity provider vouches for.

use super::{PhoneError, UserPhones};
use crate::phone_number::PhoneNumber;
use crate::policy::Policy;
use crate::verification::Verification;
use crate::{E164, PhoneNumberId, Timestamp};

impl UserPhones {
    /// The number that is linked to the user's account at the identity provider.
    #[must_use]
    pub fn linked(&self) -> Option<&PhoneNumber> {
        self.parts.numbers.iter().find(|number| number.linked)
    }

    /// Follows a provider that says that `number` is the user's, and whether it has verified that.
    ///
    /// A verified number is added, with `id`, or proven if it is here unproven, and linked. The one that was linked before
    /// is linked no longer; if the provider's word is all that proves it, it goes, and the new one becomes primary in its
    /// place; if the provider says of that very number that it is not verified, it stays without proof. What the user or a
    /// back end has proven stays as it is.
    ///
    /// A claim takes away neither a second factor nor the last number to sign in with: an account at the provider must not
    /// suffice to turn the second factor off, or to lock its user out. Such a number stays, proven and no longer linked.
    /// The answer is why.
    pub fn follow(
        &mut self,
        number: &E164,
        verified: bool,
        id: PhoneNumberId,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<PhoneError> {
        let last = self.linked().map(|linked| linked.id.clone());
        for own in &mut self.parts.numbers {
            own.linked = false;
        }
        if verified {
            self.link(number, id, now);
        }
        let last = last.filter(|last| self.get(last).is_some_and(|own| !own.linked))?;
        self.release(&last, number, now, policy).err()
    }

    fn link(&mut self, number: &E164, id: PhoneNumberId, now: Timestamp) {
        if self.find_by_number(number).is_none() {
            let new = PhoneNumber::unverified(id, number.clone(), self.next_created_at(now));
            self.parts.numbers.push(new);
        }
        if let Some(own) = self.parts.numbers.iter_mut().find(|own| own.number == *number) {
            if !own.is_verified() {
                own.verification = Verification::ByProvider;
                own.held = false;
            }
            own.linked = true;
        }
        self.restore_invariants(now);
    }

    /// Takes away what rests on the provider's word alone, now that it says `claimed`.
    fn release(
        &mut self,
        id: &PhoneNumberId,
        claimed: &E164,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<(), PhoneError> {
        let old = self.get(id).ok_or(PhoneError::NotFound)?;
        if old.verification != Verification::ByProvider {
            return Ok(());
        }
        if old.reserved_for_second_factor {
            return Err(PhoneError::LastSecondFactor);
        }
        if policy.used_for_first_factor && !self.another_identifies(id) {
            return Err(PhoneError::LastIdentificationRemoved);
        }
        if old.number == *claimed {
            return self.set_verified(id, false, now);
        }
        let heir = self
            .linked()
            .filter(|heir| heir.identifies())
            .map(|heir| heir.id.clone());
        if self.parts.primary.as_ref() == Some(id) && heir.is_some() {
            self.parts.primary = heir;
        }
        self.remove_by_admin(id, now)
    }
}

#[cfg(test)]
mod tests;
