//! [`Repository<User>`](crate::ports::Repository) and [`Commit`](crate::ports::Commit): loads what was committed, and
//! refuses what is outdated or taken.

use super::full;
use super::given::{
    NOW, RIGHT, WRONG, another, changed, commit, loaded, number, policy, random, replacing, second_factor, stored,
    unverified, user, user_id, user_with, verified,
};
use super::races;
use crate::change::Stores;
use crate::ports::{Change, CommitError, Loaded, Unique};
use crate::{PhoneNumber, User, Verification};

/// The whole suite.
pub async fn all(store: Stores<'_>) {
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

async fn nobody_is_read_who_was_not_written(store: Stores<'_>) {
    assert_eq!(store.users.load(&user_id()).await.unwrap(), None);
}

async fn every_field_is_read_as_it_was_written(store: Stores<'_>) {
    for user in [user(), full::user(0)] {
        assert_eq!(stored(store, &user).await.aggregate, user);
    }
    // The longest `sub` of an identity provider, with what would hurt an unquoted query.
    let strange = format!("a'b\"%_\\|{:016x}", random());
    let id = format!("{strange:x<255}").parse().unwrap();
    let strange = User { id, ..user() };
    assert_eq!(stored(store, &strange).await.aggregate, strange);
}

async fn every_field_can_change(store: Stores<'_>) {
    let plain = user();
    let mut read = stored(store, &plain).await;
    let first = read.revision;
    let id = plain.id.clone();
    let filled = User { id, ..full::user(0) };
    read = changed(store, read, |user| *user = filled).await;
    assert_ne!(read.revision, first);
    // One at a time, for a store that writes what differs.
    for turn in 1..=full::TURNS {
        let next = full::user_anew(&read.aggregate, turn);
        for (name, copy) in full::fields_of_user() {
            let was = read.aggregate.clone();
            read = changed(store, read, |user| copy(user, &next)).await;
            assert_ne!(read.aggregate, was, "{name} at turn {turn}");
        }
        assert_eq!(read.aggregate, next);
    }
    let next = full::user_anew(&read.aggregate, 1);
    for (name, copy) in full::fields_of_profile() {
        let was = read.aggregate.clone();
        read = changed(store, read, |user| copy(&mut user.profile, &next.profile)).await;
        assert_ne!(read.aggregate, was, "{name}");
    }
    // And all at once.
    for turn in 0..2 {
        read = changed(store, read, |user| *user = full::user_anew(user, turn)).await;
    }
    changed(store, read, |user| *user = plain).await;
}

async fn a_change_of_an_outdated_revision_is_stale(store: Stores<'_>) {
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
        assert!(matches!(commit(store, change).await, Err(CommitError::Stale)));
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
        assert!(matches!(commit(store, change).await, Err(CommitError::Stale)));
    }
}

async fn creating_twice_is_stale(store: Stores<'_>) {
    for user in [user(), full::user(0)] {
        let first = stored(store, &user).await;
        assert!(matches!(
            commit(store, Change::Create(user.clone())).await,
            Err(CommitError::Stale)
        ));
        assert_eq!(loaded(store, &user.id).await, first);
    }
}

async fn a_user_made_anew_is_another_one(store: Stores<'_>) {
    let user = user();
    let old = stored(store, &user).await;
    commit(store, Change::Delete(old.clone())).await.unwrap();
    let new = stored(store, &user).await;
    for change in [replacing(old.clone(), |user| user.banned = true), Change::Delete(old)] {
        assert!(matches!(commit(store, change).await, Err(CommitError::Stale)));
    }
    assert_eq!(loaded(store, &user.id).await, new);
}

async fn deleting_takes_everything_along(store: Stores<'_>) {
    let user = full::user(0);
    let read = stored(store, &user).await;
    commit(store, Change::Delete(read)).await.unwrap();
    assert_eq!(store.users.load(&user.id).await.unwrap(), None);
    // Numbers, names and even the rows' ids are free again.
    assert_eq!(stored(store, &user).await.aggregate, user);
}

async fn what_is_taken_is_refused_and_nothing_written(store: Stores<'_>) {
    let owner = full::user(0);
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
    assert_eq!(wanted.len(), 10, "verified or held");
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
        let answer = commit(store, Change::Create(wish.clone())).await;
        assert!(
            matches!(answer, Err(CommitError::Taken(taken)) if taken == what),
            "{answer:?}"
        );
        assert_eq!(store.users.load(&wish.id).await.unwrap(), None);

        let plain = User {
            id: wish.id.clone(),
            ..user()
        };
        let before = stored(store, &plain).await;
        let answer = commit(store, replacing(before.clone(), |user| *user = wish.clone())).await;
        assert!(
            matches!(answer, Err(CommitError::Taken(taken)) if taken == what),
            "{answer:?}"
        );
        assert_eq!(loaded(store, &wish.id).await, before);
    }
}

async fn an_unverified_number_may_stand_on_many_users(store: Stores<'_>) {
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

async fn a_number_that_is_given_up_is_free(store: Stores<'_>) {
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
            commit(store, Change::Create(heir.clone())).await,
            Err(CommitError::Taken(_))
        ));
        changed(store, read, edit).await;
        stored(store, &heir).await;
    }
}

async fn names_that_are_given_up_are_free(store: Stores<'_>) {
    let (mut one, mut other) = (full::user(0), user());
    let read = stored(store, &one).await;
    let names = std::mem::take(&mut one.profile);
    changed(store, read, |user| user.profile = one.profile.clone()).await;
    other.profile = names;
    assert_eq!(stored(store, &other).await.aggregate, other);
}

async fn default_and_primary_move_either_way(store: Stores<'_>) {
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

async fn a_number_may_be_removed_and_added_at_once(store: Stores<'_>) {
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

async fn backup_codes_come_and_go(store: Stores<'_>) {
    let mut read = stored(store, &user_with(vec![second_factor(0)])).await;
    for codes in [&[WRONG, RIGHT][..], &[RIGHT; 10], &[WRONG; 10], &[RIGHT], &[], &[RIGHT]] {
        read = changed(store, read, |user| user.phones.set_backup_codes(codes)).await;
    }
    let read = changed(store, read, |user| user.phones.redeem_backup_code(RIGHT, NOW).unwrap()).await;
    changed(store, read, |user| user.phones.set_backup_codes(&[WRONG, WRONG])).await;
}
