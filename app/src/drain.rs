//! How a server leaves: whoever sends requests is told first, and refused later.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::SockFilter;
use socket2::Socket;

/// How long requests may take to arrive on connections that were made before [`Door::close`]: the way from the operating
/// system's queue to a worker, and one round trip of a client that is busy. What is idle then is closed.
///
/// Always waited for in full. To end it as soon as no connection is open would mean to know of them all, and actix tells of
/// a connection only once a worker has taken it: those still on their way to one would be cut off.
pub(crate) const ARRIVAL: Duration = Duration::from_millis(500);

/// Whether the server is leaving.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain {
    begun: Arc<AtomicBool>,
}

impl Drain {
    /// From now on `/v1/ready` says so, and each answer closes its connection.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

/// The way to let nobody else in while the server still serves those whom it has let in.
///
/// Neither closing the listening socket nor shutting it down will do: the operating system then resets the connections that
/// it has made and nobody has accepted yet, and to whoever made them they are as good as any.
#[derive(Debug)]
pub(crate) struct Door(Socket);

impl Door {
    pub(crate) fn of(listener: &TcpListener) -> std::io::Result<Self> {
        Ok(Self(listener.try_clone()?.into()))
    }

    /// From now on no connection is made. Whoever asks for one is not answered, asks again after a second (RFC 6298 §2.1),
    /// and is refused once the server has closed the socket. Elsewhere than on Linux connections are made until then.
    pub(crate) fn close(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = self.0.attach_filter(&NO_SYN) {
            tracing::debug!("connections are made until the end: {error}");
        }
    }
}

/// Drops what asks for a connection, and lets through what completes one: whoever has our half of the handshake already
/// believes to be connected. What a filter sees begins with the TCP header, whose 14th byte has the flags (RFC 9293 §3.1).
/// Connections that were made before are not concerned.
#[cfg(target_os = "linux")]
const NO_SYN: [SockFilter; 4] = [
    // BPF_LD | BPF_B | BPF_ABS (linux/filter.h)
    SockFilter::new(0x30, 0, 0, 13),
    // BPF_JMP | BPF_JSET | BPF_K: to the next if it has SYN, else past it
    SockFilter::new(0x45, 0, 1, 0x02),
    // BPF_RET | BPF_K: nothing of it
    SockFilter::new(0x06, 0, 0, 0),
    // BPF_RET | BPF_K: all of it
    SockFilter::new(0x06, 0, 0, u32::MAX),
];
