//! A change of credentials within a session: the user's other sessions end, the own one goes on with a new token.

use std::sync::Mutex;

use super::kept::Instance;
use super::*;

type Commits = Arc<Mutex<Vec<Vec<Write>>>>;

/// With a limit on how old a factor may be: the sessions of these tests are fresh.
fn cases(mut mocks: Mocks) -> (UseCases, Commits) {
    let commits = Commits::default();
    let keep = commits.clone();
    mocks.commits.expect_commit().returning(move |writes| {
        keep.lock().unwrap().push(writes);
        Ok(())
    });
    let policy = Policy {
        reverify_after: Some(Duration::from_secs(600)),
        ..policy()
    };
    (mocks.cases_under(policy, Limits::default()), commits)
}

/// How the own session of `user` and another one stand after the one commit that there was.
fn sessions_after<T>(user: &User, commits: &Commits, done: &Done<T>) -> [SessionStatus; 2] {
    let commits = commits.lock().unwrap();
    let [writes] = &commits[..] else { panic!("{commits:?}") };
    let [Write::User(_), Write::Client(client)] = &writes[..] else {
        panic!("{writes:?}")
    };
    let (user_after, client) = (written_user(writes).unwrap(), after(client));
    assert!(user_after.credentials_generation > user.credentials_generation);
    let token = done.token.as_ref().unwrap();
    assert_eq!(client.token, token.hash());
    assert_ne!(client.token, client_token().hash());
    assert_eq!(
        done.client.as_ref(),
        Some(client),
        "what is shown is what was committed"
    );
    let own = client.session(&session_id(1)).unwrap();
    [own, &nth_session(2, user)].map(|session| session.status(Some(user_after), false, NOW))
}

const OWN_ALONE: [SessionStatus; 2] = [SessionStatus::Active, SessionStatus::Revoked];

#[tokio::test]
async fn a_number_that_goes_ends_the_other_sessions_in_the_same_commit() {
    let user = verified_user(2, 0);
    let (cases, commits) = cases(Mocks::default());
    let removed = cases.remove_phone_number(&acting(&user), &phone_id()).await.unwrap();
    assert_eq!(sessions_after(&user, &commits, &removed), OWN_ALONE);
}

#[tokio::test]
async fn a_number_that_is_proven_ends_the_other_sessions_in_the_same_commit() {
    let mut user = verified_user(1, 0);
    let id = nth_phone_id(2);
    let hash = hasher().otp(Purpose::VerifyNumber(&id), &code("123456"));
    user.phones.add(id.clone(), nth_number(2), NOW, &policy()).unwrap();
    user.phones.prepare(&id, hash, NOW, &policy()).unwrap();
    let (cases, commits) = cases(Mocks::default());
    let actor = acting(&user);
    let proven = cases.attempt_verification(&actor, &id, &code("123456")).await.unwrap();
    assert_eq!(proven.outcome.1, AttemptOutcome::Verified);
    assert_eq!(sessions_after(&user, &commits, &proven), OWN_ALONE);
}

#[tokio::test]
async fn a_second_factor_that_changes_ends_the_other_sessions_in_the_same_commit() {
    for (user, id, on) in [
        (verified_user(2, 0), nth_phone_id(2), true),
        (verified_user(2, 1), nth_phone_id(2), false),
    ] {
        let update = SecondFactorUpdate {
            reserved: Some(on),
            default: None,
        };
        let (cases, commits) = cases(Mocks::default());
        let changed = cases.update_second_factor(&acting(&user), &id, update).await.unwrap();
        assert_eq!(sessions_after(&user, &commits, &changed), OWN_ALONE, "{on}");
    }
}

#[tokio::test]
async fn new_backup_codes_end_the_other_sessions_in_the_same_commit() {
    let user = verified_user(2, 1);
    let (cases, commits) = cases(Mocks::default());
    let renewed = cases.renew_backup_codes(&acting(&user)).await.unwrap();
    assert_eq!(sessions_after(&user, &commits, &renewed), OWN_ALONE);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_if_it_is_to() {
    for (sign_out_others, expected) in [(true, OWN_ALONE), (false, [SessionStatus::Active; 2])] {
        let user = verified_user(1, 0);
        let mut mocks = Mocks::default();
        mocks
            .passwords
            .expect_hash()
            .returning(|_| Ok(PasswordHash::new("hash".to_owned())));
        let (cases, commits) = cases(mocks);
        let set = cases
            .change_password(&acting(&user), None, Some("new password"), sign_out_others)
            .await
            .unwrap();
        assert_eq!(sessions_after(&user, &commits, &set), expected);
    }
}

#[tokio::test]
async fn whatever_else_changes_leaves_sessions_and_token_as_they_are() {
    let user = verified_user(2, 0);
    let (cases, commits) = cases(Mocks::default().nobody_owns_anything());
    let actor = acting(&user);
    let names = ProfileUpdate {
        first_name: crate::Patch::Set("Ada".parse().unwrap()),
        primary: Some(nth_phone_id(2)),
        ..ProfileUpdate::default()
    };
    assert!(cases.update_own_profile(&actor, &names).await.unwrap().token.is_none());
    let added = cases.add_phone_number(&actor, &nth_number(3)).await.unwrap();
    assert!(added.token.is_none());
    for writes in &*commits.lock().unwrap() {
        assert!(written_client(writes).is_none(), "{writes:?}");
        let after = written_user(writes).unwrap();
        let generations = |user: &User| (user.sessions_generation, user.credentials_generation);
        assert_eq!(generations(after), generations(&user));
    }
    assert_eq!(commits.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_back_end_that_removes_the_password_ends_the_sessions() {
    let instance = Instance::signed_in(verified_user(1, 0), policy());
    let before = instance.user().sessions_generation;
    instance.cases.remove_password(&user_id()).await.unwrap();
    assert_eq!(instance.user().sessions_generation, before, "there was none");

    let user = User {
        password: Some(kept_password("right password")),
        ..verified_user(1, 0)
    };
    let instance = Instance::signed_in(user, policy());
    instance.cases.remove_password(&user_id()).await.unwrap();
    assert!(instance.user().sessions_generation > before);
}

#[tokio::test]
async fn a_code_that_a_back_end_passes_on_ends_no_session_and_is_told_to_the_user() {
    let mut user = verified_user(1, 0);
    let added = nth_phone_id(2);
    user.phones.add(added.clone(), nth_number(2), NOW, &policy()).unwrap();
    let telling = Policy {
        notice_texts: true,
        ..policy()
    };
    let instance = Instance::signed_in(user, telling);
    let before = instance.user().sessions_generation;
    let verification = instance.cases.prepare_by_back_end(&added).await.unwrap();
    let (_, outcome) = instance
        .cases
        .attempt_by_back_end(&added, &verification.id, &instance.last_code())
        .await
        .unwrap();
    assert_eq!(outcome, AttemptOutcome::Verified);
    let user = instance.user();
    assert!(user.phones.get(&added).unwrap().is_verified());
    assert_eq!(user.sessions_generation, before, "the user has just typed it");
    let commits = instance.commits();
    let told: Vec<_> = written_messages(commits.last().unwrap())
        .iter()
        .map(|text| text.to.clone())
        .collect();
    assert_eq!(told, [nth_number(1)], "the number from before hears of the new one");
}
