//! How a server leaves: whoever sends requests is told first, and refused later.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long requests may take to arrive on connections that were accepted before the refusal of further ones.
///
/// It bounds one round trip of a client that is busy. One that is idle is waited for as long, and closed then.
const ARRIVAL: Duration = Duration::from_millis(500);

/// Whether the server is leaving, and which connections are still open.
#[derive(Debug, Clone)]
pub(crate) struct Drain {
    begun: Arc<AtomicBool>,
    open: watch::Sender<usize>,
}

impl Drain {
    pub(crate) fn new() -> Self {
        Self {
            begun: Arc::default(),
            open: watch::Sender::new(0),
        }
    }

    /// From now on `/v1/ready` says so, and each answer closes its connection.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Counts a connection for as long as what is answered is kept.
    pub(crate) fn connection(&self) -> Connection {
        self.open.send_modify(|open| *open += 1);
        Connection(self.open.clone())
    }

    /// Lets those finish that were accepted, while nobody else is.
    pub(crate) async fn settle(&self) {
        let mut open = self.open.subscribe();
        let none = open.wait_for(|open| *open == 0);
        // The server's own end takes care of those that are left.
        let _ = tokio::time::timeout(ARRIVAL, none).await;
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection(watch::Sender<usize>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// The way to make the operating system refuse connections while the server still serves those it has.
///
/// Actix stops both at once: what it accepted and did not begin to read yet is then cut off.
#[derive(Debug)]
pub(crate) struct Door(TcpStream);

impl Door {
    pub(crate) fn of(listener: &TcpListener) -> std::io::Result<Self> {
        // Only `TcpStream` has `shutdown`; to the operating system both are sockets.
        Ok(Self(TcpStream::from(OwnedFd::from(listener.try_clone()?))))
    }

    /// Refuses connections from now on. Where a listening socket cannot be shut down (elsewhere than on Linux), the
    /// server's end does it a moment later.
    pub(crate) fn close(&self) {
        if let Err(error) = self.0.shutdown(Shutdown::Both) {
            tracing::debug!("connections are accepted until the end: {error}");
        }
    }
}
