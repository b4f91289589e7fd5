use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Failure;
use crate::sample::median;

/// What the measurements stand on.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    /// The processor's name.
    processor: String,
    /// In GiB.
    memory: u64,
    kernel: String,
    pub(crate) folder: String,
    /// Device and type of the file system, for instance `/dev/vda (ext4)`.
    disk: String,
    /// Milliseconds to write 4 KiB in place and sync them.
    sync: f64,
    /// When, and of what revision of ours.
    day: String,
    revision: String,
    compiler: String,
}

impl Machine {
    pub(crate) fn describe(folder: &Path) -> Result<Self, Failure> {
        let folder = folder.canonicalize()?;
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name"),
            memory: field("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse::<u64>()
                .unwrap_or_default()
                >> 20,
            kernel: said("uname", &["-sr"]),
            disk: disk(&folder),
            sync: sync_time(&folder)?,
            folder: folder.display().to_string(),
            day: said("date", &["-I"]),
            revision: said("git", &["describe", "--always", "--dirty"]),
            compiler: said("rustc", &["--version"]),
        })
    }

    /// When this was measured, and of what.
    pub(crate) fn provenance(&self) -> String {
        format!("{}, revision {}, {}", self.day, self.revision, self.compiler)
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "cores": self.cores, "processor": self.processor, "memory_gib": self.memory, "kernel": self.kernel,
            "folder": self.folder, "disk": self.disk, "sync_ms": self.sync,
            "day": self.day, "revision": self.revision, "compiler": self.compiler,
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cores ({}), {} GiB, {}; databases on {}, where 4 KiB in place and a sync take {:.2} ms (median)",
            self.cores, self.processor, self.memory, self.kernel, self.disk, self.sync
        )
    }
}

/// The first value of a name in a file of `/proc`.
fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line
        .and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim());
    value.unwrap_or("unknown").to_owned()
}

/// What a program answers in its first line.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn disk(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?))
    });
    // The longest mount point above the folder; of several at one place the last is on top.
    let mount = mounts
        .filter(|(_, point, _)| folder.starts_with(point))
        .max_by_key(|(_, point, _)| point.len());
    mount.map_or_else(
        || "unknown".to_owned(),
        |(device, _, kind)| format!("{device} ({kind})"),
    )
}

fn sync_time(folder: &Path) -> Result<f64, Failure> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.seek(SeekFrom::Start(0))?;
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(median(times))
}
