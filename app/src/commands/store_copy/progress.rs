//! How far a copy is: a bar on a terminal, else a line at the beginning and every tenth of the way.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::Clock;
use phoneproof_domain::use_cases::{Advance, CopyStage};

const BAR: &str = "{prefix:>9} {bar:30} {percent:>3} %  {human_pos} of {human_len}  {rate} a second  {eta} left  {msg}";

/// Lines between beginning and end where there is no terminal.
const LINES: u64 = 10;

/// Tells standard error, for standard output is for the result.
pub(super) struct Progress {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    terminal: bool,
    stages: Vec<Stage>,
}

/// One pass over the records.
struct Stage {
    kind: CopyStage,
    /// None where there is no terminal.
    bar: Option<ProgressBar>,
    begun: Timestamp,
    ended: Timestamp,
    /// Records that were done when it began, by an earlier run.
    before: u64,
    done: u64,
    /// Tenths that were told; none before the first line.
    told: Option<u64>,
}

impl Progress {
    pub(super) fn start(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            terminal: std::io::stderr().is_terminal(),
            stages: Vec::new(),
        };
        Self {
            clock,
            state: Mutex::new(state),
        }
    }

    pub(super) fn tell(&self, advance: Advance) {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let terminal = state.terminal;
        if state.stages.last().is_none_or(|stage| stage.kind != advance.stage) {
            state.end();
            state.stages.push(Stage::begin(advance, terminal, now));
        }
        if let Some(stage) = state.stages.last_mut() {
            stage.tell(advance, now);
        }
    }

    /// Leaves the bars as they are, so that what comes next has a line of its own.
    pub(super) fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end();
    }

    /// What was done, and how fast.
    pub(super) fn summary(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stages.iter().map(Stage::summary).collect()
    }
}

impl State {
    fn end(&self) {
        if let Some(bar) = self.stages.last().and_then(|stage| stage.bar.as_ref()) {
            bar.abandon();
        }
    }
}

impl Stage {
    fn begin(advance: Advance, terminal: bool, now: Timestamp) -> Self {
        let bar = terminal.then(|| {
            let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
            let style = style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
                // A bar that cannot be drawn stops nobody.
                let _ = write!(text, "{:.0}", state.per_sec());
            });
            let bar = ProgressBar::new(advance.total).with_style(style);
            let bar = bar.with_prefix(word(advance.stage)).with_position(advance.done);
            // What an earlier run has done says nothing about the speed of this one.
            bar.reset_eta();
            bar
        });
        Self {
            kind: advance.stage,
            bar,
            begun: now,
            ended: now,
            before: advance.done,
            done: advance.done,
            told: None,
        }
    }

    fn tell(&mut self, advance: Advance, now: Timestamp) {
        (self.done, self.ended) = (advance.done, now);
        if let Some(bar) = &self.bar {
            bar.set_message(advance.part.as_str());
            bar.set_position(advance.done);
            return;
        }
        let tenths = advance.done * LINES / advance.total.max(1);
        if self.told.is_none_or(|told| tenths > told) {
            self.told = Some(tenths);
            let (stage, percent) = (word(advance.stage), tenths * 100 / LINES);
            let (done, total, part) = (advance.done, advance.total, advance.part);
            // Nobody may be reading; then there is nobody to tell.
            let _ = writeln!(
                std::io::stderr(),
                "{stage} {percent} %: {done} of {total} records, at {part}"
            );
        }
    }

    fn summary(&self) -> String {
        let ms = self.ended.since(self.begun).as_millis().max(1);
        let records = u128::from(self.done - self.before);
        let what = match self.kind {
            CopyStage::Copying => "copied",
            CopyStage::Comparing => "compared",
        };
        let (seconds, thousandths, rate) = (ms / 1000, ms % 1000, records * 1000 / ms);
        format!("{what} {records} records in {seconds}.{thousandths:03} s, {rate} a second\n")
    }
}

const fn word(stage: CopyStage) -> &'static str {
    match stage {
        CopyStage::Copying => "copying",
        CopyStage::Comparing => "comparing",
    }
}
