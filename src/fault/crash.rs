//! Named places at which a test can kill the process, to show that a crash there loses nothing.
//!
//! Only builds with debug assertions know them; a release build contains none of this.

/// Every named place that a document passes on its way out, in order.
pub const POINTS: &[&str] = &[
    "intake.spooled",
    "intake.before_accept",
    "store.before_commit",
    "store.committed",
    "intake.accepted",
    "outbox.marked_sending",
    "outbox.answered",
    "outbox.before_settle",
    "outbox.settled",
    "outbox.asked",
    "outbox.changes_read",
];

/// Every named place that files pass in the folders, on their way out and in.
pub const FOLDERS: &[&str] = &[
    "exchange.taking",
    "exchange.claimed",
    "exchange.handed_in",
    "exchange.decided",
    "exchange.moved",
    "exchange.told",
    "exchange.recorded",
    "exchange.on_paper",
    "exchange.written",
    "exchange.placement",
    "exchange.renamed",
    "exchange.placed",
];

/// Every named place that a care plan of another office passes, in order.
pub const RECEIVING: &[&str] = &[
    "inbox.announced",
    "inbox.fetched",
    "inbox.noted",
    "inbox.kept",
    "inbox.before_acknowledge",
    "inbox.told",
    "inbox.acknowledged",
];

/// Every named place of a backup and of its restoring, in order.
pub const RESTORING: &[&str] =
    &["backup.copied", "restore.begun", "restore.unpacked", "restore.changed", "restore.one_placed", "restore.placed"];

/// Every named place of forgetting what has reached the end of its retention.
pub const FORGETTING: &[&str] = &["outbox.forgot", "gone.looking"];

/// Every named place of a rotation of the master keys, in order.
pub const ROTATING: &[&str] =
    &["master_key.drafted", "master_key.placed", "master_key.taken", "master_key.rewrapped", "master_key.noted"];

/// Every named place of a box being set up, in order.
pub const SETTING_UP: &[&str] = &[
    "setup.tried",
    "setup.staged",
    "setup.noted",
    "setup.one_placed",
    "setup.placed",
    "setup.administrator",
    "setup.sheet",
];

/// Kills the process with SIGKILL when `ENGAWA_CRASH_POINT` is `name:n` and this is the `n`-th visit to `name`.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VISITS: AtomicU32 = AtomicU32::new(0);

    let all = [POINTS, RECEIVING, FOLDERS, RESTORING, FORGETTING, ROTATING, SETTING_UP];
    let known = all.iter().any(|points| points.contains(&name));
    debug_assert!(known, "crash point {name} is not listed");
    let Ok(wish) = std::env::var("ENGAWA_CRASH_POINT") else { return };
    let Some((place, count)) = wish.split_once(':') else { return };
    if place == name && count.parse() == Ok(VISITS.fetch_add(1, Ordering::SeqCst) + 1) {
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub const fn point(_name: &str) {}
