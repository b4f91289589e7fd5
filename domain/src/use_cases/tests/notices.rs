//! What a user is told of changes, by text and by e-mail.

use std::sync::Mutex;

use super::kept::Instance;
use super::*;
use crate::ports::MockEvents;

fn telling() -> Policy {
    Policy {
        notice_texts: true,
        ..policy()
    }
}

/// So many texts of notices to one user in an hour.
fn limits(texts: u32) -> Limits {
    Limits {
        notices_per_user: vec![an_hour(texts)],
        ..Limits::default()
    }
}

/// Also so many texts of the whole instance.
fn limits_of_all() -> Limits {
    Limits {
        codes_in_all: vec![an_hour(100)],
        ..limits(3)
    }
}

impl Mocks {
    /// One commit, to whose numbers these texts go.
    fn texts(mut self, told: &'static [&'static str]) -> Self {
        self.commits
            .expect_commit()
            .times(1)
            .withf(move |writes| {
                let texts = written_messages(writes);
                let numbers: Vec<_> = texts.iter().map(|text| text.to.as_str()).collect();
                written_user(writes).is_some() && numbers == told
            })
            .returning(|_| Ok(()));
        self
    }
}

#[tokio::test]
async fn every_number_from_before_is_told_the_removed_one_first() {
    let cases = Mocks::default()
        .texts(&["+14155552672", "+14155552671", "+14155552673"])
        .cases_under(telling(), limits(3));
    let actor = by_token(Some(verified_user(3, 0)));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn no_more_are_told_than_the_limit_allows_and_the_change_happens_all_the_same() {
    let cases = Mocks::default()
        .texts(&["+14155552672", "+14155552671"])
        .cases_under(telling(), limits(2));
    let actor = by_token(Some(verified_user(3, 0)));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn a_number_that_became_primary_is_not_told_of_it() {
    let cases = Mocks::default()
        .texts(&["+14155552671", "+14155552673"])
        .cases_under(telling(), limits(3));
    let actor = by_token(Some(verified_user(3, 0)));
    let primary = ProfileUpdate {
        primary: Some(nth_phone_id(2)),
        ..ProfileUpdate::default()
    };
    cases.update_own_profile(&actor, &primary).await.unwrap();
}

#[tokio::test]
async fn test_numbers_and_numbers_off_the_allowlist_are_not_told() {
    let mut user = verified_user(2, 0);
    for (n, text) in [(3, "+14155550100"), (4, "+442079460958")] {
        let new = AdminNumber {
            id: nth_phone_id(n),
            number: number(text),
            standing: Standing::Verified,
            primary: false,
            reserved_for_second_factor: false,
        };
        user.phones.add_by_admin(new, &[], NOW).unwrap();
    }
    let cases = Mocks::default()
        .texts(&["+14155552672", "+14155552671"])
        .cases_under(telling(), limits(3));
    let actor = by_token(Some(user));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn nobody_is_told_what_a_back_end_does() {
    let mut mocks = Mocks::default().stored(verified_user(3, 0)).texts(&[]);
    mocks.directory.expect_user_with().returning(|_| Ok(Some(user_id())));
    let cases = mocks.cases_under(telling(), limits(3));
    cases.delete_phone_number(&nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn nobody_is_told_where_notices_are_off() {
    let cases = Mocks::default().texts(&[]).cases_under(policy(), limits(3));
    let actor = by_token(Some(verified_user(3, 0)));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn nobody_is_told_of_names_and_unverified_numbers() {
    let cases = Mocks::default()
        .nobody_owns_anything()
        .texts(&[])
        .cases_under(telling(), limits(3));
    let actor = by_token(Some(verified_user(3, 0)));
    cases.add_phone_number(&actor, &nth_number(4)).await.unwrap();
}

#[tokio::test]
async fn texts_count_on_the_user_until_their_hour_is_over() {
    let mut instance = Instance::of(verified_user(4, 0), telling());
    instance.cases.limits = Arc::new(limits(2));
    for (passed, n, expected) in [(0, 4, 2), (3599, 3, 0), (1, 2, 2)] {
        instance.pass(passed);
        let actor = by_token(Some(instance.user()));
        instance
            .cases
            .remove_phone_number(&actor, &nth_phone_id(n))
            .await
            .unwrap();
        let commits = instance.commits();
        let texts = written_messages(commits.last().unwrap());
        assert_eq!(texts.len(), expected, "after {passed} s more");
    }
}

#[tokio::test]
async fn a_text_is_charged_to_the_instance_once_however_often_the_change_is_decided() {
    let user = verified_user(2, 0);
    let mut order = Sequence::new();
    let mut mocks = Mocks::default().stored(user.clone());
    mocks
        .limiter
        .expect_charge()
        .withf(|charges, _| matches!(charges, [charge] if charge.key == "codes/all/"))
        .times(2)
        .returning(|_, _| Ok(Decision::Allowed));
    for answer in [|| Err(CommitError::Stale), || Ok(())] {
        mocks
            .commits
            .expect_commit()
            .times(1)
            .in_sequence(&mut order)
            .withf(|writes| {
                written_user(writes).is_some_and(|user| user.texted_notices.len() == 2)
                    && written_messages(writes).len() == 2
            })
            .returning(move |_| answer());
    }
    let cases = mocks.cases_under(telling(), limits_of_all());
    let actor = by_token(Some(user));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn a_limiter_that_cannot_say_keeps_the_text_back_and_not_the_change() {
    let mut mocks = Mocks::default();
    // Nor does it count as one of the user's.
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(|writes| {
            let user = written_user(writes);
            user.is_some_and(|user| user.texted_notices.is_empty()) && written_messages(writes).is_empty()
        })
        .returning(|_| Ok(()));
    mocks
        .limiter
        .expect_charge()
        .returning(|_, _| Err(StoreError::Unavailable("down".into())));
    let cases = mocks.cases_under(telling(), limits_of_all());
    let actor = by_token(Some(verified_user(2, 0)));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
}

#[tokio::test]
async fn a_notice_names_its_user_and_says_neither_code_nor_number() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = kept.clone();
    let mut mocks = Mocks::default();
    mocks.commits.expect_commit().times(1).returning(move |writes| {
        *keep.lock().unwrap() = writes;
        Ok(())
    });
    let cases = mocks.cases_under(telling(), limits(3));
    let actor = by_token(Some(verified_user(2, 0)));
    cases.remove_phone_number(&actor, &nth_phone_id(2)).await.unwrap();
    let writes = kept.lock().unwrap();
    let message = written_messages(&writes)[0].clone();
    assert_eq!(message.user, Some(user_id()));
    assert_eq!(message.phone_number, Some(nth_phone_id(2)));
    assert_eq!(message.expires_at, NOW.plus(Duration::from_secs(3600)));
    assert_eq!(
        (message.tries, message.due_at),
        (0, Some(NOW)),
        "the dispatcher sends it"
    );
    let content = content(&message);
    assert_eq!(content.code, None);
    assert!(
        content.text.starts_with("PhoneProof: ") && !content.text.contains("2672"),
        "{}",
        content.text
    );
}

#[tokio::test]
async fn an_e_mail_goes_to_the_address_from_before_the_change_also_for_a_back_end() {
    let mut events = MockEvents::new();
    events.expect_tell().returning(|_, _| None);
    events.expect_has_email().return_const(true);
    events.expect_committed().times(1).return_const(());
    let mut user = verified_user(2, 0);
    user.profile.notice_email = Some("owner@example.com".parse().unwrap());
    let mut mocks = Mocks::default().stored(user);
    mocks.events = Some(Arc::new(events));
    mocks
        .passwords
        .expect_hash()
        .returning(|_| Ok(kept_password("hash").hash));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(|writes| {
            let [Write::User(_), Write::Event(password), Write::Event(address)] = &writes[..] else {
                panic!("{writes:?}")
            };
            let told: Vec<_> = [password, address]
                .map(|event| {
                    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
                    assert_eq!(body["to"], "owner@example.com");
                    event.kind.clone()
                })
                .into();
            told == ["notice.password_set", "notice.email_changed"]
        })
        .returning(|_| Ok(()));
    let update = AdminProfileUpdate {
        notice_email: crate::Patch::Set("thief@example.com".parse().unwrap()),
        password: Some(crate::Password::parse("a good password").unwrap()),
        ..AdminProfileUpdate::default()
    };
    mocks.cases().update_user(&user_id(), &update).await.unwrap();
}
