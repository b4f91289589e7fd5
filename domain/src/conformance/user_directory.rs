//! [`UserDirectory`]: finds users by what is asked.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};

use super::full;
use super::given::{NOW, changed, later, number, random, second_factor, stored, unverified, user_with, verified};
use crate::change::Stores;
use crate::ports::{Direction, OrderBy, Span, UserDirectory, UserFilter, UserPlace, UserQuery};
use crate::{E164, PhoneNumber, User};

/// The whole suite. Both ports are of one store.
pub async fn all(store: Stores<'_>, directory: &dyn UserDirectory) {
    a_number_has_the_owner_who_proved_or_holds_it(store, directory).await;
    a_phone_number_id_belongs_to_its_user(store, directory).await;
    users_are_listed_whole(store, directory).await;
    each_filter_finds_its_users(store, directory).await;
    parts_are_found_whatever_the_case(store, directory).await;
    names_are_found_by_their_own_parts(store, directory).await;
    banned_users_are_told_apart(store, directory).await;
    spans_leave_out_their_ends(store, directory).await;
    orders_put_the_unknown_last_and_ties_by_id(store, directory).await;
    pages_follow_on_each_other(store, directory).await;
    a_page_begins_after_a_place(store, directory).await;
    a_list_shows_one_moment(store, directory).await;
}

async fn a_number_has_the_owner_who_proved_or_holds_it(store: Stores<'_>, directory: &dyn UserDirectory) {
    let held = PhoneNumber {
        held: true,
        ..unverified(2)
    };
    let user = user_with(vec![verified(0), unverified(1), held, second_factor(3)]);
    let numbers = user.phones.numbers().to_vec();
    let read = stored(store, &user).await;
    for at in [0, 2, 3] {
        assert_eq!(
            directory.owner_of(&numbers[at].number).await.unwrap().as_ref(),
            Some(&user.id)
        );
    }
    assert_eq!(directory.owner_of(&numbers[1].number).await.unwrap(), None);
    assert_eq!(directory.owner_of(&number()).await.unwrap(), None);
    changed(store, read, |user| {
        user.phones.set_verified(&numbers[0].id, false, NOW).unwrap();
    })
    .await;
    assert_eq!(directory.owner_of(&numbers[0].number).await.unwrap(), None);
}

async fn a_phone_number_id_belongs_to_its_user(store: Stores<'_>, directory: &dyn UserDirectory) {
    let user = user_with(vec![verified(0), unverified(1)]);
    stored(store, &user).await;
    for number in user.phones.numbers() {
        assert_eq!(directory.user_with(&number.id).await.unwrap().as_ref(), Some(&user.id));
    }
    assert_eq!(directory.user_with(&super::given::number_id(NOW)).await.unwrap(), None);
}

/// Everybody who fits `filter`, oldest first.
async fn found(directory: &dyn UserDirectory, filter: UserFilter) -> Vec<User> {
    let count = directory.count(&filter).await.unwrap();
    let users = list(directory, filter, OrderBy::CreatedAt, Direction::Ascending).await;
    assert_eq!(users.len() as u64, count, "the count is of the same users");
    users
}

async fn list(directory: &dyn UserDirectory, filter: UserFilter, by: OrderBy, direction: Direction) -> Vec<User> {
    let query = UserQuery {
        filter,
        order_by: by,
        direction,
        after: None,
        limit: 500,
        offset: 0,
    };
    directory.list(&query).await.unwrap()
}

fn among(users: &[User]) -> UserFilter {
    UserFilter {
        ids: users.iter().map(|user| user.id.clone()).collect(),
        ..UserFilter::default()
    }
}

async fn users_are_listed_whole(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut users = [full::user(0), super::given::user(), full::user(0)];
    for (at, user) in (0..).zip(&mut users) {
        user.created_at = later(at);
        stored(store, user).await;
    }
    assert_eq!(found(directory, among(&users)).await, users);
}

fn number_of(user: &User, verified: bool) -> E164 {
    let mut numbers = user.phones.numbers().iter();
    let found = numbers.find(|number| number.is_verified() == verified);
    found.unwrap().number.clone()
}

