//! What `Repository<Client>`, `Repository<SignInToken>`, [`Commit`](crate::ports::Commit) and [`SessionDirectory`] must
//! do together.
//! The directory lists everything there is: run it on a store of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};

use super::full;
use super::given::{NOW, Random, changed, commit, later, loaded, second_factor, stored, user, user_with, verified};
use crate::change::Stores;
use crate::ports::{Aggregate, Change, CommitError, Loaded, SessionDirectory, SessionQuery, Write};
use crate::{
    Activity, Client, ClientId, Ending, Session, SessionId, SessionStatus, SignIn, SignInId, SignInToken,
    SignInTokenId, SignUp, SignUpId, TicketStatus, Timestamp, Token, User,
};

/// The ports of one store.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Users, clients and tickets.
    pub stores: Stores<'a>,
    /// Questions.
    pub directory: &'a dyn SessionDirectory,
}

/// Everything.
pub async fn all(ports: Ports<'_>) {
    a_client_is_read_as_it_was_written(ports).await;
    every_field_of_a_client_can_change(ports).await;
    every_field_of_a_ticket_can_change(ports).await;
    an_outdated_client_is_stale(ports).await;
    several_are_written_together_or_not_at_all(ports).await;
    a_ticket_is_redeemed_once(ports).await;
    of_two_that_write_both_one_wins(ports).await;
    sessions_are_found_by_what_they_are(ports).await;
    pages_of_clients_follow_on_each_other(ports).await;
    lists_of_clients_and_sessions_show_one_moment(ports).await;
    idle_clients_are_forgotten(ports).await;
    many_idle_clients_are_forgotten_in_one_call(ports).await;
}

fn client() -> Client {
    let token = Token::generate(ClientId::generate(NOW, &Random), &Random);
    Client::new(token.id.clone(), token.hash(), NOW)
}

fn session(user: &User, at: u64) -> Session {
    Session {
        id: SessionId::generate(later(at), &Random),
        user: user.id.clone(),
        ending: None,
        generation: user.sessions_generation,
        first_factor_at: Some(later(at)),
        second_factor_at: None,
        reverification: None,
        activity: Activity::default(),
        created_at: later(at),
        last_active_at: later(at),
        expire_at: later(at).plus(Duration::from_secs(3600)),
        updated_at: later(at),
    }
}

fn stranger_client() -> ClientId {
    ClientId::generate(NOW, &Random)
}

fn number_of(user: &User) -> crate::E164 {
    user.phones.numbers()[0].number.clone()
}

async fn read(ports: Ports<'_>, client: &Client) -> Loaded<Client> {
    ports.stores.clients.load(&client.id).await.unwrap().unwrap()
}

async fn made(ports: Ports<'_>, client: &Client) -> Loaded<Client> {
    commit(ports.stores, Change::Create(client.clone())).await.unwrap();
    let read = read(ports, client).await;
    assert_eq!(read.aggregate, *client);
    read
}

/// Turns `before` into what `edit` makes of it, and reads it back.
async fn turned(ports: Ports<'_>, before: Loaded<Client>, edit: impl FnOnce(&mut Client)) -> Loaded<Client> {
    let mut after = before.aggregate.clone();
    edit(&mut after);
    let replace = Change::Replace {
        before,
        after: after.clone(),
    };
    commit(ports.stores, replace).await.unwrap();
    let now = read(ports, &after).await;
    assert_eq!(now.aggregate, after, "what was written is read");
    now
}

async fn a_client_is_read_as_it_was_written(ports: Ports<'_>) {
    let user = user_with(vec![verified(0)]);
    assert_eq!(ports.stores.clients.load(&client().id).await.unwrap(), None);
    made(ports, &client()).await;
    let filled = full::client(&user, 0);
    let before = made(ports, &filled).await;
    // Everything goes, and comes back; the sessions in part.
    let emptied = Client {
        id: filled.id.clone(),
        ..client()
    };
    let before = turned(ports, before, |client| {
        *client = Client {
            sessions: vec![filled.sessions[1].clone()],
            ..emptied
        };
    })
    .await;
    let sign_up = filled.sign_up.as_ref().unwrap().id.clone();
    assert_eq!(ports.directory.client_at(&sign_up).await.unwrap(), None);
    let before = turned(ports, before, |client| *client = filled.clone()).await;
    assert_eq!(
        ports.directory.client_of(&filled.sessions[0].id).await.unwrap(),
        Some(filled.id.clone())
    );
    assert_eq!(
        ports.directory.client_at(&sign_up).await.unwrap(),
        Some(filled.id.clone())
    );
    commit(ports.stores, Change::Delete(before)).await.unwrap();
    assert_eq!(ports.stores.clients.load(&filled.id).await.unwrap(), None);
    assert_eq!(ports.directory.client_of(&filled.sessions[0].id).await.unwrap(), None);
    assert_eq!(ports.directory.client_at(&sign_up).await.unwrap(), None);
}

