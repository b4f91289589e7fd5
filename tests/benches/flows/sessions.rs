use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use crate::Failure;
use crate::client::{Connection, Credential};
use crate::contestant::Case;
use crate::people::{People, Person, SECRET_KEY};
use crate::server::Server;
use crate::settings::{Pages, Settings};
use crate::stores::Store;

/// How many connections make sessions, or load pages, at once.
const CONNECTIONS: usize = 32;

/// Makes the sessions in which flows run, before each measurement and by a server of its own: nothing that making them
/// costs is measured, and the measured server finds them in its store.
///
/// Each is of a user of its own, who has no number: who first came with the token of an identity provider, and then signed in
/// with a ticket of the back end.
#[derive(Default)]
pub(crate) struct Sessions {
    /// Of which kind of measurement the last ones were, and how many there were.
    made: Option<(Kind, usize)>,
    /// How many a measurement took.
    used: HashMap<Kind, usize>,
}

/// What decides how many sessions a measurement takes: whether it is on PostgreSQL, and its clients.
type Kind = (bool, usize);

impl Sessions {
    /// Makes as many as this measurement may take, if its users are in sessions.
    pub(crate) async fn begin(
        &mut self,
        settings: &Settings,
        people: &People,
        case: Case,
        store: &Store,
    ) -> Result<(), Failure> {
        let unused = std::mem::take(&mut *people.in_session().borrow_mut()).len();
        if let Some((kind, made)) = self.made.take() {
            self.used.insert(kind, made - unused);
        }
        if !case.who.is_in_session() {
            return Ok(());
        }
        let kind = (case.who.on_postgres(), case.clients);
        let wanted = match self.used.get(&kind) {
            Some(used) => used * 3 / 2 + case.clients,
            None => first_guess(settings, kind)?,
        };
        let server = Server::start(settings, case.who, store).await?;
        make(people, &server, wanted).await?;
        server.stop().await?;
        self.made = Some((kind, wanted));
        Ok(())
    }

    /// Gives each session its first token, as far as the settings say that its page is loaded before its flow.
    pub(crate) async fn load_pages(
        &self,
        settings: &Settings,
        people: &People,
        server: &Server,
    ) -> Result<(), Failure> {
        if settings.pages == Pages::New || self.made.is_none() {
            return Ok(());
        }
        let next = AtomicUsize::new(0);
        at_once(server, async |connection| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let session = people.in_session().borrow().get(at).cloned();
                let Some((_, mut credential)) = session else {
                    return Ok(());
                };
                connection.get("/v1/client", &mut credential).await?;
            }
        })
        .await
    }
}

/// More than a measurement takes on any machine known so far; if one is faster, its first round reports an error.
fn first_guess(settings: &Settings, kind: Kind) -> Result<usize, Failure> {
    let a_second = match kind {
        (_, 0 | 1) => 600,
        (true, _) => 800,
        (false, _) => 2400,
    };
    Ok(usize::try_from(settings.span.as_millis())? * a_second / 1000)
}

async fn make(people: &People, server: &Server, wanted: usize) -> Result<(), Failure> {
    let begun = AtomicUsize::new(0);
    at_once(server, async |connection| {
        while begun.fetch_add(1, Ordering::Relaxed) < wanted {
            let signed_in = signed_in(people, connection).await?;
            people.in_session().borrow_mut().push_back(signed_in);
        }
        Ok(())
    })
    .await
}

/// Has a new user come by token, and sign in with a ticket of the back end.
async fn signed_in(people: &People, connection: &mut Connection) -> Result<(Person, Credential), Failure> {
    let person = people.next_unsigned();
    let mut by_token = Credential::Bearer(people.token_of(&person)?);
    connection
        .post(
            format_args!("/v1/me?_method=PATCH"),
            &mut by_token,
            format_args!("first_name=Ada"),
        )
        .await?;
    let mut back_end = Credential::Bearer(SECRET_KEY.to_owned());
    let answer = connection
        .post(
            format_args!("/v1/sign_in_tokens"),
            &mut back_end,
            format_args!("user_id={}", person.user),
        )
        .await?;
    let ticket = field(answer, "token")?;
    let mut credential = Credential::Session(String::new());
    connection
        .post(
            format_args!("/v1/client/sign_ins"),
            &mut credential,
            format_args!("strategy=ticket&ticket={ticket}"),
        )
        .await?;
    Ok((person, credential))
}

/// A text of an object.
fn field(answer: &str, name: &str) -> Result<String, Failure> {
    let object: serde_json::Value = serde_json::from_str(answer)?;
    let value = object[name].as_str();
    Ok(value.ok_or_else(|| format!("no {name} in {answer}"))?.to_owned())
}

/// Runs `work` on several connections.
async fn at_once(server: &Server, work: impl AsyncFn(&mut Connection) -> Result<(), Failure>) -> Result<(), Failure> {
    let all = join_all((0..CONNECTIONS).map(async |nth| {
        let mut connection = Connection::open(server.port(nth)).await?;
        work(&mut connection).await
    }));
    all.await.into_iter().collect()
}
