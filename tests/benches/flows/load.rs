use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Failure;
use crate::client::Connection;
use crate::machine::busy;
use crate::people::People;
use crate::sample::Sample;
use crate::server::{Contestant, Server, cpu_of};
use crate::settings::Settings;

/// How long a code may take from the server's answer to its standard output.
const CODE_PATIENCE: Duration = Duration::from_secs(5);

/// A flow that went well.
pub(crate) struct Flow {
    pub(crate) ended: Instant,
    /// From the first byte of its first request to the last of its last answer, with the wait for the code.
    pub(crate) took: Duration,
    /// Of its three requests.
    pub(crate) requests: [Duration; 3],
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
    pub(crate) generator: Duration,
    /// By everybody, these two included.
    pub(crate) all: Duration,
}

/// Measures one contestant with so many clients, on a new database in `folder`, which stays there.
pub(crate) async fn measure(
    settings: &Settings,
    people: &mut People,
    contestant: Contestant,
    clients: usize,
    folder: &Path,
) -> Result<Sample, Failure> {
    people.begin(settings)?;
    let server = Server::start(settings, contestant, folder).await?;
    let idle = server.memory("VmRSS");
    let mut sample = run(settings, people, &server, contestant, clients).await?;
    sample.idle_memory = idle;
    sample.peak_memory = server.memory("VmHWM");
    server.stop().await?;
    Ok(sample)
}

/// Puts load on a server: for the set span each client does one flow after another, and ends the one it is at.
pub(crate) async fn run(
    settings: &Settings,
    people: &People,
    server: &Server,
    contestant: Contestant,
    clients: usize,
) -> Result<Sample, Failure> {
    let groups = server.groups().await?;
    let start = Instant::now();
    let (counted, end) = (start + settings.dropped, start + settings.span);
    let reading = async |at| {
        sleep_until(at).await;
        Reading {
            at: Instant::now(),
            server: server.cpu(),
            generator: cpu_of("self"),
            all: busy(),
        }
    };
    let clients = join_all((0..clients).map(|_| client(people, server, contestant, end)));
    let (done, from, to) = tokio::join!(clients, reading(counted), reading(end));
    let groups = server.groups().await? - groups;
    let (mut flows, mut errors) = (Vec::new(), Vec::new());
    for client in done {
        flows.extend(client.flows);
        errors.extend(client.errors);
    }
    Ok(Sample::new(&flows, errors, &from, &to, groups))
}

async fn client(people: &People, server: &Server, contestant: Contestant, end: Instant) -> Done {
    let mut done = Done::default();
    let mut connection = None;
    while Instant::now() < end {
        match flow(people, server, contestant, &mut connection).await {
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
    people: &People,
    server: &Server,
    contestant: Contestant,
    connection: &mut Option<Connection>,
) -> Result<Flow, Failure> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(Connection::open(server.port).await?),
    };
    let (person, bearer) = people.next(contestant)?;
    let start = Instant::now();
    let answer = connection
        .post(
            format_args!("/v1/me/phone_numbers"),
            &bearer,
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
        .post(path, &bearer, format_args!("strategy=phone_code"))
        .await?;
    let prepared = asked.elapsed();
    let code = timeout(CODE_PATIENCE, code)
        .await
        .map_err(|_| "the code was not printed")??;

    let tried = Instant::now();
    let path = format_args!("/v1/me/phone_numbers/{id}/attempt_verification");
    let answer = connection.post(path, &bearer, format_args!("code={code}")).await?;
    if !answer.contains("\"status\":\"verified\"") {
        return Err(format!("not verified: {answer}").into());
    }
    let ended = Instant::now();
    Ok(Flow {
        ended,
        took: ended - start,
        requests: [created, prepared, ended - tried],
    })
}