async fn every_field_of_a_client_can_change(ports: Ports<'_>) {
    let user = user_with(vec![verified(0)]);
    let mut read = made(ports, &full::client(&user, 0)).await;
    for turn in 1..=full::TURNS {
        let next = full::client_anew(&read.aggregate, turn);
        for (name, copy) in full::fields_of_client() {
            let was = read.aggregate.clone();
            read = turned(ports, read, |client| copy(client, &next)).await;
            assert_ne!(read.aggregate, was, "{name} at turn {turn}");
        }
        assert_eq!(read.aggregate, next);
    }
    let next = full::client_anew(&read.aggregate, 0);
    for (name, copy) in full::fields_of_session() {
        // The oldest first, whose time goes back: so they stay in the order of their age.
        for at in 0..next.sessions.len() {
            let was = read.aggregate.clone();
            read = turned(ports, read, |client| copy(&mut client.sessions[at], &next.sessions[at])).await;
            assert_ne!(read.aggregate, was, "{name} of session {at}");
        }
    }
    // And all at once.
    for turn in 0..2 {
        read = turned(ports, read, |client| *client = full::client_anew(client, turn)).await;
    }
}

async fn every_field_of_a_ticket_can_change(ports: Ports<'_>) {
    let load = async |ticket: &SignInToken| ports.stores.tickets.load(&ticket.id).await.unwrap().unwrap();
    let first = full::ticket(0);
    commit(ports.stores, Change::Create(first.clone())).await.unwrap();
    let mut read = load(&first).await;
    assert_eq!(read.aggregate, first);
    for turn in 1..=full::TURNS {
        let next = SignInToken {
            id: first.id.clone(),
            ..full::ticket(turn)
        };
        for (name, copy) in full::fields_of_ticket() {
            let (before, mut after) = (read.clone(), read.aggregate.clone());
            copy(&mut after, &next);
            assert_ne!(after, before.aggregate, "{name} at turn {turn}");
            let replace = Change::Replace {
                before,
                after: after.clone(),
            };
            commit(ports.stores, replace).await.unwrap();
            read = load(&first).await;
            assert_eq!(read.aggregate, after, "{name} at turn {turn}");
        }
        assert_eq!(read.aggregate, next);
    }
}

async fn an_outdated_client_is_stale(ports: Ports<'_>) {
    let before = made(ports, &client()).await;
    let touched = |at: u64| Change::Replace {
        before: before.clone(),
        after: Client {
            updated_at: later(at),
            ..before.aggregate.clone()
        },
    };
    let crowd = join_all((1..=16).map(|at| commit(ports.stores, touched(at)))).await;
    let won = crowd.iter().filter(|committed| committed.is_ok()).count();
    assert_eq!(won, 1, "one of many that read the same wins");
    for lost in crowd.into_iter().filter_map(Result::err) {
        assert!(matches!(lost, CommitError::Stale), "{lost:?}");
    }
    let delete = commit(ports.stores, Change::Delete(before.clone())).await;
    assert!(matches!(delete, Err(CommitError::Stale)));
    let again = commit(ports.stores, Change::Create(before.aggregate)).await;
    assert!(matches!(again, Err(CommitError::Stale)), "it exists");
}

