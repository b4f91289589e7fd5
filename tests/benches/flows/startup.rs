use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::client::{Connection, Credential};
use crate::contestant::{Case, Contestant};
use crate::sample::median;
use crate::server::Server;
use crate::settings::Settings;
use crate::stores::Stores;

/// Milliseconds from the start of the process to the first 200 of `GET /v1/health`, on an empty store
/// that exists: the median of several starts.
pub(crate) async fn measure(settings: &Settings, stores: &Stores, who: Contestant) -> Result<f64, Failure> {
    let case = Case {
        who,
        stored: 0,
        clients: 0,
    };
    let store = stores.get(case).await?;
    Server::start(settings, who, &store).await?.stop().await?;
    let mut times = Vec::new();
    for _ in 0..settings.starts {
        let start = Instant::now();
        let server = Server::start(settings, who, &store).await?;
        while healthy(server.port(0)).await.is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("{} is not healthy 10 s after its start", who.name()).into());
            }
            sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
        server.stop().await?;
    }
    Ok(median(times))
}

async fn healthy(port: u16) -> Result<(), Failure> {
    let mut connection = Connection::open(port).await?;
    connection.get("/v1/health", &mut Credential::Nobody).await.map(drop)
}
