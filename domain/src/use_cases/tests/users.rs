//! Users: at first sight, made by a back end.

use super::*;

#[tokio::test]
async fn a_user_is_made_at_first_sight_and_seen_once_a_day() {
    let mut mocks = Mocks::default();
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(|writes| matches!(&writes[..], [Write::User(change)] if matches!(**change, Change::Create(_))))
        .returning(|_| Ok(()));
    let user = mocks.cases().own_account(&by_token(None)).await.unwrap().outcome;
    assert_eq!(user.last_active_at, Some(NOW.start_of_day()));

    let again = Mocks::default().commits(0).cases();
    let again = again.own_account(&by_token(Some(user.clone()))).await.unwrap();
    assert_eq!(again.outcome, user);
}

#[tokio::test]
async fn a_user_who_signs_in_by_phone_is_not_made_without_a_number() {
    let error = Mocks::default()
        .cases()
        .create_user(NewUser::default())
        .await
        .unwrap_err();
    assert!(matches!(error, AuthError::User(UserError::NumberNeeded)));
    let elsewhere = Policy {
        used_for_first_factor: false,
        ..policy()
    };
    let cases = Mocks::default().commits(1).cases_under(elsewhere, Limits::default());
    assert!(cases.create_user(NewUser::default()).await.is_ok());
}
