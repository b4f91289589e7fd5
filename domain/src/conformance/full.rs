//! Aggregates with a value in every field, and another value in each at the next turn.
//!
//! Every literal here is whole, without `..`, every list of variants is checked by a match, and the lists of fields are
//! checked by a pattern: a new field or variant does not compile until it has its place here. What is missing here could
//! be lost by a store without any suite noticing.

use serde_json::json;

use super::given::{Random, later, metadata, number, number_id, random, user_id};
use crate::ports::{Entropy, Event};
use crate::{
    Activity, BackEndVerification, BackEndVerificationId, Client, ClientId, Closed, CodeHash, Disguise, E164, Ending,
    ExternalAccount, ExternalAccountId, Failures, Ledger, Level, Message, MessageId, MessageState, NewPassword,
    PasswordHash, PhoneClaim, PhoneNumber, PhoneNumberId, Profile, Proof, ReplacedToken, Reverification, Session,
    SessionId, SignIn, SignInId, SignInToken, SignInTokenId, SignUp, SignUpId, Step, StoredBackupCode, StoredPassword,
    Strategy, TicketStatus, Timestamp, TokenHash, User, UserId, UserPhones, UserPhonesParts, Verification,
};

/// So many turns show every variant of every field that has less than so many. An even number: the first turn follows the
/// last one, and what alternates must differ then too.
pub(super) const TURNS: usize = 8;

/// The states of a verification. An odd number, so that each state is at an even and at an odd place.
const STATES: usize = 7;

/// Numbers of a user: in every state, held and not.
const NUMBERS: usize = 2 * STATES;

