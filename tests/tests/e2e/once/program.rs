//! The program from outside: its commands, what it says when it cannot start, how it stops.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use phoneproof_tests::Program;
use reqwest::Method;

type Options = BTreeMap<String, String>;

const INSTANCE_SECRET: &str = "an instance secret of tests, long enough";
const LIVE_PUBLISHABLE_KEY: &str = "pk_live_cGhvbmUuZXhhbXBsZS5jb20k";
const LIVE_SECRET_KEY: &str = "sk_live_0123456789abcdef01234567";

/// A new folder's database, any free port, and these options.
fn options(folder: &Path, more: &[(&str, &str)]) -> Options {
    let url = format!("sqlite://{}", folder.join("test.db").display());
    [("SERVER__LISTEN", "127.0.0.1:0"), ("STORE__URL", url.as_str())]
        .iter()
        .chain(more)
        .map(|(name, value)| (format!("PHONEPROOF__{name}"), (*value).to_owned()))
        .collect()
}

/// What production cannot start without.
fn production(folder: &Path, more: &[(&str, &str)]) -> Options {
    let needed = [
        ("KEYS__PUBLISHABLE_KEY", LIVE_PUBLISHABLE_KEY),
        ("KEYS__SECRET_KEY", LIVE_SECRET_KEY),
        ("INSTANCE__SECRET", INSTANCE_SECRET),
        ("SMS__GATEWAYS__MAIN__PROVIDER", "console"),
        // Nobody balances here.
        ("SERVER__DRAIN_SECONDS", "0"),
    ];
    options(folder, &[&needed, more].concat())
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Expects that the command fails and says so in one line with all these words.
#[track_caller]
fn fails(arguments: &[&str], options: &Options, words: &[&str]) {
    let output = Program::run(arguments, options);
    let (printed, complaint) = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}{complaint}");
    assert_eq!(printed, "", "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    for word in ["phoneproof: "].iter().chain(words) {
        assert!(complaint.contains(word), "no {word:?} in: {complaint}");
    }
}

#[test]
fn it_says_what_it_can_do() {
    let help = Program::run(&["--help"], &Options::new());
    let (text, _) = said(&help);
    for command in ["serve", "migrate", "check-config", "dev", "--config"] {
        assert!(text.contains(command), "{text}");
    }
    let (version, _) = said(&Program::run(&["--version"], &Options::new()));
    assert_eq!(version, format!("phoneproof {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(Program::run(&["fly"], &Options::new()).status.code(), Some(2));
}

#[test]
fn migrations_are_applied_once_and_can_be_left_to_their_command() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &[("STORE__MIGRATE", "false")]);
    fails(&["serve"], &options, &["test.db", "phoneproof migrate"]);
    let (applied, _) = said(&Program::run(&["migrate"], &options));
    assert!(
        applied.starts_with("applied ") && applied.contains("create_users"),
        "{applied}"
    );
    let (again, _) = said(&Program::run(&["migrate"], &options));
    assert_eq!(again, "The store is up to date.\n");
    drop(Program::serve(&options));
}

#[test]
fn a_good_configuration_is_summed_up_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let options = production(folder.path(), &[("SMS__ALLOWED_COUNTRIES", "DE,AT")]);
    let output = Program::run(&["check-config"], &options);
    let (text, complaint) = said(&output);
    assert!(output.status.success(), "{complaint}");
    for word in ["fine", "Production", "AT, DE", "test numbers  off"] {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    for secret in [LIVE_SECRET_KEY, INSTANCE_SECRET] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!folder.path().join("test.db").exists(), "asking changes nothing");
}

#[test]
fn what_keeps_it_from_starting_is_one_line_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    // Without the log, which tells of the migrations of a first start.
    let with = |more: &[(&str, &str)]| options(folder.path(), &[&[("LOG__LEVEL", "error")], more].concat());
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[server]\nlisten_to = \"127.0.0.1:1\"\n").unwrap();
    let file = file.display().to_string();

    fails(&["--config", &file], &with(&[]), &["listen_to", "config/default.toml"]);
    fails(&["--config", "/nowhere.toml"], &with(&[]), &["/nowhere.toml"]);
    fails(&["serve"], &with(&[("SERVER__LISTEN_TO", "x")]), &["listen_to"]);
    fails(
        &["serve"],
        &with(&[("SERVER__LISTEN", "here")]),
        &["server.listen", "here"],
    );
    fails(&["serve"], &with(&[("CODES__MAX_ATTEMPTS", "many")]), &["max_attempts"]);
    fails(
        &["serve"],
        &with(&[("INSTANCE__SECRET", "short")]),
        &["instance.secret", "32"],
    );
    fails(&["serve"], &with(&[("STORE__URL", "mysql://db")]), &["store.url"]);
    fails(
        &["serve"],
        &with(&[
            ("STORE__URL", "sqlite:///no/such/folder/x.db"),
            ("INSTANCE__SECRET", INSTANCE_SECRET),
        ]),
        &["/no/such/folder", "create it"],
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(
        &["serve"],
        &with(&[("SERVER__LISTEN", &address)]),
        &["server.listen", &address],
    );

    std::fs::write(
        folder.path().join("test.db"),
        "no database, but long enough to be looked at ".repeat(9),
    )
    .unwrap();
    fails(&["serve"], &with(&[]), &["test.db", "not an SQLite database"]);
}

