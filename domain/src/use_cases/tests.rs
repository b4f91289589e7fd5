//! The use cases against mocks of every port: what is asked of whom, and in which order.

use std::sync::{Arc, Mutex};

use mockall::Sequence;

use super::*;
use crate::change::MAX_ROUNDS;
use crate::ports::{
    Change, CommitError, MockClock, MockCourier, MockRepository, MockUnitOfWork, MockUserDirectory, Revision, Sending,
    Write,
};
use crate::testing::{Clear, Counting, hasher, policy};
use crate::{AttemptOutcome, OtpCode, PhoneNumberId, Purpose, Standing, UserPhones};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The mocks of one test; what is not expected is not called.
#[derive(Default)]
struct Mocks {
    repository: MockRepository<User>,
    directory: MockUserDirectory,
    work: MockUnitOfWork,
    courier: MockCourier,
}

impl Mocks {
    fn users(self) -> Users {
        self.users_under(policy())
    }

    fn users_under(self, policy: Policy) -> Users {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW);
        let ports = Ports {
            repository: Arc::new(self.repository),
            directory: Arc::new(self.directory),
            unit_of_work: Arc::new(self.work),
            courier: Arc::new(self.courier),
            sealer: Arc::new(Clear),
            clock: Arc::new(clock),
            entropy: Arc::new(Counting::default()),
        };
        Users::new(ports, hasher(), policy)
    }

    fn stored(mut self, user: User) -> Self {
        self.repository.expect_load().returning(move |_| {
            Ok(Some(Loaded {
                aggregate: user.clone(),
                revision: Revision(1),
            }))
        });
        self
    }

    fn nobody_owns_anything(mut self) -> Self {
        self.directory.expect_owner_of().returning(|_| Ok(None));
        self
    }

    /// Each of a user together with a text.
    fn commits_with_text(mut self, times: usize) -> Self {
        self.work
            .expect_commit_all()
            .times(times)
            .withf(|writes| matches!(&writes[..], [Write::User(_), Write::Message(_)]))
            .returning(|_| Ok(()));
        self
    }

    fn commits(mut self, times: usize) -> Self {
        self.repository.expect_commit().times(times).returning(|_| Ok(()));
        self
    }
}

fn user_id() -> UserId {
    "user_a".parse().unwrap()
}

fn phone_id() -> PhoneNumberId {
    format!("idn_{:027}", 1).parse().unwrap()
}

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

/// Seen today, with one number.
fn user_with(number: E164, change: impl FnOnce(&mut UserPhones)) -> User {
    let mut user = User::new(user_id(), NOW);
    user.seen(NOW);
    user.phones.add(phone_id(), number, NOW, &policy()).unwrap();
    change(&mut user.phones);
    user
}

fn user_being_verified() -> User {
    let code = OtpCode::parse("123456").unwrap();
    let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &code);
    user_with(number("+14155552671"), |phones| {
        phones.prepare(&phone_id(), hash, NOW, &policy()).unwrap();
    })
}

fn after(change: &Change<User>) -> &User {
    match change {
        Change::Create(after) | Change::Replace { after, .. } => after,
        Change::Delete(before) => &before.aggregate,
    }
}

#[tokio::test]
async fn a_number_off_the_allowlist_is_refused_before_anybody_is_asked() {
    for refused in ["+18765550123", "+442079460958", "+18005550123"] {
        let error = Mocks::default()
            .users()
            .add_phone_number(&user_id(), &number(refused))
            .await
            .unwrap_err();
        assert!(matches!(error, UserError::NotAllowed(_)), "{error}");
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
        .users()
        .add_phone_number(&user_id(), &number("+14155552671"))
        .await
        .unwrap_err();
    assert!(matches!(error, UserError::Phone(PhoneError::Taken)), "{error}");
}

#[tokio::test]
async fn a_user_is_made_at_first_sight_and_seen_once_a_day() {
    let mut mocks = Mocks::default();
    mocks.repository.expect_load().returning(|_| Ok(None));
    mocks
        .repository
        .expect_commit()
        .times(1)
        .withf(|change| matches!(change, Change::Create(_)))
        .returning(|_| Ok(()));
    let user = mocks.users().own_account(&user_id()).await.unwrap();
    assert_eq!(user.last_active_at, Some(NOW.start_of_day()));

    let again = Mocks::default()
        .stored(user.clone())
        .commits(0)
        .users()
        .own_account(&user_id())
        .await
        .unwrap();
    assert_eq!(again, user);
}

#[tokio::test]
async fn the_code_is_committed_before_it_is_sent_and_is_the_one_that_was_sent() {
    let committed = Arc::new(Mutex::new(None));
    let mut order = Sequence::new();
    let mut mocks = Mocks::default()
        .stored(user_with(number("+14155552671"), |_| ()))
        .nobody_owns_anything();
    let keep = committed.clone();
    mocks
        .work
        .expect_commit_all()
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
        .courier
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
        .users()
        .prepare_verification(&user_id(), &phone_id())
        .await
        .unwrap();
    assert!(prepared.texted);

    let (mut user, message) = committed.lock().unwrap().take().unwrap();
    assert_eq!(
        (
            message.to.as_str(),
            message.user,
            message.phone_number,
            message.expires_at
        ),
        (
            "+14155552671",
            Some(user_id()),
            Some(phone_id()),
            NOW.plus(policy().code_lifetime)
        )
    );
    // The request holds it: nobody else tries meanwhile.
    assert_eq!(
        (message.tries, message.due_at),
        (1, Some(NOW.plus(crate::MESSAGE_LEASE)))
    );
    let sealed = message.sealed.unwrap();
    let (code, text) = sealed.split_at(OtpCode::DIGITS);
    assert!(text.contains(code));
    let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &OtpCode::parse(code).unwrap());
    assert_eq!(
        user.phones.attempt(&phone_id(), hash, NOW, &policy()),
        Ok(AttemptOutcome::Verified)
    );
}

