//! Options: each is explained, each can be set from the environment, each wrong value is named in
//! one line; and the examples work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phoneproof::config::{Config, Environment, Overrides, Settings};
use phoneproof_tests::Program;

const DEFAULTS: &str = include_str!("../../../../config/default.toml");
const INSTANCE_SECRET: &str = "an instance secret of tests, long enough";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

/// An option as `config/default.toml` has it.
#[derive(Debug)]
struct Documented {
    /// `server.listen`
    name: String,
    /// Whether a comment stands before it, or before its group, or behind it.
    explained: bool,
}

/// All options of the file, those without a default included.
fn documented() -> Vec<Documented> {
    let (mut section, mut explained, mut options) = (String::new(), false, Vec::new());
    for line in DEFAULTS.lines() {
        let (text, commented) = match line.strip_prefix("# ") {
            Some(text) => (text, true),
            None => (line, false),
        };
        let key = text.split_once(" = ").map(|(key, _)| key);
        if let Some(header) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            section = format!("{header}.");
            explained &= commented;
        } else if let Some(key) = key.filter(|key| key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))) {
            options.push(Documented {
                name: format!("{section}{key}"),
                explained: explained || text.contains(" # ") || section.starts_with("identity"),
            });
        } else {
            explained = commented;
        }
    }
    options
}

