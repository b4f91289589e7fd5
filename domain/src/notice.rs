//! What a user is told, because somebody else may have done it.

use std::fmt;

use crate::{E164, PhoneNumber, User};

/// Something that changed about how a user's identity is proven (NIST SP 800-63B-4 §4.6, ASVS 6.3.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A number was verified and added.
    NumberAdded(E164),
    /// A verified number was removed.
    NumberRemoved(E164),
    /// Another number became the primary one.
    PrimaryChanged(E164),
    /// A number became a second factor.
    SecondFactorAdded(E164),
    /// A number is a second factor no longer.
    SecondFactorRemoved(E164),
    /// The second factor was turned on.
    SecondFactorOn,
    /// The second factor was turned off.
    SecondFactorOff,
    /// There is a new set of backup codes.
    BackupCodesRenewed,
    /// A backup code was used.
    BackupCodeUsed,
    /// The first password was set.
    PasswordSet,
    /// The password was changed or reset.
    PasswordChanged,
    /// The password was removed.
    PasswordRemoved,
    /// Too many wrong factors have locked the account.
    Locked,
    /// E-mails like this one go to another address from now on.
    EmailChanged,
}

impl Notice {
    /// The word under which it is kept.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NumberAdded(_) => "notice.number_added",
            Self::NumberRemoved(_) => "notice.number_removed",
            Self::PrimaryChanged(_) => "notice.primary_changed",
            Self::SecondFactorAdded(_) => "notice.second_factor_added",
            Self::SecondFactorRemoved(_) => "notice.second_factor_removed",
            Self::SecondFactorOn => "notice.second_factor_on",
            Self::SecondFactorOff => "notice.second_factor_off",
            Self::BackupCodesRenewed => "notice.backup_codes_renewed",
            Self::BackupCodeUsed => "notice.backup_code_used",
            Self::PasswordSet => "notice.password_set",
            Self::PasswordChanged => "notice.password_changed",
            Self::PasswordRemoved => "notice.password_removed",
            Self::Locked => "notice.locked",
            Self::EmailChanged => "notice.email_changed",
        }
    }

    /// Whether it is worth a text; everything is worth an e-mail.
    #[must_use]
    pub const fn is_texted(&self) -> bool {
        !matches!(self, Self::BackupCodeUsed | Self::EmailChanged)
    }

    /// What happened between two states of a user.
    #[must_use]
    pub fn between(before: &User, after: &User) -> Vec<Self> {
        let mut notices = Vec::new();
        of_numbers(before, after, &mut notices);
        of_second_factors(before, after, &mut notices);
        of_backup_codes(before, after, &mut notices);
        match (&before.password, &after.password) {
            (None, Some(_)) => notices.push(Self::PasswordSet),
            (Some(_), None) => notices.push(Self::PasswordRemoved),
            (Some(old), Some(new)) if old.hash != new.hash => notices.push(Self::PasswordChanged),
            _ => {}
        }
        if after.locked_until > before.locked_until {
            notices.push(Self::Locked);
        }
        let email = |user: &User| user.profile.notice_email.clone();
        if email(before).is_some() && email(before) != email(after) {
            notices.push(Self::EmailChanged);
        }
        notices
    }

    /// The verified numbers that are told of `notices` by text, those first that are concerned: all that the user had
    /// before. Where nothing else happened, the number that has just become the primary one is not told: it is known there.
    #[must_use]
    pub fn recipients<'u>(notices: &[Self], before: &'u User) -> Vec<&'u E164> {
        let lost = |number: &E164| {
            notices.iter().any(|notice| match notice {
                Self::NumberRemoved(removed) | Self::SecondFactorRemoved(removed) => removed == number,
                _ => false,
            })
        };
        let acting = |number: &E164| match notices {
            [Self::PrimaryChanged(primary)] => primary == number,
            _ => false,
        };
        let verified = before.phones.numbers().iter().filter(|number| number.is_verified());
        let mut told: Vec<&E164> = verified
            .map(|number| &number.number)
            .filter(|number| !acting(number))
            .collect();
        told.sort_by_key(|number| !lost(number));
        told
    }
}

fn verified(user: &User) -> impl Iterator<Item = &PhoneNumber> {
    user.phones.numbers().iter().filter(|number| number.is_verified())
}

fn of_numbers(before: &User, after: &User, notices: &mut Vec<Notice>) {
    let has = |user: &User, number: &E164| verified(user).any(|known| known.number == *number);
    let added = verified(after).filter(|number| !has(before, &number.number));
    notices.extend(added.map(|number| Notice::NumberAdded(number.number.clone())));
    let removed = verified(before).filter(|number| !has(after, &number.number));
    notices.extend(removed.map(|number| Notice::NumberRemoved(number.number.clone())));
    // A first number becomes primary by itself, and so does an heir.
    let kept = before
        .phones
        .primary()
        .is_some_and(|id| after.phones.get(id).is_some_and(PhoneNumber::is_verified));
    let primary = after
        .phones
        .primary()
        .filter(|id| kept && before.phones.primary() != Some(id));
    if let Some(number) = primary.and_then(|id| after.phones.get(id)) {
        notices.push(Notice::PrimaryChanged(number.number.clone()));
    }
}