async fn each_filter_finds_its_users(store: Stores<'_>, directory: &dyn UserDirectory) {
    let (mut one, mut other) = (full::user(0), full::user(1));
    one.created_at = NOW;
    other.created_at = later(1);
    stored(store, &one).await;
    stored(store, &other).await;
    let both = |alternatives: fn(&User, &mut UserFilter)| {
        let mut filter = UserFilter::default();
        alternatives(&one, &mut filter);
        let alone = filter.clone();
        alternatives(&other, &mut filter);
        [(alone, vec![one.clone()]), (filter, vec![one.clone(), other.clone()])]
    };
    let kinds: [fn(&User, &mut UserFilter); 5] = [
        // Those that are verified, and those that are not.
        |user, filter| filter.phone_numbers.push(number_of(user, true)),
        |user, filter| filter.phone_numbers.push(number_of(user, false)),
        |user, filter| filter.ids.push(user.id.clone()),
        |user, filter| filter.external_ids.extend(user.profile.external_id.clone()),
        |user, filter| filter.usernames.extend(user.profile.username.clone()),
    ];
    for (filter, users) in kinds.into_iter().flat_map(both) {
        assert_eq!(found(directory, filter).await, users);
    }
    // All conditions must hold.
    let contradictory = UserFilter {
        ids: vec![one.id.clone()],
        usernames: other.profile.username.clone().into_iter().collect(),
        ..UserFilter::default()
    };
    assert_eq!(found(directory, contradictory).await, []);
}

async fn parts_are_found_whatever_the_case(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut user = user_with(vec![verified(0), unverified(1)]);
    let mark = format!("{:016x}", random());
    user.profile.first_name = Some(format!("{mark} Örjan").parse().unwrap());
    user.profile.last_name = Some(format!("100%_\\ {mark}").parse().unwrap());
    user.profile.username = Some(format!("Name-{mark}").parse().unwrap());
    stored(store, &user).await;
    let mut bystander = full::user(0);
    bystander.profile.last_name = Some(format!("100 x {}", random()).parse().unwrap());
    stored(store, &bystander).await;

    let digits = |at: usize| user.phones.numbers()[at].number.as_str()[2..].to_owned();
    let id = user.id.as_str();
    let queries = [
        format!("{mark} örJAN"),
        format!("100%_\\ {mark}"),
        format!("NAME-{mark}"),
        id.to_owned(),
        id[8..].to_uppercase(),
        digits(0),
        digits(1),
    ];
    for query in queries {
        let filter = UserFilter {
            query: Some(query.clone()),
            ..UserFilter::default()
        };
        assert_eq!(found(directory, filter).await, [user.clone()], "{query}");
    }
    for query in [digits(0), digits(1)] {
        let filter = UserFilter {
            phone_number_query: Some(query),
            ..UserFilter::default()
        };
        assert_eq!(found(directory, filter).await, [user.clone()]);
    }
    for nobody in [
        format!("{mark}%"),
        format!("{mark}_"),
        format!("_{mark}"),
        format!("%{mark}"),
    ] {
        let filter = UserFilter {
            query: Some(nobody),
            ..UserFilter::default()
        };
        assert_eq!(found(directory, filter).await, []);
    }
    let filter = UserFilter {
        phone_number_query: Some(mark),
        ..UserFilter::default()
    };
    assert_eq!(found(directory, filter).await, [], "a name is no number");
}

async fn names_are_found_by_their_own_parts(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut users: Vec<User> = (0..3).map(|_| super::given::user()).collect();
    users.sort_by_key(|user| user.id.clone());
    for (user, (first, last)) in
        users
            .iter_mut()
            .zip([(Some("Ada"), Some("Šílená")), (Some("Béa"), None), (None, None)])
    {
        user.profile.first_name = first.map(|name| name.parse().unwrap());
        user.profile.last_name = last.map(|name| name.parse().unwrap());
        user.profile.username = first.map(|name| format!("{}{:016x}", &name[..1], random()).parse().unwrap());
        user.created_at = NOW;
        stored(store, user).await;
    }
    let name = |part: &str| UserFilter {
        name_query: Some(part.to_owned()),
        ..among(&users)
    };
    for (part, expected) in [
        ("a", &users[..2]),
        ("AD", &users[..1]),
        ("šíl", &users[..1]),
        ("da ší", &users[..1]),
        ("bé", &users[1..2]),
        ("%", &[]),
    ] {
        assert_eq!(found(directory, name(part)).await, expected, "{part}");
    }
    let username = users[1].profile.username.clone().unwrap();
    let by_username = |part: String| UserFilter {
        username_query: Some(part),
        ..among(&users)
    };
    let part = username.as_str()[1..].to_uppercase();
    assert_eq!(found(directory, by_username(part)).await, &users[1..2]);
    assert_eq!(found(directory, by_username("šílená".to_owned())).await, []);
}

