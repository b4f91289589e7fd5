//! What an [`InstanceDirectory`] must do. The settings are one for a whole store: run it on one of its own.

use futures_util::future::join_all;

use super::given::{Random, later, number};
use crate::ports::InstanceDirectory;
use crate::{AllowedNumber, AllowlistId, BlockedNumber, BlocklistId, InstanceSettings, SettingsChange};

/// Everything.
pub async fn all(instance: &dyn InstanceDirectory) {
    settings_change_one_by_one(instance).await;
    changes_of_different_settings_do_not_undo_each_other(instance).await;
    numbers_are_blocked_once(instance).await;
    numbers_are_allowed_once(instance).await;
}

async fn settings_change_one_by_one(instance: &dyn InstanceDirectory) {
    assert_eq!(instance.settings().await.unwrap(), InstanceSettings::default());
    let countries = ["GB", "CH"].map(|code| code.parse().unwrap()).into();
    let change = SettingsChange {
        blocked_countries: Some(countries),
        allowed_origins: Some(vec!["https://app.example.com".to_owned(), "x\"'ü".to_owned()]),
        test_mode: Some(false),
        allowlist: Some(true),
        blocklist: Some(false),
        lists_spare_sign_ins: Some(false),
    };
    let changed = instance.change_settings(change.clone()).await.unwrap();
    // Whole, so that a new setting does not compile until it is changed here.
    let InstanceSettings {
        blocked_countries,
        test_mode,
        allowed_origins,
        allowlist,
        blocklist,
        lists_spare_sign_ins,
    } = changed.clone();
    assert_eq!(
        [allowlist, blocklist, lists_spare_sign_ins],
        [change.allowlist, change.blocklist, change.lists_spare_sign_ins]
    );
    assert_eq!(Some(blocked_countries), change.blocked_countries);
    assert_eq!((test_mode, allowed_origins), (change.test_mode, change.allowed_origins));
    assert_eq!(instance.settings().await.unwrap(), changed);
    let emptied = SettingsChange {
        allowed_origins: Some(Vec::new()),
        ..SettingsChange::default()
    };
    let changed = instance.change_settings(emptied).await.unwrap();
    assert_eq!(changed.allowed_origins, Some(Vec::new()));
    assert_eq!((changed.blocked_countries.len(), changed.test_mode), (2, Some(false)));
    assert_eq!(
        instance.change_settings(SettingsChange::default()).await.unwrap(),
        changed
    );
}

async fn changes_of_different_settings_do_not_undo_each_other(instance: &dyn InstanceDirectory) {
    let origins = SettingsChange {
        allowed_origins: Some(vec!["https://a.example".to_owned()]),
        ..SettingsChange::default()
    };
    let countries = SettingsChange {
        blocked_countries: Some(["FR".parse().unwrap()].into()),
        ..SettingsChange::default()
    };
    let both = (0..16).map(|at| {
        instance.change_settings(if at % 2 == 0 {
            origins.clone()
        } else {
            countries.clone()
        })
    });
    for changed in join_all(both).await {
        changed.unwrap();
    }
    let settings = instance.settings().await.unwrap();
    assert_eq!(settings.allowed_origins, origins.allowed_origins);
    assert_eq!(Some(settings.blocked_countries), countries.blocked_countries);
}

async fn numbers_are_blocked_once(instance: &dyn InstanceDirectory) {
    let entry = |at: u64, number: &crate::E164| BlockedNumber {
        id: BlocklistId::generate(later(at), &Random),
        number: number.clone(),
        created_at: later(at),
    };
    let (one, two) = (number(), number());
    assert!(!instance.is_blocked(&one).await.unwrap());
    let first = entry(0, &one);
    assert_eq!(instance.block(&first).await.unwrap(), first);
    assert_eq!(
        instance.block(&entry(1, &one)).await.unwrap(),
        first,
        "the entry that was there"
    );
    let second = instance.block(&entry(2, &two)).await.unwrap();
    assert!(instance.is_blocked(&one).await.unwrap());
    assert_eq!(
        instance.blocked().await.unwrap(),
        [second.clone(), first.clone()],
        "newest first"
    );
    let unblocked = join_all((0..8).map(|_| instance.unblock(&first.id))).await;
    let taken_off: Vec<_> = unblocked.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken_off, std::slice::from_ref(&first), "one of many takes it off");
    assert!(!instance.is_blocked(&one).await.unwrap());
    assert!(instance.is_blocked(&two).await.unwrap());
    assert_eq!(instance.unblock(&second.id).await.unwrap(), Some(second));
    assert_eq!(instance.blocked().await.unwrap(), []);
    let again = entry(3, &one);
    assert_eq!(instance.block(&again).await.unwrap(), again, "and it may come back");
    assert_eq!(
        instance.unblock(&again.id).await.unwrap().map(|entry| entry.created_at),
        Some(later(3))
    );
}

async fn numbers_are_allowed_once(instance: &dyn InstanceDirectory) {
    let entry = |at: u64, number: &crate::E164| AllowedNumber {
        id: AllowlistId::generate(later(at), &Random),
        number: number.clone(),
        created_at: later(at),
    };
    let (one, two) = (number(), number());
    let (first, second) = (entry(0, &one), entry(1, &two));
    assert!(!instance.is_allowed(&one).await.unwrap());
    assert_eq!(instance.allow(&first).await.unwrap(), first);
    assert_eq!(
        instance.allow(&entry(2, &one)).await.unwrap(),
        first,
        "the entry that was there"
    );
    assert_eq!(instance.allow(&second).await.unwrap(), second);
    assert_eq!(instance.allowed().await.unwrap(), [second.clone(), first.clone()]);
    assert!(instance.is_allowed(&one).await.unwrap());
    assert!(!instance.is_blocked(&one).await.unwrap(), "the lists are two");
    let taken = join_all((0..8).map(|_| instance.disallow(&first.id))).await;
    let taken: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, std::slice::from_ref(&first), "one of many takes it off");
    assert!(!instance.is_allowed(&one).await.unwrap());
    assert!(instance.is_allowed(&two).await.unwrap());
    assert_eq!(instance.disallow(&second.id).await.unwrap(), Some(second));
    assert_eq!(instance.allowed().await.unwrap(), []);
}
