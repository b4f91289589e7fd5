use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Environment as EnvironmentSource, File, FileFormat, Value};
use secrecy::SecretString;
use serde::Deserialize;

use super::ConfigError;
use super::list::List;

const DEFAULTS: &str = include_str!("../../../config/default.toml");
const PREFIX: &str = "PHONEPROOF";

/// The configuration file. What each option means stands in `config/default.toml`.
#[expect(
    missing_docs,
    reason = "config/default.toml documents each option, and a test holds the two together"
)]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub environment: Option<Environment>,
    pub test_mode: Option<bool>,
    pub application: Application,
    pub server: Server,
    pub store: Store,
    pub keys: Keys,
    pub instance: Instance,
    /// How users are told of changes; the options of `notice-email`.
    pub notices: Option<AdapterOptions>,
    /// How texts leave.
    pub delivery: Delivery,
    pub sms: Sms,
    pub codes: Codes,
    pub phone_numbers: PhoneNumbers,
    pub second_factor: SecondFactor,
    pub sign_up: SignUp,
    pub enumeration_protection: EnumerationProtection,
    pub passwords: Passwords,
    pub sessions: Sessions,
    pub native: Native,
    pub lockout: Lockout,
    pub limits: Limits,
    pub identity: Option<AdapterOptions>,
    pub webhooks: Webhooks,
    pub metrics: Metrics,
    pub sdk: Sdk,
    pub log: Log,
}

/// Whose data these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's: everything open, nothing to set up.
    Development,
    /// Real users'.
    Production,
}

/// The options of one adapter; its `provider` picks the adapter, which knows the rest.
pub type AdapterOptions = BTreeMap<String, Value>;

macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $field: $type),* }
    };
}

section!(Application { name: String, sign_in_url: Option<String> });
section!(Server {
    listen: String,
    public_url: Option<String>,
    allowed_origins: List,
    workers: usize,
    max_connections: usize,
    keep_alive_seconds: u64,
    header_timeout_ms: u64,
    body_timeout_ms: u64,
    drain_seconds: Option<u64>,
    shutdown_seconds: u64,
    trusted_proxies: List,
    cookie_domain: Option<String>,
});

impl Server {
    /// Threads that serve: as many as configured, or one for each core.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }
}

section!(Store {
    url: String,
    url_file: Option<PathBuf>,
    synchronous: Synchronous,
    readers: u32,
    queue: usize,
    connections: usize,
    statement_timeout_ms: u64,
    migrate: bool
});
section!(Keys {
    publishable_key: Option<String>,
    secret_key: Option<SecretString>,
    secret_key_file: Option<PathBuf>,
});
section!(Instance { secret: Option<SecretString>, secret_file: Option<PathBuf> });
section!(Sms {
    allowed_countries: List,
    gateways: Option<BTreeMap<String, AdapterOptions>>,
    routes: Option<Vec<Route>>,
    messages: Option<PathBuf>,
    web_otp_domain: Option<String>,
    android_app_hash: Option<String>,
});
/// Which numbers go by which gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The gateway's name in `[sms.gateways]`.
    pub gateway: String,
    /// ISO 3166-1 codes; with no prefixes either, all numbers.
    #[serde(default)]
    pub countries: List,
    /// Beginnings of numbers, with the plus.
    #[serde(default)]
    pub prefixes: List,
    /// From whom, in the provider's terms.
    pub sender: Option<String>,
    /// Share of the texts among adjacent routes with weights.
    pub weight: Option<u32>,
    /// How long the provider is waited for.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

const fn default_timeout_ms() -> u64 {
    10_000
}

section!(Delivery { wait_ms: u64 });
section!(Codes {
    lifetime_seconds: u64,
    max_attempts: u8,
    resend_after_seconds: u64
});
section!(PhoneNumbers { max_unverified: u32, used_for_first_factor: Option<bool> });
section!(SecondFactor {
    backup_codes: bool,
    required: bool
});
section!(SignUp { open: bool });
section!(EnumerationProtection { enabled: bool });
section!(Passwords { enabled: bool });
section!(Sessions {
    lifetime_seconds: u64,
    single: bool,
    reverification: bool,
    reverify_after_seconds: u64,
});
section!(Native { enabled: bool });
section!(Lockout {
    attempts: u32,
    duration_seconds: u64
});
section!(Limits {
    enabled: bool,
    disabled_in_production: bool,
    codes_per_number: List,
    code_waits_seconds: List,
    codes_per_range: List,
    codes_per_user: List,
    codes_per_address: List,
    codes_per_network: List,
    codes_in_all: List,
    new_numbers_per_user: List,
    sign_ins_per_address: List,
    attempts_per_address: List,
    attempts_per_number: List,
    notices_per_user: List,
    back_end_requests: List,
});
section!(Webhooks {
    url: Option<String>,
    secret: Option<SecretString>,
    secret_file: Option<PathBuf>,
});
section!(Sdk {
    folder: Option<PathBuf>,
    cdn: Option<String>,
    registry: String,
});
section!(Metrics { token: Option<SecretString> });
section!(Log {
    level: String,
    format: LogFormat
});

/// How hard the store makes sure that a change is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// Survives a power cut.
    Full,
    /// Survives a crash of the program.
    Normal,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Config {
    /// Reads defaults, `file` and `environment` (all variables of the process), the later over
    /// the earlier.
    ///
    /// # Errors
    /// [`ConfigError`] naming the option that is unknown or has a wrong value.
    pub fn load(file: Option<&Path>, environment: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let environment = ours(environment)?;
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ConfigError::line(format!("cannot read the configuration {}: {error}", path.display()))
            })?;
            builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
        }
        // No `try_parsing`: it turns +14155552671 into a number. Types are converted where asked for.
        let source = EnvironmentSource::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__");
        let source = source.source(Some(environment.into_iter().collect()));
        let loaded = builder.add_source(source).build().map_err(ConfigError::line)?;
        loaded
            .try_deserialize()
            .map_err(|error| ConfigError::line(explain(&error)))
    }
}

/// Keeps our variables, and refuses what was meant to be one: `PHONEPROOF_SERVER_LISTEN`.
fn ours(environment: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut ours = BTreeMap::new();
    for (name, value) in environment {
        if name.starts_with("PHONEPROOF__") {
            ours.insert(name, value);
        } else if name.starts_with("PHONEPROOF_") {
            let problem = "unknown variable; sections are set off by two underscores, as in PHONEPROOF__SERVER__LISTEN";
            return Err(ConfigError::at(&name, problem));
        }
    }
    Ok(ours)
}

/// The library's words, plus the way to the list of options.
fn explain(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let hint = if text.contains("unknown field") {
        " (config/default.toml lists every option)"
    } else {
        ""
    };
    format!("configuration: {text}{hint}")
}
