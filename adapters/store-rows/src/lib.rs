//! What the SQL stores have in common: the tables, the rows of each aggregate, and which rows a change writes.
//!
//! Nothing here opens a connection or knows a database: [`schema`] has the tables as Diesel knows them, [`rows`] turns
//! rows into aggregates and back, [`Plan`] and [`ClientPlan`] say which rows a change writes, [`Update`] is an update
//! whose statement is prepared once, [`messages`] has those of texts and [`events`] those of events, [`archive`] has
//! rows as they move from one store into another, [`SessionlessClient`] says which clients can go, and [`corrupt`] and
//! [`unavailable`] are the port's words for what goes wrong.

pub mod archive;
mod belongings;
mod client_plan;
mod errors;
pub mod events;
mod hex;
mod idle;
pub mod instance;
pub mod messages;
mod plan;
pub mod rows;
pub mod schema;
mod search;
mod update;

pub use belongings::with_belongings;
pub use client_plan::ClientPlan;
pub use errors::{corrupt, unavailable};
pub use idle::{IDLE_PAGE, SessionlessClient};
pub use plan::{BackupCodeRows, NumberRows, Plan};
pub use search::fold;
pub use update::{
    EndOfTry, Kind, ProgressOfMessage, StandingOfUser, StateOfClient, StateOfNumber, StateOfSession, Update, WholeCode,
    WholeTicket, WholeUser,
};
