use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the watchdog does once its input ends, which is when whoever started the server is gone.
const WATCHDOG: &str = r#"read -r _; "$@" stop -m immediate >/dev/null 2>&1; rm -rf "$0""#;

/// One server in a folder of its own.
pub struct Server {
    folder: PathBuf,
    port: u16,
    settings: String,
    watchdog: Child,
}

impl Server {
    /// Starts a server that does not wait for the disk: its data need not survive the machine.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("-c fsync=off -c full_page_writes=off", &std::env::temp_dir())
    }

    /// Starts a server with these arguments, its data somewhere below `folder`.
    #[must_use]
    pub fn start_with(settings: &str, folder: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("phoneproof-postgres-")
            .tempdir_in(folder)
            .unwrap()
            .keep();
        own(&folder);
        let data = folder.join("data");
        let initialised = tool("initdb")
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .output()
            .unwrap();
        assert!(initialised.status.success(), "{initialised:?}");
        let control = tool("pg_ctl");
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            .arg(&folder)
            .arg(control.get_program())
            .args(control.get_args())
            .arg("-D")
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupted test run must not take it along.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Self {
            folder,
            port: 0,
            settings: settings.to_owned(),
            watchdog,
        };
        // Somebody else may take the port in between.
        let started = (0..5).any(|_| {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            server.run()
        });
        assert!(started, "PostgreSQL does not start: {}", server.log());
        server
    }

    /// `postgres://postgres@127.0.0.1:5433`
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    /// Where its data are.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Starts it again after [`Server::stop`], on the same port.
    pub fn resume(&self) {
        assert!(self.run(), "PostgreSQL does not start again: {}", self.log());
    }

    /// Starts it again with further arguments.
    pub fn resume_with(&mut self, settings: &str) {
        self.settings.push(' ');
        self.settings.push_str(settings);
        self.resume();
    }

    /// Gives the server files in its data folder, which nobody else may read.
    pub fn own(&self, files: &[&str]) {
        use std::os::unix::fs::PermissionsExt;
        for file in files {
            let file = self.data().join(file);
            own(&file);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// Stops it as a crash does: nothing is finished, and the next start recovers from the log.
    pub fn stop(&self) {
        let stopped = self.control().args(["stop", "-m", "immediate"]).output().unwrap();
        assert!(stopped.status.success(), "{stopped:?}");
    }

    fn run(&self) -> bool {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c max_connections=400 {}",
            self.port,
            self.folder.display(),
            self.settings
        );
        let status = self
            .control()
            .args(["start", "-w", "-o", &options, "-l"])
            .arg(self.folder.join("log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.unwrap().success()
    }

    fn control(&self) -> Command {
        let mut command = tool("pg_ctl");
        command.arg("-D").arg(self.data());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// PostgreSQL runs as anybody but root.
fn own(folder: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("postgres").arg(folder).status();
        assert!(status.unwrap().success());
    }
}

/// One of PostgreSQL's programs, to be run as somebody whom it accepts.
fn tool(name: &str) -> Command {
    let path = programs().join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
            .arg(path);
        command
    } else {
        Command::new(path)
    };
    // Not below a folder that only root may enter.
    command.current_dir("/");
    command
}

/// Where Debian has the programs of the newest version, or else where `pg_config` says.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .max_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name).unwrap_or_default();
            version.to_string_lossy().parse::<u32>().unwrap_or_default()
        });
    newest.unwrap_or_else(|| {
        let said = Command::new("pg_config").arg("--bindir").output();
        let said = said.expect("PostgreSQL is not installed: apt-get install postgresql, or `make tools`");
        PathBuf::from(String::from_utf8_lossy(&said.stdout).trim())
    })
}