#[tokio::test]
async fn a_test_number_is_never_texted_and_takes_the_fixed_code() {
    let mut mocks = Mocks::default()
        .stored(user_with(number("+14155550100"), |_| ()))
        .nobody_owns_anything();
    mocks.repository.expect_commit().times(1).returning(|change| {
        let fixed = OtpCode::parse("424242").unwrap();
        let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &fixed);
        let mut user = after(&change).clone();
        assert_eq!(
            user.phones.attempt(&phone_id(), hash, NOW, &policy()),
            Ok(AttemptOutcome::Verified)
        );
        Ok(())
    });
    mocks.courier.expect_send().never();
    assert!(
        !mocks
            .users()
            .prepare_verification(&user_id(), &phone_id())
            .await
            .unwrap()
            .texted
    );
}

#[tokio::test]
async fn outside_test_mode_a_test_number_is_texted_like_any_other() {
    let mut mocks = Mocks::default()
        .stored(user_with(number("+14155550100"), |_| ()))
        .nobody_owns_anything()
        .commits_with_text(1);
    mocks
        .courier
        .expect_send()
        .times(1)
        .withf(|message| !message.sealed.as_ref().unwrap().starts_with("424242"))
        .returning(|_| Sending::Sent);
    let users = mocks.users_under(Policy {
        test_mode: false,
        ..policy()
    });
    assert!(
        users
            .prepare_verification(&user_id(), &phone_id())
            .await
            .unwrap()
            .texted
    );
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
        let mut mocks = Mocks::default()
            .stored(user_with(number("+14155552671"), |_| ()))
            .nobody_owns_anything()
            .commits_with_text(1);
        mocks.courier.expect_send().times(1).returning(move |_| answer());
        let outcome = mocks.users().prepare_verification(&user_id(), &phone_id()).await;
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
    ] {
        let mut user = user_with(number("+14155552671"), |_| ());
        user.profile.locale = own.map(|locale| locale.parse().unwrap());
        let mut mocks = Mocks::default()
            .stored(user)
            .nobody_owns_anything()
            .commits_with_text(1);
        mocks
            .courier
            .expect_send()
            .times(1)
            .withf(move |message| message.sealed.as_ref().unwrap().ends_with(spoken))
            .returning(|_| Sending::Sent);
        let users = mocks.users_under(Policy {
            texts: Arc::new(texts.clone()),
            ..policy()
        });
        let users = users.in_language(requested.map(str::to_owned));
        users.prepare_verification(&user_id(), &phone_id()).await.unwrap();
    }
}

