//! Signals as events among others.

use tokio::signal::unix::{Signal as Source, SignalKind, signal};

use super::HostError;

/// What the operator or systemd wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop in order.
    Stop,
    /// SIGHUP: read the settings again.
    Reload,
}

/// The signals that engawa obeys, in the order in which they came.
#[derive(Debug)]
pub struct Signals {
    terminate: Source,
    interrupt: Source,
    hangup: Source,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a handler cannot be set.
    pub fn new() -> Result<Self, HostError> {
        let source = |kind| signal(kind).map_err(HostError::system("handle signals"));
        Ok(Self {
            terminate: source(SignalKind::terminate())?,
            interrupt: source(SignalKind::interrupt())?,
            hangup: source(SignalKind::hangup())?,
        })
    }

    /// The next signal. Safe to cancel.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}
