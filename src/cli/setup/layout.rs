//! Where things go: on a box where its units look for them, elsewhere beside the settings file.

use std::path::{Path, PathBuf};

use super::judge::{PASSPHRASE, PASSWORD};
use crate::cli::credstore::{self, CLEAR, encrypted_file, stored};
use crate::config::{DEFAULT_PATH, SecretRef};
use crate::credential::{Secret, SecretSource};

/// What systemd is the first process of.
const BOOTED: &str = "/run/systemd/system";
const UNITS: &str = "/etc/systemd/system";
/// The group of the service.
const GROUP: &str = "engawa";

/// How secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Encrypted for this machine, by `systemd-creds`.
    Encrypted,
    /// Files that only root and systemd read.
    Credstore,
    /// Files that the settings name.
    Files,
}

/// The places of one box.
pub(super) struct Layout {
    /// The settings file.
    pub(super) base: PathBuf,
    /// The folder of the settings.
    pub(super) folder: PathBuf,
    /// A box: its service is systemd's.
    pub(super) on_box: bool,
    pub(super) keeping: Keeping,
    /// Who reads certificate and secrets, apart from their owner.
    pub(super) group: Option<u32>,
}

impl Layout {
    pub(super) fn of(base: &Path) -> Self {
        let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
        let (usual, root) = (base == Path::new(DEFAULT_PATH), nix::unistd::geteuid().is_root());
        let on_box = usual && root && Path::new(BOOTED).is_dir();
        let group = nix::unistd::Group::from_name(GROUP).ok().flatten().filter(|_| usual && root);
        let keeping = match on_box {
            // The drop-in that passes encrypted secrets passes no others, and this one is not ours to encrypt.
            true if !own_master_key() && encryption_works() => Keeping::Encrypted,
            true => Keeping::Credstore,
            false => Keeping::Files,
        };
        let folder = base.parent().map(Path::to_owned).unwrap_or_default();
        Self { base, folder, on_box, keeping, group: group.map(|group| group.gid.as_raw()) }
    }

    /// The settings that setup writes.
    pub(super) fn office(&self) -> PathBuf {
        self.folder.join("conf.d/10-office.toml")
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("hub-ca.pem")
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.p12")
    }

    /// The file of a secret of that name.
    pub(super) fn secret(&self, name: &str) -> PathBuf {
        match self.keeping {
            Keeping::Encrypted => encrypted_file(name),
            Keeping::Credstore => Path::new(CLEAR).join(stored(name)),
            Keeping::Files => self.folder.join("secrets").join(name),
        }
    }

    /// How the settings name it.
    pub(super) fn secret_setting(&self, name: &str) -> String {
        match self.keeping {
            Keeping::Files => self.secret(name).display().to_string(),
            Keeping::Encrypted | Keeping::Credstore => format!("credential:{name}"),
        }
    }

    /// A secret in clear that an encrypted one takes the place of.
    pub(super) fn in_clear(&self, name: &str) -> Option<PathBuf> {
        (self.keeping == Keeping::Encrypted).then(|| Path::new(CLEAR).join(stored(name)))
    }

    /// The drop-ins of that name of the units that are given secrets.
    pub(super) fn drop_ins(&self, file: &str) -> Vec<PathBuf> {
        ["engawa", "engawa-check"].iter().map(|unit| drop_in(unit, file)).collect()
    }

    /// The drop-in that lets the service write into a folder.
    pub(super) fn exchange_drop_in(&self) -> Option<PathBuf> {
        self.on_box.then(|| drop_in("engawa", "exchange.conf"))
    }

    /// Secrets of this box are encrypted already, and now they cannot be: in clear the service would not be passed them.
    pub(super) fn lost_encryption(&self) -> bool {
        let used = || {
            let drop_in = self.drop_ins("credentials.conf").iter().any(|path| path.exists());
            drop_in || [PASSWORD, PASSPHRASE].iter().any(|name| encrypted_file(name).exists())
        };
        self.keeping == Keeping::Credstore && used()
    }

    /// What is there of a secret; `None` where it cannot be had.
    pub(super) fn kept(&self, place: &SecretRef) -> Option<Secret> {
        match place {
            SecretRef::File(path) => SecretSource::File(path.clone()).read().ok(),
            SecretRef::Credential(_) if !self.on_box => None,
            SecretRef::Credential(name) => credstore::decrypt(name)
                .or_else(|| SecretSource::Credential(stored(name)).read_from(Some(Path::new(CLEAR))).ok()),
        }
    }
}

fn drop_in(unit: &str, file: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{unit}.service.d")).join(file)
}

fn own_master_key() -> bool {
    Path::new(CLEAR).join(stored("engawa-master-key")).exists()
}

fn encryption_works() -> bool {
    credstore::encrypt("probe", b"probe").is_some()
}
