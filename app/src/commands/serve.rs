use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{CommandLine, Serve, print};
use crate::config::{AdapterOptions, ConfigError, Overrides, Settings};
use crate::server::{Adapters, Server};
use crate::{logging, wiring};

pub(super) fn run(line: &CommandLine, serve: &Serve) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides { development: serve.dev })?;
    let _logs = logging::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| ConfigError::line(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let adapters = Adapters::from_settings(&settings, wiring::clock()).await?;
        let server = Server::bind(&settings, adapters)?;
        // From here on a signal stops the server in good order.
        let (stop, hurry) = shutdown_signals().map_err(ConfigError::line)?;
        print(&banner(&settings, server.address))?;
        warn(&settings);
        tracing::info!("listening on http://{}", server.address);
        let outcome = server.run_until_hurried(stop, hurry).await;
        tracing::info!("stopped");
        outcome.map_err(ConfigError::line)
    })
}

/// How far signals have brought the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Stopping,
}

/// The first is done at SIGTERM or SIGINT, the second at SIGINT or another SIGTERM.
fn shutdown_signals() -> std::io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stage, watched) = watch::channel(Stage::Serving);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                _ = terminate.recv() => match *stage.borrow() {
                    Stage::Serving => {
                        tracing::info!("SIGTERM: draining, then finishing the requests under way");
                        Stage::Draining
                    }
                    Stage::Draining | Stage::Stopping => Stage::Stopping,
                },
                _ = interrupt.recv() => {
                    tracing::info!("SIGINT: finishing the requests under way");
                    Stage::Stopping
                }
            };
            stage.send_replace(next);
        }
    });
    Ok((
        reached(watched.clone(), Stage::Draining),
        reached(watched, Stage::Stopping),
    ))
}

async fn reached(mut watched: watch::Receiver<Stage>, stage: Stage) {
    // The sender lives as long as the runtime.
    let _ = watched.wait_for(|now| *now >= stage).await;
}

/// What a person needs to go on. Production says only where it listens: a secret key printed at
/// every start would end up in a log.
fn banner(settings: &Settings, address: SocketAddr) -> String {
    if !settings.is_development() {
        return format!("phoneproof listens on http://{address} (production)\n");
    }
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => format!("127.0.0.1:{}", address.port()),
        _ => address.to_string(),
    };
    let publishable = settings.publishable_key_at(address);
    let texts = if settings.gateways.is_empty() {
        "Every SMS appears here.".to_owned()
    } else {
        let names: Vec<&str> = settings.gateways.keys().map(String::as_str).collect();
        format!("SMS leave through {}.", names.join(", "))
    };
    format!(
        "phoneproof listens on http://{host} (development)\n\
         \x20 page             http://{host}/dev/\n\
         \x20 publishable key  {publishable}\n\
         \x20 secret key       {}\n\
         \x20 user token       phoneproof dev token --user user_demo\n\
         {texts}\n",
        settings.secret_key.reveal(),
    )
}

fn warn(settings: &Settings) {
    for (tag, segments) in settings.policy.texts.long_ones(settings.policy.code_lifetime) {
        let alphabet = if segments.gsm {
            "GSM-7, 160 a text"
        } else {
            "UCS-2, 70 a text"
        };
        tracing::warn!(
            "texts in {tag} take {} segments, each of which is paid ({alphabet}): shorten application.name or the text \
             in sms.messages",
            segments.count
        );
    }
    if settings.is_development() {
        if !settings.listen.ip().is_loopback() {
            tracing::warn!(
                "development on {}: whoever reaches it can sign in as anybody",
                settings.listen
            );
        }
        return;
    }
    if settings.policy.test_mode {
        tracing::warn!("test_mode is on in production: anybody can verify +1 XXX 555 0100 to 0199");
    }
    let is_console = |options: &AdapterOptions| {
        let provider = options.get("provider").map(ToString::to_string);
        provider.as_deref() == Some("console")
    };
    if settings.gateways.values().any(is_console) {
        tracing::warn!("an SMS gateway is the console: no user receives a code that goes there");
    }
}
