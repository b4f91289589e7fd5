//! From PostgreSQL's log to a script of pgbench: values that differ from flow to flow become expressions.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Before the statements. Variables that are not made here come from `pgbench.rs`.
///
/// Numbers are spread among those of `people.rs`, in which pgbench's own stand one digit longer: they are in nobody's way,
/// and meet the same pages. `step` is the walk of `people.rs`.
const HEAD: &str = r"-- What one flow of our server says to PostgreSQL. Made by `--trace-statements`, see README.md: change it there.
\set flow :flow + 1
\set at :first + :flow * :clients + :client_id
\set now :start + :flow
\set user case when :random_ids = 1 then hash(:at) else 3458764513820540928 + :at end
\set place mod(:at * 7368787, 126560000)
\set nth mod(:place, 16)
\set area case \
    when :nth = 0 then 212 when :nth = 1 then 213 when :nth = 2 then 312 when :nth = 3 then 404 \
    when :nth = 4 then 415 when :nth = 5 then 512 when :nth = 6 then 602 when :nth = 7 then 617 \
    when :nth = 8 then 702 when :nth = 9 then 713 when :nth = 10 then 206 when :nth = 11 then 303 \
    when :nth = 12 then 214 when :nth = 13 then 215 when :nth = 14 then 503 when :nth = 15 then 612 \
    end
\set number 100000000005 + :area * 100000000 + (2000000 + :place / 16) * 10
\set id 1000000000000000000 + :now * 100000 + mod(:at, 100000)
\set loaded_revision 0
";

/// How ids begin, how long they are, and an expression that gives one as long and as random: a user's is as
/// `people.rs` has it, those of numbers and messages grow.
const IDS: [(&str, usize, &str); 6] = [
    ("user_", 32, "'user_' || to_hex(:user::bigint) || 'f94ca85574a'"),
    ("idn_", 31, "'idn_0ERhd0hl' || :id::text"),
    ("sms_", 31, "'sms_0ERhd0hr' || :id::text"),
    ("+1", 12, "'+' || :number::text"),
    // What the console calls a message: the flow's is one of 10 to 99.
    ("console-", 10, "'console-' || :id::text"),
    // A hash of 32 bytes.
    (
        "\\x",
        66,
        "decode(repeat(lpad(to_hex(:user::bigint), 16, '0'), 4), 'hex')",
    ),
];

/// Until so long after a flow's beginning a time is taken for the present one, and so near it a number for a time at all:
/// milliseconds.
const SAME_TIME: i64 = 10_000;
const ANY_TIME: i64 = 2 * 86_400_000;

/// One statement as it was logged.
struct Logged<'a> {
    sql: &'a str,
    parameters: Vec<Option<String>>,
}

/// A script of the statements in `flow`, which began at `time`, that are not in `idle` too.
pub(super) fn script(flow: &str, idle: &str, time: i64) -> String {
    let (flow, idle) = (joined(flow), joined(idle));
    let by_itself: BTreeSet<&str> = statements(&idle).map(|statement| statement.sql).collect();
    let mut script = Script {
        text: HEAD.to_owned(),
        ..Script::default()
    };
    for statement in statements(&flow).filter(|statement| !by_itself.contains(statement.sql)) {
        script.add(&statement, time);
    }
    script.close();
    script.text
}

/// Statements that are sent at once stand in a pipeline.
#[derive(Default)]
struct Script {
    text: String,
    pending: Vec<String>,
    loads: usize,
    in_transaction: bool,
    after_load: bool,
}

impl Script {
    /// What the server waits for ends a pipeline: what it has read, and a `COMMIT`, which it sends with the last
    /// statements before it.
    fn add(&mut self, statement: &Logged<'_>, time: i64) {
        let sql = with_values(statement, time);
        let reads = sql.starts_with("SELECT");
        if reads && sql.split(" FROM ").next().is_some_and(|head| head.contains("revision")) {
            self.loads += 1;
            // A flow's user is new: the first load finds nobody, whose revision could be taken.
            if self.loads > 1 {
                self.close();
                let _ = writeln!(
                    self.text,
                    "{sql}\n\\gset loaded_\n\\set next_revision :loaded_revision + 1"
                );
                self.after_load = true;
                return;
            }
        }
        match sql.as_str() {
            "BEGIN" => {
                // The server reads on several connections at once. What it read beside a load has its trip with the
                // transaction here, for pgbench takes no revision out of a pipeline.
                if !self.after_load {
                    self.close();
                }
                self.in_transaction = true;
                self.pending.push(sql);
            }
            "COMMIT" => {
                self.in_transaction = false;
                self.pending.push(sql);
                self.close();
            }
            // A change of one statement is a transaction of its own.
            _ if !reads && !self.in_transaction => {
                if !self.after_load {
                    self.close();
                }
                self.pending.push(sql);
                self.close();
            }
            _ => {
                self.pending.push(sql);
                if reads && self.in_transaction {
                    self.close();
                }
            }
        }
    }

