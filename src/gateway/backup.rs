//! Backups while no gateway runs, and the beginning of another box from one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::keys::own_directory;
use super::{StartError, State, open_state};
use crate::audit::{Draft, Result as Ended, Trail};
use crate::backup::{
    self, BackupError, Backups, BoxKey, DATABASE, EPOCH, MASTER_KEY, Manifest, Recipient, RecoveryKey, Signer, Target,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::KeyFile;
use crate::credential::seal::SealError;
use crate::fault::{Code, crash};
use crate::host::{self, StateLock};
use crate::outbox::BARRED;
use crate::store::{self, Restart};
use crate::vault::BOX_SECRET;

/// While this directory is in the state directory, a restoring has begun and not ended.
const DRAFT: &str = "restore.draft";
/// The fact that says of when the backup was that this box began with.
const RESTORED_OF: &str = "restore.made_at";

/// What `engawa backup` wants when no gateway runs.
#[derive(Clone)]
pub enum BackupOrder {
    /// Encrypt to this key from here on.
    Recipient {
        /// The public half.
        recipient: Recipient,
        /// In place of another.
        replace: bool,
    },
    /// Make a backup.
    Make {
        /// A directory, or the file.
        out: PathBuf,
    },
}

/// What came of it.
pub enum BackupDone {
    /// Who signs the backups.
    Signer(BoxKey),
    /// The file.
    File(PathBuf),
}

/// The room over an opened state directory.
pub(super) fn backups(settings: &Config, state: &State) -> Result<Backups, StartError> {
    let config = backup::Config {
        directory: settings.state.directory.clone(),
        facility: settings.facility.number.clone(),
        min_free: settings.state.min_free,
    };
    let signer = Signer::of(&state.secret)?;
    Ok(Backups::new(state.store.clone(), Arc::clone(&state.keys), signer, config, state.clock.clone()))
}

/// Obeys `order` on the state directory itself.
///
/// # Errors
/// `STATE_LOCKED` while a gateway runs, `STATE_OWNER`, and what the backup says.
pub async fn backup_offline(settings: &Config, order: BackupOrder) -> Result<BackupDone, StartError> {
    own_directory(&settings.state.directory)?;
    let state = open_state(settings, Clock::system()).await?;
    let backups = backups(settings, &state)?;
    let act = match &order {
        BackupOrder::Recipient { .. } => "backup.key",
        BackupOrder::Make { .. } => "backup.make",
    };
    let mut answer = obey(&backups, order).await.map_err(StartError::from);
    if answer.is_ok() {
        let act = Draft::local(&settings.facility.number, act).ended(state.clock.now(), None, Ended::Done, None);
        if let Err(error) = Trail::new(state.store.clone()).record(vec![act]).await {
            answer = Err(StartError { code: Code::TrailUnavailable, source: Some(Box::new(error)) });
        }
    }
    drop((backups, state.store));
    state.task.finished().await;
    answer
}

async fn obey(backups: &Backups, order: BackupOrder) -> Result<BackupDone, BackupError> {
    match order {
        BackupOrder::Recipient { recipient, replace } => {
            backups.set_recipient(&recipient, replace).await?;
            Ok(BackupDone::Signer(backups.signed_by()))
        }
        BackupOrder::Make { out } => {
            let prepared = backups.prepare().await?;
            let made_at = prepared.made_at();
            let mut target = Target::begin(&out, prepared.name())?;
            prepared.write(target.file())?;
            let file = target.finish()?;
            backups.done(made_at).await?;
            Ok(BackupDone::File(file))
        }
    }
}

/// A backup to be restored.
pub struct RestoreOrder {
    /// The backup.
    pub file: PathBuf,
    /// The sheet with the recovery key.
    pub sheet: Zeroizing<String>,
    /// Who has to have signed it; else whom the sheet names.
    pub signed_by: Option<BoxKey>,
    /// The state directory, empty or not there.
    pub state: PathBuf,
}

/// What was restored.
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// The epoch that begins.
    pub epoch: u64,
    /// How many submissions the hub is asked about.
    pub asked: u64,
}

/// Whether a restoring of this state directory was cut short.
#[must_use]
pub fn unfinished(state: &Path) -> bool {
    state.join(DRAFT).exists()
}

