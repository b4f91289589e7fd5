//! How far a package is: a bar on a terminal, else a line at the beginning.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{prefix} {bar:30} {percent:>3} %  {human_pos} of {human_len} {msg}";

/// Tells standard error, for standard output is for the result.
pub(super) struct Progress {
    /// None where there is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(what: String, unit: &'static str) -> Self {
        if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(0).with_style(style);
            return Self {
                bar: Some(bar.with_prefix(what).with_message(unit)),
            };
        }
        // Nobody may be reading; then there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{what}");
        Self { bar: None }
    }

    pub(super) fn tell(&self, done: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    /// Leaves the bar as it is, so that what comes next has a line of its own.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