    fn close(&mut self) {
        let several = self.pending.len() > 1;
        if several {
            self.text.push_str("\\startpipeline\n");
        }
        for sql in self.pending.drain(..) {
            let _ = writeln!(self.text, "{sql};");
        }
        if several {
            self.text.push_str("\\endpipeline\n");
        }
        self.after_load = false;
    }
}

/// Statements of several lines as one.
fn joined(log: &str) -> String {
    log.replace("\n\t", " ")
}

/// `17_LOG:  execute s1: SELECT $1`, then `17_DETAIL:  parameters: $1 = 'x', $2 = NULL`; or `17_LOG:  statement: BEGIN`.
fn statements(log: &str) -> impl Iterator<Item = Logged<'_>> {
    let mut lines = log
        .lines()
        .filter_map(|line| line.split_once('_'))
        .map(|(_, line)| line)
        .peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let said = line.strip_prefix("LOG:  ");
            let plain = said.and_then(|said| said.strip_prefix("statement: "));
            let Some(sql) = plain.or_else(|| Some(said?.strip_prefix("execute ")?.split_once(": ")?.1)) else {
                continue;
            };
            let detail = lines.next_if(|line| line.starts_with("DETAIL:  parameters: "));
            return Some(Logged {
                sql,
                parameters: detail.map(parameters).unwrap_or_default(),
            });
        }
    })
}

/// The values of `$1 = 'it''s', $2 = NULL`.
fn parameters(detail: &str) -> Vec<Option<String>> {
    let (mut rest, mut values) = (detail, Vec::new());
    while let Some((_, value)) = rest.split_once(&format!("${} = ", values.len() + 1)) {
        if let Some(text) = value.strip_prefix('\'') {
            let text = text.replace("''", "\u{0}");
            let text = text.split('\'').next().unwrap_or_default().replace('\u{0}', "'");
            values.push(Some(text));
        } else {
            values.push(None);
        }
        rest = value;
    }
    values
}

/// The statement with values in the place of its parameters.
fn with_values(statement: &Logged<'_>, time: i64) -> String {
    let revisions = statement.parameters.iter().flatten().filter_map(|value| large(value));
    let next = revisions.filter(|value| !is_time(*value, time)).max();
    let several = next.is_some_and(|next| statement.parameters.contains(&Some((next - 1).to_string())));
    let mut sql = statement.sql.to_owned();
    for (at, value) in statement.parameters.iter().enumerate().rev() {
        let value = match value {
            None => "NULL".to_owned(),
            Some(text) => expression(text, time, next.filter(|_| several)),
        };
        sql = sql.replace(&format!("${}", at + 1), &value);
    }
    sql
}

fn expression(text: &str, time: i64, next_revision: Option<i64>) -> String {
    let Some(number) = large(text) else {
        return with_ids(text);
    };
    let later = number - time;
    match next_revision {
        Some(next) if next == number => ":next_revision".to_owned(),
        _ if !is_time(number, time) => ":loaded_revision".to_owned(),
        _ if later > SAME_TIME => format!("(:now::bigint + {})", later / 10_000 * 10_000),
        _ => ":now".to_owned(),
    }
}

/// A text, with expressions in the place of the ids in it.
fn with_ids(text: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = text;
    let next = |rest: &str| {
        let found = IDS.iter().filter_map(|&(start, length, expression)| {
            let at = rest.find(start)?;
            (rest.len() >= at + length).then_some((at, length, expression))
        });
        found.min_by_key(|(at, ..)| *at)
    };
    while let Some((at, length, expression)) = next(rest) {
        if at > 0 {
            parts.push(quoted(&rest[..at]));
        }
        parts.push(expression.to_owned());
        rest = &rest[at + length..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(quoted(rest));
    }
    match parts.as_slice() {
        [whole] if !whole.contains(" || ") => whole.clone(),
        parts => format!("({})", parts.join(" || ")),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A number of more digits than counts have: a time or a revision.
fn large(text: &str) -> Option<i64> {
    // With a sign it is a phone number.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (number >= 1_000_000_000).then_some(number)
}

fn is_time(number: i64, time: i64) -> bool {
    (number - time).abs() < ANY_TIME
}
