use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Failure;
use crate::client::{Connection, Credential};
use crate::contestant::{Case, Contestant};
use crate::people::{People, Person};
use crate::processes::{busy, cpu_of};
use crate::sample::Sample;
use crate::server::Server;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::stores::Stores;

/// How long a code may take from the server's answer to its standard output.
const CODE_PATIENCE: Duration = Duration::from_secs(5);

/// A flow that went well.
pub(crate) struct Flow {
    pub(crate) ended: Instant,
    /// From the first byte of its first request to the last of its last answer, with the wait for the code.
    pub(crate) took: Duration,
    /// Of its three requests, where there are any.
    pub(crate) requests: Option<[Duration; 3]>,
}

/// What one client did.
#[derive(Default)]
struct Done {
    flows: Vec<Flow>,
    errors: Vec<String>,
}

/// A moment, and the processor time that had been used by then.
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) server: Duration,
    /// By PostgreSQL, if it is in use.
    pub(crate) database: Duration,
    pub(crate) generator: Duration,
    /// By everybody, these three included.
    pub(crate) all: Duration,
}

/// Measures a contestant that serves HTTP.
pub(crate) async fn measure(
    settings: &Settings,
    people: &mut People,
    sessions: &mut Sessions,
    stores: &Stores,
    case: Case,
) -> Result<Sample, Failure> {
    people.begin(settings)?;
    let store = stores.get(case).await?;
    sessions.begin(settings, people, case, &store).await?;
    let syncs = stores.syncs(case.who).await?;
    let server = Server::start(settings, case.who, &store).await?;
    let idle = server.memory("VmRSS");
    sessions.load_pages(settings, people, &server).await?;
    let mut sample = run(settings, people, &server, stores, case).await?;
    sample.idle_memory = idle;
    sample.peak_memory = server.memory("VmHWM");
    server.stop().await?;
    // PostgreSQL's connections have told what they did once they have ended.
    sample.count_syncs(syncs, stores.syncs(case.who).await?);
    Ok(sample)
}

/// Puts load on a server: for the set span each client does one flow after another, and ends the one it is at.
pub(crate) async fn run(
    settings: &Settings,
    people: &People,
    server: &Server,
    stores: &Stores,
    case: Case,
) -> Result<Sample, Failure> {
    let groups = server.groups().await?;
    let start = Instant::now();
    let (counted, end) = (start + settings.dropped, start + settings.span);
    let reading = async |at| {
        sleep_until(at).await;
        Reading {
            at: Instant::now(),
            server: server.cpu(),
            database: stores.cpu(case.who),
            generator: cpu_of("self"),
            all: busy(),
        }
    };
    let clients = join_all((0..case.clients).map(|nth| client(people, server, case.who, nth, end)));
    let (done, from, to) = tokio::join!(clients, reading(counted), reading(end));
    let (mut flows, mut errors) = (Vec::new(), Vec::new());
    for client in done {
        flows.extend(client.flows);
        errors.extend(client.errors);
    }
    let mut sample = Sample::new(&flows, errors, &from, &to);
    sample.count_syncs(groups, server.groups().await?);
    Ok(sample)
}

/// Has one more person verify a number, and answers who it was.
pub(crate) async fn one_more(people: &People, server: &Server, contestant: Contestant) -> Result<Person, Failure> {
    let (person, credential) = people.next(contestant)?;
    let mut connection = Connection::open(server.port(0)).await?;
    flow(&person, credential, server, &mut connection).await?;
    Ok(person)
}

async fn client(people: &People, server: &Server, contestant: Contestant, nth: usize, end: Instant) -> Done {
    let mut done = Done::default();
    let mut connection = None;
    while Instant::now() < end {
        let (person, credential) = match people.next(contestant) {
            Ok(next) => next,
            Err(error) => {
                done.errors.push(error.to_string());
                break;
            }
        };
        let next = async {
            let connection = match &mut connection {
                Some(connection) => connection,
                none => none.insert(Connection::open(server.port(nth)).await?),
            };
            flow(&person, credential, server, connection).await
        };
        match next.await {
            Ok(flow) => done.flows.push(flow),
            Err(error) => {
                done.errors.push(error.to_string());
                connection = None;
            }
        }
    }
    done
}

async fn flow(
    person: &Person,
    mut credential: Credential,
    server: &Server,
    connection: &mut Connection,
) -> Result<Flow, Failure> {
    let start = Instant::now();
    let answer = connection
        .post(
            format_args!("/v1/me/phone_numbers"),
            &mut credential,
            format_args!("phone_number=%2B{}", person.number),
        )
        .await?;
    let created = start.elapsed();
    let id = answer
        .find("\"idn_")
        .and_then(|at| answer.get(at + 1..at + 32))
        .ok_or("no id in the answer")?
        .to_owned();

    let code = server.codes.expect(person.number);
    let asked = Instant::now();
    let path = format_args!("/v1/me/phone_numbers/{id}/prepare_verification");
    connection
        .post(path, &mut credential, format_args!("strategy=phone_code"))
        .await?;
    let prepared = asked.elapsed();
    let code = timeout(CODE_PATIENCE, code)
        .await
        .map_err(|_| "the code was not printed")??;

    let tried = Instant::now();
    let path = format_args!("/v1/me/phone_numbers/{id}/attempt_verification");
    let answer = connection
        .post(path, &mut credential, format_args!("code={code}"))
        .await?;
    if !answer.contains("\"status\":\"verified\"") {
        return Err(format!("not verified: {answer}").into());
    }
    let ended = Instant::now();
    Ok(Flow {
        ended,
        took: ended - start,
        requests: Some([created, prepared, ended - tried]),
    })
}
