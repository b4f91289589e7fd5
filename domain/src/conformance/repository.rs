//! [`Repository<User>`]: loads what was committed, and refuses what is outdated or taken.

use super::given::{
    NOW, RIGHT, WRONG, another, changed, complete_user, loaded, number, policy, random, replacing, second_factor,
    stored, unverified, user, user_id, user_with, verified,
};
use super::races;
use crate::ports::{Change, CommitError, Loaded, Repository, Unique};
use crate::{PhoneNumber, User, Verification};

/// The whole suite.
pub async fn all(store: &dyn Repository<User>) {
    nobody_is_read_who_was_not_written(store).await;
    every_field_is_read_as_it_was_written(store).await;
    every_field_can_change(store).await;
    a_change_of_an_outdated_revision_is_stale(store).await;
    creating_twice_is_stale(store).await;
    a_user_made_anew_is_another_one(store).await;
    deleting_takes_everything_along(store).await;
    what_is_taken_is_refused_and_nothing_written(store).await;
    an_unverified_number_may_stand_on_many_users(store).await;
    a_number_that_is_given_up_is_free(store).await;
    names_that_are_given_up_are_free(store).await;
    default_and_primary_move_either_way(store).await;
    a_number_may_be_removed_and_added_at_once(store).await;
    backup_codes_come_and_go(store).await;
    races::all(store).await;
}

async fn nobody_is_read_who_was_not_written(store: &dyn Repository<User>) {
    assert_eq!(store.load(&user_id()).await.unwrap(), None);
}

async fn every_field_is_read_as_it_was_written(store: &dyn Repository<User>) {
    for user in [user(), complete_user()] {
        assert_eq!(stored(store, &user).await.aggregate, user);
    }
    // The longest `sub` of an identity provider, with what would hurt an unquoted query.
    let strange = format!("a'b\"%_\\|{:016x}", random());
    let id = format!("{strange:x<255}").parse().unwrap();
    let strange = User { id, ..user() };
    assert_eq!(stored(store, &strange).await.aggregate, strange);
}

async fn every_field_can_change(store: &dyn Repository<User>) {
    let (plain, complete) = (user(), complete_user());
    let before = stored(store, &plain).await;
    let first = before.revision;
    let turn = |into: &User| {
        let (id, into) = (plain.id.clone(), into.clone());
        move |user: &mut User| *user = User { id, ..into }
    };
    let filled = changed(store, before, turn(&complete)).await;
    assert_ne!(filled.revision, first);
    let emptied = changed(store, filled, turn(&plain)).await;
    // One at a time as well, for a store that writes what differs.
    let seen = changed(store, emptied, |user| user.last_active_at = Some(NOW)).await;
    let named = changed(store, seen, |user| user.profile.locale = Some("fr".parse().unwrap())).await;
    let made = changed(store, named, |user| user.created_at = super::given::later(1)).await;
    changed(store, made, |user| user.banned = true).await;
}

async fn a_change_of_an_outdated_revision_is_stale(store: &dyn Repository<User>) {
    let read = stored(store, &user_with(vec![verified(0)])).await;
    let first = changed(store, read.clone(), |user| user.banned = true).await;
    let outdated = [
        replacing(read.clone(), |user| user.phones = crate::UserPhones::default()),
        Change::Delete(read.clone()),
        Change::Delete(Loaded {
            revision: another(first.revision),
            ..first.clone()
        }),
    ];
    for change in outdated {
        assert!(matches!(store.commit(change).await, Err(CommitError::Stale)));
        assert_eq!(loaded(store, &first.aggregate.id).await, first);
    }
    // Somebody who never was cannot change either.
    let nobody = Loaded {
        aggregate: user(),
        ..read
    };
    for change in [
        replacing(nobody.clone(), |user| user.banned = true),
        Change::Delete(nobody),
    ] {
        assert!(matches!(store.commit(change).await, Err(CommitError::Stale)));
    }
}

async fn creating_twice_is_stale(store: &dyn Repository<User>) {
    for user in [user(), complete_user()] {
        let first = stored(store, &user).await;
        assert!(matches!(
            store.commit(Change::Create(user.clone())).await,
            Err(CommitError::Stale)
        ));
        assert_eq!(loaded(store, &user.id).await, first);
    }
}

async fn a_user_made_anew_is_another_one(store: &dyn Repository<User>) {
    let user = user();
    let old = stored(store, &user).await;
    store.commit(Change::Delete(old.clone())).await.unwrap();
    let new = stored(store, &user).await;
    for change in [replacing(old.clone(), |user| user.banned = true), Change::Delete(old)] {
        assert!(matches!(store.commit(change).await, Err(CommitError::Stale)));
    }
    assert_eq!(loaded(store, &user.id).await, new);
}

async fn deleting_takes_everything_along(store: &dyn Repository<User>) {
    let user = complete_user();
    let read = stored(store, &user).await;
    store.commit(Change::Delete(read)).await.unwrap();
    assert_eq!(store.load(&user.id).await.unwrap(), None);
    // Numbers, names and even the rows' ids are free again.
    assert_eq!(stored(store, &user).await.aggregate, user);
}

