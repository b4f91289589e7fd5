//! What handlers share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::UseCases;
use phoneproof_domain::ports::{Archive, Entropy, IdentityProvider, SmsReceipts, StoreHealth};
use serde_json::Value;
use url::Url;

use crate::back_end_limit::BackEndLimit;
use crate::config::{Network, PublishableKey, SecretKey};
use crate::dev_tools::DevTools;
use crate::drain::Drain;
use crate::http::origins::Origins;
use crate::metrics::Metrics;
use crate::sdk::Scripts;
use crate::seal::Seal;
use crate::session_tokens::SessionTokens;
use crate::sms_dispatcher::SmsDispatcher;

/// What handlers share.
pub(crate) struct AppState {
    pub(crate) cases: UseCases,
    pub(crate) session_tokens: SessionTokens,
    pub(crate) environment: Value,
    /// What names this instance: `ins_…`.
    pub(crate) instance_id: String,
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
    pub(crate) sms_dispatcher: SmsDispatcher,
    pub(crate) receipts: BTreeMap<String, (String, Arc<dyn SmsReceipts>)>,
    pub(crate) health: Arc<dyn StoreHealth>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) drain: Drain,
    pub(crate) metrics: Metrics,
    pub(crate) origins: Origins,
    /// The SDKs' script files.
    pub(crate) scripts: Scripts,
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
