//! The state directory: there, the service's own, really writable, with room, its database whole.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Uid, User, geteuid};

use super::state::State;
use super::{Check, Finding};
use crate::cli::output::chain;
use crate::config::Config;
use crate::host;
use crate::store::Unseen;

const NAME: &str = "disk";
/// As whom the unit runs engawa.
const SERVICE_USER: &str = "engawa";
/// Where the unit lies on a box on which the package is installed.
const UNITS: [&str; 2] = ["/usr/lib/systemd/system/engawa.service", "/etc/systemd/system/engawa.service"];
/// So many octets are written to see whether anything can be.
const SAMPLE: usize = 1 << 16;

/// Stops at what makes the rest impossible.
pub(super) fn examine(config: &Config, state: &State) -> Vec<Check> {
    let directory = &config.state.directory;
    let mut checks = vec![place(directory).about("state.directory")];
    if checks.iter().all(Check::is_ok) {
        checks.extend(room(config).map(|check| check.about("state.min_free")));
    }
    if checks.iter().all(|check| check.verdict != super::Verdict::Fail) {
        checks.extend(database(state).map(|check| check.about("engawa.db")));
    }
    checks
}

fn place(path: &Path) -> Check {
    let shown = path.display();
    let looked = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Check::ok(
                NAME,
                format!("{shown} は最初の起動で作ります。"),
                format!("{shown} is made at the first start."),
            );
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Check::found(NAME, Finding::NotAllowed, &shown.to_string());
        }
        Err(error) => return Check::found(NAME, Finding::DiskBroken, &format!("{shown}: {error}")),
        Ok(looked) => looked,
    };
    if !looked.is_dir() {
        return Check::found(NAME, Finding::DiskMode, &format!("{shown}: not a directory"));
    }
    match stranger(path, Uid::from_raw(looked.uid())) {
        Ok(None) => {}
        Ok(Some(met)) => return Check::found(NAME, Finding::DiskOwner, &met),
        Err(NotAllowed) => return Check::found(NAME, Finding::NotAllowed, &shown.to_string()),
    }
    if looked.mode() & 0o077 != 0 {
        return Check::found(NAME, Finding::DiskMode, &format!("{shown}: mode {:o}", looked.mode() & 0o777));
    }
    match write(path).map_err(|error| error.kind()) {
        Ok(()) => Check::ok(NAME, format!("{shown} に書き込めます。"), format!("{shown} can be written.")),
        // As in the unit of the daily check, where nobody has told it of a directory elsewhere.
        Err(ErrorKind::ReadOnlyFilesystem) if only_here(path) => Check::found_as(
            NAME,
            Finding::NotAllowed,
            &format!("{shown}: このプロセスだけ読み取り専用（ReadWritePaths）"),
            &format!("{shown}: read-only for this process alone (ReadWritePaths)"),
        ),
        Err(ErrorKind::ReadOnlyFilesystem) => Check::found(NAME, Finding::DiskReadOnly, &shown.to_string()),
        Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Check::found(NAME, Finding::DiskFull, &shown.to_string())
        }
        Err(kind) => Check::found(NAME, Finding::DiskBroken, &format!("{shown}: {kind}")),
    }
}

/// Whether a read-only file system is so only as this process sees it, and can be written elsewhere.
fn only_here(path: &Path) -> bool {
    let (Ok(path), Ok(mounts)) = (path.canonicalize(), std::fs::read_to_string("/proc/self/mountinfo")) else {
        return false;
    };
    // ID, parent, device, root, place, options, what is optional, "-", kind, source, options of the file system itself.
    let mount = |line: &str| {
        let (of_place, of_system) = line.split_once(" - ")?;
        let mut fields = of_place.split(' ').skip(4);
        let place = fields.next()?.replace("\\040", " ").replace("\\134", "\\");
        let here = has_option(fields.next()?, "ro") && has_option(of_system.split(' ').nth(2)?, "rw");
        path.starts_with(&place).then_some((place.len(), here))
    };
    // What was mounted later covers what was there.
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).is_some_and(|(_, here)| here)
}

