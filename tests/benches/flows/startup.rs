use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::client::Connection;
use crate::sample::median;
use crate::server::{Contestant, Server};
use crate::settings::Settings;

/// Milliseconds from the start of the process to the first 200 of `GET /v1/health`, on a database
/// that exists: the median of several starts.
pub(crate) async fn measure(settings: &Settings, contestant: Contestant, folder: &Path) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..settings.starts {
        let start = Instant::now();
        let server = Server::start(settings, contestant, folder).await?;
        while healthy(server.port).await.is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("{} is not healthy 10 s after its start", contestant.name()).into());
            }
            sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
        server.stop().await?;
    }
    Ok(median(times))
}

async fn healthy(port: u16) -> Result<(), Failure> {
    Connection::open(port).await?.get("/v1/health").await.map(drop)
}
