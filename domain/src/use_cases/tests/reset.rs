//! Setting a new password while signing in, and what a change of credentials does to a sign-in under way.

use super::kept::Instance;
use super::*;
use crate::proof::Strategy;
use crate::sign_in::Step;

const RESET: Strategy = Strategy::ResetPasswordPhoneCode;

fn user(numbers: usize, reserved: usize) -> User {
    User {
        password: Some(kept_password("old password")),
        ..verified_user(numbers, reserved)
    }
}

fn password(instance: &Instance) -> String {
    instance.user().password.unwrap().hash.as_str().to_owned()
}

impl Instance {
    /// Passes the first factor with a code that was sent for a new password.
    async fn pass_to_reset(&self) {
        self.begin(RESET).await.unwrap();
        let right = TriedFactor::Code(RESET, &self.last_code());
        assert_eq!(self.try_first(right).await.unwrap(), FactorOutcome::Passed);
        assert_eq!(self.sign_in().step, Step::NeedsNewPassword);
    }

    async fn set_new_password(&self) -> Result<(), AuthError> {
        let (context, id) = (self.context(), self.sign_in().id);
        let set = self.cases.reset_password(&context, &id, "new password", true).await;
        set.map(drop)
    }

    async fn prepare_second(&self) -> Result<(), AuthError> {
        let (context, id) = (self.context(), self.sign_in().id);
        self.cases.prepare_second_factor(&context, &id, None).await.map(drop)
    }
}

#[tokio::test]
async fn a_new_password_is_set_with_the_second_factor_and_not_before() {
    let instance = Instance::of(user(2, 1), policy());
    let generation = instance.user().sessions_generation;
    instance.pass_to_reset().await;
    assert_eq!(password(&instance), "old password");
    instance.set_new_password().await.unwrap();
    assert_eq!(password(&instance), "old password");
    assert_eq!(instance.sign_in().step, Step::NeedsSecondFactor);

    instance.prepare_second().await.unwrap();
    let (right, wrong) = (instance.last_code(), instance.wrong_code());
    let wrong = TriedFactor::Code(Strategy::PhoneCode, &wrong);
    instance.try_second(wrong).await.unwrap();
    assert_eq!(password(&instance), "old password");
    assert_eq!(instance.user().sessions_generation, generation);

    let right = TriedFactor::Code(Strategy::PhoneCode, &right);
    assert_eq!(instance.try_second(right).await.unwrap(), FactorOutcome::Passed);
    assert_eq!(password(&instance), "new password");
    let (user, commits) = (instance.user(), instance.commits());
    assert!(user.sessions_generation > generation, "the other sessions end");
    let session = &written_client(commits.last().unwrap()).unwrap().sessions[0];
    assert_eq!(
        session.status(Some(&user), false, NOW),
        SessionStatus::Active,
        "the new one goes on"
    );
}

#[tokio::test]
async fn without_a_second_factor_the_new_password_is_set_at_once() {
    let instance = Instance::of(user(1, 0), policy());
    instance.pass_to_reset().await;
    instance.set_new_password().await.unwrap();
    assert_eq!(password(&instance), "new password");
    assert!(matches!(instance.sign_in().step, Step::Complete(_)));
}

#[tokio::test]
async fn no_second_factor_is_tried_or_sent_before_the_new_password_is_named() {
    let instance = Instance::of(user(2, 1), policy());
    instance.pass_to_reset().await;
    assert!(matches!(instance.prepare_second().await, Err(AuthError::WrongStep)));
}

#[tokio::test]
async fn a_change_of_credentials_ends_what_has_passed_the_first_factor() {
    let is_over = |outcome: Result<(), AuthError>| matches!(outcome, Err(AuthError::NotFound));
    let changed = async |instance: &Instance| {
        let elsewhere = instance.cases.remove_password(&user_id()).await;
        elsewhere.unwrap();
    };

    let instance = Instance::of(user(2, 1), policy());
    instance.pass_to_reset().await;
    changed(&instance).await;
    assert!(is_over(instance.set_new_password().await));

    let instance = Instance::of(user(2, 1), policy());
    instance.begin_with_password("old password").await.unwrap();
    changed(&instance).await;
    assert!(is_over(instance.prepare_second().await));

    let instance = Instance::of(user(2, 1), policy());
    instance.begin_with_password("old password").await.unwrap();
    instance.prepare_second().await.unwrap();
    let right = instance.last_code();
    changed(&instance).await;
    let tried = instance
        .try_second(TriedFactor::Code(Strategy::PhoneCode, &right))
        .await;
    assert!(is_over(tried.map(drop)));
}

#[tokio::test]
async fn so_does_one_that_comes_between_the_request_and_its_commit() {
    let is_over = |error: Option<AuthError>| matches!(error, Some(AuthError::NotFound));

    let instance = Instance::of(user(1, 0), policy());
    instance.pass_to_reset().await;
    let (context, id) = (instance.context(), instance.sign_in().id);
    instance.cases.remove_password(&user_id()).await.unwrap();
    let set = instance
        .cases
        .reset_password(&context, &id, "new password", false)
        .await;
    assert!(is_over(set.err()));
    assert_eq!(instance.user().password, None);

    let instance = Instance::of(user(2, 1), policy());
    instance.begin_with_password("old password").await.unwrap();
    instance.prepare_second().await.unwrap();
    let (context, id) = (instance.context(), instance.sign_in().id);
    let code = instance.last_code();
    instance.cases.remove_password(&user_id()).await.unwrap();
    let factor = TriedFactor::Code(Strategy::PhoneCode, &code);
    let tried = instance.cases.attempt_second_factor(&context, &id, factor).await;
    assert!(is_over(tried.err()));
}
