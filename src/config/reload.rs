//! What SIGHUP can take up, and what needs a restart.

use super::{DEFAULTS, Loaded, Source, document};

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

/// The settings that differ between two readings; of a further facility with its number before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Take effect at once.
    pub reloadable: Vec<String>,
    /// Take effect at the next start.
    pub need_restart: Vec<String>,
}

impl Loaded {
    /// What is different in `newer`.
    #[must_use]
    pub fn changes(&self, newer: &Self) -> Changes {
        let mut changes = Changes::default();
        changes.note(&self.effective, &newer.effective, "");
        let of = |loaded: &Self, number: &str| {
            loaded.further.iter().position(|further| further.config.facility.number == number)
        };
        for old in &self.further {
            let number = &old.config.facility.number;
            match of(newer, number).and_then(|at| newer.further.get(at)) {
                Some(new) => changes.note(&old.effective, &new.effective, &format!("{number} ")),
                None => changes.need_restart.push(number.clone()),
            }
        }
        let added = newer.further.iter().map(|further| &further.config.facility.number);
        changes.need_restart.extend(added.filter(|number| of(self, number).is_none()).cloned());
        changes
    }
}

impl Changes {
    fn note(&mut self, old: &[Source], new: &[Source], of: &str) {
        for (_, new) in old.iter().zip(new).filter(|(old, new)| old.value != new.value) {
            let list = if RELOADABLE.contains(&new.key) { &mut self.reloadable } else { &mut self.need_restart };
            list.push(format!("{of}{}", new.key));
        }
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
