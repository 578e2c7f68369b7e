//! The state directory: there, the service's own, writable, with room.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Check, Finding};
use crate::cli::output::chain;
use crate::config::Config;
use crate::host;

const NAME: &str = "disk";

pub(super) fn examine(config: &Config) -> Vec<Check> {
    vec![state_directory(&config.state.directory), free_space(config)]
}

fn state_directory(path: &Path) -> Check {
    let shown = path.display();
    let check = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::ok(NAME, format!("{shown} は最初の起動で作ります。"), format!("{shown} is made at the first start."))
        }
        Err(error) => Check::found(NAME, Finding::DiskBroken, &format!("{shown}: {error}")),
        Ok(looked) if !looked.is_dir() => Check::found(NAME, Finding::DiskMode, &format!("{shown}: not a directory")),
        Ok(looked) if looked.mode() & 0o077 != 0 => {
            Check::found(NAME, Finding::DiskMode, &format!("{shown}: mode {:o}", looked.mode() & 0o777))
        }
        Ok(_) => Check::ok(NAME, format!("{shown} があります。"), format!("{shown} is there.")),
    };
    check.about("state.directory")
}

fn free_space(config: &Config) -> Check {
    // The directory may be missing before the first start; its file system is that of the nearest parent.
    let place = config.state.directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let check = match host::free_space(place) {
        Ok(free) if free < config.state.min_free => {
            let met = format!("{} MiB < {} MiB", free >> 20, config.state.min_free >> 20);
            Check::found(NAME, Finding::DiskFull, &met)
        }
        Ok(free) => Check::ok(NAME, format!("空き {} MiB。", free >> 20), format!("{} MiB free.", free >> 20)),
        Err(error) => Check::found(NAME, Finding::DiskBroken, &format!("{}: {}", place.display(), chain(&error))),
    };
    check.about("state.min_free")
}