fn of_second_factors(before: &User, after: &User, notices: &mut Vec<Notice>) {
    match (before.two_factor_enabled(), after.two_factor_enabled()) {
        (false, true) => notices.push(Notice::SecondFactorOn),
        (true, false) => notices.push(Notice::SecondFactorOff),
        (true, true) => {
            let reserved = |user: &User, number: &E164| {
                let number = user.phones.find_by_number(number);
                number.is_some_and(|number| number.reserved_for_second_factor)
            };
            for number in after.phones.numbers() {
                if reserved(after, &number.number) && !reserved(before, &number.number) {
                    notices.push(Notice::SecondFactorAdded(number.number.clone()));
                }
            }
            for number in before.phones.numbers() {
                // One that is gone altogether is told of as removed.
                let still_there = after.phones.find_by_number(&number.number).is_some();
                if still_there && reserved(before, &number.number) && !reserved(after, &number.number) {
                    notices.push(Notice::SecondFactorRemoved(number.number.clone()));
                }
            }
        }
        (false, false) => {}
    }
}

fn of_backup_codes(before: &User, after: &User, notices: &mut Vec<Notice>) {
    let (old, new) = (&before.phones.parts().backup_codes, &after.phones.parts().backup_codes);
    let same_set = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.hash == new.hash);
    if same_set {
        let used = old.iter().zip(new);
        let used = used.filter(|(old, new)| old.used_at.is_none() && new.used_at.is_some());
        notices.extend(used.take(1).map(|_| Notice::BackupCodeUsed));
    } else if !old.is_empty() && !new.is_empty() {
        notices.push(Notice::BackupCodesRenewed);
    }
}

