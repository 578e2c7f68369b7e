//! What SIGHUP can take up, and what needs a restart.

use super::{DEFAULTS, Loaded, document};

/// Settings that take effect on reload. The files named by the `_file` settings of hub and LAN are read again on every reload, also
/// when the settings themselves stayed as they are.
pub const RELOADABLE: &[&str] = &[
    "lan.networks",
    "lan.names",
    "lan.certificate_file",
    "lan.certificate_key_file",
    "lan.origins",
    "hub.certificate_file",
    "hub.certificate_key_file",
    "hub.certificate_passphrase_file",
    "hub.password_file",
    "hub.staff_login",
    "hub.poll_changes_s",
    "outbox.backoff_min_s",
    "outbox.backoff_max_s",
    "outbox.attempts_before_aside",
    "cards.readers",
    "cards.pin_floor",
    "cards.heartbeat_s",
    "cards.idle_s",
    "cards.lifetime_s",
    "cards.longest_wait_s",
    "cards.per_terminal",
    "cards.nearest",
    "log.level",
];

/// The settings that differ between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Take effect at once.
    pub reloadable: Vec<&'static str>,
    /// Take effect at the next start.
    pub need_restart: Vec<&'static str>,
}

impl Loaded {
    /// What is different in `newer`.
    #[must_use]
    pub fn changes(&self, newer: &Self) -> Changes {
        let pairs = self.effective.iter().zip(&newer.effective);
        let changed = pairs.filter(|(old, new)| old.value != new.value).map(|(_, new)| new.key);
        let (reloadable, need_restart) = changed.partition(|key| RELOADABLE.contains(key));
        Changes { reloadable, need_restart }
    }
}

/// Settings that are marked reloadable in the default file and not here, or the other way round.
pub(super) fn disagreements() -> Vec<String> {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    let marked = |entry: &document::Entry| {
        let above = lines[..entry.line - 1].iter().rev().take_while(|line| line.starts_with('#'));
        above.into_iter().any(|line| line.contains("Reloadable."))
    };
    let entries = document::read(DEFAULTS).entries.into_iter().filter_map(|entry| {
        let key = format!("{}.{}", entry.section.as_deref()?, entry.name);
        (marked(&entry) != RELOADABLE.contains(&key.as_str())).then_some(key)
    });
    entries.map(|key| format!("{key} is marked reloadable in one place only")).collect()
}
