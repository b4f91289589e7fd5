//! Numbers: adding, proving, losing them to another user.

use super::*;
use crate::change::MAX_ROUNDS;

#[tokio::test]
async fn a_number_off_the_allowlist_is_refused_before_anybody_is_asked() {
    for refused in ["+18765550123", "+442079460958", "+18005550123"] {
        let error = Mocks::default()
            .cases()
            .add_phone_number(&by_token(None), &number(refused))
            .await
            .unwrap_err();
        assert!(matches!(error, AuthError::User(UserError::NotAllowed(_))), "{error}");
    }
}

#[tokio::test]
async fn a_number_of_another_user_is_taken_and_nothing_is_written() {
    let mut mocks = Mocks::default();
    mocks
        .directory
        .expect_owner_of()
        .returning(|_| Ok(Some("user_b".parse().unwrap())));
    let error = mocks
        .cases()
        .add_phone_number(&by_token(None), &number("+14155552671"))
        .await
        .unwrap_err();
    assert!(is_taken(&error), "{error}");
}

fn is_taken(error: &AuthError) -> bool {
    matches!(error, AuthError::User(UserError::Phone(PhoneError::Taken)))
}

#[tokio::test]
async fn no_text_goes_to_a_number_that_another_user_won_meanwhile() {
    let user = user_with(number("+14155552671"), |_| ());
    let mut mocks = Mocks::default();
    mocks
        .directory
        .expect_owner_of()
        .times(1)
        .returning(|_| Ok(Some("user_b".parse().unwrap())));
    mocks.sms.expect_send().never();
    let outcome = mocks
        .cases()
        .prepare_verification(&by_token(Some(user)), &phone_id())
        .await;
    assert!(is_taken(&outcome.unwrap_err()));
}

#[tokio::test]
async fn who_lost_a_number_hears_so_after_a_wrong_code_too_and_it_counts() {
    let mut mocks = Mocks::default().commits(1);
    mocks
        .directory
        .expect_owner_of()
        .returning(|_| Ok(Some("user_b".parse().unwrap())));
    let outcome = mocks
        .cases()
        .attempt_verification(&by_token(Some(user_being_verified())), &phone_id(), &code("000000"))
        .await;
    assert!(is_taken(&outcome.unwrap_err()));
}

#[tokio::test]
async fn a_wrong_code_is_counted_even_when_another_change_came_first() {
    let mut order = Sequence::new();
    let mut mocks = Mocks::default().stored(user_being_verified()).nobody_owns_anything();
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Err(CommitError::Stale));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .withf(|writes| {
            let number = written_user(writes).unwrap().phones.get(&phone_id()).unwrap();
            number.verification.attempts() == Some(1)
        })
        .returning(|_| Ok(()));
    let done = mocks
        .cases()
        .attempt_verification(&by_token(Some(user_being_verified())), &phone_id(), &code("000000"))
        .await
        .unwrap();
    assert_eq!(done.outcome.1, AttemptOutcome::WrongCode { attempts_left: 4 });
}

#[tokio::test]
async fn a_change_that_never_gets_through_ends() {
    let mut mocks = Mocks::default().stored(user_being_verified()).nobody_owns_anything();
    let rounds = usize::try_from(MAX_ROUNDS).unwrap();
    mocks
        .commits
        .expect_commit()
        .times(rounds)
        .returning(|_| Err(CommitError::Stale));
    let error = mocks
        .cases()
        .attempt_verification(&by_token(Some(user_being_verified())), &phone_id(), &code("000000"))
        .await
        .unwrap_err();
    assert!(matches!(error, AuthError::User(UserError::Contended)), "{error}");
}

#[tokio::test]
async fn the_commit_has_the_last_word_on_who_owns_a_number() {
    let mut mocks = Mocks::default().nobody_owns_anything();
    mocks
        .commits
        .expect_commit()
        .times(1)
        .returning(|_| Err(CommitError::Taken(Unique::PhoneNumber)));
    let error = mocks
        .cases()
        .attempt_verification(&by_token(Some(user_being_verified())), &phone_id(), &code("123456"))
        .await
        .unwrap_err();
    let is_taken = matches!(error, AuthError::User(UserError::Taken(Unique::PhoneNumber)));
    assert!(is_taken, "{error}");
}

#[tokio::test]
async fn a_try_at_a_number_is_charged_before_anything_is_committed() {
    let limits = || Limits {
        attempts_per_number: vec![an_hour(5)],
        ..Limits::default()
    };
    for tried in ["123456", "000000"] {
        let mut order = Sequence::new();
        let mut mocks = Mocks::default().nobody_owns_anything();
        mocks
            .limiter
            .expect_charge()
            .times(1)
            .in_sequence(&mut order)
            .withf(|charges, _| matches!(charges, [charge] if charge.key == "attempts/number/+14155552671"))
            .returning(|_, _| Ok(Decision::Allowed));
        mocks
            .commits
            .expect_commit()
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(()));
        let cases = mocks.cases_under(policy(), limits());
        let actor = by_token(Some(user_being_verified()));
        cases
            .attempt_verification(&actor, &phone_id(), &code(tried))
            .await
            .unwrap();

        let mut mocks = Mocks::default();
        mocks.limiter.expect_charge().times(1).returning(|_, _| {
            Ok(Decision::Limited {
                retry_after: Duration::from_secs(7),
            })
        });
        let cases = mocks.cases_under(policy(), limits());
        let refused = cases.attempt_verification(&actor, &phone_id(), &code(tried)).await;
        assert!(
            matches!(refused, Err(AuthError::TooOften { retry_after }) if retry_after.as_secs() == 7),
            "over the limit not even the right code is looked at: {refused:?}"
        );
    }
}
