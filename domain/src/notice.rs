//! What a user is told by e-mail, because somebody else may have done it.

use std::fmt;

use crate::{PhoneNumber, User};

/// Something that changed about how a user proves to be the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A number was proven and added; masked.
    NumberAdded(String),
    /// A proven number was removed; masked.
    NumberRemoved(String),
    /// The second factor was turned on.
    SecondFactorOn,
    /// The second factor was turned off.
    SecondFactorOff,
    /// There is a new set of backup codes.
    BackupCodesRenewed,
    /// A backup code was used.
    BackupCodeUsed,
}

impl Notice {
    /// The word under which it is kept.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NumberAdded(_) => "notice.number_added",
            Self::NumberRemoved(_) => "notice.number_removed",
            Self::SecondFactorOn => "notice.second_factor_on",
            Self::SecondFactorOff => "notice.second_factor_off",
            Self::BackupCodesRenewed => "notice.backup_codes_renewed",
            Self::BackupCodeUsed => "notice.backup_code_used",
        }
    }

    /// What happened between two states of a user.
    #[must_use]
    pub fn between(before: &User, after: &User) -> Vec<Self> {
        let proven = |user: &User| -> Vec<PhoneNumber> {
            let numbers = user.phones.numbers().iter();
            numbers.filter(|number| number.is_verified()).cloned().collect()
        };
        let (old, new) = (proven(before), proven(after));
        let is_in =
            |numbers: &[PhoneNumber], number: &PhoneNumber| numbers.iter().any(|known| known.number == number.number);
        let added = new.iter().filter(|number| !is_in(&old, number));
        let removed = old.iter().filter(|number| !is_in(&new, number));
        let mut notices: Vec<Self> = added.map(|number| Self::NumberAdded(number.number.safe())).collect();
        notices.extend(removed.map(|number| Self::NumberRemoved(number.number.safe())));
        match (before.phones.two_factor_enabled(), after.phones.two_factor_enabled()) {
            (false, true) => notices.push(Self::SecondFactorOn),
            (true, false) => notices.push(Self::SecondFactorOff),
            _ => {}
        }
        let (old, new) = (&before.phones.parts().backup_codes, &after.phones.parts().backup_codes);
        let same_set = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.hash == new.hash);
        if same_set {
            let used = old
                .iter()
                .zip(new)
                .any(|(old, new)| old.used_at.is_none() && new.used_at.is_some());
            notices.extend(used.then_some(Self::BackupCodeUsed));
        } else if !old.is_empty() && !new.is_empty() {
            notices.push(Self::BackupCodesRenewed);
        }
        notices
    }
}

/// A sentence for the user.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberAdded(number) => write!(f, "The phone number {number} was added to your account."),
            Self::NumberRemoved(number) => write!(f, "The phone number {number} was removed from your account."),
            Self::SecondFactorOn => f.write_str("Two-step verification was turned on for your account."),
            Self::SecondFactorOff => f.write_str("Two-step verification was turned off for your account."),
            Self::BackupCodesRenewed => {
                f.write_str("New backup codes were made for your account; the old ones no longer work.")
            }
            Self::BackupCodeUsed => f.write_str("A backup code was used to sign in to your account."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;
    use crate::{AdminNumber, CodeHash, PhoneNumberId, Standing, Timestamp};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn changed(before: &User, change: impl FnOnce(&mut User)) -> (User, Vec<Notice>) {
        let mut after = before.clone();
        change(&mut after);
        let notices = Notice::between(before, &after);
        (after, notices)
    }

    fn add(user: &mut User, number: &str, second: bool) -> PhoneNumberId {
        let entropy = Counting::from(u64::from(u8::try_from(user.phones.numbers().len()).unwrap()));
        let new = AdminNumber {
            id: PhoneNumberId::generate(NOW, &entropy),
            number: number.parse().unwrap(),
            standing: Standing::Verified,
            primary: false,
            reserved_for_second_factor: second,
        };
        let id = new.id.clone();
        user.phones
            .add_by_admin(new, &[CodeHash::from_bytes([1; 32])], NOW)
            .unwrap();
        id
    }

    #[test]
    fn what_happened_is_told_once_and_nothing_else() {
        let user = User::new("user_a".parse().unwrap(), NOW);
        let (user, notices) = changed(&user, |user| {
            add(user, "+14155552671", false);
        });
        assert_eq!(notices, [Notice::NumberAdded("+1******2671".to_owned())]);
        let (user, notices) = changed(&user, |user| {
            add(user, "+14155552672", true);
        });
        assert_eq!(
            notices,
            [Notice::NumberAdded("+1******2672".to_owned()), Notice::SecondFactorOn]
        );
        let (user, notices) = changed(&user, |user| {
            user.phones
                .redeem_backup_code(CodeHash::from_bytes([1; 32]), NOW)
                .unwrap();
        });
        assert_eq!(notices, [Notice::BackupCodeUsed]);
        let (user, notices) = changed(&user, |user| {
            user.phones
                .renew_backup_codes(&[CodeHash::from_bytes([2; 32])])
                .unwrap();
        });
        assert_eq!(notices, [Notice::BackupCodesRenewed]);
        let (user, notices) = changed(&user, |user| user.banned = true);
        assert_eq!(notices, []);
        let (user, notices) = changed(&user, |user| user.phones.disable_second_factors(NOW));
        assert_eq!(notices, [Notice::SecondFactorOff]);
        let (_, notices) = changed(&user, |user| {
            let id = user.phones.numbers()[1].id.clone();
            user.phones.remove_by_admin(&id, NOW).unwrap();
        });
        assert_eq!(notices, [Notice::NumberRemoved("+1******2672".to_owned())]);
    }
}
