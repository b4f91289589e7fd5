use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::Failure;
use crate::sample::median;

/// What the measurements stand on.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) folder: String,
    /// Device and type of the file system, for instance `/dev/vda (ext4)`.
    pub(crate) disk: String,
    /// Milliseconds to write 4 KiB in place and sync them.
    pub(crate) sync: f64,
}

impl Machine {
    pub(crate) fn describe(folder: &Path) -> Result<Self, Failure> {
        let folder = folder.canonicalize()?;
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mounts = mounts.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?, words.next()?))
        });
        // The longest mount point above the folder; of several at one place the last is on top.
        let mount = mounts
            .filter(|(_, point, _)| folder.starts_with(point))
            .max_by_key(|(_, point, _)| point.len());
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            disk: mount.map_or_else(
                || "unknown".to_owned(),
                |(device, _, kind)| format!("{device} ({kind})"),
            ),
            sync: sync_time(&folder)?,
            folder: folder.display().to_string(),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            cores,
            folder,
            disk,
            sync,
        } = self;
        write!(
            f,
            "{cores} cores; databases in {folder} on {disk}, where 4 KiB in place and a sync take {sync:.2} ms (median)"
        )
    }
}

/// Processor time that all processes together have used since the machine was started.
pub(crate) fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is in the first two already.
    let used = fields.take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    let ticks: u64 = used.filter_map(|(_, field)| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
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