/// A sentence for the user.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberAdded(number) => {
                write!(f, "The phone number {} was added to your account.", number.safe())
            }
            Self::NumberRemoved(number) => {
                write!(f, "The phone number {} was removed from your account.", number.safe())
            }
            Self::PrimaryChanged(number) => {
                write!(
                    f,
                    "The phone number {} became the primary one of your account.",
                    number.safe()
                )
            }
            Self::SecondFactorAdded(number) => {
                write!(
                    f,
                    "The phone number {} became a second factor of your account.",
                    number.safe()
                )
            }
            Self::SecondFactorRemoved(number) => {
                write!(
                    f,
                    "The phone number {} is no longer a second factor of your account.",
                    number.safe()
                )
            }
            Self::SecondFactorOn => f.write_str("Two-step verification was turned on for your account."),
            Self::SecondFactorOff => f.write_str("Two-step verification was turned off for your account."),
            Self::BackupCodesRenewed => {
                f.write_str("New backup codes were made for your account; the old ones no longer work.")
            }
            Self::BackupCodeUsed => f.write_str("A backup code was used to sign in to your account."),
            Self::PasswordSet => f.write_str("A password was set for your account."),
            Self::PasswordChanged => f.write_str("The password of your account was changed."),
            Self::PasswordRemoved => f.write_str("The password of your account was removed."),
            Self::EmailChanged => f.write_str("The e-mail address for notices like this one was changed."),
            Self::Locked => f.write_str("Your account was locked because of too many wrong codes or passwords."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;
    use crate::{AdminNumber, CodeHash, PasswordHash, PhoneNumberId, Standing, Timestamp};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn id(n: usize) -> PhoneNumberId {
        format!("idn_{n:027}").parse().unwrap()
    }

    fn number(n: usize) -> E164 {
        format!("+1415555267{n}").parse().unwrap()
    }

    fn codes(byte: u8) -> [CodeHash; 1] {
        [CodeHash::from_bytes([byte; 32])]
    }

    /// With these verified numbers, of which some are second factors, and a backup code if one is.
    fn user(numbers: usize, reserved: &[usize]) -> User {
        let mut user = User::new("user_a".parse().unwrap(), NOW);
        for n in 1..=numbers {
            let new = AdminNumber {
                id: id(n),
                number: number(n),
                standing: Standing::Verified,
                primary: false,
                reserved_for_second_factor: reserved.contains(&n),
            };
            user.phones.add_by_admin(new, &codes(1), NOW).unwrap();
        }
        user
    }

    fn notices(before: &User, change: impl FnOnce(&mut User)) -> Vec<Notice> {
        let mut after = before.clone();
        change(&mut after);
        Notice::between(before, &after)
    }

    fn password(text: &str) -> PasswordHash {
        PasswordHash::new(text.to_owned())
    }

    #[test]
    fn numbers_are_told_of_when_they_are_proven_and_when_they_go() {
        let before = user(2, &[]);
        let added = |user: &mut User| user.phones.add(id(3), number(3), NOW, &policy()).unwrap();
        assert_eq!(notices(&before, added), [], "not proven");
        let proven = |user: &mut User| {
            added(user);
            user.phones.set_verified(&id(3), true, NOW).unwrap();
        };
        assert_eq!(notices(&before, proven), [Notice::NumberAdded(number(3))]);
        let removed = |n| notices(&before, move |user| user.phones.remove_by_admin(&id(n), NOW).unwrap());
        assert_eq!(removed(2), [Notice::NumberRemoved(number(2))]);
        assert_eq!(
            removed(1),
            [Notice::NumberRemoved(number(1))],
            "the heir is primary by itself"
        );
        let primary = notices(&before, |user| user.phones.make_primary(&id(2)).unwrap());
        assert_eq!(primary, [Notice::PrimaryChanged(number(2))]);
        let first = notices(&user(0, &[]), proven);
        assert_eq!(
            first,
            [Notice::NumberAdded(number(3))],
            "the first is primary by itself"
        );
    }

    #[test]
    fn second_factors_are_told_of() {
        let reserve = |user: &mut User, n| {
            user.phones.reserve_by_admin(&id(n), &codes(1), NOW).unwrap();
        };
        let release = |user: &mut User, n| user.phones.unreserve(&id(n), NOW).unwrap();
        assert_eq!(
            notices(&user(3, &[]), |user| reserve(user, 2)),
            [Notice::SecondFactorOn]
        );
        assert_eq!(
            notices(&user(3, &[2]), |user| release(user, 2)),
            [Notice::SecondFactorOff]
        );
        let added = notices(&user(3, &[2]), |user| reserve(user, 3));
        assert_eq!(added, [Notice::SecondFactorAdded(number(3))]);
        let removed = notices(&user(3, &[2, 3]), |user| release(user, 3));
        assert_eq!(removed, [Notice::SecondFactorRemoved(number(3))]);
        let gone = notices(&user(3, &[2, 3]), |user| {
            user.phones.remove_by_admin(&id(3), NOW).unwrap();
        });
        assert_eq!(gone, [Notice::NumberRemoved(number(3))], "told of once");
    }

    #[test]
    fn backup_codes_are_told_of_when_they_are_renewed_and_used() {
        let before = user(2, &[2]);
        let renewed = notices(&before, |user| user.phones.set_backup_codes(&codes(2)));
        assert_eq!(renewed, [Notice::BackupCodesRenewed]);
        let used = notices(&before, |user| {
            user.phones.redeem_backup_code(codes(1)[0], NOW).unwrap();
        });
        assert_eq!(used, [Notice::BackupCodeUsed]);
    }

    #[test]
    fn passwords_and_locks_are_told_of() {
        let without = user(1, &[]);
        let mut with = without.clone();
        with.set_password(Some(password("hash")), NOW);
        assert_eq!(Notice::between(&without, &with), [Notice::PasswordSet]);
        assert_eq!(Notice::between(&with, &without), [Notice::PasswordRemoved]);
        let changed = notices(&with, |user| user.set_password(Some(password("other")), NOW));
        assert_eq!(changed, [Notice::PasswordChanged]);
        let locked = notices(&with, |user| user.locked_until = Some(NOW));
        assert_eq!(locked, [Notice::Locked]);
        let mut unlocked = with.clone();
        unlocked.locked_until = Some(NOW);
        assert_eq!(notices(&unlocked, User::unlock), []);
    }

    #[test]
    fn nobody_is_told_of_names_and_failures() {
        let nothing = notices(&user(2, &[2]), |user| {
            user.profile.first_name = Some("Ada".parse().unwrap());
            user.failures.password.count(NOW);
            user.seen(NOW);
            user.banned = true;
        });
        assert_eq!(nothing, []);
    }

    #[test]
    fn all_verified_numbers_from_before_are_texted_the_lost_ones_first() {
        let mut before = user(3, &[]);
        before.phones.add(id(4), number(4), NOW, &policy()).unwrap();
        let told = |notices: &[Notice]| -> Vec<E164> {
            let numbers = Notice::recipients(notices, &before);
            numbers.into_iter().cloned().collect()
        };
        let all = [1, 2, 3].map(number);
        assert_eq!(told(&[Notice::PasswordChanged]), all);
        assert_eq!(told(&[Notice::NumberAdded(number(5))]), all, "not the new one");
        assert_eq!(told(&[Notice::NumberRemoved(number(2))]), [2, 1, 3].map(number));
        assert_eq!(told(&[Notice::SecondFactorRemoved(number(3))]), [3, 1, 2].map(number));
        assert_eq!(told(&[Notice::PrimaryChanged(number(2))]), [1, 3].map(number));
        let more = [Notice::PrimaryChanged(number(2)), Notice::PasswordChanged];
        assert_eq!(told(&more), all, "if more happened, it is told of everywhere");
    }

    #[test]
    fn a_used_backup_code_alone_is_worth_no_text() {
        assert!(!Notice::BackupCodeUsed.is_texted());
        assert!(Notice::Locked.is_texted() && Notice::NumberAdded(number(1)).is_texted());
    }

    #[test]
    fn sentences_mask_numbers() {
        let sentence = Notice::NumberAdded(number(1)).to_string();
        assert_eq!(sentence, "The phone number +1******2671 was added to your account.");
    }
}
