//! The server: everything wired together, listening.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use phoneproof_domain::ports::{
    Clock, Entropy, EventSink, IdentityProvider, PasswordHasher, Sealer, SecurityNotices, SmsGateway, SmsReceipts,
};
use phoneproof_domain::use_cases::{Delivery, Limits, Ports};
use phoneproof_domain::{CodeHasher, UseCases};
use phoneproof_sms_console::Inbox;
use tokio::sync::{Notify, watch};

use crate::back_end_limit::BackEndLimit;
use crate::config::{ConfigError, Settings};
use crate::dev_issuer::DevIssuer;
use crate::dev_tools::DevTools;
use crate::drain::Drain;
use crate::event_dispatcher::EventDispatcher;
use crate::http::{AppState, EventTexts, Origins, environment, observe, routes};
use crate::metrics::{Access, Metrics};
use crate::sdk::Scripts;
use crate::seal::Seal;
use crate::session_tokens::SessionTokens;
use crate::sms_dispatcher::SmsDispatcher;
use crate::wiring::{self, Shared, Store};

/// The adapters that a server runs on. [`Adapters::from_settings`] takes the configured ones; a
/// test puts its own clock and carrier in their place.
pub struct Adapters {
    /// Where everything is kept.
    pub store: Store,
    /// What sends texts.
    pub gateway: Arc<dyn SmsGateway>,
    /// What reads the receipts of each gateway, by its name, with the address that its provider calls.
    pub receipts: BTreeMap<String, (String, Arc<dyn SmsReceipts>)>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Whom events are told, if anybody.
    pub event_sink: Option<Arc<dyn EventSink>>,
    /// What tells users of changes, if anything does.
    pub notices: Option<Arc<dyn SecurityNotices>>,
    /// Who recognises users.
    pub identity_providers: Vec<Arc<dyn IdentityProvider>>,
    /// What the console gateway keeps.
    pub inbox: Arc<Inbox>,
}

impl Adapters {
    /// Builds what the configuration names.
    ///
    /// # Errors
    /// [`ConfigError`] naming the option at fault.
    pub async fn from_settings(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let shared = Shared {
            clock: clock.clone(),
            inbox: Arc::new(Inbox::default()),
        };
        let gateways = wiring::gateways(settings, &shared)?;
        let dev_issuer = settings.is_development().then(|| DevIssuer::new(&settings.secret));
        Ok(Self {
            gateway: gateways.routed,
            receipts: gateways.receipts,
            identity_providers: wiring::identity_providers(settings, &shared, dev_issuer.as_ref())?,
            event_sink: wiring::event_sink(settings)?,
            notices: wiring::notices(settings)?,
            store: wiring::store(&settings.store).await?,
            clock,
            passwords: wiring::passwords(wiring::entropy()),
            entropy: wiring::entropy(),
            inbox: shared.inbox,
        })
    }
}

/// A server that listens.
pub struct Server {
    /// Where it listens; the real port where port 0 was asked for.
    pub address: SocketAddr,
    state: Weak<AppState>,
    running: actix_web::dev::Server,
    drain: Drain,
    /// How long it goes on serving once it is told to stop.
    drain_time: Duration,
    /// How long what is under way may then take to finish.
    shutdown_time: Duration,
    close: watch::Sender<bool>,
}

