//! What is done to files, so that it also holds on a network share: no mapping, no trust in names, nothing overwritten.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, Flock, FlockArg, OFlag, RenameFlags, fcntl, renameat2};

use super::scan::{Entry, Facts, Hold};
use crate::order;

/// Octets of one file that are read; a longer one is refused.
pub(super) const MAX_FILE: u64 = 20 << 20;
/// Octets of a name that file systems take.
const MAX_NAME: usize = 255;
/// Names of a folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// What lies in a folder.
#[derive(Default)]
pub(super) struct Listing {
    /// Its regular files.
    pub(super) files: Vec<Entry>,
    /// How many of its names are no text.
    pub(super) odd: usize,
    /// True when there is more than is looked at.
    pub(super) more: bool,
}

/// Lists the regular files of a folder: no links, no folders.
pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if listing.files.len() >= MAX_ENTRIES {
            listing.more = true;
            break;
        }
        // What was taken away in between is not there.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if !metadata.is_file() {
            continue;
        }
        match entry.file_name().into_string() {
            Ok(name) => listing.files.push(Entry { name, facts: facts(&metadata) }),
            Err(_) => listing.odd += 1,
        }
    }
    Ok(listing)
}

/// The folders in a folder, by name.
pub(super) fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    order::sort(&mut names);
    Ok(names)
}

/// The names in a folder in upper case: Windows does not tell cases apart.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().to_uppercase())).collect()
}

pub(super) fn facts(metadata: &Metadata) -> Facts {
    Facts { size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()), inode: metadata.ino() }
}

fn open(path: &Path) -> io::Result<File> {
    // Neither a link is followed nor the other end of a pipe waited for.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(ErrorKind::InvalidInput.into()) }
}

/// Whether somebody holds the file locked, by either way of locking. File servers say by them what Windows programs have open.
pub(super) fn hold(path: &Path) -> Hold {
    let file = match open(path) {
        Ok(file) => file,
        // A file server answers so for what another has open to himself.
        Err(error) if is(&error, &[Errno::EBUSY, Errno::ETXTBSY, Errno::EAGAIN]) => return Hold::Locked,
        Err(_) => return Hold::Unreadable,
    };
    if range_locked(&file) {
        return Hold::Locked;
    }
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Hold::Free,
        Err((_, Errno::EWOULDBLOCK)) => Hold::Locked,
        // Not every file system has locks.
        Err(_) => Hold::Free,
    }
}

fn range_locked(file: &File) -> bool {
    use nix::libc;
    let mut lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)).is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
}

/// A file's content. `None`: it is longer than [`MAX_FILE`], or changed while it was read.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = open(path)?;
    let before = facts(&file.metadata()?);
    let mut bytes = Vec::new();
    (&mut file).take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    let same = facts(&file.metadata()?) == before && bytes.len() as u64 == before.size;
    Ok(Some(bytes).filter(|_| same && before.size <= MAX_FILE))
}

/// Makes what was done in a folder last.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems have no such thing; there it is the server's business.
        Err(error) if unsupported(&error) => Ok(()),
        done => done,
    }
}

/// Writes a file that is not there, to its end and onto the disk.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o660).open(path)?;
    // Others of the group read it, whatever the service's mask; a share may have no such thing.
    let _ = file.set_permissions(fs::Permissions::from_mode(0o660));
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes one of the box's own files beside others: whole, or as it was.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    let temporary = folder.join(shortened(&format!(".{}", name.to_string_lossy()), ".tmp"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&temporary, bytes)?;
    fs::rename(&temporary, path)?;
    sync(folder)
}

/// Renames to a name that nobody has.
///
/// # Errors
/// `AlreadyExists` when somebody has it; then nothing happened.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let renamed = match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => link(from, to),
        done => done.map_err(io::Error::from),
    };
    match renamed {
        // A crash between the link and the removal of the old name.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && same(from, to) => fs::remove_file(from),
        done => done,
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if unsupported(&error) || error.kind() == ErrorKind::PermissionDenied => {
            // Neither way: what is left is to look first. The folder is the box's to write in.
            match fs::symlink_metadata(to) {
                Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Whether both names are the same file.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    let id = |path| fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    id(one).is_some() && id(one) == id(other)
}

fn unsupported(error: &io::Error) -> bool {
    is(error, &[Errno::EINVAL, Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EPERM, Errno::EBADF])
}

fn is(error: &io::Error, known: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|code| known.contains(&Errno::from_raw(code)))
}

/// Whether something of that name is there.
pub(super) fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder below one that is there, for the group as well.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    make(path, 0o770)
}

/// Makes a folder that is the box's alone: what lies in it is believed after a crash.
pub(super) fn make_own_folder(path: &Path) -> io::Result<()> {
    make(path, 0o700)?;
    if fs::symlink_metadata(path)?.mode() & 0o077 != 0 {
        // A share may have no modes of its own.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    }
    Ok(())
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::symlink_metadata(path)?.is_dir() {
            true => Ok(()),
            false => Err(ErrorKind::NotADirectory.into()),
        },
        Err(error) => Err(error),
        Ok(()) => {
            let inherited = fs::symlink_metadata(path)?.mode() & 0o2000;
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode | inherited));
            path.parent().map_or(Ok(()), sync)
        }
    }
}

/// Removes a folder and the files in it. It holds no folders.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(entries) => {
            for entry in entries {
                fs::remove_file(entry?.path())?;
            }
        }
    }
    fs::remove_dir(folder)?;
    folder.parent().map_or(Ok(()), sync)
}

/// A name with something behind it, cut where file systems would refuse it.
pub(super) fn shortened(name: &str, suffix: &str) -> String {
    let mut end = name.len().min(MAX_NAME.saturating_sub(suffix.len()));
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", name.get(..end).unwrap_or_default())
}

/// A name of the folder that is free, and under which the box's word beside it is free as well: `a.CSV`, `a (2).CSV`, …
pub(super) fn free_name(folder: &Path, name: &str) -> io::Result<String> {
    let taken = names(folder)?;
    let path = PathBuf::from(name);
    let extension = path.extension().and_then(OsStr::to_str).map_or(String::new(), |text| format!(".{text}"));
    let stem = name.strip_suffix(&extension).unwrap_or(name);
    let candidates =
        std::iter::once(name.to_owned()).chain((2..).map(|count| shortened(stem, &format!(" ({count}){extension}"))));
    let free = |name: &String| {
        let used = |suffix| taken.contains(&shortened(name, suffix).to_uppercase());
        !["", ".result.json", ".txt"].into_iter().any(used)
    };
    Ok(candidates.take(MAX_ENTRIES).find(free).unwrap_or_else(|| name.to_owned()))
}
