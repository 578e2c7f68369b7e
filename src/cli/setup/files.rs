//! Which files a set-up box has, and what becomes of those that are there.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::answers::Answers;
use super::judge::{PASSPHRASE, PASSWORD, Sound};
use super::layout::{Keeping, Layout};
use crate::cli::credstore;
use crate::credential::Secret;

const CREDENTIALS: &str = include_str!("../../../systemd/examples/encrypted-credentials.conf");

/// The first line of a drop-in that is wholly ours, and may go.
const OWN: &str = "# engawa setup\n";

/// A file as it has to be.
pub(super) struct Put {
    pub(super) path: PathBuf,
    pub(super) content: Zeroizing<Vec<u8>>,
    pub(super) mode: u32,
    pub(super) group: Option<u32>,
    pub(super) change: Change,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is as it has to be.
    Same,
    Made,
    Replaced,
    /// Only its mode or group was another.
    Mode,
    Removed,
}

impl Change {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Made => "made",
            Self::Replaced => "replaced",
            Self::Mode => "mode",
            Self::Removed => "removed",
        }
    }

    pub(super) const fn ja(self) -> &'static str {
        match self {
            Self::Same => "そのまま",
            Self::Made => "作りました",
            Self::Replaced => "替えました",
            Self::Mode => "権限を直しました",
            Self::Removed => "消しました",
        }
    }
}

/// Everything that is to be put in place, the settings last, and files that are to go.
pub(super) struct Plan {
    pub(super) puts: Vec<Put>,
    pub(super) removals: Vec<PathBuf>,
}

impl Plan {
    /// What it takes to make the box as answered.
    ///
    /// # Errors
    /// When a secret cannot be encrypted, or a file that is there cannot be read.
    pub(super) fn of(layout: &Layout, answers: &Answers, sound: &Sound) -> io::Result<Self> {
        let mut plan = Self { puts: Vec::new(), removals: Vec::new() };
        if let Some(pem) = &answers.authority {
            plan.open(&layout.authority(), pem.to_vec(), 0o644, None)?;
        }
        if let Some(archive) = &answers.certificate {
            let mode = if layout.group.is_some() { 0o640 } else { 0o600 };
            plan.open(&layout.certificate(), archive.to_vec(), mode, layout.group)?;
        }
        let passphrase = answers.passphrase.as_ref().filter(|secret| !secret.bytes().is_empty());
        for (name, secret) in [(PASSPHRASE, passphrase), (PASSWORD, answers.password.as_ref())] {
            if let Some(secret) = secret {
                plan.secret(layout, name, secret)?;
            }
        }
        let given = answers.passphrase.is_some() || answers.password.is_some();
        if layout.keeping == Keeping::Encrypted && given {
            plan.carry_over(layout, answers)?;
            for path in layout.drop_ins("credentials.conf") {
                plan.open(&path, CREDENTIALS.into(), 0o644, None)?;
            }
        }
        match (layout.exchange_drop_in(), &sound.loaded.config.exchange.directory) {
            (Some(path), Some(folder)) => plan.open(&path, exchange_drop_in(folder).into(), 0o644, None)?,
            (Some(path), None) => {
                let own = present(&path)?.is_some_and(|text| text.starts_with(OWN.as_bytes()));
                plan.removals.extend(own.then_some(path));
            }
            (None, _) => {}
        }
        plan.open(&layout.office(), sound.office.clone().into(), 0o644, None)?;
        Ok(plan)
    }

    /// Whether nothing is to be done.
    pub(super) fn is_done(&self) -> bool {
        self.removals.is_empty() && self.puts.iter().all(|put| put.change == Change::Same)
    }

    /// A file that is no secret: what it held before is kept beside it.
    fn open(&mut self, path: &Path, content: Vec<u8>, mode: u32, group: Option<u32>) -> io::Result<()> {
        let present = present(path)?;
        let change = match &present {
            None => Change::Made,
            Some(present) if **present != content => Change::Replaced,
            Some(_) => moded(path, mode, group),
        };
        if let (Change::Replaced, Some(present)) = (change, present) {
            self.puts.push(Put { path: earlier(path), content: present, mode, group, change: Change::Made });
        }
        self.puts.push(Put { path: path.to_owned(), content: content.into(), mode, group, change });
        Ok(())
    }

    fn secret(&mut self, layout: &Layout, name: &str, secret: &Secret) -> io::Result<()> {
        let path = layout.secret(name);
        let (mode, group) = match layout.group.filter(|_| layout.keeping == Keeping::Files) {
            Some(group) => (0o640, Some(group)),
            None => (0o600, None),
        };
        let there = match layout.keeping {
            Keeping::Encrypted => credstore::decrypt(name).map(|there| Zeroizing::new(there.bytes().to_vec())),
            Keeping::Credstore | Keeping::Files => present(&path)?,
        };
        let change = match there {
            Some(there) if *there == secret.bytes() => moded(&path, mode, group),
            _ if path.exists() => Change::Replaced,
            _ => Change::Made,
        };
        let content = match (layout.keeping, change) {
            (_, Change::Same) => Zeroizing::default(),
            (Keeping::Encrypted, Change::Mode) => present(&path)?.unwrap_or_default(),
            (Keeping::Encrypted, _) => credstore::encrypt(name, secret.bytes())
                .ok_or_else(|| io::Error::other(format!("systemd-creds encrypt --name={name}")))?,
            _ => Zeroizing::new(secret.bytes().to_vec()),
        };
        self.puts.push(Put { path, content, mode, group, change });
        self.removals.extend(layout.in_clear(name).filter(|path| path.exists()));
        Ok(())
    }

    /// A secret that lies in clear and was not answered anew goes under the same key: the drop-in would pass it no more.
    fn carry_over(&mut self, layout: &Layout, answers: &Answers) -> io::Result<()> {
        let unanswered = [(PASSPHRASE, answers.passphrase.is_none()), (PASSWORD, answers.password.is_none())];
        for (name, _) in unanswered.into_iter().filter(|(_, unanswered)| *unanswered) {
            if let Some(content) = layout.in_clear(name).map(|path| present(&path)).transpose()?.flatten() {
                self.secret(layout, name, &Secret::from(content))?;
            }
        }
        Ok(())
    }
}

/// Without the dash, a folder that is gone would keep the service from starting. What quotes cannot hold is no answer ([`super::judge`]).
fn exchange_drop_in(folder: &Path) -> String {
    let folder = folder.display().to_string().replace('%', "%%");
    format!("{OWN}[Service]\nReadWritePaths=\"-{folder}\"\nUMask=0007\n")
}

/// A place beside it that nothing is at: what was there before the first run is never lost.
fn earlier(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".earlier");
    let first = PathBuf::from(&name);
    let numbered = (2_u32..).map(|number| PathBuf::from(format!("{}.{number}", first.display())));
    let taken = |place: &PathBuf| place.symlink_metadata().is_ok();
    std::iter::once(first.clone()).chain(numbered).find(|place| !taken(place)).unwrap_or(first)
}

fn present(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(Zeroizing::new(content))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn moded(path: &Path, mode: u32, group: Option<u32>) -> Change {
    let fits =
        |looked: &std::fs::Metadata| looked.mode() & 0o7777 == mode && group.is_none_or(|group| group == looked.gid());
    if std::fs::metadata(path).is_ok_and(|looked| fits(&looked)) { Change::Same } else { Change::Mode }
}
