//! One browser or app: its sessions, and the sign-up and sign-in that it is at.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ports::{Aggregate, Change, Write};
use crate::proof::Strategy;
use crate::session::{Ending, Session};
use crate::sign_in::SignIn;
use crate::sign_up::SignUp;
use crate::{ClientId, SessionId, Timestamp, TokenHash, UserId};

/// How long an ended session is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
/// At most so many ended sessions of one client are remembered, the youngest ones.
const MOST_ENDED: usize = 20;

/// How long a replaced token is remembered.
const REPLACED_FOR: Duration = Duration::from_secs(10);
/// How many replaced tokens are remembered: no page has more changes of factors under way.
const MOST_REPLACED: usize = 8;

/// A token that opens nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedToken {
    /// What is kept of it.
    pub hash: TokenHash,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// A client: what a browser's cookie opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The identifier, `client_…`.
    pub id: ClientId,
    /// What is kept of its token. A new one at every sign-in: a token planted before is worthless after.
    pub token: TokenHash,
    /// The tokens before it, for a few seconds: a request that crosses with a change of the token is asked to try again, for
    /// it must not be taken for one of somebody who has signed out. A reverification and the change that it was for
    /// replace two within a second.
    pub replaced_tokens: Vec<ReplacedToken>,
    /// Its sessions, oldest first: live ones, and for a while ended ones.
    pub sessions: Vec<Session>,
    /// The session that was last chosen.
    pub last_active_session: Option<SessionId>,
    /// By what somebody last signed in.
    pub last_strategy: Option<Strategy>,
    /// The sign-up that it is at.
    pub sign_up: Option<SignUp>,
    /// The sign-in that it is at.
    pub sign_in: Option<SignIn>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last signed in or out, and nothing else: back ends compare it with the age of
    /// session tokens (contract 7.3).
    pub updated_at: Timestamp,
}

impl Aggregate for Client {
    type Id = ClientId;

    fn id(&self) -> &ClientId {
        &self.id
    }

    fn write(change: Change<Self>) -> Write {
        Write::Client(Box::new(change))
    }
}

impl Client {
    /// A client in which nobody is signed in.
    #[must_use]
    pub const fn new(id: ClientId, token: TokenHash, now: Timestamp) -> Self {
        Self {
            id,
            token,
            replaced_tokens: Vec::new(),
            sessions: Vec::new(),
            last_active_session: None,
            last_strategy: None,
            sign_up: None,
            sign_in: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// One session.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == *id)
    }

    pub(crate) fn session_mut(&mut self, id: &SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == *id)
    }