#[test]
fn production_starts_with_all_it_needs_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let without = |name: &str| {
        let mut options = production(folder.path(), &[]);
        options.remove(&format!("PHONEPROOF__{name}"));
        options
    };
    fails(
        &["serve"],
        &without("KEYS__SECRET_KEY"),
        &["keys.secret_key", "openssl rand"],
    );
    fails(
        &["serve"],
        &without("KEYS__PUBLISHABLE_KEY"),
        &["keys.publishable_key", "pk_live_"],
    );
    fails(
        &["serve"],
        &without("INSTANCE__SECRET"),
        &["instance.secret", "openssl rand"],
    );
    fails(
        &["serve"],
        &without("SMS__GATEWAYS__MAIN__PROVIDER"),
        &["sms.gateways", "provider"],
    );
    let with = |more: &[(&str, &str)]| production(folder.path(), more);
    fails(
        &["serve"],
        &with(&[("KEYS__SECRET_KEY", "sk_test_x")]),
        &["keys", "test key", "live"],
    );
    fails(
        &["serve"],
        &with(&[("LIMITS__ENABLED", "false")]),
        &["limits.enabled", "limits.disabled_in_production"],
    );
    fails(&["dev", "token", "--user", "user_a"], &with(&[]), &["production"]);
    drop(Program::serve(&with(&[])));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_nothing_of_development_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let development = options(folder.path(), &[("INSTANCE__SECRET", INSTANCE_SECRET)]);
    let token = said(&Program::run(&["dev", "token", "--user", "user_a"], &development)).0;
    let program = Program::serve(&production(folder.path(), &[]));
    let nobody = program.actor(None);
    for path in ["/dev/", "/dev/inbox", "/dev/inbox/stream", "/metrics"] {
        nobody.get(path).await.is_error(404, "resource_not_found");
    }
    program
        .actor(Some(token.trim()))
        .get("/v1/me")
        .await
        .is_error(401, "authentication_invalid");
    let test_number = [("phone_number", "+1 555 555 0100"), ("user_id", "user_a")];
    program
        .actor(Some(LIVE_SECRET_KEY))
        .post("/v1/phone_numbers", &test_number)
        .await
        .is_error(422, "form_param_format_invalid");
    assert_eq!(nobody.get("/v1/health").await.status, 200);
    program.signal("TERM");
    let (_, printed, logged) = program.ended();
    assert!(
        !format!("{printed}{logged}").contains(LIVE_SECRET_KEY),
        "{printed}{logged}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_command_line_makes_a_user() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &[]);
    let program = Program::serve(&options);
    let output = Program::run(&["dev", "token", "--user", "user_demo"], &options);
    let (token, _) = said(&output);
    let me = program.actor(Some(token.trim())).get("/v1/me").await;
    assert_eq!(me.response()["id"], "user_demo");
    fails(&["dev", "token", "--user", "nobody at all"], &options, &["--user"]);
}

#[test]
fn two_first_starts_at_once_share_one_secret() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &[]);
    let start = || Program::command(&["check-config"], &options).spawn().unwrap();
    let starts: Vec<_> = (0..8).map(|_| start()).collect();
    for started in starts {
        let output = started.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output).1);
    }
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["test.db.secret"]);
    let both = [Program::serve(&options), Program::serve(&options)];
    let keys = both.map(|program| {
        program.signal("TERM");
        let (_, printed, _) = program.ended();
        let key = printed.split_whitespace().find(|word| word.starts_with("sk_test_"));
        key.unwrap_or_default().to_owned()
    });
    assert!(keys[0].len() > 40 && keys[0] == keys[1], "{keys:?}");
}

#[test]
fn its_files_are_the_owners_alone_whatever_the_umask() {
    for umask in ["000", "022"] {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), &[]);
        let program = Program::command(&["migrate"], &options);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("umask {umask} && exec \"$0\" serve")])
            .arg(program.get_program())
            .envs(&options)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null());
        let mut server = shell.spawn().unwrap();
        // It has printed that it listens: every file is there.
        let mut first = [0; 1];
        server.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        let mut seen = 0;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?} under umask {umask}", entry.file_name());
            seen += 1;
        }
        assert!(seen >= 3, "database, log and secret");
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

/// A connection that is kept alive and idle.
#[expect(clippy::unwrap_used, reason = "a server that does not answer has failed the test")]
fn idle_connection(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /v1/health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_under_way_and_waits_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(
        folder.path(),
        &[("SERVER__SHUTDOWN_SECONDS", "30"), ("SERVER__WORKERS", "1")],
    );
    let program = Program::serve(&options);
    let token = said(&Program::run(&["dev", "token", "--user", "user_a"], &options)).0;
    let _idle = idle_connection(&program.url);
    let feed = program
        .actor(None)
        .request(Method::GET, "/dev/inbox/stream")
        .send()
        .await
        .unwrap();
    assert_eq!(feed.status(), 200);

    // A request that is under way: its header is there, its body not yet whole.
    let address = program.url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = TcpStream::connect(&address).unwrap();
    let body = "phone_number=%2B14155550100";
    let header = format!(
        "POST /v1/me/phone_numbers HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        token.trim(),
        body.len()
    );
    slow.write_all(header.as_bytes()).unwrap();
    slow.write_all(&body.as_bytes()[..10]).unwrap();
    // The only worker answers a later connection: it has seen the first.
    assert_eq!(program.actor(None).get("/v1/health").await.status, 200);

    program.signal("TERM");
    slow.write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("+14155550100"),
        "{answer}"
    );
    let (code, _, logged) = program.ended();
    assert_eq!(code, Some(0), "{logged}");
    assert!(logged.contains("SIGTERM") && logged.contains("stopped"), "{logged}");
    drop(feed);
}
