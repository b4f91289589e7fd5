//! What handlers share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::Users;
use phoneproof_domain::ports::{Archive, Entropy, IdentityProvider, SmsOutbox, SmsReceipts, StoreHealth};
use phoneproof_domain::use_cases::Auth;
use serde_json::Value;
use url::Url;

use crate::config::{Network, PublishableKey, SecretKey};
use crate::drain::Drain;
use crate::http::extract::back_end_limit::BackEndLimit;
use crate::http::extract::origin::Origins;
use crate::http::handlers::dev::DevTools;
use crate::http::handlers::metrics::Metrics;
use crate::postman::Postman;
use crate::seal::Seal;
use crate::session_tokens::SessionTokens;

/// What handlers share.
pub(crate) struct AppState {
    pub(crate) users: Users,
    pub(crate) auth: Auth,
    pub(crate) session_tokens: SessionTokens,
    pub(crate) environment: Value,
    pub(crate) publishable_key: PublishableKey,
    /// What the names of suffixed cookies end in.
    pub(crate) cookie_suffix: String,
    pub(crate) cookie_domain: Option<String>,
    /// Whether cookies are for https alone.
    pub(crate) secure_cookies: bool,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) native: bool,
    pub(crate) development: bool,
    /// The application's page for signing in.
    pub(crate) sign_in_url: Option<Url>,
    pub(crate) back_end_limit: BackEndLimit,
    /// Seals what a handshake hands over.
    pub(crate) handshakes: Seal,
    pub(crate) identity_providers: Vec<Arc<dyn IdentityProvider>>,
    pub(crate) secret_key: SecretKey,
    pub(crate) sms_outbox: Arc<dyn SmsOutbox>,
    pub(crate) postman: Postman,
    pub(crate) receipts: BTreeMap<String, (String, Arc<dyn SmsReceipts>)>,
    pub(crate) health: Arc<dyn StoreHealth>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) drain: Drain,
    pub(crate) metrics: Metrics,
    pub(crate) origins: Origins,
    pub(crate) dev_tools: Option<DevTools>,
    pub(crate) body_timeout: Duration,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl AppState {
    /// 128 random bits in hexadecimal: `clerk_trace_id`, and the same in the log.
    pub(crate) fn trace_id(&self) -> String {
        let mut bytes = [0u8; 16];
        self.entropy.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }
}
