use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::Actor;

/// The binary `phoneproof` as a process of its own: for what only a process shows, such as its
/// command line, its signals, its death.
pub struct Program {
    child: Child,
    /// `http://127.0.0.1:…`
    pub url: String,
    printed: Arc<Lines>,
    logged: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
}

/// The binary, built beside the tests.
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test without its binary has failed"
)]
fn binary() -> PathBuf {
    let path = std::env::current_exe().unwrap();
    let folder = path.ancestors().find(|folder| folder.join("phoneproof").is_file());
    folder
        .expect("the binary phoneproof is not built: use `make test`, or `cargo build` first")
        .join("phoneproof")
}

impl Program {
    /// The command, in an environment without options of ours but those given.
    #[must_use]
    pub fn command(arguments: &[&str], options: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PHONEPROOF_") {
                command.env_remove(name);
            }
        }
        command.envs(crate::no_limits()).envs(options);
        command
    }

    /// Runs a command that ends by itself.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a program that does not start has failed the test")]
    pub fn run(arguments: &[&str], options: &BTreeMap<String, String>) -> Output {
        Self::command(arguments, options).output().unwrap()
    }

    /// Starts the server and waits until it listens.
    ///
    /// Panics with what it said if it does not.
    #[must_use]
    pub fn serve(options: &BTreeMap<String, String>) -> Self {
        Self::start(Self::command(&["serve"], options))
    }

    /// Starts the server as `command` does, and waits until it listens.
    ///
    /// Panics with what it said if it does not.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a program that does not start has failed the test")]
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (printed, logged) = (Arc::<Lines>::default(), Arc::<Lines>::default());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let errors = follow(BufReader::new(child.stderr.take().unwrap()), Arc::clone(&logged));
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let Some(url) = first.split_whitespace().find(|word| word.starts_with("http://")) else {
            let status = child.wait().unwrap();
            errors.join().unwrap();
            panic!("phoneproof did not start ({status}): {}", logged.text());
        };
        let url = url.to_owned();
        let lines = follow(stdout, Arc::clone(&printed));
        Self {
            child,
            url,
            printed,
            logged,
            readers: vec![errors, lines],
        }
    }

    /// Somebody who sends it requests, with this text after `Bearer `.
    #[must_use]
    pub fn actor(&self, bearer: Option<&str>) -> Actor {
        Actor::at(&self.url, bearer)
    }

    /// The secret key that a development server prints at its start. Waits for that line.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a server that prints no key has failed the test")]
    pub fn secret_key(&self) -> String {
        let line = self.printed.once(|line| line.contains("secret key"));
        line.split_whitespace().last().expect("a key").to_owned()
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name, for instance `TERM`.
    #[expect(clippy::unwrap_used, reason = "a machine without `kill` runs no such test")]
    pub fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .args([format!("-{name}"), self.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end; answers the exit code and all that was printed and logged.
    #[must_use]
    pub fn ended(mut self) -> (Option<i32>, String, String) {
        let code = self.child.wait().ok().and_then(|status| status.code());
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        (code, self.printed.text(), self.logged.text())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a process has written so far.
#[derive(Default)]
struct Lines {
    text: Mutex<Written>,
    more: Condvar,
}

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Lines {
    fn text(&self) -> String {
        let written = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        written.text.clone()
    }

    /// The first line that is `wanted`. Waits for it, and panics at the end of the process.
    fn once(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut written = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = written.text.lines().find(|line| wanted(line)) {
                return line.to_owned();
            }
            assert!(!written.ended, "never written: {}", written.text);
            written = self.more.wait(written).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write(&self, line: Option<&str>) {
        let mut written = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        match line {
            Some(line) => written.text.push_str(line),
            None => written.ended = true,
        }
        self.more.notify_all();
    }
}

fn follow(mut from: impl BufRead + Send + 'static, to: Arc<Lines>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|read| read > 0) {
            to.write(Some(&line));
            line.clear();
        }
        to.write(None);
    })
}
