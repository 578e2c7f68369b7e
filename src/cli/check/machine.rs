//! State directory, free space and clock.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::Check;
use crate::cli::output::chain;
use crate::clock::Clock;
use crate::config::Config;
use crate::fault::Code;
use crate::{gateway, host};

/// By so much the clock may be behind what was noted.
const APART: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn examine(config: &Config, clock: &Clock) -> Vec<Check> {
    let directory = &config.state.directory;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let seen = runtime.ok().and_then(|runtime| runtime.block_on(gateway::seen_from_outside(directory)));
    let (been, copied) = seen.unwrap_or_default();
    vec![state_directory(directory), free_space(config), time(been, clock), terminals(copied)]
}

fn state_directory(path: &Path) -> Check {
    const NAME: &str = "state.directory";
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::ok(NAME, format!("{shown} は最初の起動で作ります。"), format!("{shown} is made at the first start."))
        }
        Err(error) => Check::fail(NAME, Code::StorageBroken, &format!("{shown}: {error}")),
        Ok(looked) if !looked.is_dir() => Check::fail(NAME, Code::ConfigInvalid, &format!("{shown}: not a directory")),
        Ok(looked) if looked.mode() & 0o077 != 0 => {
            Check::fail(NAME, Code::ConfigInvalid, &format!("{shown}: mode {:o}, chmod 700", looked.mode() & 0o777))
        }
        Ok(_) => Check::ok(NAME, format!("{shown} があります。"), format!("{shown} is there.")),
    }
}

fn free_space(config: &Config) -> Check {
    const NAME: &str = "state.min_free";
    // The directory may be missing before the first start; its file system is that of the nearest parent.
    let place = config.state.directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match host::free_space(place) {
        Ok(free) if free < config.state.min_free => {
            Check::fail(NAME, Code::StorageFull, &format!("{} MiB < {} MiB", free >> 20, config.state.min_free >> 20))
        }
        Ok(free) => Check::ok(NAME, format!("空き {} MiB。", free >> 20), format!("{} MiB free.", free >> 20)),
        Err(error) => Check::fail(NAME, error.code(), &format!("{}: {}", place.display(), chain(&error))),
    }
}

/// A clock that has never been set starts in the past; certificates and due dates would all be judged wrongly.
fn time(been: Option<Timestamp>, clock: &Clock) -> Check {
    const NAME: &str = "clock";
    let now = clock.now();
    if clock.today_in_japan().is_none() {
        return Check::fail(NAME, Code::CertificateNotYetValid, &format!("{now:.0}"));
    }
    // What a gateway noted of the time, last ten minutes ago.
    if let Some(been) = been.filter(|been| been.duration_since(now) > APART) {
        return Check::fail(NAME, Code::ClockWrong, &format!("{now:.0} < {been:.0}"));
    }
    Check::ok(NAME, format!("時刻は {now:.0} (UTC) です。"), format!("The time is {now:.0} (UTC)."))
}

/// Terminals that were shut because their certificate was copied.
fn terminals(copied: u64) -> Check {
    const NAME: &str = "terminals";
    match copied {
        0 => Check::ok(NAME, "証明書を複製された端末はありません。", "No terminal's certificate was copied."),
        copied => Check::fail(NAME, Code::TerminalCopied, &copied.to_string()),
    }
}
