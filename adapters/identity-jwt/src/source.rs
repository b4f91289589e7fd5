use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::BoxError;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use crate::keys::KeySet;
use crate::options::{Algorithm, ConfigError};
use crate::origin::Origin;

/// Keys are asked for anew at most this often: an attacker who makes up key ids must not make us
/// hammer the provider.
const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
/// The same while there are no keys at all: nobody can sign in until there are.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// The keys of one provider, kept and renewed.
///
/// Renewing is a task of its own: a request that is dropped while it waits takes nothing with it.
pub(crate) struct Source(Arc<Shared>);

struct Shared {
    origin: Origin,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
    kept: RwLock<Kept>,
    /// Held while keys are asked for: many requests wait for one answer.
    asking: Arc<Mutex<()>>,
}

/// The keys at hand.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) keys: Arc<KeySet>,
    /// Grows with each change of the keys.
    pub(crate) version: u64,
    /// When the keys were last read.
    read_at: Option<Timestamp>,
    /// When they were last asked for, and whether in vain.
    last_try: Option<(Timestamp, bool)>,
    /// How often they were asked for.
    tries: u64,
}

impl Source {
    pub(crate) fn new(origin: Origin, algorithms: Vec<Algorithm>, max_age: Duration) -> Self {
        Self(Arc::new(Shared {
            origin,
            algorithms,
            max_age,
            kept: RwLock::default(),
            asking: Arc::default(),
        }))
    }

    /// Keys that are known from the beginning.
    pub(crate) fn starting_with(self, jwks: &str, now: Timestamp) -> Result<Self, ConfigError> {
        let keys = KeySet::parse(jwks, &self.0.algorithms)
            .map_err(|error| ConfigError(format!("the key set is no JWKS: {error}")))?;
        if keys.len() == 0 {
            return Err(ConfigError(
                "the key set holds no usable key (RSA of 2048 bits or more, P-256, Ed25519)".to_owned(),
            ));
        }
        self.0.change(|kept| kept.take(keys, now));
        Ok(self)
    }

    /// The keys at hand. Old ones are renewed in the background and used meanwhile: a provider that
    /// is slow or away slows nobody. Only after a long silence are today's keys waited for, lest a
    /// withdrawn key be good for one more request.
    pub(crate) async fn kept(&self, now: Timestamp) -> Kept {
        let kept = self.0.kept();
        let age = kept.read_at.map_or(Duration::ZERO, |read_at| apart(read_at, now));
        if age < self.0.max_age || !self.0.may_ask(&kept, now) {
            return kept;
        }
        let failing = kept.last_try.is_some_and(|(_, failed)| failed);
        if age >= self.0.max_age * 2 && !failing {
            return self.renewed(&kept, now).await;
        }
        if let Ok(turn) = self.0.asking.clone().try_lock_owned() {
            drop(self.ask(turn, &kept, now));
        }
        kept
    }

    /// Asks for the keys anew, unless that was done just now, and answers what is at hand then:
    /// the old ones if it failed.
    pub(crate) async fn renewed(&self, seen: &Kept, now: Timestamp) -> Kept {
        if self.0.may_ask(seen, now) {
            let turn = self.0.asking.clone().lock_owned().await;
            // It fails if the runtime shuts down, which ends this request too.
            let _ = self.ask(turn, seen, now).await;
        }
        self.0.kept()
    }

    fn ask(&self, turn: OwnedMutexGuard<()>, seen: &Kept, now: Timestamp) -> JoinHandle<()> {
        let (shared, tries) = (self.0.clone(), seen.tries);
        tokio::spawn(async move {
            // Somebody else's turn may have answered this one's question.
            if shared.kept().tries == tries {
                shared.ask(now).await;
            }
            drop(turn);
        })
    }
}

impl Shared {
    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, edit: impl FnOnce(&mut Kept)) {
        edit(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn may_ask(&self, kept: &Kept, now: Timestamp) -> bool {
        let pause = if kept.keys.len() == 0 {
            PAUSE_WITHOUT_KEYS
        } else {
            SHORTEST_PAUSE
        };
        let rested = kept.last_try.is_none_or(|(last, _)| apart(last, now) >= pause);
        rested && !matches!(self.origin, Origin::Fixed)
    }

    async fn ask(&self, now: Timestamp) {
        let answer = self.read().await;
        if let Err(error) = &answer {
            let origin = &self.origin;
            tracing::warn!(jwks.origin = %origin, error = chain(error.as_ref()), "the keys of {origin} cannot be had");
        }
        self.change(|kept| {
            kept.tries += 1;
            kept.last_try = Some((now, answer.is_err()));
            if let Ok(keys) = answer {
                kept.take(keys, now);
            }
        });
    }

    async fn read(&self) -> Result<KeySet, BoxError> {
        let keys = KeySet::parse(&self.origin.read().await?, &self.algorithms)?;
        if keys.len() == 0 {
            return Err("the key set holds no usable key".into());
        }
        Ok(keys)
    }
}

impl Kept {
    fn take(&mut self, keys: KeySet, now: Timestamp) {
        self.read_at = Some(now);
        // The same keys again are no change: what was checked with them stays checked.
        if *self.keys != keys {
            self.keys = Arc::new(keys);
            self.version += 1;
        }
    }
}

/// How far two times are apart. An operator may set the clock back, which must stop no renewal.
fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

/// An error with its causes, for the log.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
