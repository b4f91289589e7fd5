//! What a back end may change about a running instance.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{AllowlistId, BlocklistId, Country, E164, Timestamp};

/// The settings that the secret-key API changes; the configuration is the rest (contract 8.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceSettings {
    /// Countries that are not texted, although the allowlist has them.
    pub blocked_countries: BTreeSet<Country>,
    /// In the place of the configured test mode.
    pub test_mode: Option<bool>,
    /// In the place of the configured origins.
    pub allowed_origins: Option<Vec<String>>,
    /// Whether only numbers on the allowlist are let in; no if not set.
    pub allowlist: Option<bool>,
    /// Whether numbers on the blocklist are kept out; yes if not set.
    pub blocklist: Option<bool>,
    /// Whether both lists are about sign-ups alone, and who has an account signs in whatever they say; yes if not set.
    pub lists_spare_sign_ins: Option<bool>,
}

/// Some settings anew; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// The whole list.
    pub blocked_countries: Option<BTreeSet<Country>>,
    /// See [`InstanceSettings::test_mode`].
    pub test_mode: Option<bool>,
    /// The whole list.
    pub allowed_origins: Option<Vec<String>>,
    /// See [`InstanceSettings::allowlist`].
    pub allowlist: Option<bool>,
    /// See [`InstanceSettings::blocklist`].
    pub blocklist: Option<bool>,
    /// See [`InstanceSettings::lists_spare_sign_ins`].
    pub lists_spare_sign_ins: Option<bool>,
}

impl InstanceSettings {
    /// These settings with what `change` gives.
    #[must_use]
    pub fn with(mut self, change: SettingsChange) -> Self {
        if let Some(countries) = change.blocked_countries {
            self.blocked_countries = countries;
        }
        self.test_mode = change.test_mode.or(self.test_mode);
        self.allowed_origins = change.allowed_origins.or(self.allowed_origins);
        self.allowlist = change.allowlist.or(self.allowlist);
        self.blocklist = change.blocklist.or(self.blocklist);
        self.lists_spare_sign_ins = change.lists_spare_sign_ins.or(self.lists_spare_sign_ins);
        self
    }

    /// What the lists of numbers decide.
    #[must_use]
    pub fn restrictions(&self) -> Restrictions {
        Restrictions {
            allowlist: self.allowlist.unwrap_or(false),
            blocklist: self.blocklist.unwrap_or(true),
            spare_sign_ins: self.lists_spare_sign_ins.unwrap_or(true),
        }
    }
}

/// Which lists of numbers decide who is let in, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restrictions {
    /// Only numbers on the allowlist are let in.
    pub allowlist: bool,
    /// Numbers on the blocklist are kept out.
    pub blocklist: bool,
    /// Both are about sign-ups alone.
    pub spare_sign_ins: bool,
}

/// By which way somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// With a new account.
    SignUp,
    /// With the account that is there.
    SignIn,
}

/// The settings as this process last read them. Clones share one.
///
/// The store has the word; a process that did not make a change itself follows within a second.
#[derive(Debug, Clone, Default)]
pub struct LiveSettings(Arc<RwLock<InstanceSettings>>);

impl LiveSettings {
    /// Takes what was read.
    pub fn set(&self, settings: InstanceSettings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Looks at the settings.
    pub fn read<T>(&self, look: impl FnOnce(&InstanceSettings) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A number with which nobody signs up.
pub type BlockedNumber = ListedNumber<BlocklistId>;

/// A number that is let in while only such ones are.
pub type AllowedNumber = ListedNumber<AllowlistId>;

/// A number on one of the lists that decide who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedNumber<Id> {
    /// The identifier: which list, and which entry.
    pub id: Id,
    /// The number.
    pub number: E164,
    /// When it was put on the list.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_stays() {
        let settings = InstanceSettings::default().with(SettingsChange {
            test_mode: Some(false),
            ..SettingsChange::default()
        });
        let settings = settings.with(SettingsChange {
            blocked_countries: Some(["GB".parse().unwrap()].into()),
            ..SettingsChange::default()
        });
        assert_eq!(settings.test_mode, Some(false));
        assert_eq!(settings.blocked_countries.len(), 1);
        let emptied = settings.with(SettingsChange {
            blocked_countries: Some(BTreeSet::new()),
            ..SettingsChange::default()
        });
        assert!(emptied.blocked_countries.is_empty());
    }
}
