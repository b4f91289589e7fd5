//! What wrong factors close, and what they do not.

use super::kept::{Instance, wrong_backup_code};
use super::*;
use crate::proof::Strategy;
use crate::session::Level;

const AN_HOUR: Duration = Duration::from_secs(3600);

fn user_with_password(numbers: usize, reserved: usize) -> User {
    User {
        password: Some(kept_password("right password")),
        ..verified_user(numbers, reserved)
    }
}

/// That locks after `attempts` wrong tries.
fn locking_after(attempts: u32) -> Policy {
    Policy {
        lockout: crate::Lockout {
            attempts: Some(attempts),
            ..policy().lockout
        },
        ..policy()
    }
}

#[tokio::test]
async fn wrong_passwords_close_the_password_for_an_hour_and_nothing_else() {
    let instance = Instance::of(user_with_password(1, 0), policy());
    for _ in 0..10 {
        let outcome = instance.begin_with_password("wrong password").await.unwrap();
        assert_eq!(outcome, FactorOutcome::WrongPassword);
    }
    let refused = instance.begin_with_password("right password").await;
    assert!(matches!(refused, Err(AuthError::FactorClosed(closed)) if closed.left == Some(AN_HOUR)));
    assert_eq!(instance.compared(), 10, "what is closed is not compared");
    assert_eq!(instance.user().locked_until, None);

    instance.begin(Strategy::PhoneCode).await.unwrap();
    let right = TriedFactor::Code(Strategy::PhoneCode, &instance.last_code());
    assert_eq!(instance.try_first(right).await.unwrap(), FactorOutcome::Passed);
}

#[tokio::test]
async fn a_closed_password_opens_again_after_an_hour() {
    let instance = Instance::of(user_with_password(1, 0), policy());
    for _ in 0..10 {
        instance.begin_with_password("wrong password").await.unwrap();
    }
    instance.pass(3599);
    assert!(instance.begin_with_password("right password").await.is_err());
    instance.pass(1);
    let outcome = instance.begin_with_password("right password").await.unwrap();
    assert_eq!(outcome, FactorOutcome::Passed);
}

#[tokio::test]
async fn wrong_codes_close_the_code_and_not_the_password() {
    let instance = Instance::of(user_with_password(1, 0), locking_after(3));
    instance.begin(Strategy::PhoneCode).await.unwrap();
    let (right, wrong) = (instance.last_code(), instance.wrong_code());
    for left in [4, 3, 2] {
        let outcome = instance
            .try_first(TriedFactor::Code(Strategy::PhoneCode, &wrong))
            .await
            .unwrap();
        let expected = AttemptOutcome::WrongCode { attempts_left: left };
        assert_eq!(outcome, FactorOutcome::Code(expected));
    }
    let refused = instance.try_first(TriedFactor::Code(Strategy::PhoneCode, &right)).await;
    assert!(matches!(refused, Err(AuthError::FactorClosed(closed)) if closed.left == Some(AN_HOUR)));
    for strategy in [Strategy::PhoneCode, Strategy::ResetPasswordPhoneCode] {
        let refused = instance.begin(strategy).await;
        assert!(matches!(refused, Err(AuthError::FactorClosed(_))), "{strategy:?}");
    }
    assert_eq!(instance.user().locked_until, None);
    let outcome = instance.begin_with_password("right password").await.unwrap();
    assert_eq!(outcome, FactorOutcome::Passed);
}

#[tokio::test]
async fn who_has_passed_the_first_factor_locks_the_user() {
    let instance = Instance::of(user_with_password(2, 1), locking_after(3));
    instance.begin_with_password("right password").await.unwrap();
    let wrong = wrong_backup_code();
    for _ in 0..3 {
        let outcome = instance.try_second(TriedFactor::BackupCode(&wrong)).await.unwrap();
        assert_eq!(outcome, FactorOutcome::WrongBackupCode);
    }
    let refused = instance.try_second(TriedFactor::BackupCode(&wrong)).await;
    assert!(
        matches!(refused, Err(AuthError::User(UserError::Locked { left })) if left == AN_HOUR),
        "{refused:?}"
    );
    assert_eq!(instance.user().locked_until, Some(NOW.plus(AN_HOUR)));
}

#[tokio::test]
async fn wrong_factors_in_a_session_close_them_there_and_nothing_else() {
    let instance = Instance::signed_in(user_with_password(2, 1), locking_after(3));
    let wrong = wrong_backup_code();
    let attempt = async |level, turn, factor: TriedFactor<'_>| {
        instance
            .cases
            .begin_reverification(&instance.acting(), level)
            .await
            .unwrap();
        let attempted = instance
            .cases
            .attempt_reverification(&instance.acting(), turn, factor)
            .await;
        attempted.map(|done| done.outcome)
    };
    let backup_code = TriedFactor::BackupCode(&wrong);
    for _ in 0..2 {
        attempt(Level::SecondFactor, Turn::Second, backup_code).await.unwrap();
    }
    // The first factor is not the strongest one: it resets nothing.
    let password = TriedFactor::Password("right password");
    let outcome = attempt(Level::FirstFactor, Turn::First, password).await.unwrap();
    assert_eq!(outcome, FactorOutcome::Passed);
    attempt(Level::SecondFactor, Turn::Second, backup_code).await.unwrap();
    let refused = attempt(Level::SecondFactor, Turn::Second, backup_code).await;
    assert!(
        matches!(refused, Err(AuthError::FactorClosed(closed)) if closed.left == Some(AN_HOUR)),
        "{refused:?}"
    );
    // Nor is a code texted that could not be used.
    let unsent = instance
        .cases
        .prepare_reverification(&instance.acting(), Turn::Second, None)
        .await;
    assert!(matches!(unsent, Err(AuthError::FactorClosed(_))), "{unsent:?}");
    // The password is another factor, with a ledger of its own.
    let outcome = attempt(Level::FirstFactor, Turn::First, password).await.unwrap();
    assert_eq!(outcome, FactorOutcome::Passed);
    for _ in 0..3 {
        let wrong = TriedFactor::Password("wrong password");
        attempt(Level::FirstFactor, Turn::First, wrong).await.unwrap();
    }
    let refused = attempt(Level::FirstFactor, Turn::First, password).await;
    assert!(matches!(refused, Err(AuthError::FactorClosed(_))), "{refused:?}");
    let user = instance.user();
    assert_eq!(user.locked_until, None);
    let elsewhere = Instance::of(user, locking_after(3));
    let outcome = elsewhere.begin_with_password("right password").await.unwrap();
    assert_eq!(outcome, FactorOutcome::Passed, "the owner signs in anew");
}
