//! Making a backup while all else goes on.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::manifest::{self, Manifest, Part};
use super::{BackupError, BoxKey, DATABASE, EPOCH, MASTER_KEY, Recipient, SMALL_FILES, Signer};
use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::crash;
use crate::host;
use crate::model::hex;
use crate::store::{SetFact, Store};
use crate::task;

/// The fact that holds the public half of the recovery key.
pub const RECIPIENT: &str = "backup.recipient";
/// The fact that says when a backup was handed out whole last, in milliseconds since 1970.
pub const LAST: &str = "backup.last";
/// Where the copy of the database lies, inside the state directory.
const FOLDER: &str = "backup";
/// No small file is larger.
const SMALL: u64 = 1 << 20;

/// Settings of the room.
#[derive(Clone, Debug)]
pub struct Config {
    /// The state directory.
    pub directory: PathBuf,
    /// 事業所番号.
    pub facility: String,
    /// Room that has to be left beside the copy, in octets.
    pub min_free: u64,
}

/// The handle of the room; cheap to clone.
#[derive(Clone)]
pub struct Backups {
    inner: Arc<Inner>,
    /// One at a time: each needs room for the whole database.
    turn: Arc<Semaphore>,
}

struct Inner {
    store: Store,
    keys: Arc<Keyring>,
    signer: Signer,
    config: Config,
    clock: Clock,
}

/// A backup ready to be written.
pub struct Prepared {
    manifest: Vec<u8>,
    signature: Vec<u8>,
    recipient: Recipient,
    database: File,
    /// The other parts, in the manifest's order.
    small: Vec<(String, Zeroizing<Vec<u8>>)>,
    name: String,
    made_at: Timestamp,
    _turn: OwnedSemaphorePermit,
}

