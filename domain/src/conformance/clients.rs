//! What [`Repository<Client>`], [`Repository<SignInToken>`], [`UnitOfWork`] and [`SessionDirectory`] must do together.
//! The directory lists everything there is: run it on a store of its own.

use std::time::Duration;

use futures_util::future::join_all;

use super::given::{
    NOW, RIGHT, Random, changed, later, loaded, policy, second_factor, stored, user, user_with, verified,
};
use crate::ports::{Change, CommitError, Loaded, Repository, SessionDirectory, SessionQuery, UnitOfWork, Write};
use crate::proof::Proof;
use crate::{
    Activity, Client, ClientId, Ending, Level, Reverification, Session, SessionId, SessionStatus, SignIn, SignInId,
    SignInToken, SignInTokenId, SignUp, SignUpId, SignUpUpdate, Step, Strategy, TicketStatus, Token, User,
};

/// The ports of one store.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Users.
    pub users: &'a dyn Repository<User>,
    /// Clients.
    pub clients: &'a dyn Repository<Client>,
    /// Tickets.
    pub tickets: &'a dyn Repository<SignInToken>,
    /// Several at once.
    pub work: &'a dyn UnitOfWork,
    /// Questions.
    pub directory: &'a dyn SessionDirectory,
}

/// Everything.
pub async fn all(ports: Ports<'_>) {
    a_client_is_read_as_it_was_written(ports).await;
    an_outdated_client_is_stale(ports).await;
    several_are_written_together_or_not_at_all(ports).await;
    a_ticket_is_redeemed_once(ports).await;
    of_two_that_write_both_one_wins(ports).await;
    sessions_are_found_by_what_they_are(ports).await;
    pages_of_clients_follow_on_each_other(ports).await;
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

/// A client with a value in every field.
pub(super) fn complete(user: &User) -> Client {
    let mut client = client();
    let number = user.phones.numbers()[0].id.clone();
    let proof = Proof::texted(Strategy::PhoneCode, number, RIGHT, NOW, &policy());
    let mut reverification = Reverification::new(Level::MultiFactor, user);
    reverification.first = Some(proof.clone());
    client.sessions = vec![
        Session {
            reverification: Some(reverification),
            second_factor_at: Some(later(1)),
            activity: Activity {
                address: Some("2001:db8::1".to_owned()),
                user_agent: Some("Mozilla 'ü\" 🦀".to_owned()),
            },
            ..session(user, 0)
        },
        Session {
            ending: Some(Ending::Replaced),
            first_factor_at: None,
            ..session(user, 1)
        },
    ];
    client.last_active_session = Some(client.sessions[0].id.clone());
    client.last_strategy = Some(Strategy::BackupCode);
    let mut sign_up = SignUp::new(SignUpId::generate(NOW, &Random), NOW);
    sign_up.update(SignUpUpdate {
        number: Some(super::given::number()),
        first_name: Some("Šílená O'Neill".parse().unwrap()),
        ..SignUpUpdate::default()
    });
    sign_up.prepare(RIGHT, NOW, &policy()).unwrap();
    client.sign_up = Some(sign_up);
    client.sign_in = Some(SignIn {
        identifier: Some(number_of(user)),
        user: Some(user.id.clone()),
        step: Step::NeedsSecondFactor,
        first: Some(proof.clone()),
        second: Some(proof),
        first_passed_at: Some(later(3)),
        ..SignIn::new(SignInId::generate(NOW, &Random), NOW)
    });
    client.updated_at = later(9);
    client
}

fn stranger_client() -> ClientId {
    ClientId::generate(NOW, &Random)
}

fn number_of(user: &User) -> crate::E164 {
    user.phones.numbers()[0].number.clone()
}

async fn read(ports: Ports<'_>, client: &Client) -> Loaded<Client> {
    ports.clients.load(&client.id).await.unwrap().unwrap()
}

async fn made(ports: Ports<'_>, client: &Client) -> Loaded<Client> {
    ports.clients.commit(Change::Create(client.clone())).await.unwrap();
    let read = read(ports, client).await;
    assert_eq!(read.aggregate, *client);
    read
}

async fn a_client_is_read_as_it_was_written(ports: Ports<'_>) {
    let user = user_with(vec![verified(0)]);
    assert_eq!(ports.clients.load(&client().id).await.unwrap(), None);
    made(ports, &client()).await;
    let filled = complete(&user);
    let before = made(ports, &filled).await;
    // Everything goes, and comes back; the sessions in part.
    let emptied = Client {
        id: filled.id.clone(),
        ..client()
    };
    let after = Client {
        sessions: vec![filled.sessions[1].clone()],
        ..emptied
    };
    let replace = Change::Replace {
        before,
        after: after.clone(),
    };
    ports.clients.commit(replace).await.unwrap();
    let before = read(ports, &after).await;
    assert_eq!(before.aggregate, after);
    let replace = Change::Replace {
        before,
        after: filled.clone(),
    };
    ports.clients.commit(replace).await.unwrap();
    let before = read(ports, &filled).await;
    assert_eq!(before.aggregate, filled);
    assert_eq!(
        ports.directory.client_of(&filled.sessions[0].id).await.unwrap(),
        Some(filled.id.clone())
    );
    ports.clients.commit(Change::Delete(before)).await.unwrap();
    assert_eq!(ports.clients.load(&filled.id).await.unwrap(), None);
    assert_eq!(ports.directory.client_of(&filled.sessions[0].id).await.unwrap(), None);
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
    let crowd = join_all((1..=16).map(|at| ports.clients.commit(touched(at)))).await;
    let won = crowd.iter().filter(|committed| committed.is_ok()).count();
    assert_eq!(won, 1, "one of many that read the same wins");
    for lost in crowd.into_iter().filter_map(Result::err) {
        assert!(matches!(lost, CommitError::Stale), "{lost:?}");
    }
    let delete = ports.clients.commit(Change::Delete(before.clone())).await;
    assert!(matches!(delete, Err(CommitError::Stale)));
    let again = ports.clients.commit(Change::Create(before.aggregate)).await;
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
    ports.work.commit_all(create(&user, &client)).await.unwrap();
    let known = loaded(ports.users, &user.id).await;
    assert_eq!(read(ports, &client).await.aggregate, client);
    // The second of two cannot be written: the first is not, either.
    let stranger = user_with(vec![verified(0)]);
    let refused = ports.work.commit_all(create(&stranger, &client)).await;
    assert!(matches!(refused, Err(CommitError::Stale)));
    assert_eq!(ports.users.load(&stranger.id).await.unwrap(), None);
    // And whoever takes a number that is taken gets nothing.
    let mut thief = user_with(vec![verified(0)]);
    let mut phones = thief.phones.parts().clone();
    phones.numbers[0].number = number_of(&known.aggregate);
    thief.phones = crate::UserPhones::restore(phones).unwrap();
    let fresh = Client::new(stranger_client(), client.token, NOW);
    let mut writes = create(&thief, &fresh);
    writes.reverse();
    let refused = ports.work.commit_all(writes).await;
    assert!(matches!(
        refused,
        Err(CommitError::Taken(crate::ports::Unique::PhoneNumber))
    ));
    assert_eq!(ports.clients.load(&fresh.id).await.unwrap(), None);
    ports.work.commit_all(Vec::new()).await.unwrap();
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
    assert_eq!(ports.tickets.load(&ticket.id).await.unwrap(), None);
    ports.tickets.commit(Change::Create(ticket.clone())).await.unwrap();
    let before = ports.tickets.load(&ticket.id).await.unwrap().unwrap();
    assert_eq!(before.aggregate, ticket);
    let mut accepted = ticket.clone();
    accepted.redeem(later(5)).unwrap();
    let redeem = || {
        let replace = Change::Replace {
            before: before.clone(),
            after: accepted.clone(),
        };
        ports.work.commit_all(vec![
            Write::SignInToken(Box::new(replace)),
            Write::Client(Box::new(Change::Create(client()))),
        ])
    };
    let crowd = join_all((0..16).map(|_| redeem())).await;
    assert_eq!(crowd.iter().filter(|committed| committed.is_ok()).count(), 1);
    let after = ports.tickets.load(&ticket.id).await.unwrap().unwrap();
    assert_eq!(after.aggregate, accepted);
    ports.tickets.commit(Change::Delete(after)).await.unwrap();
    assert_eq!(ports.tickets.load(&ticket.id).await.unwrap(), None);
}

async fn of_two_that_write_both_one_wins(ports: Ports<'_>) {
    let user = stored(ports.users, &user_with(vec![verified(0)])).await;
    let client = made(ports, &client()).await;
    let sign_in = |at: u64| {
        let mut signed_in = client.aggregate.clone();
        signed_in.sessions.push(session(&user.aggregate, at));
        let mut seen = user.aggregate.clone();
        seen.last_sign_in_at = Some(later(at));
        ports.work.commit_all(vec![
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
        loaded(ports.users, &user.aggregate.id).await,
        read(ports, &client.aggregate).await,
    );
    assert_eq!(client.aggregate.sessions.len(), 1);
    assert_eq!(
        user.aggregate.last_sign_in_at,
        Some(client.aggregate.sessions[0].created_at)
    );
}

async fn sessions_are_found_by_what_they_are(ports: Ports<'_>) {
    let plain = stored(ports.users, &user_with(vec![verified(0)])).await;
    let protected = stored(ports.users, &user_with(vec![verified(0), second_factor(1)])).await;
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
    let banned = changed(ports.users, plain.clone(), |user| user.banned = true).await;
    assert_eq!(found(Some(SessionStatus::Active), false).await, [5]);
    assert_eq!(found(Some(SessionStatus::Revoked), false).await, [6, 4, 3]);
    let free = changed(ports.users, banned, |user| {
        user.banned = false;
        user.sessions_generation += 1;
    })
    .await;
    assert_eq!(found(Some(SessionStatus::Revoked), false).await, [6, 4, 3]);
    ports.users.commit(Change::Delete(free)).await.unwrap();
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