async fn banned_users_are_told_apart(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut users: Vec<User> = (0..3).map(|_| super::given::user()).collect();
    users.sort_by_key(|user| user.id.clone());
    for (at, user) in users.iter_mut().enumerate() {
        (user.banned, user.created_at) = (at == 0, NOW);
        stored(store, user).await;
    }
    for (banned, expected) in [
        (Some(true), &users[..1]),
        (Some(false), &users[1..]),
        (None, &users[..]),
    ] {
        let filter = UserFilter {
            banned,
            ..among(&users)
        };
        assert_eq!(found(directory, filter).await, expected);
    }
}

async fn a_page_begins_after_a_place(store: Stores<'_>, directory: &dyn UserDirectory) {
    // Two of one moment: the id tells them apart.
    let mut users: Vec<User> = (0..4).map(|_| super::given::user()).collect();
    users.sort_by_key(|user| user.id.clone());
    for (user, at) in users.iter_mut().zip([0, 1, 1, 2]) {
        user.created_at = later(at);
        stored(store, user).await;
    }
    for at in 0..users.len() {
        let after = |direction| UserQuery {
            filter: among(&users),
            order_by: OrderBy::CreatedAt,
            direction,
            after: Some(UserPlace {
                created_at: users[at].created_at,
                id: users[at].id.clone(),
            }),
            limit: 500,
            offset: 0,
        };
        let up = directory.list(&after(Direction::Ascending)).await.unwrap();
        assert_eq!(up, &users[at + 1..]);
        let mut down = directory.list(&after(Direction::Descending)).await.unwrap();
        down.reverse();
        assert_eq!(down, &users[..at]);
    }
}

async fn spans_leave_out_their_ends(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut users: Vec<User> = (0..4).map(|_| super::given::user()).collect();
    for (at, user) in (0..).zip(&mut users) {
        user.created_at = later(at);
        // The last one was never active, and is in no span.
        user.last_active_at = (at < 3).then(|| later(at));
        user.last_sign_in_at = user.last_active_at;
        stored(store, user).await;
    }
    let span = |after: Option<u64>, before: Option<u64>| Span {
        after: after.map(later),
        before: before.map(later),
    };
    for (span, within) in [
        (span(Some(0), None), &users[1..]),
        (span(None, Some(2)), &users[..2]),
        (span(Some(0), Some(2)), &users[1..2]),
        (span(Some(1), Some(1)), &[]),
    ] {
        let created = UserFilter {
            created_at: span,
            ..among(&users)
        };
        assert_eq!(found(directory, created).await, within);
        let active = UserFilter {
            last_active_at: span,
            ..among(&users)
        };
        let within: Vec<User> = within
            .iter()
            .filter(|user| user.last_active_at.is_some())
            .cloned()
            .collect();
        assert_eq!(found(directory, active).await, within);
        let signed_in = UserFilter {
            last_sign_in_at: span,
            ..among(&users)
        };
        assert_eq!(found(directory, signed_in).await, within);
    }
}

