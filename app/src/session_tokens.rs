//! Session tokens: short JWTs, signed RS256 (contract 7.1, 7.2), and the keys behind them.
//!
//! Keys are made by the first process that needs one, kept sealed in the store, published before they
//! sign and for as long as anything they signed is valid.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use phoneproof_domain::ports::{BoxError, Clock, Entropy, SigningKeys, StoreError, StoredKey};
use phoneproof_domain::{InstanceSecret, Session, SessionId, SessionStatus, Timestamp, passing_id};
use serde_json::{Value, json};

/// How long a token is valid: 60 seconds (contract 7.1).
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// `nbf` lies so far back, for clocks that are behind.
const EARLY: Duration = Duration::from_secs(10);
/// How far ahead of the clock of this process a token may say that it was issued: `@clerk/backend` accepts no more from the
/// future (`clockSkewInMs`), and a clock that is set back must not make tokens that are valid for hours.
const POST_DATED: Duration = Duration::from_secs(5);
/// How often a process says that clocks differ.
const WARNED: Duration = Duration::from_secs(60);
/// For how long a token is given out again: it then has 40 of its 60 seconds left, and the SDK renews it 17 s before its
/// end (contract 20).
const REPEATED: Duration = Duration::from_secs(20);
/// How many tokens are kept to be given out again.
const MOST_KEPT: usize = 20_000;
/// How long keys read from the store are used before they are read again.
const CACHED: Duration = Duration::from_secs(30);
/// A new key is published so long before it signs: back ends cache key sets for five minutes.
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(10 * 60);
/// A replaced key stays published so long after: the longest-lived token that a back end may ask for.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why no token could be signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The store did not give the keys.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored key cannot be opened: the instance secret is not the one that it was sealed with.
    #[error("the signing key {0} cannot be opened; is instance.secret the one of this database?")]
    Sealed(String),
    /// The cryptographic library refused.
    #[error("cannot make or use a signing key")]
    Library(#[source] BoxError),
}

/// Signs session tokens and publishes the keys.
pub struct SessionTokens {
    keys: Arc<dyn SigningKeys>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    seal: [u8; 32],
    issuer: String,
    cached: RwLock<Option<Cached>>,
    given: Mutex<HashMap<GivenTo, Given>>,
    /// When it was last said that clocks differ.
    warned: Mutex<Option<Timestamp>>,
}

/// To whom a token was given: a session, and the page that it is in (`azp`).
#[derive(Clone, PartialEq, Eq, Hash)]
struct GivenTo {
    session: SessionId,
    origin: Option<String>,
}

/// A token that was given out, with what it says and was signed with. What differs makes another token.
struct Given {
    token: String,
    /// When it was given out, by the clock of this process.
    at: Timestamp,
    /// When it says that it was issued, which may be later: see [`SessionTokens::mint`].
    issued_at: Timestamp,
    about: About,
}

/// What a token says of its session, beside the time.
#[derive(Clone, PartialEq, Eq)]
struct About {
    status: SessionStatus,
    factors: [Option<Timestamp>; 2],
    key: String,
}

struct Cached {
    keys: Arc<Vec<Key>>,
    read_at: Timestamp,
}

/// A key that was opened.
struct Key {
    id: String,
    pair: RsaKeyPair,
    signs_from: Timestamp,
    retires_at: Option<Timestamp>,
}

