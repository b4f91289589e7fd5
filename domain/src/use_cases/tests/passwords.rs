//! Passwords: counted before they are compared.

use std::sync::Mutex;

use super::kept::Instance;
use super::*;
use crate::failures::{Failures, Ledger};

fn user() -> User {
    User {
        password: Some(kept_password("right password")),
        ..verified_user(1, 0)
    }
}

/// What a commit does: the user is loaded as written from then on.
fn keeps(user: &Arc<Mutex<User>>) -> impl FnMut(Vec<Write>) -> Result<(), CommitError> + Send + 'static {
    let user = user.clone();
    move |writes| {
        if let Some(written) = written_user(&writes) {
            *user.lock().unwrap() = written.clone();
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_password_is_counted_before_it_is_compared_and_a_right_one_leaves_no_trace() {
    for right in [true, false] {
        let state = Arc::new(Mutex::new(user()));
        let mut order = Sequence::new();
        let mut mocks = Mocks::default();
        let stored = state.clone();
        mocks
            .users
            .expect_load()
            .returning(move |_| Ok(Some(loaded(stored.lock().unwrap().clone()))));
        mocks.directory.expect_owner_of().returning(|_| Ok(Some(user_id())));
        mocks
            .commits
            .expect_commit()
            .times(1)
            .in_sequence(&mut order)
            .withf(|writes| {
                let counted = written_user(writes).map(|user| &user.failures.password);
                counted == Some(&Ledger::of(vec![NOW], 1)) && writes.len() == 1
            })
            .returning(keeps(&state));
        mocks
            .passwords
            .expect_verify()
            .times(1)
            .in_sequence(&mut order)
            .withf(|tried, hash| tried.reveal() == "tried password" && hash.as_str() == "right password")
            .returning(move |_, _| Ok(right));
        mocks
            .commits
            .expect_commit()
            .times(1)
            .in_sequence(&mut order)
            .withf(move |writes| written_client(writes).is_some_and(|client| client.sessions.is_empty() != right))
            .returning(keeps(&state));
        let context = ClientContext {
            client: Some(loaded(client())),
            ..ClientContext::default()
        };
        let request = SignInRequest {
            identifier: Some(nth_number(1)),
            strategy: None,
            password: Some("tried password".to_owned()),
            ..SignInRequest::default()
        };
        let done = mocks.cases().create_sign_in(&context, &request).await.unwrap();
        let (outcome, failures) = if right {
            (FactorOutcome::Passed, Failures::default())
        } else {
            let password = Ledger::of(vec![NOW], 1);
            let failures = Failures {
                password,
                ..Failures::default()
            };
            (FactorOutcome::WrongPassword, failures)
        };
        assert_eq!(done.outcome, outcome);
        assert_eq!(state.lock().unwrap().failures, failures);
    }
}

#[tokio::test]
async fn ten_wrong_passwords_within_a_session_close_it_there() {
    let instance = Instance::signed_in(user(), policy());
    let change = async |current| {
        let new = Some("another password");
        let actor = instance.actor();
        instance.cases.change_password(&actor, Some(current), new, false).await
    };
    for _ in 0..10 {
        assert!(matches!(change("wrong password").await, Err(AuthError::WrongPassword)));
    }
    let refused = change("right password").await;
    assert!(matches!(refused, Err(AuthError::FactorClosed(_))));
    assert_eq!(instance.compared(), 10, "what is closed is not compared");
    assert_eq!(instance.user().locked_until, None);
}

#[tokio::test]
async fn of_tries_at_once_no_more_are_compared_than_the_ledger_allows() {
    // Ten are being compared just now; none has turned out wrong yet.
    let mut user = user();
    user.failures.session_password = Ledger::of(vec![NOW; 10], 10);
    let instance = Instance::signed_in(user, policy());
    let new = Some("another password");
    let actor = instance.actor();
    let refused = instance
        .cases
        .change_password(&actor, Some("right password"), new, false)
        .await;
    assert!(matches!(refused, Err(AuthError::FactorClosed(_))));
    assert_eq!((instance.compared(), instance.commits().len()), (0, 0));
}

#[tokio::test]
async fn the_right_password_is_changed_and_leaves_no_trace() {
    let instance = Instance::signed_in(user(), policy());
    let new = Some("another password");
    let actor = instance.actor();
    let changed = instance
        .cases
        .change_password(&actor, Some("right password"), new, false)
        .await
        .unwrap()
        .outcome;
    assert_eq!(changed.password.unwrap().hash.as_str(), "another password");
    assert_eq!(instance.user().failures, Failures::default());
}