async fn orders_put_the_unknown_last_and_ties_by_id(store: Stores<'_>, directory: &dyn UserDirectory) {
    // Two alike, one that is greater, one that knows nothing.
    let mut users: Vec<User> = (0..4).map(|_| user_with(vec![verified(0)])).collect();
    users.sort_by_key(|user| user.id.clone());
    users[3].phones = crate::UserPhones::default();
    for (at, user) in users.iter_mut().enumerate() {
        let greater = at == 2;
        user.created_at = if greater { later(1) } else { NOW };
        user.updated_at = user.created_at;
        if at < 3 {
            let name = if greater { "béa" } else { "Ada" };
            user.last_active_at = Some(user.created_at);
            user.last_sign_in_at = Some(user.created_at);
            user.profile.first_name = Some(name.parse().unwrap());
            user.profile.last_name = user.profile.first_name.clone();
            user.profile.username = Some(format!("{at}{:016x}", random()).parse().unwrap());
        }
        stored(store, user).await;
    }
    let ids = |of: &[usize]| of.iter().map(|at| users[*at].id.clone()).collect::<Vec<_>>();
    for (by, up, down) in [
        (OrderBy::CreatedAt, [0, 1, 3, 2], [2, 3, 1, 0]),
        (OrderBy::UpdatedAt, [0, 1, 3, 2], [2, 3, 1, 0]),
        (OrderBy::LastActiveAt, [0, 1, 2, 3], [2, 1, 0, 3]),
        (OrderBy::LastSignInAt, [0, 1, 2, 3], [2, 1, 0, 3]),
        (OrderBy::FirstName, [0, 1, 2, 3], [2, 1, 0, 3]),
        (OrderBy::LastName, [0, 1, 2, 3], [2, 1, 0, 3]),
        (OrderBy::Username, [0, 1, 2, 3], [2, 1, 0, 3]),
    ] {
        for (direction, expected) in [(Direction::Ascending, up), (Direction::Descending, down)] {
            let listed = list(directory, among(&users), by, direction).await;
            let listed: Vec<_> = listed.into_iter().map(|user| user.id).collect();
            assert_eq!(listed, ids(&expected), "{by:?} {direction:?}");
        }
    }
    let mut by_number: Vec<usize> = vec![0, 1, 2];
    by_number.sort_by_key(|at| users[*at].phones.numbers()[0].number.clone());
    by_number.push(3);
    let listed = list(directory, among(&users), OrderBy::PhoneNumber, Direction::Ascending).await;
    assert_eq!(
        listed.into_iter().map(|user| user.id).collect::<Vec<_>>(),
        ids(&by_number)
    );
}

async fn pages_follow_on_each_other(store: Stores<'_>, directory: &dyn UserDirectory) {
    let mut users: Vec<User> = (0..5).map(|_| super::given::user()).collect();
    for (at, user) in (0..).zip(&mut users) {
        user.created_at = later(at);
        stored(store, user).await;
    }
    for (limit, offset, expected) in [
        (2, 0, &users[..2]),
        (2, 2, &users[2..4]),
        (2, 4, &users[4..]),
        (2, 5, &[]),
        (0, 0, &[]),
    ] {
        let query = UserQuery {
            filter: among(&users),
            order_by: OrderBy::CreatedAt,
            direction: Direction::Ascending,
            after: None,
            limit,
            offset,
        };
        assert_eq!(directory.list(&query).await.unwrap(), expected);
    }
}

/// A user's primary number stands in another row than the number itself. Whoever reads one of them before a change and the
/// other one after it has a user that never was.
async fn a_list_shows_one_moment(store: Stores<'_>, directory: &dyn UserDirectory) {
    const USERS: u64 = 8;
    const ROUNDS: u64 = 12;
    let policy = super::given::policy();
    let users: Vec<User> = (0..USERS).map(|_| super::given::user()).collect();
    let policy = &policy;
    // A first number is added and verified, which makes it the primary one, and is removed again.
    let first_numbers = users.iter().map(|user| async move {
        let mut read = stored(store, user).await;
        for round in 0..ROUNDS {
            let new = unverified(round);
            let (id, at) = (new.id.clone(), new.created_at);
            read = changed(store, read, |user| {
                user.phones.add(new.id, new.number, at, policy).unwrap();
            })
            .await;
            read = changed(store, read, |user| {
                user.phones.set_verified(&id, true, at).unwrap();
            })
            .await;
            read = changed(store, read, |user| {
                user.phones.remove_by_admin(&id, at).unwrap();
            })
            .await;
        }
    });
    let done = AtomicBool::new(false);
    let changes = async {
        join_all(first_numbers).await;
        done.store(true, Ordering::Relaxed);
    };
    let lists = async {
        while !done.load(Ordering::Relaxed) {
            for user in list(directory, among(&users), OrderBy::CreatedAt, Direction::Ascending).await {
                let verified = user.phones.numbers().iter().any(PhoneNumber::is_verified);
                assert_eq!(user.phones.primary().is_some(), verified, "{user:?}");
            }
        }
    };
    join(changes, lists).await;
}
