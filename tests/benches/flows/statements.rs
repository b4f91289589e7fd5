//! `--trace-statements FILE`: writes what one flow says to PostgreSQL to `FILE`, as a script of pgbench.

mod script;

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::Failure;
use crate::contestant::Contestant;
use crate::load::one_more;
use crate::people::{People, now};
use crate::server::Server;
use crate::settings::Settings;
use crate::stores::{Postgres, Store};

/// The first ones prepare their statements. At least 10, as `script.rs` says.
const WARM_UP: usize = 20;

/// Every statement with its parameters, after the number of its process.
const LOGGED: &str = "-c log_statement=all -c log_line_prefix=%p_ -c fsync=off";

/// How often the server looks for work by itself: seldomer than this.
const IDLE: Duration = Duration::from_millis(1500);

/// Has one user verify a number, writes the script, and answers what PostgreSQL logged.
pub(crate) async fn trace(settings: &Settings, file: &Path) -> Result<String, Failure> {
    let postgres = Postgres::start(&settings.folder, LOGGED).await?;
    postgres.create("traced").await?;
    let url = postgres.url("traced");
    let server = Server::start(settings, Contestant::Postgres, &Store::Postgres { url }).await?;
    let people = People::new(settings.ids)?;
    for _ in 0..WARM_UP {
        one_more(&people, &server, Contestant::Postgres).await?;
    }
    let warm = postgres.log().len();
    sleep(IDLE).await;
    let (idle, start) = (postgres.log().len(), now()?);
    one_more(&people, &server, Contestant::Postgres).await?;
    // What follows an answer belongs to it.
    sleep(IDLE).await;
    let log = postgres.log();
    server.stop().await?;
    let part = |from, to| log.get(from..to).unwrap_or_default();
    let (idle, flow) = (part(warm, idle), part(idle, log.len()));
    std::fs::write(file, script::script(flow, idle, start))?;
    Ok(flow.to_owned())
}