/// Makes of an empty state directory that of a box which begins with a backup: whole, or not at all.
///
/// # Errors
/// `RESTORE_NOT_EMPTY`, `BACKUP_KEY_WRONG`, `BACKUP_SIGNATURE`, `BACKUP_UNUSABLE`, `STATE_LOCKED`, `STATE_OWNER`, or what a file
/// refused.
pub async fn restore(order: &RestoreOrder, now: Timestamp) -> Result<Restored, StartError> {
    let key = RecoveryKey::parse(&order.sheet)?;
    let signed_by = order.signed_by.or_else(|| RecoveryKey::signer_of(&order.sheet));
    let signed_by = signed_by.ok_or_else(|| BackupError::Signature(String::new()))?;
    let file = File::open(&order.file).map_err(BackupError::File)?;
    let state = &order.state;
    own_directory(state)?;
    host::private_directory(state)?;
    let lock = StateLock::take(state)?;
    clear(state)?;
    let draft = state.join(DRAFT);
    host::private_directory(&draft)?;
    sync(state)?;
    crash::point("restore.begun");
    let restored = match unpacked(file, &key, &signed_by, &draft, now).await {
        Ok(restored) => restored,
        Err(error) => {
            // The master key is in it.
            fs::remove_dir_all(&draft).map_err(BackupError::File)?;
            return Err(error);
        }
    };
    place(&restored.manifest, &draft, state)?;
    drop(lock);
    Ok(restored)
}

/// An empty directory, or one in which a restoring was cut short; of that, what it left is removed.
fn clear(state: &Path) -> Result<(), StartError> {
    let begun = unfinished(state);
    let mut left = Vec::new();
    for entry in fs::read_dir(state).map_err(BackupError::File)? {
        let name = entry.map_err(BackupError::File)?.file_name();
        let name = name.to_string_lossy().into_owned();
        match name.as_str() {
            DRAFT | "lost+found" => {}
            DATABASE | MASTER_KEY if begun => left.push(name),
            name if begun && backup::SMALL_FILES.contains(&name) => left.push(name.to_owned()),
            _ => return Err(Code::RestoreNotEmpty.into()),
        }
    }
    for name in left {
        fs::remove_file(state.join(name)).map_err(BackupError::File)?;
    }
    if begun {
        fs::remove_dir_all(state.join(DRAFT)).map_err(BackupError::File)?;
    }
    Ok(())
}

async fn unpacked(
    file: File,
    key: &RecoveryKey,
    signed_by: &BoxKey,
    draft: &Path,
    now: Timestamp,
) -> Result<Restored, StartError> {
    let manifest = backup::unpack(file, key, signed_by, draft)?;
    crash::point("restore.unpacked");
    let database = draft.join(DATABASE);
    let keys = KeyFile::new(draft.join(MASTER_KEY), false, None).read()?;
    let sealed = store::fact_of(&database, BOX_SECRET).await?.and_then(|text| STANDARD.decode(text).ok());
    let secret = keys.box_secret(&sealed.ok_or(SealError::Damaged)?)?;
    if Signer::of(&secret)?.public() != *signed_by {
        return Err(BackupError::Unusable("its keys are not those of the box that signed it").into());
    }
    let epoch = manifest.epoch.saturating_add(1).max(u64::try_from(now.as_second()).unwrap_or(0));
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let facts = vec![
        fact(EPOCH, epoch.to_string()),
        fact(BARRED, Code::RestoredUnconfirmed.name().to_owned()),
        fact(RESTORED_OF, manifest.made_at.to_string()),
    ];
    let record = Draft::local(&manifest.facility, "backup.restored").done(now, format!("epoch:{epoch}")).to_line();
    let (made_at, now, record) = (manifest.made_at.as_millisecond(), now.as_millisecond(), Some(record));
    let restart = Restart { facts, made_at, now, record };
    let asked = store::restart(&database, &restart).await?;
    sync(&database)?;
    sync(draft)?;
    crash::point("restore.changed");
    Ok(Restored { manifest, epoch, asked })
}

/// The end of the draft is the moment from which on the box is there.
fn place(manifest: &Manifest, draft: &Path, state: &Path) -> Result<(), StartError> {
    for part in &manifest.parts {
        fs::rename(draft.join(&part.name), state.join(&part.name)).map_err(BackupError::File)?;
        crash::point("restore.one_placed");
    }
    sync(state)?;
    crash::point("restore.placed");
    fs::remove_dir_all(draft).map_err(BackupError::File)?;
    sync(state)
}

fn sync(path: &Path) -> Result<(), StartError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| BackupError::File(error).into())
}

impl From<BackupError> for StartError {
    fn from(error: BackupError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}