impl SessionTokens {
    /// Signs as `https://<host>` with the keys in `keys`.
    #[must_use]
    pub fn new(
        keys: Arc<dyn SigningKeys>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        secret: &InstanceSecret,
        host: &str,
    ) -> Self {
        Self {
            keys,
            clock,
            entropy,
            seal: secret.derive("signing-key-seal"),
            issuer: format!("https://{host}"),
            cached: RwLock::new(None),
            given: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// A token of `session`, for the page at `origin`: the one that was last given out, if it is young and says the same, and
    /// not older than `since`, when somebody last signed in or out in the client (contract 7.3).
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn current(
        &self,
        session: &Session,
        status: SessionStatus,
        origin: Option<&str>,
        since: Timestamp,
    ) -> Result<String, SigningError> {
        let now = self.clock.now();
        let (to, about) = self.given_to(session, status, origin, now).await?;
        let is_good = |given: &Given| {
            given.about == about && given.issued_at >= since && given.at <= now && now.since(given.at) < REPEATED
        };
        let known = {
            let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            given
                .get(&to)
                .filter(|given| is_good(given))
                .map(|given| given.token.clone())
        };
        match known {
            Some(token) => Ok(token),
            None => self.mint_and_keep(session, status, to, about, since).await,
        }
    }

    /// A token of `session` as [`current`](Self::current) answers it, or with `fresh` a new one, also where one was just given
    /// out.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn issue(
        &self,
        session: &Session,
        status: SessionStatus,
        origin: Option<&str>,
        since: Timestamp,
        fresh: bool,
    ) -> Result<String, SigningError> {
        if fresh {
            self.renewed(session, status, origin, since).await
        } else {
            self.current(session, status, origin, since).await
        }
    }

    async fn renewed(
        &self,
        session: &Session,
        status: SessionStatus,
        origin: Option<&str>,
        since: Timestamp,
    ) -> Result<String, SigningError> {
        let (to, about) = self.given_to(session, status, origin, self.clock.now()).await?;
        self.mint_and_keep(session, status, to, about, since).await
    }

    async fn given_to(
        &self,
        session: &Session,
        status: SessionStatus,
        origin: Option<&str>,
        now: Timestamp,
    ) -> Result<(GivenTo, About), SigningError> {
        let keys = self.keys_at(now).await?;
        let key = signing(&keys, now)?.id.clone();
        let to = GivenTo {
            session: session.id.clone(),
            origin: origin.map(str::to_owned),
        };
        let factors = [session.first_factor_at, session.second_factor_at];
        Ok((to, About { status, factors, key }))
    }

    async fn mint_and_keep(
        &self,
        session: &Session,
        status: SessionStatus,
        to: GivenTo,
        about: About,
        since: Timestamp,
    ) -> Result<String, SigningError> {
        let at = self.clock.now();
        let token = self
            .mint(session, status, to.origin.as_deref(), since, LIFETIME)
            .await?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() >= MOST_KEPT {
            given.retain(|_, given| given.at <= at && at.since(given.at) < REPEATED);
        }
        if given.len() < MOST_KEPT || given.contains_key(&to) {
            let token = token.clone();
            let issued_at = issued_at(at, since);
            given.insert(
                to,
                Given {
                    token,
                    at,
                    issued_at,
                    about,
                },
            );
        }
        Ok(token)
    }

    /// A new token of `session`, for the page at `origin`. It is issued now, or at `since`, when somebody last signed in or out
    /// in the client, if this clock is not that far: a back end does not accept a token from before `__client_uat`, and would
    /// ask for another one without end. That reaches over clocks that differ by 5 s; back ends accept none from further ahead.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn mint(
        &self,
        session: &Session,
        status: SessionStatus,
        origin: Option<&str>,
        since: Timestamp,
        lifetime: Duration,
    ) -> Result<String, SigningError> {
        let clock = self.clock.now();
        let now = issued_at(clock, since);
        if now < since {
            self.warn_of_clocks(clock, since);
        }
        let age = |age: Option<u64>| age.map_or(json!(-1), |minutes| json!(minutes));
        let [first, second] = session.factor_ages(now).map(age);
        let mut claims = json!({
            "exp": now.plus(lifetime).as_seconds(),
            "fva": [first, second],
            "iat": now.as_seconds(),
            "iss": self.issuer,
            "jti": passing_id("jti", now, &*self.entropy).trim_start_matches("jti_"),
            "nbf": now.as_seconds() - i64::try_from(EARLY.as_secs()).unwrap_or(0),
            "sid": session.id.as_str(),
            "sts": status.as_str(),
            "sub": session.user.as_str(),
            "v": 2,
        });
        if let Some(origin) = origin {
            claims["azp"] = json!(origin);
        }
        self.sign(&claims, clock).await
    }

