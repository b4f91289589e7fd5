//! The use cases against mocks of every port: what is asked of whom, and in which order.

mod claims;
mod codes;
mod credentials;
mod kept;
mod lockout;
mod notices;
mod numbers;
mod passwords;
mod reset;
mod resolve;
mod second_factor;
mod sign_up;
mod standing;
mod users;

use std::time::Duration;

use mockall::Sequence;

use super::*;
use crate::actor::{Actor, ByToken, ClientContext, InSession, RequestContext};
use crate::message::{Content, Message};
use crate::ports::{
    Change, CommitError, Decision, Events, Loaded, MockClock, MockCommit, MockInstanceDirectory, MockLimiter,
    MockPasswordHasher, MockRepository, MockSessionDirectory, MockSmsOutbox, MockSmsSender, MockUserDirectory,
    NoEvents, Revision, SendError, Sending, StoreError, Unique, Window, Write,
};
use crate::session::{Activity, Session, SessionStatus};
use crate::testing::{Clear, Counting, hasher, policy};
use crate::user::StoredPassword;
use crate::{
    AdminNumber, AttemptOutcome, E164, Languages, OtpCode, PasswordHash, PhoneError, PhoneNumberId, Purpose, SessionId,
    Standing, UserId, UserPhones,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The mocks of one test; what is not expected is not called.
#[derive(Default)]
struct Mocks {
    users: MockRepository<User>,
    clients: MockRepository<Client>,
    tickets: MockRepository<SignInToken>,
    commits: MockCommit,
    directory: MockUserDirectory,
    sessions: MockSessionDirectory,
    instance: MockInstanceDirectory,
    limiter: MockLimiter,
    passwords: MockPasswordHasher,
    sms: MockSmsSender,
    sms_outbox: MockSmsOutbox,
    events: Option<Arc<dyn Events>>,
    /// Stands at [`NOW`] unless a test sets it.
    clock: Option<MockClock>,
}

impl Mocks {
    fn cases(self) -> UseCases {
        self.cases_under(policy(), Limits::default())
    }

    fn cases_under(self, policy: Policy, limits: Limits) -> UseCases {
        let clock = self.clock.unwrap_or_else(|| {
            let mut clock = MockClock::new();
            clock.expect_now().return_const(NOW);
            clock
        });
        let ports = Ports {
            users: Arc::new(self.users),
            clients: Arc::new(self.clients),
            tickets: Arc::new(self.tickets),
            commits: Arc::new(self.commits),
            directory: Arc::new(self.directory),
            sessions: Arc::new(self.sessions),
            instance: Arc::new(self.instance),
            limiter: Arc::new(self.limiter),
            passwords: Arc::new(self.passwords),
            sms: Arc::new(self.sms),
            sms_outbox: Arc::new(self.sms_outbox),
            events: self.events.unwrap_or_else(|| Arc::new(NoEvents)),
            sms_sealer: Arc::new(Clear),
            event_sealer: Arc::new(Clear),
            clock: Arc::new(clock),
            entropy: Arc::new(Counting::default()),
        };
        UseCases::new(ports, hasher(), policy, limits)
    }

    /// What is loaded again after a stale commit.
    fn stored(mut self, user: User) -> Self {
        self.users
            .expect_load()
            .returning(move |_| Ok(Some(loaded(user.clone()))));
        self
    }

    fn nobody_owns_anything(mut self) -> Self {
        self.directory.expect_owner_of().returning(|_| Ok(None));
        self.instance.expect_is_blocked().returning(|_| Ok(false));
        self
    }

    /// Each of a user together with a text.
    fn commits_with_text(mut self, times: usize) -> Self {
        self.commits
            .expect_commit()
            .times(times)
            .withf(|writes| matches!(&writes[..], [Write::User(_), Write::Message(_)]))
            .returning(|_| Ok(()));
        self
    }

    /// Each of a user alone.
    fn commits(mut self, times: usize) -> Self {
        self.commits
            .expect_commit()
            .times(times)
            .withf(|writes| matches!(&writes[..], [Write::User(_)]))
            .returning(|_| Ok(()));
        self
    }
}

const fn loaded<A>(aggregate: A) -> Loaded<A> {
    Loaded {
        aggregate,
        revision: Revision(1),
    }
}

fn user_id() -> UserId {
    "user_a".parse().unwrap()
}

fn phone_id() -> PhoneNumberId {
    nth_phone_id(1)
}

fn nth_phone_id(n: usize) -> PhoneNumberId {
    format!("idn_{n:027}").parse().unwrap()
}

fn session_id(n: usize) -> SessionId {
    format!("sess_{n:027}").parse().unwrap()
}

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

fn code(text: &str) -> OtpCode {
    OtpCode::parse(text).unwrap()
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
    user_with(number("+14155552671"), |phones| {
        let hash = hasher().otp(Purpose::VerifyNumber(&phone_id()), &code("123456"));
        phones.prepare(&phone_id(), hash, NOW, &policy()).unwrap();
    })
}

/// With verified numbers, `+14155552671` and so on, of which the last `reserved` ones are second factors.
fn verified_user(numbers: usize, reserved: usize) -> User {
    let mut user = User::new(user_id(), NOW);
    user.seen(NOW);
    for n in 1..=numbers {
        let new = AdminNumber {
            id: nth_phone_id(n),
            number: nth_number(n),
            standing: Standing::Verified,
            primary: false,
            reserved_for_second_factor: n > numbers - reserved,
        };
        user.phones.add_by_admin(new, &[], NOW).unwrap();
    }
    user
}

/// The numbers of [`verified_user`].
fn nth_number(n: usize) -> E164 {
    number(&format!("+1415555267{n}"))
}

/// As a hasher keeps it that hides nothing.
fn kept_password(text: &str) -> StoredPassword {
    StoredPassword {
        hash: PasswordHash::new(text.to_owned()),
        updated_at: NOW,
        compromised: false,
    }
}

/// A user who comes with an identity provider's token; unknown until now if there is none.
fn by_token(user: Option<User>) -> Actor {
    by_token_in(user, None)
}

fn by_token_in(user: Option<User>, language: Option<&str>) -> Actor {
    Actor::Token(Box::new(ByToken {
        id: user_id(),
        user: user.map(loaded),
        email: None,
        conflict: None,
        request: RequestContext {
            languages: Languages::default().after(language),
            ..RequestContext::default()
        },
    }))
}

fn client_token() -> Token<ClientId> {
    let entropy = Counting::from(1);
    Token::generate(ClientId::generate(NOW, &entropy), &entropy)
}

fn client() -> Client {
    let token = client_token();
    Client::new(token.id.clone(), token.hash(), NOW)
}

fn nth_session(n: usize, user: &User) -> Session {
    Session {
        id: session_id(n),
        user: user.id.clone(),
        ending: None,
        generation: user.sessions_generation,
        first_factor_at: Some(NOW),
        second_factor_at: user.two_factor_enabled().then_some(NOW),
        reverification: None,
        activity: Activity::default(),
        created_at: NOW,
        last_active_at: NOW,
        expire_at: NOW.plus(policy().session_lifetime),
        updated_at: NOW,
    }
}

/// A user in the first session of a client, just signed in.
fn in_session(user: &User) -> InSession {
    let session = nth_session(1, user);
    let mut client = client();
    client.last_active_session = Some(session.id.clone());
    client.sessions.push(session.clone());
    InSession {
        context: ClientContext {
            client: Some(loaded(client)),
            users: vec![loaded(user.clone())],
            request: RequestContext::default(),
        },
        session,
        user: loaded(user.clone()),
    }
}

fn acting(user: &User) -> Actor {
    Actor::Session(Box::new(in_session(user)))
}

const fn after<A>(change: &Change<A>) -> &A {
    match change {
        Change::Create(after) | Change::Replace { after, .. } => after,
        Change::Delete(before) => &before.aggregate,
    }
}

/// The user as a commit writes it.
fn written_user(writes: &[Write]) -> Option<&User> {
    writes.iter().find_map(|write| match write {
        Write::User(change) => Some(after(change)),
        _ => None,
    })
}

/// The client as a commit writes it.
fn written_client(writes: &[Write]) -> Option<&Client> {
    writes.iter().find_map(|write| match write {
        Write::Client(change) => Some(after(change)),
        _ => None,
    })
}

/// The texts that a commit writes.
fn written_messages(writes: &[Write]) -> Vec<&Message> {
    let messages = writes.iter().filter_map(|write| match write {
        Write::Message(message) => Some(&**message),
        _ => None,
    });
    messages.collect()
}

fn content(message: &Message) -> Content {
    Content::of_sealed(message.sealed.as_deref().unwrap()).unwrap()
}

/// One window of a limit.
const fn an_hour(limit: u32) -> Window {
    Window {
        limit,
        span: Duration::from_secs(3600),
    }
}