async fn several_are_written_together_or_not_at_all(ports: Ports<'_>) {
    let (user, mut client) = (user_with(vec![verified(0)]), client());
    client.sessions.push(session(&user, 0));
    let create = |user: &User, client: &Client| {
        vec![
            Write::User(Box::new(Change::Create(user.clone()))),
            Write::Client(Box::new(Change::Create(client.clone()))),
        ]
    };
    ports.stores.commits.commit(create(&user, &client)).await.unwrap();
    let known = loaded(ports.stores, &user.id).await;
    assert_eq!(read(ports, &client).await.aggregate, client);
    // The second of two cannot be written: the first is not, either.
    let stranger = user_with(vec![verified(0)]);
    let refused = ports.stores.commits.commit(create(&stranger, &client)).await;
    assert!(matches!(refused, Err(CommitError::Stale)));
    assert_eq!(ports.stores.users.load(&stranger.id).await.unwrap(), None);
    // And whoever takes a number that is taken gets nothing.
    let mut thief = user_with(vec![verified(0)]);
    let mut phones = thief.phones.parts().clone();
    phones.numbers[0].number = number_of(&known.aggregate);
    thief.phones = crate::UserPhones::restore(phones).unwrap();
    let fresh = Client::new(stranger_client(), client.token, NOW);
    let mut writes = create(&thief, &fresh);
    writes.reverse();
    let refused = ports.stores.commits.commit(writes).await;
    assert!(matches!(
        refused,
        Err(CommitError::Taken(crate::ports::Unique::PhoneNumber))
    ));
    assert_eq!(ports.stores.clients.load(&fresh.id).await.unwrap(), None);
    ports.stores.commits.commit(Vec::new()).await.unwrap();
}

