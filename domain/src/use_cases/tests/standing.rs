//! Standing: who is banned or locked, and who must prove a factor again.

use super::*;

#[tokio::test]
async fn the_banned_do_nothing_and_the_locked_enter_no_codes() {
    let banned = User {
        banned: true,
        ..user_being_verified()
    };
    let cases = Mocks::default().nobody_owns_anything().cases();
    let actor = by_token(Some(banned));
    assert!(matches!(
        cases.own_account(&actor).await,
        Err(AuthError::User(UserError::Banned))
    ));
    assert!(matches!(
        cases.attempt_verification(&actor, &phone_id(), &code("123456")).await,
        Err(AuthError::User(UserError::Banned))
    ));

    let locked = User {
        locked_until: Some(NOW.plus(Duration::from_secs(60))),
        ..user_being_verified()
    };
    let cases = Mocks::default().nobody_owns_anything().cases();
    let actor = by_token(Some(locked));
    assert!(cases.own_account(&actor).await.is_ok());
    assert!(matches!(
        cases.attempt_verification(&actor, &phone_id(), &code("123456")).await,
        Err(AuthError::User(UserError::Locked { .. }))
    ));
    assert!(matches!(
        cases.prepare_verification(&actor, &phone_id()).await,
        Err(AuthError::User(UserError::Locked { .. }))
    ));
}

const FRESH: Duration = Duration::from_secs(600);

fn reverifying() -> Policy {
    Policy {
        reverify_after: Some(FRESH),
        ..policy()
    }
}

/// Every limit there is: to ask one is to be noticed.
fn limited() -> Limits {
    let some = || vec![an_hour(5)];
    Limits {
        codes_per_number: some(),
        code_waits: vec![Duration::from_secs(30)],
        codes_per_range: some(),
        codes_per_user: some(),
        codes_per_address: some(),
        codes_per_network: some(),
        codes_in_all: some(),
        new_numbers_per_user: some(),
        sign_ins_per_address: some(),
        attempts_per_address: some(),
        attempts_per_number: some(),
        notices_per_user: some(),
        back_end_requests: some(),
    }
}

/// The user in a session in which the factors were proven at these times.
fn acting_since(user: &User, factors: [Option<Timestamp>; 2]) -> Actor {
    let mut acting = in_session(user);
    let client = acting.context.client.as_mut().unwrap();
    [acting.session.first_factor_at, acting.session.second_factor_at] = factors;
    client.aggregate.sessions = vec![acting.session.clone()];
    Actor::Session(Box::new(acting))
}

/// Asks for everything for which a stolen session must not suffice.
async fn ask_for_all(cases: &UseCases, actor: &Actor) -> Vec<(&'static str, Result<(), AuthError>)> {
    let (id, new) = (phone_id(), Some("new password"));
    let reserve = SecondFactorUpdate {
        reserved: Some(true),
        default: None,
    };
    let primary = ProfileUpdate {
        primary: Some(id.clone()),
        ..ProfileUpdate::default()
    };
    let number = nth_number(9);
    vec![
        ("add", cases.add_phone_number(actor, &number).await.map(drop)),
        ("remove", cases.remove_phone_number(actor, &id).await.map(drop)),
        ("primary", cases.update_own_profile(actor, &primary).await.map(drop)),
        (
            "reserve",
            cases.update_second_factor(actor, &id, reserve).await.map(drop),
        ),
        ("renew", cases.renew_backup_codes(actor).await.map(drop)),
        ("set", cases.change_password(actor, None, new, true).await.map(drop)),
        (
            "revoke",
            cases.revoke_own_session(actor, &session_id(1)).await.map(drop),
        ),
        ("delete", cases.delete_own_account(actor).await.map(drop)),
    ]
}

#[tokio::test]
async fn what_is_sensitive_needs_a_fresh_factor_before_anybody_is_asked() {
    let stale = Some(NOW.minus(FRESH));
    let with_password = |user: User| User {
        password: Some(kept_password("right password")),
        ..user
    };
    let cases = Mocks::default().cases_under(reverifying(), limited());
    for (user, factors) in [
        (verified_user(2, 0), [None, None]),
        (verified_user(2, 0), [stale, None]),
        (with_password(verified_user(2, 0)), [stale, Some(NOW)]),
        // The strongest factor must be fresh.
        (verified_user(2, 1), [Some(NOW), stale]),
        (with_password(verified_user(2, 1)), [Some(NOW), None]),
    ] {
        let actor = acting_since(&user, factors);
        for (what, outcome) in ask_for_all(&cases, &actor).await {
            assert!(
                matches!(outcome, Err(AuthError::ReverificationRequired)),
                "{what}, {factors:?}: {outcome:?}"
            );
        }
        assert!(cases.own_account(&actor).await.is_ok(), "to look at it needs none");
    }
}

#[tokio::test]
async fn standing_and_freshness_are_checked_again_after_a_stale_commit() {
    type Changed = fn(&mut User, &mut Client);
    type Expected = fn(&AuthError) -> bool;
    let cases: [(Changed, Expected); 3] = [
        (
            |user, _| user.locked_until = Some(NOW.plus(Duration::from_secs(60))),
            |error| matches!(error, AuthError::User(UserError::Locked { .. })),
        ),
        // Whoever is banned is signed out by that.
        (
            |user, _| user.banned = true,
            |error| matches!(error, AuthError::SessionOver),
        ),
        (
            |_, client| client.sessions[0].first_factor_at = Some(NOW.minus(FRESH)),
            |error| matches!(error, AuthError::ReverificationRequired),
        ),
    ];
    for (changed, expected) in cases {
        let user = verified_user(2, 0);
        let actor = acting(&user);
        let mut client = actor.session().unwrap().context.client().unwrap().clone();
        let mut user = user.clone();
        changed(&mut user, &mut client);
        let mut mocks = Mocks::default().stored(user);
        mocks
            .clients
            .expect_load()
            .times(1)
            .returning(move |_| Ok(Some(loaded(client.clone()))));
        mocks
            .commits
            .expect_commit()
            .times(1)
            .returning(|_| Err(CommitError::Stale));
        let cases = mocks.cases_under(reverifying(), Limits::default());
        let error = cases.remove_phone_number(&actor, &phone_id()).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
    }
}

#[tokio::test]
async fn who_is_banned_between_the_request_and_its_commit_changes_nothing() {
    let banned = User {
        banned: true,
        ..verified_user(2, 0)
    };
    let mut mocks = Mocks::default().stored(banned);
    mocks
        .commits
        .expect_commit()
        .times(1)
        .returning(|_| Err(CommitError::Stale));
    let actor = by_token(Some(verified_user(2, 0)));
    let error = mocks
        .cases()
        .remove_phone_number(&actor, &phone_id())
        .await
        .unwrap_err();
    assert!(matches!(error, AuthError::User(UserError::Banned)), "{error:?}");
}