/// The fields of a section, which the program itself tells when it is asked for one that is not there.
#[expect(clippy::unwrap_used, reason = "another complaint than this has failed the test")]
fn fields(section: &str) -> BTreeSet<String> {
    let unknown = format!("PHONEPROOF__{section}NOTHING").to_uppercase();
    let complaint = refused(&[(&unknown, "x")]);
    let (_, expected) = complaint.split_once("expected").unwrap();
    let (expected, _) = expected.split_once(" (config").unwrap();
    let (expected, _) = expected.split_once(" for key").unwrap_or((expected, ""));
    let words = expected.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

fn environment(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    [("PHONEPROOF__INSTANCE__SECRET", INSTANCE_SECRET)]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn settings(more: &[(&str, &str)]) -> Result<Settings, String> {
    Config::load(None, environment(more))
        .and_then(|config| Settings::new(config, Overrides::default()))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn refused(more: &[(&str, &str)]) -> String {
    match settings(more) {
        Ok(_) => panic!("taken: {more:?}"),
        Err(complaint) => {
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
            complaint
        }
    }
}

#[test]
fn every_option_is_explained_and_nothing_else_is() {
    let documented = documented();
    for option in &documented {
        assert!(option.explained, "{} has no comment", option.name);
    }
    let names = |prefix: &str| -> BTreeSet<String> {
        let of_section = documented.iter().filter_map(|option| option.name.strip_prefix(prefix));
        of_section
            .filter(|name| !name.contains('.'))
            .map(str::to_owned)
            .collect()
    };
    let mut sections = 0;
    for section in fields("") {
        match section.as_str() {
            "environment" | "test_mode" => assert!(names("").contains(&section), "{section}"),
            // Adapters know their own options.
            "notices" => assert!(names("notices.").contains("smtp_url")),
            "identity" => assert!(names("identity.").contains("provider")),
            "sms" => {
                let mut known = fields("sms__");
                // Tables of their own.
                known.retain(|name| !["gateways", "routes"].contains(&name.as_str()));
                assert_eq!(names("sms."), known);
                assert!(names("sms.gateways.main.").contains("provider"));
            }
            _ => {
                assert_eq!(
                    names(&format!("{section}.")),
                    fields(&format!("{section}__")),
                    "[{section}]"
                );
                sections += 1;
            }
        }
    }
    assert!(sections >= 12, "{sections}");
}

#[test]
fn no_text_of_ours_costs_two_segments() {
    let policy = settings(&[]).unwrap().policy;
    let long: Vec<_> = policy.texts.long_ones(policy.code_lifetime).collect();
    assert_eq!(long, [], "each further segment is paid");
    let long = settings(&[("PHONEPROOF__APPLICATION__NAME", &"A long name ".repeat(5))])
        .unwrap()
        .policy;
    assert!(long.texts.long_ones(long.code_lifetime).count() >= 3);
}

#[test]
fn every_default_is_what_the_program_does_without_being_told() {
    let defaults = settings(&[]).unwrap();
    assert_eq!(defaults.environment, Environment::Development);
    assert_eq!(defaults.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(defaults.store.url, "sqlite://phoneproof.db");
    assert!(defaults.drain.is_zero(), "Ctrl-C does not wait");
    assert_eq!(defaults.sdk.registry.as_str(), "https://registry.npmjs.org/");
    assert_eq!(defaults.sdk.folder, None);
    let policy = defaults.policy;
    assert_eq!((policy.max_attempts, policy.max_unverified), (5, Some(5)));
    assert_eq!(
        (policy.code_lifetime.as_secs(), policy.resend_after.as_secs()),
        (600, 30)
    );
    assert!(policy.test_mode && policy.used_for_first_factor && policy.backup_codes);
    assert_eq!(format!("{:?}", policy.allowlist), "Countries({CA, US})");
}

#[test]
fn what_the_readme_names_can_be_set_from_the_environment() {
    let set = settings(&[
        ("PHONEPROOF__SERVER__LISTEN", "0.0.0.0:9"),
        (
            "PHONEPROOF__SERVER__ALLOWED_ORIGINS",
            "https://a.example, https://b.example:8443",
        ),
        ("PHONEPROOF__STORE__URL", "sqlite:///somewhere/else.db"),
        ("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
        ("PHONEPROOF__KEYS__SECRET_KEY", "sk_test_other"),
        ("PHONEPROOF__SMS__ALLOWED_COUNTRIES", "*"),
        ("PHONEPROOF__TEST_MODE", "false"),
        ("PHONEPROOF__LIMITS__ENABLED", "false"),
        ("PHONEPROOF__APPLICATION__NAME", "+14155552671"),
    ])
    .unwrap();
    assert_eq!(set.listen.to_string(), "0.0.0.0:9");
    assert_eq!(set.allowed_origins, ["https://a.example", "https://b.example:8443"]);
    assert_eq!(set.store.url, "sqlite:///somewhere/else.db");
    assert_eq!(
        set.publishable_key.unwrap().to_string(),
        "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"
    );
    assert!(set.secret_key.is("sk_test_other"));
    assert_eq!(format!("{:?}", set.policy.allowlist), "AllCountries");
    assert!(!set.policy.test_mode && set.policy.resend_after.is_zero());
    assert_eq!(set.policy.texts.application(), "+14155552671", "a text stays a text");
}

#[test]
fn a_wrong_value_is_named() {
    for (name, value, option) in [
        ("ENVIRONMENT", "staging", "environment"),
        ("TEST_MODE", "maybe", "test_mode"),
        ("APPLICATION__NAME", " ", "application.name"),
        ("SERVER__LISTEN", "8080", "server.listen"),
        ("SERVER__PUBLIC_URL", "phone.example.com", "server.public_url"),
        (
            "SERVER__ALLOWED_ORIGINS",
            "https://a.example/path",
            "server.allowed_origins",
        ),
        ("SERVER__WORKERS", "-1", "server.workers"),
        ("SERVER__MAX_CONNECTIONS", "0", "server.max_connections"),
        ("SERVER__KEEP_ALIVE_SECONDS", "0", "server.keep_alive_seconds"),
        ("SERVER__HEADER_TIMEOUT_MS", "soon", "server.header_timeout_ms"),
        ("SERVER__BODY_TIMEOUT_MS", "0", "server.body_timeout_ms"),
        ("SERVER__DRAIN_SECONDS", "-1", "server.drain_seconds"),
        ("SERVER__SHUTDOWN_SECONDS", "1.5", "server.shutdown_seconds"),
        ("STORE__SYNCHRONOUS", "off", "store.synchronous"),
        ("STORE__READERS", "none", "store.readers"),
        ("STORE__QUEUE", "-5", "store.queue"),
        ("STORE__MIGRATE", "perhaps", "store.migrate"),
        (
            "KEYS__PUBLISHABLE_KEY",
            "pk_test_bG9jYWxob3N0JA==",
            "keys.publishable_key",
        ),
        ("KEYS__SECRET_KEY", "sk_live_short", "keys.secret_key"),
        ("KEYS__SECRET_KEY_FILE", "/nowhere", "keys.secret_key_file"),
        ("INSTANCE__SECRET", "short", "instance.secret"),
        ("SMS__ALLOWED_COUNTRIES", "US,XX", "sms.allowed_countries"),
        ("SMS__ALLOWED_COUNTRIES", "", "sms.allowed_countries"),
        ("CODES__LIFETIME_SECONDS", "601", "codes.lifetime_seconds"),
        ("CODES__MAX_ATTEMPTS", "0", "codes.max_attempts"),
        ("CODES__RESEND_AFTER_SECONDS", "x", "codes.resend_after_seconds"),
        ("PHONE_NUMBERS__MAX_UNVERIFIED", "-1", "phone_numbers.max_unverified"),
        (
            "PHONE_NUMBERS__USED_FOR_FIRST_FACTOR",
            "x",
            "phone_numbers.used_for_first_factor",
        ),
        ("SECOND_FACTOR__BACKUP_CODES", "ten", "second_factor.backup_codes"),
        ("LOCKOUT__DURATION_SECONDS", "long", "lockout.duration_seconds"),
        ("LIMITS__ENABLED", "almost", "limits.enabled"),
        ("SDK__FOLDER", "/nowhere", "sdk.folder"),
        ("SDK__CDN", "cdn.example.com", "sdk.cdn"),
        ("SDK__CDN", "http://cdn.example.com/npm", "sdk.cdn"),
        ("SDK__CDN", "https://cdn.example.com/npm?x", "sdk.cdn"),
        ("SDK__REGISTRY", "https://me:secret@npm.example.com", "sdk.registry"),
        ("SDK__REGISTRY", "", "sdk.registry"),
        ("LOG__FORMAT", "xml", "log.format"),
    ] {
        let complaint = refused(&[(&format!("PHONEPROOF__{name}"), value)]);
        assert!(complaint.contains(option), "no {option} in: {complaint}");
    }
}

#[test]
fn what_was_meant_to_be_an_option_is_not_passed_over() {
    for (name, value) in [
        ("PHONEPROOF_SERVER_LISTEN", "127.0.0.1:1"),
        ("PHONEPROOF__SERVER__LISTENS", "127.0.0.1:1"),
        ("PHONEPROOF__SEVER__LISTEN", "127.0.0.1:1"),
        ("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER__X", "console"),
    ] {
        let outcome = settings(&[(name, value)]).map(|settings| {
            // The options of an adapter are its own to check, when it is built.
            let clock = std::sync::Arc::new(phoneproof_tests::HandSetClock::default());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let built = runtime.block_on(phoneproof::Adapters::from_settings(&settings, clock));
            built.map(drop)
        });
        assert!(!matches!(outcome, Ok(Ok(()))), "taken: {name}");
    }
}

#[test]
fn adapters_and_the_log_are_checked_by_check_config_too() {
    for (name, value, option) in [
        ("LOG__LEVEL", "loud=quiet=both", "log.level"),
        ("STORE__URL", "mysql://db", "store.url"),
        ("SMS__GATEWAYS__MAIN__PROVIDER", "pigeon", "sms.gateways.main"),
        ("IDENTITY__PROVIDER", "jwt", "identity"),
    ] {
        let options = environment(&[(&format!("PHONEPROOF__{name}"), value)]);
        let output = Program::run(&["check-config"], &options);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), complaint.lines().count()),
            (Some(1), 1),
            "{name}: {complaint}"
        );
        assert!(complaint.contains(option), "no {option} in: {complaint}");
    }
}

#[test]
fn every_example_works() {
    let secrets = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str| {
        let path = secrets.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = secret("key", "sk_live_0123456789abcdef01234567\n");
    let instance = secret("instance", &format!("{INSTANCE_SECRET}\n"));
    let store = secret(
        "store",
        "postgres://phoneproof:a%20password@db.example.com/phoneproof\n",
    );
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let options = match name.as_str() {
            // Its secrets stand elsewhere on this machine.
            "production-sqlite.toml" | "production-postgres.toml" => [
                ("PHONEPROOF__KEYS__SECRET_KEY_FILE", key.as_str()),
                ("PHONEPROOF__INSTANCE__SECRET_FILE", instance.as_str()),
                ("PHONEPROOF__STORE__URL_FILE", store.as_str()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            _ => environment(&[]),
        };
        let output = Program::run(&["check-config", "--config", &path.display().to_string()], &options);
        assert!(
            !String::from_utf8_lossy(&output.stdout).contains("password"),
            "{output:?}"
        );
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        seen.insert(name);
    }
    let named = [
        "beside-identity-provider.toml",
        "development.toml",
        "production-postgres.toml",
        "production-sqlite.toml",
    ];
    assert_eq!(seen, named.map(str::to_owned).into());
}