impl Server {
    /// Binds the configured address and starts to serve once [`Server::run_until`] is awaited.
    ///
    /// # Errors
    /// [`ConfigError`] if the address cannot be bound.
    pub fn bind(settings: &Settings, adapters: Adapters) -> Result<Self, ConfigError> {
        let unusable = |error: std::io::Error| {
            ConfigError::at(
                "server.listen",
                format!("cannot listen on {}: {error}", settings.listen),
            )
        };
        let listener = TcpListener::bind(settings.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let (close, closing) = watch::channel(false);
        let drain = Drain::default();
        let news = Arc::new(Notify::new());
        let event_seal = Arc::new(Seal::new(&settings.secret, "event-seal", adapters.entropy.clone()));
        let dispatcher = event_dispatcher(settings, &adapters, &event_seal, &news);
        let events = EventTexts {
            instance: format!("ins_{}", settings.publishable_key_at(address).cookie_suffix()),
            lockout: settings.policy.lockout,
            has_subscriber: adapters.event_sink.is_some(),
            has_email: adapters.notices.is_some(),
            news,
        };
        let outward = Outward { events, event_seal };
        let scripts = Scripts::open(&settings.sdk)?;
        let state = Data::new(state(
            settings,
            adapters,
            outward,
            scripts,
            address,
            closing.clone(),
            drain.clone(),
        ));
        let development = settings.is_development();

        let workers = settings.server.workers();
        let kept = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .wrap(NormalizePath::new(TrailingSlash::Trim))
                .wrap(from_fn(observe))
                .configure(|config| routes(config, development))
        })
        .workers(workers)
        .max_connections(settings.server.max_connections.div_ceil(workers))
        .keep_alive(Duration::from_secs(settings.server.keep_alive_seconds))
        .client_request_timeout(Duration::from_millis(settings.server.header_timeout_ms))
        .shutdown_timeout(settings.server.shutdown_seconds)
        .disable_signals()
        .listen(listener)
        .map_err(unusable)?
        .run();
        // The figures must not keep a stopped server's store open.
        if let Some(dispatcher) = dispatcher {
            tokio::spawn(dispatcher.run(closing));
        }
        let state = kept.into_inner();
        tokio::spawn(state.sms_dispatcher.clone().run(close.subscribe()));
        tokio::spawn(fold_metrics(Arc::downgrade(&state)));
        tokio::spawn(forget_idle_clients(Arc::downgrade(&state)));
        Ok(Self {
            address,
            state: Arc::downgrade(&state),
            running: server,
            drain,
            drain_time: settings.drain,
            shutdown_time: Duration::from_secs(settings.server.shutdown_seconds),
            close,
        })
    }

    /// Serves until `stop` is done, drains, then stops: see [`Server::run_until_hurried`].
    ///
    /// # Errors
    /// If the server breaks down.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        self.run_until_hurried(stop, std::future::pending()).await
    }

    /// Serves until `stop` is done. Then it drains: it says that it is not ready, closes each connection with its next
    /// answer, and serves on for `server.drain_seconds` or until `hurry` is done. Then it refuses connections, until the
    /// requests under way are answered or their time (`server.shutdown_seconds`) is up.
    ///
    /// # Errors
    /// If the server breaks down.
    pub async fn run_until_hurried(
        self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let texts = self.state.upgrade().map(|state| state.sms_dispatcher.clone());
        if let Some(state) = self.state.upgrade() {
            // Before the first request, for they decide who may do what.
            read_settings(&state).await;
            tokio::spawn(follow_settings(Arc::downgrade(&state)));
        }
        let handle = self.running.handle();
        let mut server = pin!(self.running);
        let overwritten = tokio::select! {
            ended = &mut server => return ended,
            () = stop => false,
            () = overwritten(self.state) => true,
        };
        self.drain.begin();
        if !self.drain_time.is_zero() && !overwritten {
            // Whoever sends requests has read `/v1/ready` by then. A connection that is made in the last moment, and that no
            // worker has taken when the socket is closed, is reset by the operating system.
            tokio::select! {
                ended = &mut server => return ended,
                () = tokio::time::sleep(self.drain_time) => {}
                () = hurry => {}
            }
        }
        // Live streams end first; nothing else would end them.
        let _ = self.close.send(true);
        let (ended, ()) = tokio::join!(server, handle.stop(true));
        if let Some(texts) = texts {
            // What a provider is being asked for is settled, so that nobody asks again.
            let _ = tokio::time::timeout(self.shutdown_time, texts.idle()).await;
        }
        ended
    }
}

/// What tells the application's back end and users of events, if anybody is to be told.
fn event_dispatcher(
    settings: &Settings,
    adapters: &Adapters,
    seal: &Arc<Seal>,
    news: &Arc<Notify>,
) -> Option<EventDispatcher> {
    let (sink, notices) = (adapters.event_sink.clone(), adapters.notices.clone());
    if sink.is_none() && notices.is_none() {
        return None;
    }
    Some(EventDispatcher {
        outbox: adapters.store.outbox.clone(),
        sink,
        notices,
        clock: adapters.clock.clone(),
        seal: seal.clone(),
        news: news.clone(),
        code_lifetime: settings.policy.code_lifetime,
    })
}

/// What seals texts: the outbox and the events about them.
fn texts(settings: &Settings, entropy: Arc<dyn Entropy>) -> Arc<dyn Sealer> {
    Arc::new(Seal::new(&settings.secret, "sms-seal", entropy))
}

/// How what happens leaves the server.
struct Outward {
    events: EventTexts,
    event_seal: Arc<Seal>,
}