async fn what_is_taken_is_refused_and_nothing_written(store: &dyn Repository<User>) {
    let owner = complete_user();
    stored(store, &owner).await;
    let numbers = owner.phones.numbers();
    let unique = numbers.iter().filter(|number| number.is_owned());
    let mut wanted: Vec<(Unique, User)> = unique
        .map(|number| {
            let number = PhoneNumber {
                number: number.number.clone(),
                ..verified(1)
            };
            (Unique::PhoneNumber, user_with(vec![verified(0), number]))
        })
        .collect();
    assert_eq!(wanted.len(), 4);
    let named = |edit: fn(&mut User, &User)| {
        let mut user = user_with(vec![verified(0)]);
        edit(&mut user, &owner);
        user
    };
    let username = |user: &mut User, owner: &User| user.profile.username.clone_from(&owner.profile.username);
    let external_id = |user: &mut User, owner: &User| user.profile.external_id.clone_from(&owner.profile.external_id);
    wanted.push((Unique::Username, named(username)));
    wanted.push((Unique::ExternalId, named(external_id)));
    for (what, wish) in wanted {
        let answer = store.commit(Change::Create(wish.clone())).await;
        assert!(
            matches!(answer, Err(CommitError::Taken(taken)) if taken == what),
            "{answer:?}"
        );
        assert_eq!(store.load(&wish.id).await.unwrap(), None);

        let plain = User {
            id: wish.id.clone(),
            ..user()
        };
        let before = stored(store, &plain).await;
        let answer = store
            .commit(replacing(before.clone(), |user| *user = wish.clone()))
            .await;
        assert!(
            matches!(answer, Err(CommitError::Taken(taken)) if taken == what),
            "{answer:?}"
        );
        assert_eq!(loaded(store, &wish.id).await, before);
    }
}

async fn an_unverified_number_may_stand_on_many_users(store: &dyn Repository<User>) {
    let number = number();
    for _ in 0..3 {
        let row = PhoneNumber {
            number: number.clone(),
            ..unverified(0)
        };
        stored(store, &user_with(vec![row])).await;
    }
    let row = PhoneNumber { number, ..verified(0) };
    stored(store, &user_with(vec![row])).await;
}

async fn a_number_that_is_given_up_is_free(store: &dyn Repository<User>) {
    let give_up: [fn(&mut User); 3] = [
        |user| {
            user.phones
                .set_verified(&user.phones.numbers()[0].id.clone(), false, NOW)
                .unwrap();
        },
        |user| {
            user.phones
                .remove_by_admin(&user.phones.numbers()[0].id.clone(), NOW)
                .unwrap();
        },
        |user| user.phones = crate::UserPhones::default(),
    ];
    for edit in give_up {
        let owner = user_with(vec![verified(0)]);
        let read = stored(store, &owner).await;
        let heir = user_with(vec![PhoneNumber {
            number: owner.phones.numbers()[0].number.clone(),
            ..verified(0)
        }]);
        assert!(matches!(
            store.commit(Change::Create(heir.clone())).await,
            Err(CommitError::Taken(_))
        ));
        changed(store, read, edit).await;
        stored(store, &heir).await;
    }
}

async fn names_that_are_given_up_are_free(store: &dyn Repository<User>) {
    let (mut one, mut other) = (complete_user(), user());
    let read = stored(store, &one).await;
    let names = std::mem::take(&mut one.profile);
    changed(store, read, |user| user.profile = one.profile.clone()).await;
    other.profile = names;
    assert_eq!(stored(store, &other).await.aggregate, other);
}

async fn default_and_primary_move_either_way(store: &dyn Repository<User>) {
    let user = user_with(vec![second_factor(0), verified(1), second_factor(2), verified(3)]);
    let ids: Vec<_> = user.phones.numbers().iter().map(|number| number.id.clone()).collect();
    let mut read = stored(store, &user).await;
    for (default, primary) in [(2, 1), (0, 3), (2, 0), (0, 1)] {
        read = changed(store, read, |user| {
            user.phones.make_default_second_factor(&ids[default]).unwrap();
            user.phones.make_primary(&ids[primary]).unwrap();
        })
        .await;
    }
    // It passes on to a number that becomes a second factor in the same change, and off.
    let read = changed(store, read, |user| {
        user.phones.reserve_by_admin(&ids[1], &[], NOW).unwrap();
        user.phones.make_default_second_factor(&ids[1]).unwrap();
        user.phones.unreserve(&ids[0], NOW).unwrap();
    })
    .await;
    let read = changed(store, read, |user| user.phones.remove_by_admin(&ids[1], NOW).unwrap()).await;
    assert!(read.aggregate.phones.is_default_second_factor(&ids[2]));
    changed(store, read, |user| user.phones.disable_second_factors(NOW)).await;
}

async fn a_number_may_be_removed_and_added_at_once(store: &dyn Repository<User>) {
    let user = user_with(vec![verified(0), verified(1)]);
    let read = stored(store, &user).await;
    let old = user.phones.numbers()[0].clone();
    let read = changed(store, read, |user| {
        user.phones.remove_by_admin(&old.id, NOW).unwrap();
        let id = super::given::number_id(NOW);
        user.phones
            .add(id, old.number.clone(), super::given::later(2), &policy())
            .unwrap();
    })
    .await;
    // Two rows swap their numbers: no rule does it, yet a store that writes what differs must not choke.
    changed(store, read, |user| {
        let mut parts = user.phones.parts().clone();
        let [one, other] = &mut parts.numbers[..] else {
            unreachable!("two numbers")
        };
        std::mem::swap(&mut one.number, &mut other.number);
        other.verification = Verification::ByAdmin;
        user.phones = crate::UserPhones::restore(parts).unwrap();
    })
    .await;
}

async fn backup_codes_come_and_go(store: &dyn Repository<User>) {
    let mut read = stored(store, &user_with(vec![second_factor(0)])).await;
    for codes in [&[WRONG, RIGHT][..], &[RIGHT; 10], &[WRONG; 10], &[RIGHT], &[], &[RIGHT]] {
        read = changed(store, read, |user| user.phones.set_backup_codes(codes)).await;
    }
    let read = changed(store, read, |user| user.phones.redeem_backup_code(RIGHT, NOW).unwrap()).await;
    changed(store, read, |user| user.phones.set_backup_codes(&[WRONG, WRONG])).await;
}
