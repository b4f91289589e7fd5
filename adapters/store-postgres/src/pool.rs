//! Connections, lent to whoever reads or writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use phoneproof_domain::ports::StoreError;
use tokio::runtime::{self, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::{Connector, Driven, Role};
use crate::errors::{Failure, told, unavailable};

mod lease;

pub(crate) use lease::Lease;

/// How long a caller waits for a connection that another one uses. Under overload this is what is said no to.
pub(crate) const WAIT: Duration = Duration::from_secs(1);

/// Connections of one role, which are opened as they are needed and again after they broke.
///
/// A connection is driven by the runtime in which it was opened, and each worker of an HTTP server is a runtime of one
/// thread. So a caller gets one of its own thread's, if there is one: then no other thread is woken, neither to send nor
/// to receive, which costs more than the message does. Libraries' pools hand out any.
pub(crate) struct Pool {
    connector: Connector,
    role: Role,
    /// One for each caller that has or opens a connection.
    turns: Arc<Semaphore>,
    /// One for each connection that is open; as many as there are turns.
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Pooled>>,
}

/// A connection, and the runtime that drives it.
struct Pooled {
    driven: Driven<AsyncPgConnection>,
    home: runtime::Id,
    _place: OwnedSemaphorePermit,
}

/// What a caller's turn comes to.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
enum Found {
    Idle(Pooled),
    Room(OwnedSemaphorePermit),
}

impl Pool {
    /// Of at most `most` connections.
    pub(crate) fn new(connector: &Connector, role: Role, most: usize) -> Self {
        let most = most.max(1);
        Self {
            connector: connector.clone(),
            role,
            turns: Arc::new(Semaphore::new(most)),
            places: Arc::new(Semaphore::new(most)),
            idle: Mutex::default(),
        }
    }

    /// Lends a connection, once there is one.
    pub(crate) async fn lend(self: &Arc<Self>) -> Result<Lease, Failure> {
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.turns).acquire_owned());
        let turn = turn
            .await
            .map_err(|_| unavailable("every connection is in use"))?
            .map_err(unavailable)?;
        let home = Handle::current().id();
        let pooled = match self.find(home)? {
            Found::Idle(pooled) => pooled,
            Found::Room(place) => {
                let opened = self.connector.connect(self.role).await;
                Pooled {
                    driven: opened.map_err(|error| unavailable(told(error)))?,
                    home,
                    _place: place,
                }
            }
        };
        Ok(Lease::of(pooled, turn, Arc::clone(self)))
    }

    /// One of this thread's; or else room for a new one; or else one of another thread's. Of several the one that was used
    /// last: it has its plans and pages at hand, and a quiet hour leaves few in use.
    fn find(&self, home: runtime::Id) -> Result<Found, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Asking the server each time would double the round trips; one that is known to have ended is not lent.
        idle.retain(|pooled| !pooled.driven.has_ended());
        if let Some(own) = idle.iter().rposition(|pooled| pooled.home == home) {
            return Ok(Found::Idle(idle.remove(own)));
        }
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Found::Room(place));
        }
        // Whoever else has a turn has one connection at most, and all that are open are more than those.
        let any = idle.pop().map(Found::Idle);
        any.ok_or_else(|| unavailable("no connection is idle"))
    }

    fn put_back(&self, pooled: Pooled) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pooled);
    }
}
