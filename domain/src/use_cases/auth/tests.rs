//! Against mocks of every port: what is asked of whom, and what is not.

use std::time::Duration;

use super::*;
use crate::ports::{
    Charged, MockClock, MockCourier, MockInstanceDirectory, MockLimiter, MockPasswordHasher, MockRepository,
    MockSessionDirectory, MockUnitOfWork, MockUserDirectory, Revision, SendError, Sending, Window, Write,
};
use crate::testing::{Clear, Counting, hasher, policy};
use crate::use_cases::Ports;
use crate::{ClientId, E164};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The mocks of one test; what is not expected is not called.
#[derive(Default)]
struct Mocks {
    users: MockRepository<User>,
    directory: MockUserDirectory,
    courier: MockCourier,
    clients: MockRepository<Client>,
    tickets: MockRepository<SignInToken>,
    work: MockUnitOfWork,
    sessions: MockSessionDirectory,
    passwords: MockPasswordHasher,
    limiter: MockLimiter,
    instance: MockInstanceDirectory,
}

impl Mocks {
    fn auth(self) -> Auth {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW);
        let ports = Ports {
            repository: Arc::new(self.users),
            directory: Arc::new(self.directory),
            unit_of_work: Arc::new(self.work),
            courier: Arc::new(self.courier),
            sealer: Arc::new(Clear),
            clock: Arc::new(clock),
            entropy: Arc::new(Counting::default()),
        };
        let auth_ports = AuthPorts {
            clients: Arc::new(self.clients),
            tickets: Arc::new(self.tickets),
            sessions: Arc::new(self.sessions),
            passwords: Arc::new(self.passwords),
            limiter: Arc::new(self.limiter),
            instance: Arc::new(self.instance),
        };
        let hour = Window {
            limit: 5,
            span: Duration::from_secs(3600),
        };
        let limits = Limits {
            codes_per_number: vec![hour],
            codes_in_all: vec![hour],
            ..Limits::default()
        };
        Auth::new(Users::new(ports, hasher(), policy()), auth_ports, limits)
    }

    fn nobody_owns_anything(mut self) -> Self {
        self.directory.expect_owner_of().returning(|_| Ok(None));
        self.instance.expect_is_blocked().returning(|_| Ok(false));
        self
    }

    fn charges(mut self, charged: Charged) -> Self {
        self.limiter
            .expect_charge()
            .times(1)
            .withf(|charges, _| charges.iter().any(|charge| charge.key == "codes/number/+14155552671"))
            .returning(move |_, _| Ok(charged));
        self
    }
}

fn number() -> E164 {
    "+14155552671".parse().unwrap()
}

fn visit(sign_up: bool) -> Visit {
    let entropy = Counting::from(1);
    let token = Token::generate(ClientId::generate(NOW, &entropy), &entropy);
    let mut client = Client::new(token.id.clone(), token.hash(), NOW);
    if sign_up {
        let mut begun = crate::SignUp::new(sign_up_id(), NOW);
        begun.number = Some(number());
        client.sign_up = Some(begun);
    }
    Visit {
        client: Some(Loaded {
            aggregate: client,
            revision: Revision(1),
        }),
        ..Visit::default()
    }
}

fn sign_up_id() -> crate::SignUpId {
    format!("sua_{:027}", 1).parse().unwrap()
}

#[tokio::test]
async fn a_blocked_number_is_refused_before_anything_is_written_or_texted() {
    let mut mocks = Mocks::default();
    mocks.instance.expect_is_blocked().times(1).returning(|_| Ok(true));
    let request = SignUpRequest {
        number: Some(number()),
        ..SignUpRequest::default()
    };
    let refused = mocks.auth().create_sign_up(&visit(false), request).await;
    assert!(matches!(refused, Err(AuthError::Blocked)));
}

#[tokio::test]
async fn over_the_limit_nothing_is_committed_and_nothing_texted() {
    let no = Charged::No {
        retry_after: Duration::from_secs(7),
    };
    let mocks = Mocks::default().nobody_owns_anything().charges(no);
    let refused = mocks.auth().prepare_sign_up(&visit(true), &sign_up_id()).await;
    assert!(matches!(refused, Err(AuthError::TooManyCodes { retry_after }) if retry_after.as_secs() == 7));
}

#[tokio::test]
async fn a_limiter_that_cannot_say_lets_no_text_out() {
    let mut mocks = Mocks::default().nobody_owns_anything();
    mocks
        .limiter
        .expect_charge()
        .returning(|_, _| Err(StoreError::Unavailable("down".into())));
    let refused = mocks.auth().prepare_sign_up(&visit(true), &sign_up_id()).await;
    assert!(matches!(refused, Err(AuthError::User(UserError::Store(_)))));
}

#[tokio::test]
async fn a_code_is_committed_before_it_is_texted() {
    let mut mocks = Mocks::default().nobody_owns_anything().charges(Charged::Yes);
    let mut sequence = mockall::Sequence::new();
    mocks
        .work
        .expect_commit_all()
        .times(1)
        .in_sequence(&mut sequence)
        .withf(|writes| matches!(&writes[..], [Write::Client(_), Write::Message(_)]))
        .returning(|_| Ok(()));
    mocks
        .courier
        .expect_send()
        .times(1)
        .in_sequence(&mut sequence)
        .withf(|message| message.to == number() && message.user.is_none())
        .returning(|_| Sending::Sent);
    let prepared = mocks.auth().prepare_sign_up(&visit(true), &sign_up_id()).await.unwrap();
    assert!(
        prepared.token.is_none(),
        "nobody has signed in: the client keeps its token"
    );
}

#[tokio::test]
async fn a_text_that_nobody_takes_is_told_and_the_code_stays() {
    let mut mocks = Mocks::default().nobody_owns_anything().charges(Charged::Yes);
    mocks.work.expect_commit_all().times(1).returning(|_| Ok(()));
    mocks
        .courier
        .expect_send()
        .times(1)
        .returning(|_| Sending::Failed(SendError::Refused("21211".into())));
    let prepared = mocks.auth().prepare_sign_up(&visit(true), &sign_up_id()).await;
    assert!(matches!(prepared, Err(AuthError::User(UserError::NotSent(_)))));
}

#[tokio::test]
async fn the_token_of_another_secret_opens_no_client() {
    let known = visit(false).client.unwrap();
    let mut mocks = Mocks::default();
    let stored = known.clone();
    mocks.clients.expect_load().returning(move |_| Ok(Some(stored.clone())));
    let auth = mocks.auth();
    let forged = Token::generate(known.aggregate.id.clone(), &Counting::from(99));
    assert!(auth.client(&forged).await.unwrap().is_none());
    let entropy = Counting::from(1);
    let true_one = Token::generate(ClientId::generate(NOW, &entropy), &entropy);
    assert!(auth.client(&true_one).await.unwrap().is_some());
}