/// A field by its name, with what copies it from one aggregate to another.
pub(super) type Field<A> = (&'static str, fn(&mut A, &A));

/// Values of an enum, one for each variant.
macro_rules! each_variant {
    ($type:ident { $($variant:pat_param => $value:expr),* $(,)? }) => {{
        let _every = |known: &$type| match known {
            $($variant)|* => {}
        };
        [$($value),*]
    }};
}

/// All fields of an aggregate but those before the semicolon.
macro_rules! each_field {
    ($type:ident { $($same:ident),*; $($field:ident),* $(,)? }) => {{
        let _every = |$type { $($same: _,)* $($field: _),* }: $type| {};
        vec![$((
            stringify!($field),
            (|into: &mut $type, from: &$type| into.$field.clone_from(&from.$field)) as fn(&mut $type, &$type),
        )),*]
    }};
}

/// What may change about a user.
pub(super) fn fields_of_user() -> Vec<Field<User>> {
    each_field!(User {
        id;
        profile, phones, banned, locked_until, password, failures, texted_notices, credentials_generation, sessions_generation,
        delete_self_enabled, external_account, last_sign_in_at, last_active_at, created_at, updated_at,
    })
}

/// What may change about a profile.
pub(super) fn fields_of_profile() -> Vec<Field<Profile>> {
    each_field!(Profile {
        ;
        first_name, last_name, username, external_id, locale, notice_email, public_metadata, private_metadata,
        unsafe_metadata,
    })
}

/// What may change about a client.
pub(super) fn fields_of_client() -> Vec<Field<Client>> {
    each_field!(Client {
        id;
        token, replaced_tokens, sessions, last_active_session, last_strategy, sign_up, sign_in, created_at, updated_at,
    })
}

/// What may change about a session.
pub(super) fn fields_of_session() -> Vec<Field<Session>> {
    each_field!(Session {
        id, user;
        ending, generation, first_factor_at, second_factor_at, reverification, activity, created_at, last_active_at,
        expire_at, updated_at,
    })
}

/// What may change about a ticket.
pub(super) fn fields_of_ticket() -> Vec<Field<SignInToken>> {
    each_field!(SignInToken { id; token, user, status, expires_at, created_at, updated_at })
}

/// The times of one turn, none of which is in another.
fn clock(turn: usize) -> impl Fn(usize) -> Timestamp {
    move |at| later(u64::try_from(turn * 1000 + at).unwrap())
}

fn pick<T: Clone>(of: &[T], at: usize) -> T {
    of[at % of.len()].clone()
}

fn hash() -> [u8; 32] {
    let mut bytes = [0; 32];
    Random.fill(&mut bytes);
    bytes
}

fn password(turn: usize) -> PasswordHash {
    PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1${turn}$'\"\\"))
}

/// A user of new numbers.
pub(super) fn user(turn: usize) -> User {
    let numbers = (0..NUMBERS).map(|at| (number_id(clock(turn)(at)), number()));
    user_of(user_id(), &numbers.collect::<Vec<_>>(), turn)
}

/// The same user, with the same numbers, in all else as of another turn.
pub(super) fn user_anew(user: &User, turn: usize) -> User {
    let numbers = user.phones.numbers().iter();
    let numbers: Vec<_> = numbers
        .map(|number| (number.id.clone(), number.number.clone()))
        .collect();
    user_of(user.id.clone(), &numbers, turn)
}

fn user_of(id: UserId, numbers: &[(PhoneNumberId, E164)], turn: usize) -> User {
    let at = clock(turn);
    let count = u32::try_from(turn).unwrap();
    User {
        id,
        profile: profile(turn),
        phones: phones(numbers, turn),
        banned: turn.is_multiple_of(2),
        locked_until: Some(at(1)),
        password: Some(StoredPassword {
            hash: password(turn),
            updated_at: at(2),
            compromised: !turn.is_multiple_of(2),
        }),
        failures: Failures {
            password: Ledger::of(vec![at(3)], count + 1),
            code: Ledger::of(vec![at(4), at(5)], count + 2),
            second_factor: Ledger::of(vec![at(6), at(6), at(7)], count + 3),
            session: Ledger::of(vec![at(8)], count + 4),
            session_password: Ledger::of(vec![at(9)], count + 5),
        },
        texted_notices: vec![at(13), at(14)],
        credentials_generation: i64::from(count) + 1,
        sessions_generation: at(8).as_millis(),
        delete_self_enabled: !turn.is_multiple_of(2),
        external_account: Some(external_account(turn)),
        last_sign_in_at: Some(at(9)),
        last_active_at: Some(at(10)),
        created_at: at(11),
        updated_at: at(12),
    }
}

/// Each kind of claim in turn, followed and refused.
fn external_account(turn: usize) -> ExternalAccount {
    let at = clock(turn);
    let claims = each_variant!(PhoneClaim {
        PhoneClaim::Number { .. } => PhoneClaim::Number {
            number: number(),
            verified: turn.is_multiple_of(4),
        },
        PhoneClaim::Malformed => PhoneClaim::Malformed,
    });
    ExternalAccount {
        id: ExternalAccountId::generate(at(0), &Random),
        provider: pick(&["acme", "jwt"], turn).parse().unwrap(),
        claim: pick(&claims, turn),
        issued_at: Some(at(15)),
        refused_at: turn.is_multiple_of(3).then(|| at(16)),
    }
}

fn profile(turn: usize) -> Profile {
    Profile {
        first_name: Some(format!("Ada {turn}; DROP TABLE users --").parse().unwrap()),
        last_name: Some(format!("Šílená 🦀 O'Neill {turn}").parse().unwrap()),
        username: Some(format!("ada_{:016x}", random()).parse().unwrap()),
        external_id: Some(format!("crm/{:016x} ü", random()).parse().unwrap()),
        locale: Some(pick(&["de-CH", "fr"], turn).parse().unwrap()),
        notice_email: Some(format!("ada+{turn}@example.com").parse().unwrap()),
        public_metadata: metadata(json!({"a": {"b": [turn, -2, true, null, "x\u{0}\n\"\\🦀"]}, "": {}})),
        private_metadata: metadata(json!({"large": "x".repeat(8000), "n": u64::MAX, "m": i64::MIN, "turn": turn})),
        unsafe_metadata: metadata(json!({"half": 0.5, "turn": turn})),
    }
}

fn phones(numbers: &[(PhoneNumberId, E164)], turn: usize) -> UserPhones {
    let time = clock(turn);
    let number = |(at, (id, number)): (usize, &(PhoneNumberId, E164))| {
        let lap = at / STATES;
        let verification = verification(turn, at + turn);
        // Each state is there twice: held and not, verified ones as a second factor and not.
        PhoneNumber {
            id: id.clone(),
            number: number.clone(),
            by_back_end: (at + 3 * turn)
                .checked_rem(7)
                .filter(|kind| *kind > 0)
                .map(|kind| BackEndVerification {
                    id: BackEndVerificationId::generate(time(50 + at), &Random),
                    verification: self::verification(turn, kind),
                }),
            held: (at + turn).is_multiple_of(2),
            reserved_for_second_factor: lap == 0 && verification.is_verified(),
            linked: false,
            verification,
            created_at: time(100 + at),
            updated_at: time(200 + at),
        }
    };
    let numbers: Vec<PhoneNumber> = numbers.iter().enumerate().map(number).collect();
    let ids = |fits: fn(&PhoneNumber) -> bool| {
        let those = numbers.iter().filter(|number| fits(number));
        those.map(|number| number.id.clone()).collect::<Vec<_>>()
    };
    let identifying = ids(PhoneNumber::identifies);
    let linked = pick(&identifying, turn + 1);
    let code = |nth: usize| StoredBackupCode {
        hash: CodeHash::from_bytes(hash()),
        used_at: (nth + turn).is_multiple_of(2).then(|| time(300 + nth)),
    };
    let mut parts = UserPhonesParts {
        primary: Some(pick(&identifying, turn)),
        default_second_factor: Some(pick(&ids(|number| number.reserved_for_second_factor), turn)),
        backup_codes: (0..3 + turn % 2).map(code).collect(),
        mfa_enabled_at: Some(time(400)),
        mfa_disabled_at: Some(time(401)),
        numbers,
    };
    for number in &mut parts.numbers {
        number.linked = number.id == linked;
    }
    UserPhones::restore(parts).unwrap()
}

/// Each state in turn.
fn verification(turn: usize, kind: usize) -> Verification {
    let time = clock(turn);
    let closed = |attempts: u8| Closed {
        attempts,
        prepared_at: time(500),
        expires_at: time(501),
    };
    let states = each_variant!(Verification {
        Verification::Unprepared => Verification::Unprepared,
        Verification::Running { .. } => Verification::Running {
            code: CodeHash::from_bytes(hash()),
            attempts: 2,
            prepared_at: time(502),
            expires_at: time(503),
        },
        Verification::Failed(_) => Verification::Failed(closed(3)),
        Verification::Expired(_) => Verification::Expired(closed(1)),
        Verification::ByCode { .. } => Verification::ByCode {
            attempts: 255,
            expires_at: time(504),
        },
        Verification::ByAdmin => Verification::ByAdmin,
        Verification::ByProvider => Verification::ByProvider,
    });
    assert_eq!(states.len(), STATES);
    pick(&states, kind)
}

fn strategy(at: usize) -> Strategy {
    let strategies = each_variant!(Strategy {
        Strategy::PhoneCode => Strategy::PhoneCode,
        Strategy::ResetPasswordPhoneCode => Strategy::ResetPasswordPhoneCode,
        Strategy::Password => Strategy::Password,
        Strategy::Ticket => Strategy::Ticket,
        Strategy::BackupCode => Strategy::BackupCode,
    });
    pick(&strategies, at)
}

/// Each kind in turn.
fn proof(turn: usize, kind: usize) -> Proof {
    let kinds = each_variant!(Proof {
        Proof::Texted { .. } => Proof::Texted {
            strategy: strategy(kind / 2),
            number: number_id(clock(turn)(600)),
            verification: verification(turn, kind / 2),
        },
        Proof::Given { .. } => Proof::Given {
            strategy: strategy(kind / 2),
        },
    });
    pick(&kinds, kind)
}

/// A client of new sessions of `user`.
pub(super) fn client(user: &User, turn: usize) -> Client {
    let time = clock(turn);
    let sessions = (0..5).map(|at| (SessionId::generate(time(at), &Random), user.id.clone()));
    client_of(
        ClientId::generate(time(0), &Random),
        &sessions.collect::<Vec<_>>(),
        turn,
    )
}

/// The same client, with the same sessions, in all else as of another turn.
pub(super) fn client_anew(client: &Client, turn: usize) -> Client {
    let sessions = client.sessions.iter();
    let sessions: Vec<_> = sessions
        .map(|session| (session.id.clone(), session.user.clone()))
        .collect();
    client_of(client.id.clone(), &sessions, turn)
}

fn client_of(id: ClientId, sessions: &[(SessionId, UserId)], turn: usize) -> Client {
    let time = clock(turn);
    let session = |(at, (id, user)): (usize, &(SessionId, UserId))| session(id.clone(), user.clone(), turn, at);
    Client {
        id,
        token: TokenHash::from_bytes(hash()),
        replaced_tokens: vec![ReplacedToken {
            hash: TokenHash::from_bytes(hash()),
            until: time(1),
        }],
        last_active_session: Some(pick(sessions, turn).0),
        sessions: sessions.iter().enumerate().map(session).collect(),
        last_strategy: Some(strategy(turn)),
        sign_up: Some(sign_up(turn)),
        sign_in: Some(sign_in(turn)),
        created_at: time(2),
        updated_at: time(3),
    }
}

fn session(id: SessionId, user: UserId, turn: usize, at: usize) -> Session {
    let time = |offset: usize| clock(turn)(offset + 10 * at);
    let endings = each_variant!(Ending {
        Ending::Ended => Some(Ending::Ended),
        Ending::Removed => Some(Ending::Removed),
        Ending::Revoked => Some(Ending::Revoked),
        Ending::Replaced => Some(Ending::Replaced),
    });
    let levels = each_variant!(Level {
        Level::FirstFactor => Level::FirstFactor,
        Level::SecondFactor => Level::SecondFactor,
        Level::MultiFactor => Level::MultiFactor,
    });
    Session {
        id,
        user,
        ending: pick(&[&[None], &endings[..]].concat(), at + turn),
        generation: time(700).as_millis(),
        first_factor_at: Some(time(701)),
        second_factor_at: Some(time(702)),
        reverification: Some(Reverification {
            level: pick(&levels, at + turn),
            first: Some(proof(turn, 2 * at + turn)),
            second: Some(proof(turn, 2 * at + turn + 1)),
        }),
        activity: Activity {
            address: Some(format!("2001:db8::{turn}:{at}")),
            user_agent: Some(format!("Mozilla 'ü\" 🦀 {turn}.{at}")),
        },
        created_at: time(703),
        last_active_at: time(704),
        expire_at: time(705),
        updated_at: time(706),
    }
}

fn sign_up(turn: usize) -> SignUp {
    let time = clock(turn);
    SignUp {
        id: SignUpId::generate(time(800), &Random),
        number: Some(number()),
        verification: verification(turn, turn),
        password: Some(password(turn)),
        first_name: Some(format!("Šílená O'Neill {turn}").parse().unwrap()),
        last_name: Some(format!("Ü {turn}").parse().unwrap()),
        locale: Some(pick(&["de-CH", "fr"], turn).parse().unwrap()),
        unsafe_metadata: metadata(json!({"x": "\u{0}\\\"🦀", "turn": turn})),
        external_id: Some(format!("crm/{turn} ü").parse().unwrap()),
        custom_action: turn.is_multiple_of(2),
        completed: Some((user_id(), SessionId::generate(time(801), &Random))),
        created_at: time(802),
    }
}

fn sign_in(turn: usize) -> SignIn {
    let time = clock(turn);
    let steps = each_variant!(Step {
        Step::NeedsIdentifier => Step::NeedsIdentifier,
        Step::NeedsFirstFactor => Step::NeedsFirstFactor,
        Step::NeedsSecondFactor => Step::NeedsSecondFactor,
        Step::NeedsNewPassword => Step::NeedsNewPassword,
        Step::Complete(_) => Step::Complete(SessionId::generate(time(900), &Random)),
    });
    SignIn {
        id: SignInId::generate(time(901), &Random),
        identifier: Some(number()),
        user: Some(user_id()),
        step: pick(&steps, turn),
        first: Some(proof(turn, turn)),
        second: Some(proof(turn, turn + 1)),
        first_passed_at: Some(time(902)),
        credentials_generation: Some(i64::try_from(turn).unwrap() + 1),
        new_password: Some(NewPassword {
            hash: password(turn),
            sign_out_others: turn.is_multiple_of(2),
        }),
        disguise: Some(Disguise {
            stand_in: number_id(time(904)),
            leads_to_sign_up: turn.is_multiple_of(2),
        }),
        created_at: time(903),
    }
}

/// A ticket.
pub(super) fn ticket(turn: usize) -> SignInToken {
    let time = clock(turn);
    let statuses = each_variant!(TicketStatus {
        TicketStatus::Pending => TicketStatus::Pending,
        TicketStatus::Accepted => TicketStatus::Accepted,
        TicketStatus::Revoked => TicketStatus::Revoked,
    });
    SignInToken {
        id: SignInTokenId::generate(time(0), &Random),
        token: TokenHash::from_bytes(hash()),
        user: user_id(),
        status: pick(&statuses, turn),
        expires_at: time(1),
        created_at: time(2),
        updated_at: time(3),
    }
}

/// A text that has come so far. Nobody claims it before `due_at`.
pub(super) fn message(state: MessageState, due_at: Timestamp) -> Message {
    let time = clock(1);
    Message {
        id: MessageId::generate(time(0), &Random),
        to: number(),
        user: Some(user_id()),
        phone_number: Some(number_id(time(1))),
        sealed: Some("sealed\t\"'ü🦀\\\r\n\\.\n".to_owned()),
        state,
        gateway: Some("main".to_owned()),
        provider_id: Some(format!("SM'\"{:016x}", random())),
        tries: 4,
        unsettled: 1,
        segments: 2,
        error: Some("\\N ü".to_owned()),
        due_at: Some(due_at),
        expires_at: time(2),
        created_at: time(3),
        updated_at: time(4),
    }
}

/// Something that happened at that moment.
pub(super) fn event(at: Timestamp) -> Event {
    Event {
        id: format!("msg_{:016x}", random()),
        kind: "user.updated".to_owned(),
        body: "sealed: \"'ü🦀".to_owned(),
        at,
    }
}
