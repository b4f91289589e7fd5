//! An instance with one user and one client in memory, behind the mocks: for what takes several steps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::proof::Strategy;
use crate::sign_in::SignIn;
use crate::{BackupCode, SignInId};

/// What the store has, and what was asked of the world.
struct Kept {
    user: Loaded<User>,
    client: Loaded<Client>,
    commits: Vec<Vec<Write>>,
    compared: usize,
}

impl Kept {
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), CommitError> {
        for write in &writes {
            match write {
                Write::User(change) => put(&mut self.user, change)?,
                Write::Client(change) => put(&mut self.client, change)?,
                Write::Message(_) | Write::Event(_) | Write::SignInToken(_) => {}
            }
        }
        self.commits.push(writes);
        Ok(())
    }
}

fn put<A: Clone>(kept: &mut Loaded<A>, change: &Change<A>) -> Result<(), CommitError> {
    match change {
        Change::Replace { before, .. } if before.revision != kept.revision => Err(CommitError::Stale),
        change => {
            *kept = Loaded {
                aggregate: after(change).clone(),
                revision: Revision(kept.revision.0 + 1),
            };
            Ok(())
        }
    }
}

/// One user, one client, and a hasher that hides nothing.
pub(super) struct Instance {
    pub(super) cases: UseCases,
    kept: Arc<Mutex<Kept>>,
    seconds: Arc<AtomicU64>,
}

impl Instance {
    /// Nobody is signed in.
    pub(super) fn of(user: User, policy: Policy) -> Self {
        Self::with(user, client(), policy)
    }

    /// The user is signed in, in the first session.
    pub(super) fn signed_in(user: User, policy: Policy) -> Self {
        let client = in_session(&user).context.client.unwrap().aggregate;
        Self::with(user, client, policy)
    }

    fn with(user: User, client: Client, policy: Policy) -> Self {
        let kept = Arc::new(Mutex::new(Kept {
            user: loaded(user),
            client: loaded(client),
            commits: Vec::new(),
            compared: 0,
        }));
        let seconds = Arc::new(AtomicU64::new(0));
        let mut mocks = Mocks::default();
        let state = kept.clone();
        mocks
            .users
            .expect_load()
            .returning(move |_| Ok(Some(state.lock().unwrap().user.clone())));
        let state = kept.clone();
        mocks
            .clients
            .expect_load()
            .returning(move |_| Ok(Some(state.lock().unwrap().client.clone())));
        let state = kept.clone();
        mocks
            .commits
            .expect_commit()
            .returning(move |writes| state.lock().unwrap().commit(writes));
        let state = kept.clone();
        mocks.passwords.expect_verify().returning(move |tried, hash| {
            state.lock().unwrap().compared += 1;
            Ok(tried.reveal() == hash.as_str())
        });
        mocks
            .passwords
            .expect_hash()
            .returning(|password| Ok(PasswordHash::new(password.reveal().to_owned())));
        mocks.directory.expect_owner_of().returning(|_| Ok(Some(user_id())));
        mocks.directory.expect_user_with().returning(|_| Ok(Some(user_id())));
        mocks.sms.expect_send().returning(|_| Sending::Sent);
        let mut clock = MockClock::new();
        let time = seconds.clone();
        clock
            .expect_now()
            .returning(move || NOW.plus(Duration::from_secs(time.load(Ordering::Relaxed))));
        mocks.clock = Some(clock);
        Self {
            cases: mocks.cases_under(policy, Limits::default()),
            kept,
            seconds,
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn user(&self) -> User {
        self.kept().user.aggregate.clone()
    }

    pub(super) fn sign_in(&self) -> SignIn {
        self.kept().client.aggregate.sign_in.clone().unwrap()
    }

    pub(super) fn commits(&self) -> Vec<Vec<Write>> {
        self.kept().commits.clone()
    }

    /// How many passwords were compared.
    pub(super) fn compared(&self) -> usize {
        self.kept().compared
    }

    /// A request of the client.
    pub(super) fn context(&self) -> ClientContext {
        let kept = self.kept();
        ClientContext {
            client: Some(kept.client.clone()),
            users: vec![kept.user.clone()],
            request: RequestContext::default(),
        }
    }

    /// The same by the user in the first session.
    pub(super) fn acting(&self) -> InSession {
        let context = self.context();
        InSession {
            session: context.client().unwrap().session(&session_id(1)).unwrap().clone(),
            user: context.users[0].clone(),
            context,
        }
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::Session(Box::new(self.acting()))
    }

    /// The code that was last sent.
    pub(super) fn last_code(&self) -> OtpCode {
        let kept = self.kept();
        let sent = kept.commits.iter().rev().find_map(|writes| {
            let messages = written_messages(writes);
            messages.first().map(|message| content(message))
        });
        code(&sent.unwrap().code.unwrap())
    }

    /// A code that was not sent.
    pub(super) fn wrong_code(&self) -> OtpCode {
        let wrong = ["000000", "111111"].map(code);
        let sent = self.last_code();
        wrong.into_iter().find(|wrong| wrong.reveal() != sent.reveal()).unwrap()
    }

    /// Begins a sign-in with the first number.
    pub(super) async fn begin(&self, strategy: Strategy) -> Result<SignInId, AuthError> {
        let request = SignInRequest {
            identifier: Some(nth_number(1)),
            strategy: Some(strategy),
            password: None,
            ..SignInRequest::default()
        };
        self.cases.create_sign_in(&self.context(), &request).await?;
        Ok(self.sign_in().id)
    }

    /// Begins a sign-in with the first number and a password.
    pub(super) async fn begin_with_password(&self, password: &str) -> Result<FactorOutcome, AuthError> {
        let request = SignInRequest {
            identifier: Some(nth_number(1)),
            strategy: None,
            password: Some(password.to_owned()),
            ..SignInRequest::default()
        };
        let done = self.cases.create_sign_in(&self.context(), &request).await?;
        Ok(done.outcome)
    }

    pub(super) async fn try_first(&self, factor: TriedFactor<'_>) -> Result<FactorOutcome, AuthError> {
        let id = self.sign_in().id;
        let done = self.cases.attempt_first_factor(&self.context(), &id, factor).await?;
        Ok(done.outcome)
    }

    pub(super) async fn try_second(&self, factor: TriedFactor<'_>) -> Result<FactorOutcome, AuthError> {
        let id = self.sign_in().id;
        let done = self.cases.attempt_second_factor(&self.context(), &id, factor).await?;
        Ok(done.outcome)
    }
}

pub(super) fn wrong_backup_code() -> BackupCode {
    BackupCode::generate_set(&Counting::from(7)).remove(0)
}