fn has_option(options: &str, wanted: &str) -> bool {
    options.split(',').any(|option| option == wanted)
}

/// This user may not see whether all is well.
struct NotAllowed;

/// What belongs to another user than the service's: the directory, or a file in it that somebody else's engawa has made.
fn stranger(path: &Path, owner: Uid) -> Result<Option<String>, NotAllowed> {
    let service = User::from_name(SERVICE_USER).ok().flatten().map(|user| user.uid);
    let installed = UNITS.iter().any(|unit| Path::new(unit).exists());
    let (own, service) = (geteuid(), service.filter(|_| installed));
    let name = |uid: Uid| User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    // Somebody who is neither the service nor root cannot tell whose it should be.
    if !own.is_root() && service != Some(own) && owner != own {
        return Err(NotAllowed);
    }
    let runs_as = service.unwrap_or(own);
    let told = |path: &Path, found: Uid| format!("{}: {}, {}", path.display(), name(found), name(runs_as));
    if owner != runs_as {
        return Ok(Some(told(path, owner)));
    }
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    let owned = inside.filter_map(|entry| Some((entry.path(), Uid::from_raw(entry.metadata().ok()?.uid()))));
    // mkfs makes it, and nobody but root may touch it.
    let mut strange = owned.filter(|(path, uid)| *uid != runs_as && !path.ends_with("lost+found"));
    Ok(strange.next().map(|(path, uid)| told(&path, uid)))
}

/// Writes as the service would, into a file without a name, of which nothing is left.
fn write(directory: &Path) -> std::io::Result<()> {
    let flags = nix::libc::O_TMPFILE | nix::libc::O_CLOEXEC;
    let made = std::fs::File::options().write(true).mode(0o600).custom_flags(flags).open(directory);
    let mut file = match made {
        // Not every file system has files without names; one with a name could be left behind.
        Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => return Ok(()),
        made => made?,
    };
    file.write_all(&vec![0x5a; SAMPLE])?;
    file.sync_all()
}

fn room(config: &Config) -> Option<Check> {
    // The directory may be missing before the first start; its file system is that of the nearest parent.
    let place = config.state.directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let (least, mib) = (config.state.min_free, |bytes: u64| bytes >> 20);
    Some(match host::free_space(place) {
        Ok(free) if free < least => {
            Check::found(NAME, Finding::DiskFull, &format!("{} MiB < {} MiB", mib(free), mib(least)))
        }
        Ok(free) if free < least.saturating_mul(2) => Check::found(
            NAME,
            Finding::DiskNearlyFull,
            &format!("{} MiB, state.min_free {} MiB", mib(free), mib(least)),
        ),
        Ok(free) => Check::ok(NAME, format!("空き {} MiB。", mib(free)), format!("{} MiB free.", mib(free))),
        Err(error) => Check::found(NAME, Finding::DiskBroken, &format!("{}: {}", place.display(), chain(&error))),
    })
}

/// Nothing where there is none, or where it cannot be seen from here.
fn database(state: &State) -> Option<Check> {
    match &state.0 {
        Ok(peek) if peek.whole => Some(Check::ok(NAME, "データベースに傷はありません。", "The database is undamaged.")),
        Ok(_) => Some(Check::ok(
            NAME,
            "データベースを読めます（大きいため一部だけ確かめました）。",
            "The database can be read (it is large; part of it was looked through).",
        )),
        Err(Unseen::Absent | Unseen::Later) => None,
        Err(Unseen::Denied) => Some(Check::found(NAME, Finding::NotAllowed, "")),
        Err(Unseen::Broken(error)) => Some(Check::found(NAME, Finding::DatabaseUnreadable, &chain(error))),
    }
}
