//! Codes and their texts.

use std::sync::Mutex;

use super::*;

fn user() -> User {
    user_with(number("+14155552671"), |_| ())
}

#[tokio::test]
async fn the_code_is_committed_before_it_is_sent_and_is_the_one_that_was_sent() {
    let committed = Arc::new(Mutex::new(None));
    let mut order = Sequence::new();
    let mut mocks = Mocks::default().nobody_owns_anything();
    let keep = committed.clone();
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(move |writes| {
            let [Write::User(change), Write::Message(message)] = &writes[..] else {
                panic!("{writes:?}")
            };
            *keep.lock().unwrap() = Some((after(change).clone(), (**message).clone()));
            Ok(())
        });
    let sent = committed.clone();
    mocks
        .sms
        .expect_send()
        .times(1)
        .in_sequence(&mut order)
        .returning(move |message| {
            assert_eq!(
                sent.lock().unwrap().as_ref().unwrap().1,
                message,
                "what was committed is sent"
            );
            Sending::Sent
        });
    let prepared = mocks
        .cases()
        .prepare_verification(&by_token(Some(user())), &phone_id())
        .await
        .unwrap()
        .outcome;
    assert!(prepared.texted);

    let (mut user, message) = committed.lock().unwrap().take().unwrap();
    assert_eq!(prepared.user, user, "what is shown is what was committed");
    assert_eq!(
        (
            message.to.as_str(),
            &message.user,
            &message.phone_number,
            message.expires_at
        ),
        (
            "+14155552671",
            &Some(user_id()),
            &Some(phone_id()),
            NOW.plus(policy().code_lifetime)
        )
    );
    // The request holds it: nobody else tries meanwhile.
    assert_eq!(
        (message.tries, message.due_at),
        (1, Some(NOW.plus(crate::MESSAGE_LEASE)))
    );
    let content = content(&message);
    let sent = content.code.unwrap();
    assert!(content.text.contains(&sent));
    let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &code(&sent));
    assert_eq!(
        user.phones.attempt(&phone_id(), hash, NOW, &policy()),
        Ok(AttemptOutcome::Verified)
    );
}

#[tokio::test]
async fn a_test_number_is_never_texted_and_takes_the_fixed_code() {
    let mut mocks = Mocks::default().nobody_owns_anything();
    mocks.commits.expect_commit().times(1).returning(|writes| {
        let [Write::User(change)] = &writes[..] else {
            panic!("{writes:?}")
        };
        let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &code("424242"));
        let mut user = after(change).clone();
        assert_eq!(
            user.phones.attempt(&phone_id(), hash, NOW, &policy()),
            Ok(AttemptOutcome::Verified)
        );
        Ok(())
    });
    mocks.sms.expect_send().never();
    let user = user_with(number("+14155550100"), |_| ());
    let prepared = mocks
        .cases()
        .prepare_verification(&by_token(Some(user)), &phone_id())
        .await
        .unwrap();
    assert!(!prepared.outcome.texted);
}

#[tokio::test]
async fn outside_test_mode_a_test_number_is_texted_like_any_other() {
    let mut mocks = Mocks::default().nobody_owns_anything().commits_with_text(1);
    mocks
        .sms
        .expect_send()
        .times(1)
        .withf(|message| content(message).code.as_deref() != Some("424242"))
        .returning(|_| Sending::Sent);
    let live = Policy {
        test_mode: false,
        ..policy()
    };
    let user = user_with(number("+14155550100"), |_| ());
    let prepared = mocks
        .cases_under(live, Limits::default())
        .prepare_verification(&by_token(Some(user)), &phone_id())
        .await
        .unwrap();
    assert!(prepared.outcome.texted);
}

#[tokio::test]
async fn only_a_text_that_nobody_will_take_is_told() {
    type Answer = fn() -> Sending;
    let answers: [(Answer, bool); 3] = [
        (|| Sending::Sent, true),
        (|| Sending::Underway, true),
        (|| Sending::Failed(SendError::Rejected("landline".into())), false),
    ];
    for (answer, counts) in answers {
        let mut mocks = Mocks::default().nobody_owns_anything().commits_with_text(1);
        mocks.sms.expect_send().times(1).returning(move |_| answer());
        let actor = by_token(Some(user()));
        let outcome = mocks.cases().prepare_verification(&actor, &phone_id()).await;
        assert_eq!(outcome.is_ok(), counts, "{:?}", answer());
    }
}

#[tokio::test]
async fn the_users_language_wins_over_the_requests() {
    let template = |text: &str| crate::Template::parse(text).unwrap();
    let templates = [("en", "{code} en"), ("de", "{code} de"), ("fr", "{code} fr")];
    let texts = crate::Texts::new(
        "Acme",
        templates.map(|(tag, text)| (tag.to_owned(), template(text))),
        None,
        None,
    );
    for (own, requested, spoken) in [
        (None, None, "en"),
        (None, Some("de-CH"), "de"),
        (Some("fr"), Some("de"), "fr"),
        // Where there is no text in the user's own, the request's is nearer than English.
        (Some("ca"), Some("de"), "de"),
    ] {
        let mut user = user();
        user.profile.locale = own.map(|locale| locale.parse().unwrap());
        let mut mocks = Mocks::default().nobody_owns_anything().commits_with_text(1);
        mocks
            .sms
            .expect_send()
            .times(1)
            .withf(move |message| content(message).text.ends_with(spoken))
            .returning(|_| Sending::Sent);
        let policy = Policy {
            texts: Arc::new(texts.clone()),
            ..policy()
        };
        mocks
            .cases_under(policy, Limits::default())
            .prepare_verification(&by_token_in(Some(user), requested), &phone_id())
            .await
            .unwrap();
    }
}
