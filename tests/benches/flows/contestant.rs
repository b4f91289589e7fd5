use std::fmt;

use crate::Failure;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// Our server on a SQLite file, whose users are in sessions of ours.
    SqliteInSession,
    /// The same, whose users come with the tokens of an identity provider.
    Sqlite,
    /// A bare server on such a file: `tests/src/bin/yardstick.rs`.
    Yardstick,
    /// One process of our server on PostgreSQL, whose users are in sessions of ours.
    PostgresInSession,
    /// The same, whose users come with the tokens of an identity provider.
    Postgres,
    /// Two processes of that on one database, each with half of the clients.
    PostgresTwice,
    /// PostgreSQL with our statements and nobody of ours: `pgbench/flow.sql`.
    Pgbench,
}

impl Contestant {
    pub(crate) const ALL: [Self; 7] = [
        Self::SqliteInSession,
        Self::Sqlite,
        Self::Yardstick,
        Self::PostgresInSession,
        Self::Postgres,
        Self::PostgresTwice,
        Self::Pgbench,
    ];

    /// For the command line, the tables and programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SqliteInSession => "sqlite-session",
            Self::Sqlite => "sqlite",
            Self::Yardstick => "yardstick",
            Self::PostgresInSession => "postgres-session",
            Self::Postgres => "postgres",
            Self::PostgresTwice => "postgres-2",
            Self::Pgbench => "pgbench",
        }
    }

    /// For readers.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::SqliteInSession => "SQLite, in a session",
            Self::Sqlite => "SQLite, by token",
            Self::Yardstick => "SQLite yardstick",
            Self::PostgresInSession => "PostgreSQL, in a session",
            Self::Postgres => "PostgreSQL, by token",
            Self::PostgresTwice => "PostgreSQL, by token, 2 processes",
            Self::Pgbench => "pgbench",
        }
    }

    /// What shows how much of its speed is lost on the way.
    pub(crate) const fn yardstick(self) -> Option<Self> {
        match self {
            Self::SqliteInSession | Self::Sqlite => Some(Self::Yardstick),
            Self::PostgresInSession | Self::Postgres | Self::PostgresTwice => Some(Self::Pgbench),
            Self::Yardstick | Self::Pgbench => None,
        }
    }

    /// The same server, asked with the tokens of an identity provider, for one whose users are in sessions.
    pub(crate) const fn by_token(self) -> Option<Self> {
        match self {
            Self::SqliteInSession => Some(Self::Sqlite),
            Self::PostgresInSession => Some(Self::Postgres),
            _ => None,
        }
    }

    pub(crate) const fn is_in_session(self) -> bool {
        self.by_token().is_some()
    }

    pub(crate) const fn is_ours(self) -> bool {
        self.yardstick().is_some()
    }

    pub(crate) const fn on_postgres(self) -> bool {
        matches!(
            self,
            Self::PostgresInSession | Self::Postgres | Self::PostgresTwice | Self::Pgbench
        )
    }

    /// How many processes of a server the clients share.
    pub(crate) const fn processes(self) -> usize {
        match self {
            Self::SqliteInSession | Self::Sqlite | Self::Yardstick | Self::PostgresInSession | Self::Postgres => 1,
            Self::PostgresTwice => 2,
            Self::Pgbench => 0,
        }
    }

    /// Several, by their names with commas between.
    pub(crate) fn list(names: &str) -> Result<Vec<Self>, Failure> {
        names.split(',').map(|name| Self::named(name.trim())).collect()
    }

    fn named(name: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|contestant| contestant.name() == name);
        let known = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("--only takes {known}; not {name:?}").into())
    }
}

/// One cell of the matrix: it is measured once a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) who: Contestant,
    /// How many users with a verified number are there before.
    pub(crate) stored: u32,
    pub(crate) clients: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, stored, clients } = self;
        let name = who.name();
        write!(f, "{name}, {} stored, {clients} client(s)", grouped(u64::from(*stored)))
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
