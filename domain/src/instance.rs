//! What a back end may change about a running instance.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{BlocklistId, Country, E164, Timestamp};

/// The settings that the secret-key API changes; the configuration is the rest (contract 8.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceSettings {
    /// Countries that are not texted, although the allowlist has them.
    pub blocked_countries: BTreeSet<Country>,
    /// In the place of the configured test mode.
    pub test_mode: Option<bool>,
    /// In the place of the configured origins.
    pub allowed_origins: Option<Vec<String>>,
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
        self
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedNumber {
    /// The identifier, `blid_…`.
    pub id: BlocklistId,
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