#[tokio::test]
async fn no_text_goes_to_a_number_that_another_user_won_meanwhile() {
    let mut mocks = Mocks::default().stored(user_being_verified());
    mocks
        .directory
        .expect_owner_of()
        .returning(|_| Ok(Some("user_b".parse().unwrap())));
    mocks.courier.expect_send().never();
    let outcome = mocks.users().prepare_verification(&user_id(), &phone_id()).await;
    assert!(
        matches!(outcome, Err(UserError::Phone(PhoneError::Taken))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn who_lost_a_number_hears_so_after_a_wrong_code_too_and_it_counts() {
    let mut mocks = Mocks::default().stored(user_being_verified()).commits(1);
    mocks
        .directory
        .expect_owner_of()
        .returning(|_| Ok(Some("user_b".parse().unwrap())));
    let wrong = OtpCode::parse("000000").unwrap();
    let outcome = mocks
        .users()
        .attempt_verification(&user_id(), &phone_id(), &wrong)
        .await;
    assert!(
        matches!(outcome, Err(UserError::Phone(PhoneError::Taken))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_wrong_code_is_counted_even_when_another_change_came_first() {
    let mut order = Sequence::new();
    let mut mocks = Mocks::default().stored(user_being_verified()).nobody_owns_anything();
    mocks
        .repository
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Err(CommitError::Stale));
    mocks
        .repository
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .withf(|change| after(change).phones.get(&phone_id()).unwrap().verification.attempts() == Some(1))
        .returning(|_| Ok(()));
    let wrong = OtpCode::parse("000000").unwrap();
    let (_, outcome) = mocks
        .users()
        .attempt_verification(&user_id(), &phone_id(), &wrong)
        .await
        .unwrap();
    assert_eq!(outcome, AttemptOutcome::WrongCode { attempts_left: 4 });
}

#[tokio::test]
async fn a_change_that_never_gets_through_ends() {
    let mut mocks = Mocks::default().stored(user_being_verified()).nobody_owns_anything();
    let rounds = usize::try_from(MAX_ROUNDS).unwrap();
    mocks
        .repository
        .expect_commit()
        .times(rounds)
        .returning(|_| Err(CommitError::Stale));
    let wrong = OtpCode::parse("000000").unwrap();
    let error = mocks
        .users()
        .attempt_verification(&user_id(), &phone_id(), &wrong)
        .await
        .unwrap_err();
    assert!(matches!(error, UserError::Contended), "{error}");
}

#[tokio::test]
async fn the_commit_has_the_last_word_on_who_owns_a_number() {
    let mut mocks = Mocks::default().stored(user_being_verified()).nobody_owns_anything();
    mocks
        .repository
        .expect_commit()
        .times(1)
        .returning(|_| Err(CommitError::Taken(Unique::PhoneNumber)));
    let right = OtpCode::parse("123456").unwrap();
    let error = mocks
        .users()
        .attempt_verification(&user_id(), &phone_id(), &right)
        .await
        .unwrap_err();
    assert!(matches!(error, UserError::Taken(Unique::PhoneNumber)), "{error}");
}

#[tokio::test]
async fn the_banned_do_nothing_and_the_locked_enter_no_codes() {
    let banned = User {
        banned: true,
        ..user_being_verified()
    };
    let users = Mocks::default().stored(banned).nobody_owns_anything().users();
    let code = OtpCode::parse("123456").unwrap();
    assert!(matches!(users.own_account(&user_id()).await, Err(UserError::Banned)));
    assert!(matches!(
        users.attempt_verification(&user_id(), &phone_id(), &code).await,
        Err(UserError::Banned)
    ));

    let locked = User {
        locked_until: Some(NOW.plus(Duration::from_secs(60))),
        ..user_being_verified()
    };
    let users = Mocks::default().stored(locked).nobody_owns_anything().users();
    assert!(users.own_account(&user_id()).await.is_ok());
    assert!(matches!(
        users.attempt_verification(&user_id(), &phone_id(), &code).await,
        Err(UserError::Locked { .. })
    ));
    assert!(matches!(
        users.prepare_verification(&user_id(), &phone_id()).await,
        Err(UserError::Locked { .. })
    ));
}

#[tokio::test]
async fn backup_codes_are_shown_once_and_kept_as_hashes() {
    let verified = user_with(number("+14155552671"), |phones| {
        phones.set_verified(&phone_id(), true, NOW).unwrap();
        let new = crate::AdminNumber {
            id: format!("idn_{:027}", 2).parse().unwrap(),
            number: number("+14155552672"),
            standing: Standing::Verified,
            primary: false,
            reserved_for_second_factor: false,
        };
        phones.add_by_admin(new, &[], NOW).unwrap();
    });
    let users = Mocks::default().stored(verified).commits(2).users();
    let on = SecondFactorUpdate {
        reserved: Some(true),
        default: None,
    };
    let (user, codes) = users.update_second_factor(&user_id(), &phone_id(), on).await.unwrap();
    let codes = codes.unwrap();
    let stored: Vec<_> = user.phones.parts().backup_codes.iter().map(|code| code.hash).collect();
    assert_eq!(stored, users.hash_backup_codes(&user_id(), &codes));
    assert_eq!(codes.len(), 10);
    // Without backup codes on the instance, none are issued.
    let without = Policy {
        backup_codes: false,
        ..policy()
    };
    let plain = Users {
        policy: Arc::new(without),
        ..users
    };
    assert_eq!(
        plain.update_second_factor(&user_id(), &phone_id(), on).await.unwrap().1,
        None
    );
    assert!(plain.renew_backup_codes(&user_id()).await.is_err());
}

#[tokio::test]
async fn a_user_who_signs_in_by_phone_is_not_made_without_a_number() {
    let error = Mocks::default()
        .users()
        .create_user(NewUser::default())
        .await
        .unwrap_err();
    assert!(matches!(error, UserError::NumberNeeded));
    let elsewhere = Policy {
        used_for_first_factor: false,
        ..policy()
    };
    let users = Mocks::default().commits(1).users_under(elsewhere);
    assert!(users.create_user(NewUser::default()).await.is_ok());
}
