//! Signing up.

use super::*;
use crate::{Entrance, SignUp, SignUpId};

fn sign_up_id() -> SignUpId {
    format!("sua_{:027}", 1).parse().unwrap()
}

/// A client, with a sign-up or without.
fn context(sign_up: Option<SignUp>) -> ClientContext {
    let mut client = client();
    client.sign_up = sign_up;
    ClientContext {
        client: Some(loaded(client)),
        ..ClientContext::default()
    }
}

/// A sign-up with a number.
fn begun() -> SignUp {
    let mut begun = SignUp::new(sign_up_id(), NOW);
    begun.number = Some(number("+14155552671"));
    begun
}

/// A sign-up to which the code 123456 is out.
fn prepared() -> SignUp {
    let mut begun = begun();
    let (id, number) = (sign_up_id(), number("+14155552671"));
    begun
        .prepare(
            hasher().otp(Purpose::SignUp(&id, &number), &code("123456")),
            NOW,
            &policy(),
        )
        .unwrap();
    begun
}

fn cases(mocks: Mocks) -> UseCases {
    let limits = Limits {
        codes_per_number: vec![an_hour(5)],
        codes_in_all: vec![an_hour(5)],
        attempts_per_number: vec![an_hour(5)],
        ..Limits::default()
    };
    mocks.cases_under(policy(), limits)
}

impl Mocks {
    fn charges(mut self, charged: Decision) -> Self {
        self.limiter
            .expect_charge()
            .times(1)
            .withf(|charges, _| charges.iter().any(|charge| charge.key == "codes/number/+14155552671"))
            .returning(move |_, _| Ok(charged));
        self
    }
}

#[tokio::test]
async fn a_blocked_number_is_refused_before_anything_is_written_or_texted() {
    let mut mocks = Mocks::default();
    mocks.instance.expect_is_blocked().times(1).returning(|_| Ok(true));
    let request = SignUpRequest {
        number: Some(number("+14155552671")),
        ..SignUpRequest::default()
    };
    let refused = cases(mocks).create_sign_up(&context(None), request).await;
    assert!(matches!(refused, Err(AuthError::Blocked(Entrance::SignUp))));
}

#[tokio::test]
async fn over_the_limit_nothing_is_committed_and_nothing_texted() {
    let no = Decision::Limited {
        retry_after: Duration::from_secs(7),
    };
    let mocks = Mocks::default().nobody_owns_anything().charges(no);
    let refused = cases(mocks)
        .prepare_sign_up(&context(Some(begun())), &sign_up_id())
        .await;
    assert!(matches!(refused, Err(AuthError::TooManyCodes { retry_after }) if retry_after.as_secs() == 7));
}

#[tokio::test]
async fn a_limiter_that_cannot_say_lets_no_text_out() {
    let mut mocks = Mocks::default().nobody_owns_anything();
    mocks
        .limiter
        .expect_charge()
        .returning(|_, _| Err(StoreError::Unavailable("down".into())));
    let refused = cases(mocks)
        .prepare_sign_up(&context(Some(begun())), &sign_up_id())
        .await;
    assert!(matches!(refused, Err(AuthError::User(UserError::Store(_)))));
}

#[tokio::test]
async fn a_code_is_committed_before_it_is_texted() {
    let mut mocks = Mocks::default().nobody_owns_anything().charges(Decision::Allowed);
    let mut sequence = Sequence::new();
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut sequence)
        .withf(|writes| matches!(&writes[..], [Write::Client(_), Write::Message(_)]))
        .returning(|_| Ok(()));
    mocks
        .sms
        .expect_send()
        .times(1)
        .in_sequence(&mut sequence)
        .withf(|message| message.to == number("+14155552671") && message.user.is_none())
        .returning(|_| Sending::Sent);
    let prepared = cases(mocks)
        .prepare_sign_up(&context(Some(begun())), &sign_up_id())
        .await
        .unwrap();
    assert!(
        prepared.token.is_none(),
        "nobody has signed in: the client keeps its token"
    );
}

#[tokio::test]
async fn a_text_that_nobody_takes_is_told_and_the_code_stays() {
    let mut mocks = Mocks::default().nobody_owns_anything().charges(Decision::Allowed);
    mocks.commits.expect_commit().times(1).returning(|_| Ok(()));
    mocks
        .sms
        .expect_send()
        .times(1)
        .returning(|_| Sending::Failed(SendError::Refused("21211".into())));
    let prepared = cases(mocks)
        .prepare_sign_up(&context(Some(begun())), &sign_up_id())
        .await;
    assert!(matches!(prepared, Err(AuthError::User(UserError::NotSent(_)))));
}

#[tokio::test]
async fn a_try_at_a_number_is_charged_before_anything_is_committed() {
    for (tried, writes_user) in [("123456", true), ("000000", false)] {
        let mut order = Sequence::new();
        let mut mocks = Mocks::default();
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
            .withf(move |writes| written_user(writes).is_some() == writes_user && written_client(writes).is_some())
            .returning(|_| Ok(()));
        let context = context(Some(prepared()));
        let done = cases(mocks)
            .attempt_sign_up(&context, &sign_up_id(), &code(tried))
            .await
            .unwrap();
        assert_eq!(
            done.token.is_some(),
            writes_user,
            "who signs in has a new token: {tried}"
        );

        let mut mocks = Mocks::default();
        mocks.limiter.expect_charge().times(1).returning(|_, _| {
            Ok(Decision::Limited {
                retry_after: Duration::from_secs(7),
            })
        });
        let refused = cases(mocks)
            .attempt_sign_up(&context, &sign_up_id(), &code(tried))
            .await;
        assert!(
            matches!(refused, Err(AuthError::TooOften { retry_after }) if retry_after.as_secs() == 7),
            "over the limit not even the right code makes a user: {tried}"
        );
    }
}
