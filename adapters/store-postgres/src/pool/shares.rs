//! Connections of single threads.

use std::sync::{Mutex, PoisonError};

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Pool;
use tokio::runtime::{Handle, Id};

use super::pool;
use crate::OpenError;
use crate::connect::{Connector, Role};

/// A few connections for each of the threads that were announced, such as the workers of an HTTP server.
///
/// A connection is driven by the runtime in which it was opened. If that is the caller's own thread, no other thread is
/// woken, neither to send nor to receive, which costs more than the message does.
///
/// They end with their threads. So nobody else ever gets one, and all threads have half of the connections together: the
/// other half is everybody's, and lives as long as the store.
pub(super) struct Shares {
    connector: Connector,
    role: Role,
    /// How many there may be, and connections of each; none if there are more threads than connections to share.
    threads: usize,
    each: usize,
    pools: Mutex<Vec<(Id, Pool<AsyncPgConnection>)>>,
}

impl Shares {
    /// Of half of `most` connections, for so many threads beside the one in which this is called.
    pub(super) fn new(connector: &Connector, role: Role, most: usize, threads: usize) -> Self {
        Self {
            connector: connector.clone(),
            role,
            threads,
            each: (most / 2).checked_div(threads).unwrap_or(0),
            pools: Mutex::default(),
        }
    }

    /// Connections that are nobody else's.
    pub(super) fn all(&self) -> usize {
        self.each * self.threads
    }

    /// Those of the thread that asks, if it has any.
    pub(super) fn of_this_thread(&self) -> Result<Option<Pool<AsyncPgConnection>>, OpenError> {
        let here = Handle::current();
        if self.each == 0 || here.id() == self.connector.runtime().id() {
            return Ok(None);
        }
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, own)) = pools.iter().find(|(id, _)| *id == here.id()) {
            return Ok(Some(own.clone()));
        }
        if pools.len() == self.threads {
            return Ok(None);
        }
        let own = pool(&self.connector.driven_by(here.clone()), self.role, self.each)?;
        pools.push((here.id(), own.clone()));
        Ok(Some(own))
    }
}