    /// Says that no token can be as late as the sign-in; not for every token, for there are many until the clock is that far.
    fn warn_of_clocks(&self, clock: Timestamp, since: Timestamp) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| clock.since(at).max(at.since(clock)) >= WARNED) {
            *warned = Some(clock);
            tracing::warn!(
                "clocks differ: somebody signed in or out {} s ahead of the clock of this process; until it is 5 s from \
                 there, servers that render pages refuse that client's tokens",
                since.since(clock).as_secs()
            );
        }
    }

    async fn sign(&self, claims: &Value, now: Timestamp) -> Result<String, SigningError> {
        let keys = self.keys_at(now).await?;
        let key = signing(&keys, now)?;
        let header = json!({ "alg": "RS256", "kid": key.id, "typ": "JWT" });
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0u8; key.pair.public_modulus_len()];
        key.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|error| SigningError::Library(error.to_string().into()))?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The published keys as a JSON Web Key Set (RFC 7517).
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn jwks(&self) -> Result<Value, SigningError> {
        let now = self.clock.now();
        let keys = self.keys_at(now).await?;
        let jwk = |key: &Key| {
            let public = key.pair.public_key();
            let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            json!({
                "use": "sig", "kty": "RSA", "alg": "RS256", "kid": key.id,
                "n": encode(public.modulus().big_endian_without_leading_zero()),
                "e": encode(public.exponent().big_endian_without_leading_zero()),
            })
        };
        let keys: Vec<Value> = keys.iter().filter(|key| is_published(key, now)).map(jwk).collect();
        Ok(json!({ "keys": keys }))
    }

    /// Makes a new key that signs from `signs_from` on, and lets the others retire
    /// [`PUBLISHED_AFTER`] that. Answers its name.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn rotate(&self, signs_from: Timestamp) -> Result<String, SigningError> {
        let key = self.make(signs_from)?;
        let retire = signs_from.plus(PUBLISHED_AFTER);
        self.keys.rotate(&key, retire, self.clock.now()).await?;
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(key.id)
    }

    /// The keys, from the store if they were read too long ago.
    async fn keys_at(&self, now: Timestamp) -> Result<Arc<Vec<Key>>, SigningError> {
        let cached = {
            let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
            cached.as_ref().map(|cached| (Arc::clone(&cached.keys), cached.read_at))
        };
        if let Some((keys, read_at)) = &cached
            && now.since(*read_at).max(read_at.since(now)) < CACHED
        {
            return Ok(Arc::clone(keys));
        }
        match self.read(now).await {
            Ok(keys) => Ok(keys),
            // What was good a moment ago signs on while the store is away.
            Err(error) => match cached {
                Some((keys, _)) => {
                    tracing::warn!("the signing keys could not be read again: {error}");
                    Ok(keys)
                }
                None => Err(error),
            },
        }
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Vec<Key>>, SigningError> {
        let mut stored = self.keys.all().await?;
        if stored.is_empty() {
            self.keys.add_first(&self.make(now)?).await?;
            stored = self.keys.all().await?;
        }
        let keys = stored.into_iter().map(|key| self.open(key)).collect::<Result<_, _>>()?;
        let keys = Arc::new(keys);
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(Cached {
            keys: Arc::clone(&keys),
            read_at: now,
        });
        Ok(keys)
    }

    fn make(&self, signs_from: Timestamp) -> Result<StoredKey, SigningError> {
        let failed = |error: aws_lc_rs::error::Unspecified| SigningError::Library(error.to_string().into());
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let id = passing_id("key", self.clock.now(), &*self.entropy);
        let mut nonce = [0u8; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = der.as_ref().to_vec();
        self.sealing_key()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(id.as_bytes()),
                &mut sealed,
            )
            .map_err(failed)?;
        Ok(StoredKey {
            id,
            sealed: [&nonce[..], &sealed].concat(),
            signs_from,
            retires_at: None,
        })
    }

    fn open(&self, key: StoredKey) -> Result<Key, SigningError> {
        let sealed = || SigningError::Sealed(key.id.clone());
        let (nonce, sealed_key) = key.sealed.split_at_checked(NONCE_LEN).ok_or_else(sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| sealed())?;
        let mut der = sealed_key.to_vec();
        let der = self
            .sealing_key()?
            .open_in_place(nonce, Aad::from(key.id.as_bytes()), &mut der)
            .map_err(|_| sealed())?;
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| sealed())?;
        Ok(Key {
            pair,
            signs_from: key.signs_from,
            retires_at: key.retires_at,
            id: key.id,
        })
    }

    fn sealing_key(&self) -> Result<LessSafeKey, SigningError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.seal);
        key.map(LessSafeKey::new)
            .map_err(|error| SigningError::Library(error.to_string().into()))
    }
}

/// When a token says that it was issued, by a process with this clock, in a client where somebody last signed in or out at
/// `since`.
fn issued_at(clock: Timestamp, since: Timestamp) -> Timestamp {
    clock.max(since.min(clock.plus(POST_DATED)))
}

/// The key that signs now.
fn signing(keys: &[Key], now: Timestamp) -> Result<&Key, SigningError> {
    let due = keys
        .iter()
        .filter(|key| key.signs_from <= now && is_published(key, now));
    // A clock that was set back must not leave the instance without a key.
    let key = due.max_by_key(|key| key.signs_from).or_else(|| keys.first());
    key.ok_or_else(|| SigningError::Library("no key".into()))
}

fn is_published(key: &Key, now: Timestamp) -> bool {
    key.retires_at.is_none_or(|at| now < at)
}