    /// The sessions that nothing in this client has ended and whose time is not up. Whether they
    /// are live depends on their users, too.
    pub fn open_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(move |session| session.ending.is_none() && now < session.expire_at)
    }

    /// The open sessions of one user.
    pub fn open_sessions_of<'a>(&'a self, user: &'a UserId, now: Timestamp) -> impl Iterator<Item = &'a Session> {
        self.open_sessions(now).filter(move |session| session.user == *user)
    }

    /// Begins a session. With `alone` it replaces all others; else those of the same user.
    pub(crate) fn begin(
        &mut self,
        session: Session,
        token: TokenHash,
        strategy: Option<Strategy>,
        alone: bool,
        now: Timestamp,
    ) {
        for other in &mut self.sessions {
            if alone || other.user == session.user {
                other.end(Ending::Replaced, now);
            }
        }
        self.last_active_session = Some(session.id.clone());
        self.last_strategy = strategy.or(self.last_strategy);
        self.sessions.push(session);
        self.token = token;
        self.replaced_tokens.clear();
        self.updated_at = now;
        self.forget(now);
    }

    /// Gives the client a new token; the old one is worthless from now on.
    pub(crate) fn replace_token(&mut self, token: TokenHash, now: Timestamp) {
        // A clock that was set back must not keep them.
        let latest = now.plus(REPLACED_FOR);
        self.replaced_tokens
            .retain(|replaced| now < replaced.until && replaced.until <= latest);
        if self.replaced_tokens.len() >= MOST_REPLACED {
            self.replaced_tokens.remove(0);
        }
        self.replaced_tokens.push(ReplacedToken {
            hash: self.token,
            until: latest,
        });
        self.token = token;
    }

    /// Whether `token` was this client's until a moment ago.
    #[must_use]
    pub fn has_just_replaced(&self, token: &TokenHash, now: Timestamp) -> bool {
        let mut replaced = self.replaced_tokens.iter();
        replaced.any(|replaced| replaced.hash == *token && now < replaced.until)
    }

    /// Takes a session into the user's present generation, when all others of the user end.
    pub(crate) fn keep_session(&mut self, id: &SessionId, generation: i64) {
        if let Some(session) = self.session_mut(id) {
            session.generation = generation;
        }
    }

    /// Ends one session.
    pub(crate) fn end(&mut self, id: &SessionId, how: Ending, now: Timestamp) {
        if let Some(session) = self.session_mut(id) {
            session.end(how, now);
        }
        self.choose_active_session(now);
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&mut self, how: Ending, now: Timestamp) {
        for session in &mut self.sessions {
            session.end(how, now);
        }
        self.choose_active_session(now);
    }

    /// After somebody signed out: who is left becomes the one last active.
    fn choose_active_session(&mut self, now: Timestamp) {
        let left = self
            .open_sessions(now)
            .max_by_key(|session| session.last_active_at)
            .map(|session| session.id.clone());
        let chosen = self.last_active_session.as_ref();
        if !chosen.is_some_and(|id| self.open_sessions(now).any(|session| session.id == *id)) {
            self.last_active_session = left;
        }
        self.updated_at = now;
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        let is_over = |session: &Session| session.ending.is_some() || now >= session.expire_at;
        let mut over: Vec<(Timestamp, SessionId)> = self
            .sessions
            .iter()
            .filter(|session| is_over(session))
            .map(|session| (session.updated_at, session.id.clone()))
            .collect();
        over.sort_unstable_by(|one, other| other.cmp(one));
        over.retain({
            let mut at = 0;
            move |(ended_at, _)| {
                at += 1;
                at > MOST_ENDED || now.since(*ended_at) > REMEMBERED
            }
        });
        self.sessions
            .retain(|session| !over.iter().any(|(_, id)| *id == session.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;
    use crate::{Activity, SessionStatus, Token, User};
    use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::Strategy as _;

    fn later(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
    }

    fn session(user: u8, now: Timestamp, entropy: &Counting) -> Session {
        Session {
            id: SessionId::generate(now, entropy),
            user: format!("user_{user}").parse().unwrap(),
            ending: None,
            generation: 0,
            first_factor_at: Some(now),
            second_factor_at: None,
            reverification: None,
            activity: Activity::default(),
            created_at: now,
            last_active_at: now,
            expire_at: now.plus(Duration::from_secs(3600)),
            updated_at: now,
        }
    }

    /// What can happen to a client, and the seconds that pass before.
    #[derive(Debug, Clone)]
    enum Act {
        Begin { user: u8, alone: bool },
        End { at: usize },
        EndAll,
    }

    fn acts() -> impl proptest::strategy::Strategy<Value = Vec<(Act, u64)>> {
        let act = prop_oneof![
            4 => (0..3u8, any::<bool>()).prop_map(|(user, alone)| Act::Begin { user, alone }),
            2 => (0..8usize).prop_map(|at| Act::End { at }),
            1 => Just(Act::EndAll),
        ];
        proptest::collection::vec((act, 0..4000u64), 0..60)
    }

    fn signed_in(entropy: &Counting) -> Client {
        let token = Token::generate(ClientId::generate(later(0), entropy), entropy);
        let mut client = Client::new(token.id.clone(), token.hash(), later(0));
        client.begin(session(1, later(0), entropy), token.hash(), None, true, later(0));
        client
    }

    #[test]
    fn a_replaced_token_opens_nothing_and_is_remembered_for_ten_seconds() {
        let entropy = Counting::default();
        let mut client = signed_in(&entropy);
        let (old, stranger) = (client.token, Token::generate(client.id.clone(), &entropy).hash());
        let fresh = Token::generate(client.id.clone(), &entropy).hash();
        client.replace_token(fresh, later(0));
        assert_eq!(client.token, fresh);
        assert!(client.has_just_replaced(&old, later(9)));
        assert!(!client.has_just_replaced(&old, later(10)));
        assert!(!client.has_just_replaced(&stranger, later(0)));
        assert!(!client.has_just_replaced(&fresh, later(0)));
    }

    #[test]
    fn no_more_than_eight_replaced_tokens_are_remembered_and_none_for_longer_by_a_clock_set_back() {
        let entropy = Counting::default();
        let mut client = signed_in(&entropy);
        let first = client.token;
        let replace = |client: &mut Client, at| {
            let fresh = Token::generate(client.id.clone(), &entropy).hash();
            client.replace_token(fresh, at);
        };
        for _ in 0..8 {
            replace(&mut client, later(3600));
        }
        assert!(client.has_just_replaced(&first, later(3600)));
        replace(&mut client, later(3600));
        assert!(!client.has_just_replaced(&first, later(3600)));
        assert_eq!(client.replaced_tokens.len(), 8);
        replace(&mut client, later(0));
        assert_eq!(client.replaced_tokens.len(), 1);
    }

    #[test]
    fn two_tokens_that_are_replaced_at_once_are_both_remembered() {
        let entropy = Counting::default();
        let mut client = signed_in(&entropy);
        let first = client.token;
        let second = Token::generate(client.id.clone(), &entropy).hash();
        let third = Token::generate(client.id.clone(), &entropy).hash();
        client.replace_token(second, later(0));
        client.replace_token(third, later(1));
        assert!(client.has_just_replaced(&first, later(9)) && client.has_just_replaced(&second, later(10)));
        assert!(!client.has_just_replaced(&first, later(10)) && !client.has_just_replaced(&second, later(11)));
        client.replace_token(first, later(20));
        assert_eq!(client.replaced_tokens.len(), 1, "the others are forgotten");
    }

    #[test]
    fn a_token_from_before_a_sign_in_is_not_remembered() {
        let entropy = Counting::default();
        let mut client = signed_in(&entropy);
        let old = client.token;
        let fresh = || Token::generate(ClientId::generate(later(0), &entropy), &entropy).hash();
        client.replace_token(fresh(), later(0));
        client.begin(session(2, later(1), &entropy), fresh(), None, false, later(1));
        assert!(!client.has_just_replaced(&old, later(1)), "it may have been planted");
    }

    #[test]
    fn the_session_that_is_kept_outlives_the_others_of_its_user() {
        let entropy = Counting::default();
        let mut client = signed_in(&entropy);
        let other = session(1, later(0), &entropy);
        let mut user = User::new("user_1".parse().unwrap(), later(0));
        user.sessions_generation = 0;
        user.end_sessions();
        let id = client.sessions[0].id.clone();
        let status = |session: &Session| session.status(Some(&user), false, later(1));
        assert_eq!(status(&client.sessions[0]), SessionStatus::Revoked);
        client.keep_session(&id, user.sessions_generation);
        assert_eq!(status(&client.sessions[0]), SessionStatus::Active);
        assert_eq!(status(&other), SessionStatus::Revoked);
    }

    proptest! {
        #[test]
        fn the_active_session_is_open_and_no_user_is_in_twice(acts in acts()) {
            let entropy = Counting::default();
            let token = |now| Token::generate(ClientId::generate(now, &entropy), &entropy).hash();
            let mut seconds = 0;
            let mut client = Client::new(ClientId::generate(later(0), &entropy), token(later(0)), later(0));
            for (act, passed) in acts {
                seconds += passed;
                let now = later(seconds);
                let before = client.token;
                match act {
                    Act::Begin { user, alone } => {
                        let fresh = token(now);
                        client.begin(session(user, now, &entropy), fresh, None, alone, now);
                        prop_assert!(client.token != before, "every sign-in has a new token");
                        let open = client.open_sessions(now).count();
                        prop_assert!(!alone || open == 1);
                    }
                    Act::End { at } => {
                        if let Some(id) = client.sessions.get(at).map(|session| session.id.clone()) {
                            client.end(&id, Ending::Ended, now);
                            prop_assert!(client.open_sessions(now).all(|session| session.id != id));
                        }
                    }
                    Act::EndAll => {
                        client.end_all(Ending::Removed, now);
                        prop_assert_eq!(client.open_sessions(now).count(), 0);
                        prop_assert_eq!(&client.last_active_session, &None);
                    }
                }
                prop_assert!(client.sessions.len() <= MOST_ENDED + 3);
                for user in 0..3 {
                    let user = format!("user_{user}").parse().unwrap();
                    prop_assert!(client.open_sessions_of(&user, now).count() <= 1);
                }
            }
        }

        #[test]
        fn a_session_is_live_only_with_a_user_who_vouches(banned: bool, generation in 0..2i64, ended: bool, age in 0..7200u64, required: bool) {
            let entropy = Counting::default();
            let mut session = session(0, later(0), &entropy);
            session.generation = User::new("user_0".parse().unwrap(), later(0)).sessions_generation + generation;
            if ended {
                session.end(Ending::Ended, later(1));
            }
            let user = User { banned, ..User::new("user_0".parse().unwrap(), later(0)) };
            let status = session.status(Some(&user), required, later(age));
            let lives = !banned && generation == 0 && !ended && age < 3600;
            prop_assert_eq!(status.is_live(), lives);
            prop_assert_eq!(status == SessionStatus::Pending, status.is_live() && required);
            prop_assert!(!session.status(None, required, later(age)).is_live());
        }
    }
}