/// Removes what an interrupted backup left in the state directory.
///
/// # Errors
/// When it cannot be removed.
pub fn sweep(state: &Path) -> io::Result<()> {
    match fs::remove_dir_all(state.join(FOLDER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Backups {
    /// The room over an opened state directory.
    #[must_use]
    pub fn new(store: Store, keys: Arc<Keyring>, signer: Signer, config: Config, clock: Clock) -> Self {
        let inner = Arc::new(Inner { store, keys, signer, config, clock });
        Self { inner, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Who signs the backups of this box.
    #[must_use]
    pub fn signed_by(&self) -> BoxKey {
        self.inner.signer.public()
    }

    /// To whom backups are encrypted.
    ///
    /// # Errors
    /// [`BackupError::NoRecipient`], or the store's failure.
    pub async fn recipient(&self) -> Result<Recipient, BackupError> {
        self.inner.store.fact(RECIPIENT).await?.ok_or(BackupError::NoRecipient)?.parse()
    }

    /// Encrypts backups to `recipient` from here on.
    ///
    /// # Errors
    /// [`BackupError::RecipientPresent`] unless `replace`, or the store's failure.
    pub async fn set_recipient(&self, recipient: &Recipient, replace: bool) -> Result<(), BackupError> {
        if !replace && self.inner.store.fact(RECIPIENT).await?.is_some() {
            return Err(BackupError::RecipientPresent);
        }
        let value = recipient.to_string();
        Ok(self.inner.store.write(SetFact { name: RECIPIENT.to_owned(), value }).await?)
    }

    /// The epoch of this box.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn epoch(&self) -> Result<u64, BackupError> {
        let known = self.inner.store.fact(EPOCH).await?;
        Ok(known.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Begins a new epoch: this box is the one that goes on.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn new_epoch(&self) -> Result<u64, BackupError> {
        let now = u64::try_from(self.inner.clock.now().as_second()).unwrap_or(0);
        let epoch = self.epoch().await?.saturating_add(1).max(now);
        self.inner.store.write(SetFact { name: EPOCH.to_owned(), value: epoch.to_string() }).await?;
        Ok(epoch)
    }

    /// When the last backup was handed out whole.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn last(&self) -> Result<Option<Timestamp>, BackupError> {
        let known = self.inner.store.fact(LAST).await?;
        Ok(known.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok()))
    }

    /// Notes that a backup was handed out whole.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn done(&self, made_at: Timestamp) -> Result<(), BackupError> {
        let value = made_at.as_millisecond().to_string();
        Ok(self.inner.store.write(SetFact { name: LAST.to_owned(), value }).await?)
    }

    /// Copies the database as of this moment, and signs what is to be written.
    ///
    /// # Errors
    /// [`BackupError::NoRecipient`], [`BackupError::Busy`], [`BackupError::NoRoom`], or what a file or the store refused.
    pub async fn prepare(&self) -> Result<Prepared, BackupError> {
        let turn = self.turn.clone().try_acquire_owned().map_err(|_| BackupError::Busy)?;
        let Inner { store, keys, signer, config, clock } = &*self.inner;
        let recipient = self.recipient().await?;
        let needed = store.octets().await?.saturating_add(config.min_free);
        if host::free_space(&config.directory).is_ok_and(|free| free < needed) {
            return Err(BackupError::NoRoom);
        }
        let counts = store.counts_of_box().await?.into_iter();
        let submissions = counts.map(|(state, count)| (state, u64::try_from(count).unwrap_or(0))).collect();
        let made_at = clock.now();
        let folder = config.directory.join(FOLDER);
        sweep(&config.directory)?;
        host::private_directory(&folder).map_err(|error| BackupError::File(io::Error::other(error)))?;
        let copy = folder.join(DATABASE);
        // Read before the copy is made: an anchor must not know of a record that the copy lacks. Keys may be begun and taken out
        // meanwhile: the copy opens with those of before and those of after together.
        let (before, mut small) = (keys.copy(), small_files(&config.directory)?);
        let copied = store.copy_into(&copy).await;
        crash::point("backup.copied");
        let opened = copied.map_err(BackupError::from).and_then(|()| Ok(File::open(&copy)?));
        // From here on it has no name: nothing of it is left behind, however the process ends.
        sweep(&config.directory)?;
        let (database, digest, size) = task::aside(move || hashed(opened?)).await.map_err(|_| BackupError::Busy)??;
        small.insert(0, (MASTER_KEY.to_owned(), Zeroizing::new(keys.and(&before).text().as_bytes().to_vec())));
        let mut parts = vec![Part { name: DATABASE.to_owned(), size, sha256: digest }];
        parts.extend(small.iter().map(|(name, bytes)| part(name, bytes)));
        let manifest = Manifest {
            format: manifest::FORMAT,
            engawa: env!("CARGO_PKG_VERSION").to_owned(),
            facility: config.facility.clone(),
            epoch: self.epoch().await?,
            made_at,
            submissions,
            signed_by: signer.public().to_string(),
            parts,
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        let signature = signer.sign(&manifest);
        let stamp = made_at.strftime("%Y%m%dT%H%M%SZ");
        let name = format!("engawa-{}-{stamp}.age", config.facility);
        Ok(Prepared { manifest, signature, recipient, database, small, name, made_at, _turn: turn })
    }
}

impl Prepared {
    /// The file's name: `engawa-<facility>-<time>.age`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the copy was begun.
    #[must_use]
    pub const fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// Writes it, encrypted, piece by piece. It takes as long as `out` does, so this belongs on a thread of its own.
    ///
    /// # Errors
    /// What `out` or the copy of the database refused. Then what was written is no backup, and does not open as one.
    pub fn write(mut self, out: impl Write) -> Result<(), BackupError> {
        let refused = |_| BackupError::Unusable("it cannot be encrypted");
        let recipients = std::iter::once(self.recipient.age() as &dyn age::Recipient);
        let encrypted = age::Encryptor::with_recipients(recipients).map_err(refused)?.wrap_output(out)?;
        let mut tar = tar::Builder::new(encrypted);
        let mut entry = |name: &str, size: u64, content: &mut dyn Read| -> io::Result<()> {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(self.made_at.as_second()).unwrap_or(0));
            header.set_size(size);
            tar.append_data(&mut header, name, content)
        };
        entry(manifest::NAME, self.manifest.len() as u64, &mut self.manifest.as_slice())?;
        entry(manifest::SIGNATURE, self.signature.len() as u64, &mut self.signature.as_slice())?;
        let size = self.database.metadata()?.len();
        entry(DATABASE, size, &mut self.database)?;
        for (name, bytes) in &self.small {
            entry(name, bytes.len() as u64, &mut bytes.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()?;
        Ok(())
    }
}

fn hashed(mut file: File) -> Result<(File, String, u64), BackupError> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        size += read as u64;
    }
    file.rewind()?;
    Ok((file, hex(context.finish().as_ref()), size))
}

fn part(name: &str, bytes: &[u8]) -> Part {
    let sha256 = hex(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref());
    Part { name: name.to_owned(), size: bytes.len() as u64, sha256 }
}

/// The box's authority, and its anchors.
fn small_files(state: &Path) -> io::Result<Vec<(String, Zeroizing<Vec<u8>>)>> {
    let mut files = Vec::new();
    for name in SMALL_FILES {
        let file = match File::open(state.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let length = file.metadata()?.len().min(SMALL);
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
        file.take(SMALL).read_to_end(&mut bytes)?;
        files.push((name.to_owned(), bytes));
    }
    Ok(files)
}