fn state(
    settings: &Settings,
    adapters: Adapters,
    outward: Outward,
    scripts: Scripts,
    address: SocketAddr,
    closing: watch::Receiver<bool>,
    drain: Drain,
) -> AppState {
    let access = match (&settings.metrics_token, settings.is_development()) {
        (Some(token), _) => Access::Bearer(token.clone()),
        (None, true) => Access::Everybody,
        (None, false) => Access::Nobody,
    };
    let metrics = Metrics::new(access, adapters.store.figures.clone());
    let sealer = texts(settings, adapters.entropy.clone());
    let delivery = Delivery {
        outbox: adapters.store.sms_outbox.clone(),
        gateway: metrics.counted(adapters.gateway),
        sealer: sealer.clone(),
        clock: adapters.clock.clone(),
        entropy: adapters.entropy.clone(),
    };
    let sms_dispatcher = SmsDispatcher::new(delivery, settings.send_wait, tokio::runtime::Handle::current());
    let store = adapters.store;
    let instance_id = outward.events.instance.clone();
    let ports = Ports {
        users: store.repository,
        clients: store.clients,
        tickets: store.tickets,
        commits: store.commits,
        directory: store.directory,
        sessions: store.sessions,
        instance: store.instance,
        limiter: store.limiter,
        passwords: adapters.passwords,
        sms: Arc::new(sms_dispatcher.clone()),
        sms_outbox: store.sms_outbox,
        events: Arc::new(outward.events),
        sms_sealer: sealer,
        event_sealer: outward.event_seal,
        clock: adapters.clock.clone(),
        entropy: adapters.entropy.clone(),
    };
    let dev_tools = || DevTools {
        inbox: adapters.inbox,
        issuer: Arc::new(DevIssuer::new(&settings.secret)),
        closing,
    };
    let (back_end_limit, in_blocks) = BackEndLimit::new(&settings.limits.back_end_requests);
    let limits = Limits {
        back_end_requests: in_blocks,
        ..settings.limits.clone()
    };
    let publishable_key = settings.publishable_key_at(address);
    let (keys, clock) = (store.signing_keys, adapters.clock);
    let host = publishable_key.host();
    AppState {
        session_tokens: SessionTokens::new(keys, clock, adapters.entropy.clone(), &settings.secret, host),
        cases: UseCases::new(
            ports,
            CodeHasher::new(&settings.secret),
            settings.policy.clone(),
            limits,
        ),
        environment: environment(settings),
        instance_id,
        cookie_suffix: publishable_key.cookie_suffix(),
        publishable_key,
        cookie_domain: settings.server.cookie_domain.clone(),
        secure_cookies: settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
        trusted_proxies: settings.trusted_proxies.clone(),
        native: settings.native,
        development: settings.is_development(),
        sign_in_url: settings.sign_in_url.clone(),
        back_end_limit,
        handshakes: Seal::new(&settings.secret, "handshake", adapters.entropy.clone()),
        identity_providers: adapters.identity_providers,
        secret_key: settings.secret_key.clone(),
        health: store.health,
        archive: store.archive,
        drain,
        sms_dispatcher,
        receipts: adapters.receipts,
        metrics,
        scripts,
        origins: Origins::new(
            settings.allowed_origins.clone(),
            settings.policy.live.clone(),
            address,
            settings.public_url.as_ref(),
            settings.is_development(),
        ),
        dev_tools: settings.is_development().then(dev_tools),
        body_timeout: Duration::from_millis(settings.server.body_timeout_ms),
        entropy: adapters.entropy,
    }
}

/// Follows what other processes change about the instance.
async fn follow_settings(state: Weak<AppState>) {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        beat.tick().await;
        let Some(state) = state.upgrade() else { return };
        read_settings(&state).await;
    }
}

/// Waits until another store is being copied into this one, which then serves nobody. A server that opens it is not let in;
/// this is for one that was there before, on a store that was empty.
async fn overwritten(state: Weak<AppState>) {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        beat.tick().await;
        let Some(state) = state.upgrade() else {
            return std::future::pending().await;
        };
        if let Ok(Some(mark)) = state.archive.unfinished().await {
            tracing::error!(
                "a copy from {} into this store has begun: nobody is served from half of it",
                mark.source
            );
            return;
        }
    }
}

async fn read_settings(state: &AppState) {
    if let Err(error) = state.cases.instance_settings().await {
        tracing::warn!("the instance's settings cannot be read, the last ones stand: {error}");
    }
}

async fn fold_metrics(state: Weak<AppState>) {
    let mut beat = tokio::time::interval(Duration::from_secs(5));
    loop {
        beat.tick().await;
        let Some(state) = state.upgrade() else { return };
        state.metrics.fold();
    }
}

/// Removes the clients that never did anything, once an hour.
async fn forget_idle_clients(state: Weak<AppState>) {
    let mut beat = tokio::time::interval(Duration::from_secs(3600));
    // The first tick is at once.
    beat.tick().await;
    loop {
        beat.tick().await;
        let Some(state) = state.upgrade() else { return };
        match state.cases.forget_idle_clients().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(clients = count, "removed {count} clients that never did anything"),
            Err(error) => tracing::error!("idle clients could not be removed: {error}"),
        }
    }
}
