//! State directory, free space and clock.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::Check;
use crate::config::Config;
use crate::fault::Code;
use crate::host;

pub(super) fn examine(config: &Config, now: Timestamp) -> Vec<Check> {
    vec![state_directory(&config.state.directory), free_space(config), clock(now)]
}

fn state_directory(path: &Path) -> Check {
    const NAME: &str = "state.directory";
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::ok(NAME, format!("{shown} は最初の起動で作ります。"), format!("{shown} is made at the first start."))
        }
        Err(error) => Check::fail(NAME, Code::StorageBroken, &format!("{shown}: {}", error.kind())),
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
        Err(error) => Check::fail(NAME, error.code(), &place.display().to_string()),
    }
}

/// A clock that has never been set starts in the past; certificates and due dates would all be judged wrongly.
fn clock(now: Timestamp) -> Check {
    const NAME: &str = "clock";
    let first = date(2026, 4, 1).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or(Timestamp::MIN);
    if now < first {
        return Check::fail(NAME, Code::CertificateNotYetValid, &format!("{now:.0}"));
    }
    Check::ok(NAME, format!("時刻は {now:.0} (UTC) です。"), format!("The time is {now:.0} (UTC)."))
}
