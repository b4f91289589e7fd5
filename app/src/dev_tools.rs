//! What development adds to the server: the inbox of the console gateway, and tokens for the asking.

use std::sync::Arc;

use phoneproof_sms_console::Inbox;
use tokio::sync::watch;

use crate::dev_issuer::DevIssuer;

/// The tools behind `/dev/`.
pub(crate) struct DevTools {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) issuer: Arc<DevIssuer>,
    /// Turns true when the server shuts down: live streams end by it.
    pub(crate) closing: watch::Receiver<bool>,
}
