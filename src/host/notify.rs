//! Telling systemd how it goes.

use std::time::Duration;

use systemd::daemon;

/// Speaks to the service manager; says nothing where there is none. A message that does not arrive is logged and forgotten:
/// the service goes on.
#[derive(Clone, Copy, Debug)]
pub struct Notifier {
    present: bool,
}

impl Notifier {
    /// Finds out whether a service manager listens (`$NOTIFY_SOCKET`).
    #[must_use]
    pub fn new() -> Self {
        Self { present: std::env::var_os("NOTIFY_SOCKET").is_some() }
    }

    /// Serving begins; also the end of a reload.
    pub fn ready(&self, status: &str) {
        self.tell(&[("READY", "1"), ("STATUS", status)]);
    }

    /// One line for `systemctl status`. No person data.
    pub fn status(&self, status: &str) {
        self.tell(&[("STATUS", status)]);
    }

    /// A reload begins; [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        self.tell(&[("RELOADING", "1"), ("STATUS", "reloading")]);
    }

    /// The end begins.
    pub fn stopping(&self, status: &str) {
        self.tell(&[("STOPPING", "1"), ("STATUS", status)]);
    }

    /// Still alive. Call it only while every room's heartbeat moves.
    pub fn watchdog(&self) {
        self.tell(&[("WATCHDOG", "1")]);
    }

    /// How often to call [`Notifier::watchdog`]: half of what systemd waits; `None` when it does not watch.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        let microseconds = daemon::watchdog_enabled().ok().filter(|microseconds| *microseconds > 0)?;
        self.present.then(|| Duration::from_micros(microseconds / 2))
    }

    fn tell(self, state: &[(&str, &str)]) {
        if !self.present {
            return;
        }
        if let Err(error) = daemon::notify(state.iter()) {
            tracing::warn!(error = %error, "the service manager was not told");
        }
    }
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}