fn ticket(user: &User) -> SignInToken {
    let token = Token::generate(SignInTokenId::generate(NOW, &Random), &Random);
    SignInToken {
        id: token.id.clone(),
        token: token.hash(),
        user: user.id.clone(),
        status: TicketStatus::Pending,
        expires_at: later(1000),
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn a_ticket_is_redeemed_once(ports: Ports<'_>) {
    let ticket = ticket(&user());
    assert_eq!(ports.stores.tickets.load(&ticket.id).await.unwrap(), None);
    commit(ports.stores, Change::Create(ticket.clone())).await.unwrap();
    let before = ports.stores.tickets.load(&ticket.id).await.unwrap().unwrap();
    assert_eq!(before.aggregate, ticket);
    let mut accepted = ticket.clone();
    accepted.redeem(later(5)).unwrap();
    let redeem = || {
        let replace = Change::Replace {
            before: before.clone(),
            after: accepted.clone(),
        };
        ports.stores.commits.commit(vec![
            Write::SignInToken(Box::new(replace)),
            Write::Client(Box::new(Change::Create(client()))),
        ])
    };
    let crowd = join_all((0..16).map(|_| redeem())).await;
    assert_eq!(crowd.iter().filter(|committed| committed.is_ok()).count(), 1);
    let after = ports.stores.tickets.load(&ticket.id).await.unwrap().unwrap();
    assert_eq!(after.aggregate, accepted);
    commit(ports.stores, Change::Delete(after)).await.unwrap();
    assert_eq!(ports.stores.tickets.load(&ticket.id).await.unwrap(), None);
}

async fn of_two_that_write_both_one_wins(ports: Ports<'_>) {
    let user = stored(ports.stores, &user_with(vec![verified(0)])).await;
    let client = made(ports, &client()).await;
    let sign_in = |at: u64| {
        let mut signed_in = client.aggregate.clone();
        signed_in.sessions.push(session(&user.aggregate, at));
        let mut seen = user.aggregate.clone();
        seen.last_sign_in_at = Some(later(at));
        ports.stores.commits.commit(vec![
            Write::User(Box::new(Change::Replace {
                before: user.clone(),
                after: seen,
            })),
            Write::Client(Box::new(Change::Replace {
                before: client.clone(),
                after: signed_in,
            })),
        ])
    };
    let crowd = join_all((1..=16).map(sign_in)).await;
    assert_eq!(crowd.iter().filter(|committed| committed.is_ok()).count(), 1);
    let (user, client) = (
        loaded(ports.stores, &user.aggregate.id).await,
        read(ports, &client.aggregate).await,
    );
    assert_eq!(client.aggregate.sessions.len(), 1);
    assert_eq!(
        user.aggregate.last_sign_in_at,
        Some(client.aggregate.sessions[0].created_at)
    );
}

async fn sessions_are_found_by_what_they_are(ports: Ports<'_>) {
    let plain = stored(ports.stores, &user_with(vec![verified(0)])).await;
    let protected = stored(ports.stores, &user_with(vec![verified(0), second_factor(1)])).await;
    let mut client = client();
    let (one, two) = (&plain.aggregate, &protected.aggregate);
    let with = |ending: Option<Ending>, at: u64| Session {
        ending,
        ..session(one, at)
    };
    client.sessions = vec![
        with(Some(Ending::Ended), 0),
        with(Some(Ending::Removed), 1),
        with(Some(Ending::Replaced), 2),
        with(Some(Ending::Revoked), 3),
        with(None, 4),
        session(two, 5),
        Session {
            expire_at: later(50),
            ..session(one, 6)
        },
    ];
    made(ports, &client).await;
    let found = async |status: Option<SessionStatus>, required: bool| {
        let query = SessionQuery {
            user: None,
            client: Some(client.id.clone()),
            status,
            second_factor_required: required,
            now: later(100),
            limit: 100,
            offset: 0,
        };
        let (found, total) = ports.directory.sessions(&query).await.unwrap();
        assert_eq!(usize::try_from(total).unwrap(), found.len());
        let place = |session: &Session| client.sessions.iter().position(|known| known == session).unwrap();
        found
            .iter()
            .map(|(of, session)| {
                assert_eq!(*of, client.id);
                place(session)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None, false).await, [6, 5, 4, 3, 2, 1, 0], "youngest first");
    for (status, expected) in [
        (SessionStatus::Ended, vec![0]),
        (SessionStatus::Removed, vec![1]),
        (SessionStatus::Replaced, vec![2]),
        (SessionStatus::Revoked, vec![3]),
        (SessionStatus::Active, vec![5, 4]),
        (SessionStatus::Pending, vec![]),
        (SessionStatus::Expired, vec![6]),
    ] {
        assert_eq!(found(Some(status), false).await, expected, "{status:?}");
    }
    assert_eq!(found(Some(SessionStatus::Pending), true).await, [4]);
    assert_eq!(found(Some(SessionStatus::Active), true).await, [5]);
    // By user, and page by page.
    let mut query = SessionQuery {
        user: Some(one.id.clone()),
        client: None,
        status: None,
        second_factor_required: false,
        now: later(100),
        limit: 2,
        offset: 1,
    };
    let (page, total) = ports.directory.sessions(&query).await.unwrap();
    assert_eq!((page.len(), total), (2, 6));
    assert_eq!(page[0].1, client.sessions[4]);
    query.user = Some(user().id);
    assert_eq!(ports.directory.sessions(&query).await.unwrap(), (Vec::new(), 0));
    // What becomes of the user counts as well.
    let banned = changed(ports.stores, plain.clone(), |user| user.banned = true).await;
    assert_eq!(found(Some(SessionStatus::Active), false).await, [5]);
    assert_eq!(found(Some(SessionStatus::Revoked), false).await, [6, 4, 3]);
    let free = changed(ports.stores, banned, |user| {
        user.banned = false;
        user.sessions_generation += 1;
    })
    .await;
    assert_eq!(found(Some(SessionStatus::Revoked), false).await, [6, 4, 3]);
    commit(ports.stores, Change::Delete(free)).await.unwrap();
    assert_eq!(found(Some(SessionStatus::Revoked), false).await, [6, 4, 3]);
}

async fn pages_of_clients_follow_on_each_other(ports: Ports<'_>) {
    let day = 86_400_000;
    let mut made_last = Vec::new();
    for at in 0..5 {
        let client = Client {
            created_at: later(day + at),
            updated_at: later(day + at),
            ..client()
        };
        made(ports, &client).await;
        made_last.insert(0, client);
    }
    let (first, total) = ports.directory.clients(2, 0).await.unwrap();
    let (second, _) = ports.directory.clients(3, 2).await.unwrap();
    assert_eq!([first, second].concat(), made_last, "youngest first");
    assert!(total >= 5);
    assert_eq!(ports.directory.clients(2, total).await.unwrap(), (Vec::new(), total));
}

/// Sessions come and go while clients and sessions are listed: no list may mix what was before a change with what is
/// after it.
async fn lists_of_clients_and_sessions_show_one_moment(ports: Ports<'_>) {
    const CLIENTS: u64 = 4;
    const ROUNDS: u64 = 24;
    // Younger than those of all other cases: they are the first page.
    let far = 2 * 86_400_000;
    let user = stored(ports.stores, &user_with(vec![verified(0)])).await.aggregate;
    let user = &user;
    // How many sessions a client has is said in its own row, too.
    let says = |client: &Client| client.updated_at.as_millis() - client.created_at.as_millis();
    let (starts, user_id): (Vec<Client>, _) = (
        (0..CLIENTS)
            .map(|at| Client {
                created_at: later(far + at),
                updated_at: later(far + at),
                ..client()
            })
            .collect(),
        user.id.clone(),
    );
    let visits = starts.iter().map(|start| async move {
        let mut now = made(ports, start).await;
        for round in 1..=ROUNDS {
            let mut after = now.aggregate.clone();
            if round % 3 == 0 {
                after.sessions.clear();
            } else {
                after.sessions.push(session(user, round));
            }
            after.last_active_session = after.sessions.last().map(|session| session.id.clone());
            after.updated_at = after
                .created_at
                .plus(Duration::from_millis(after.sessions.len() as u64));
            let replace = Change::Replace { before: now, after };
            commit(ports.stores, replace).await.unwrap();
            now = read(ports, start).await;
        }
    });
    let done = AtomicBool::new(false);
    let changes = async {
        join_all(visits).await;
        done.store(true, Ordering::Relaxed);
    };
    let query = SessionQuery {
        user: Some(user_id),
        client: None,
        status: None,
        second_factor_required: false,
        now: NOW,
        limit: 100,
        offset: 0,
    };
    let lists = async {
        while !done.load(Ordering::Relaxed) {
            let (clients, _) = ports
                .directory
                .clients(u32::try_from(CLIENTS).unwrap(), 0)
                .await
                .unwrap();
            for client in clients
                .iter()
                .filter(|client| starts.iter().any(|start| start.id == client.id))
            {
                assert_eq!(
                    says(client),
                    i64::try_from(client.sessions.len()).unwrap(),
                    "{client:?}"
                );
                let last = client.sessions.last().map(|session| &session.id);
                assert_eq!(client.last_active_session.as_ref(), last);
            }
            let (sessions, total) = ports.directory.sessions(&query).await.unwrap();
            assert_eq!(sessions.len() as u64, total);
        }
    };
    join(changes, lists).await;
}

/// Moments before those of all other cases.
fn earlier(millis: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(86_400))
        .plus(Duration::from_millis(millis))
}

async fn idle_clients_are_forgotten(ports: Ports<'_>) {
    let before = earlier(100);
    let old = |at: u64| Client {
        created_at: earlier(at),
        updated_at: earlier(at),
        ..client()
    };
    let sign_up = |at: u64| SignUp::new(SignUpId::generate(earlier(at), &Random), earlier(at));
    let sign_in = |at: u64| SignIn::new(SignInId::generate(earlier(at), &Random), earlier(at));
    let full = full::user(0);
    let idle = [
        old(0),
        old(99),
        // Whatever it was at was given up.
        Client {
            sign_up: full::client(&full, 1).sign_up.map(|filled| SignUp {
                created_at: earlier(99),
                ..filled
            }),
            sign_in: Some(sign_in(99)),
            ..old(1)
        },
    ];
    let kept = [
        old(100),
        Client {
            sign_up: Some(sign_up(100)),
            sign_in: Some(sign_in(0)),
            ..old(2)
        },
        Client {
            sign_up: Some(sign_up(0)),
            sign_in: Some(sign_in(100)),
            ..old(3)
        },
        Client {
            sessions: vec![session(&full, 0)],
            ..old(4)
        },
        // Somebody was signed in there, and it may still say so.
        Client {
            sessions: vec![Session {
                ending: Some(Ending::Ended),
                ..session(&full, 0)
            }],
            ..old(5)
        },
    ];
    for client in idle.iter().chain(&kept) {
        made(ports, client).await;
    }
    assert_eq!(ports.directory.forget_idle_clients(before).await.unwrap(), 3);
    for client in &idle {
        assert_eq!(ports.stores.clients.load(&client.id).await.unwrap(), None);
    }
    for client in kept {
        assert_eq!(read(ports, &client).await.aggregate, client);
    }
    assert_eq!(ports.directory.forget_idle_clients(before).await.unwrap(), 0);
}

/// More than a store may do at once, all made in one millisecond.
async fn many_idle_clients_are_forgotten_in_one_call(ports: Ports<'_>) {
    const MANY: u64 = 1_100;
    let writes = (0..MANY).map(|_| {
        let new = Client {
            created_at: earlier(10),
            ..client()
        };
        Client::write(Change::Create(new))
    });
    for writes in writes.collect::<Vec<_>>().chunks(100) {
        ports.stores.commits.commit(writes.to_vec()).await.unwrap();
    }
    // Of several processes that do it at once, each one is counted by one.
    let forgotten = join_all((0..2).map(|_| ports.directory.forget_idle_clients(earlier(11)))).await;
    let forgotten: u64 = forgotten.into_iter().map(Result::unwrap).sum();
    assert_eq!(forgotten, MANY);
}
