//! What Linux tells of processes, in `/proc`.

use std::time::Duration;

/// Processor time of a process by its number, or `self`: user and system.
pub(crate) fn cpu_of(process: &str) -> Duration {
    Stat::read(process).map_or(Duration::ZERO, |stat| stat.own)
}

/// Processor time of a process and of all that it has started, those that have ended since among them.
///
/// For a PostgreSQL by its first process: whoever serves a connection, writes the log or cleans up is a child of it, and
/// the time of one that ends becomes the parent's.
pub(crate) fn cpu_of_family(parent: u32) -> Duration {
    let Some(first) = Stat::read(&parent.to_string()) else {
        return Duration::ZERO;
    };
    let running = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = running
        .filter_map(|entry| Stat::read(entry.file_name().to_str().filter(|name| is_number(name))?))
        .filter(|stat| stat.parent == parent)
        .map(|stat| stat.own);
    first.own + first.of_ended_children + children.sum::<Duration>()
}

/// Processor time that all processes together have used since the machine was started.
pub(crate) fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is in the first two already.
    let used = fields.take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    ticks(used.filter_map(|(_, field)| field.parse::<u64>().ok()).sum())
}

/// A line of `/proc/PID/status` in bytes: `VmRSS`, or `VmHWM`, the most that it ever was.
pub(crate) fn memory(process: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kib = value.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    own: Duration,
    of_ended_children: Duration,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // After the name, which may hold blanks: the state is field 3 and stands first here.
        let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            own: ticks(number(14)? + number(15)?),
            of_ended_children: ticks(number(16)? + number(17)?),
        })
    }
}

/// A tick is 10 ms on every Linux that matters.
const fn ticks(number: u64) -> Duration {
    Duration::from_millis(number * 10)
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}
