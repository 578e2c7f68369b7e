//! The master keys while the gateway runs: a new one is begun, what is long-lived comes under it, and old ones are taken out.
//!
//! ```text
//!             rotate                         in the background                        retire
//!  K1 ─────────────────▶ K2 seals, K1 opens ─────────────────▶ names … under K2 ──────────────▶ K2
//!      file, then memory                     documents stay under K1 until they are forgotten
//! ```
//!
//! Invariants: nothing is sealed with a key that is not on stable storage; no key is taken out that anything in the database lies under, or
//! that something under way may still be sealed with; at whatever point the process dies, the file opens everything.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};

use crate::clock::Clock;
use crate::credential::KeyFile;
use crate::credential::seal::{Keyring, SealError};
use crate::fault::{Code, crash};
use crate::store::{KeyUse, LongLived, Rewrap, SealedNote, SetFact, Store, StoreError};
use crate::task;

/// The fact that holds the secret of the box, sealed.
pub const BOX_SECRET: &str = "box.secret";
/// The fact that names the key that sealed when somebody last looked.
const FIRST: &str = "master_key.first";
/// For so long after a rotation something that was begun before may still come in under the old key; no request takes longer.
pub const SETTLING: Duration = Duration::from_secs(3_600);

/// Why master keys could not be changed or looked at.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file, or the token.
    #[error("the master keys' file")]
    Seal(#[from] SealError),
    /// Every old key is needed.
    #[error("every old master key is needed")]
    Needed,
    /// The store failed.
    #[error("the store")]
    Store(#[from] StoreError),
    /// The process ends.
    #[error("interrupted")]
    Interrupted,
}

impl MasterKeyError {
    /// The catalogue's code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Seal(error) => error.code(),
            Self::Needed => Code::MasterKeyNeeded,
            Self::Store(error) => error.code(),
            Self::Interrupted => Code::GatewayStopping,
        }
    }
}

/// What a note is bound to, so that it opens nowhere else; `None` where that is not known here.
pub type Binding = Arc<dyn Fn(LongLived, &SealedNote) -> Option<[u8; 16]> + Send + Sync>;

/// The master keys of an opened state directory; cheap to clone.
#[derive(Clone)]
pub struct MasterKeys(Arc<Inner>);

struct Inner {
    store: Store,
    ring: Arc<Keyring>,
    file: KeyFile,
    retention: Duration,
    binding: Binding,
    clock: Clock,
    /// One change at a time; since when, by the monotonic clock, the present key seals, if that began in this process.
    turn: Mutex<Option<Duration>>,
    rotated: Notify,
}

/// How it stands with the master keys.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Where they are kept.
    pub path: String,
    /// `token`, `credential` or `file`.
    pub source: &'static str,
    /// The keys, the one that seals first.
    pub keys: Vec<KeyStanding>,
}

/// How it stands with one master key.
#[derive(Clone, Debug)]
pub struct KeyStanding {
    /// Its id, which tells nothing of it.
    pub id: String,
    /// Whether it seals.
    pub seals: bool,
    /// Documents that lie under it.
    pub documents: u64,
    /// Other sealed records that lie under it.
    pub records: u64,
    /// When the retention of the last of them ends; `None` when nothing is under it, or something has not ended yet.
    pub needed_until: Option<Timestamp>,
    /// Whether nothing needs it.
    pub unneeded: bool,
}

impl MasterKeys {
    /// The keys of `ring`, kept in `file`, over `store`; documents are kept for `retention`.
    #[must_use]
    pub fn new(
        (store, ring): (Store, Arc<Keyring>),
        file: KeyFile,
        retention: Duration,
        binding: Binding,
        clock: Clock,
    ) -> Self {
        let (turn, rotated) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { store, ring, file, retention, binding, clock, turn, rotated }))
    }

    /// Begins a new key: it seals from here on. Returns its id, for the record of the act.
    ///
    /// # Errors
    /// [`MasterKeyError::Seal`] where the file cannot be written, and nothing has changed then.
    pub async fn rotate(&self) -> Result<String, MasterKeyError> {
        let mut turn = self.0.turn.lock().await;
        let fresh = self.on_file(Keyring::with_fresh).await?;
        self.0.ring.take(&fresh);
        *turn = Some(self.0.clock.elapsed());
        crash::point("master_key.taken");
        let id = fresh.ids().swap_remove(0);
        tracing::info!(key = %id, "master key: another one seals");
        self.0.rotated.notify_one();
        Ok(id)
    }

    /// Takes out every old key that nothing needs. Returns the ids.
    ///
    /// # Errors
    /// [`MasterKeyError::Needed`] when there are old ones and all are needed; [`MasterKeyError::Seal`], [`MasterKeyError::Store`].
    pub async fn retire(&self) -> Result<Vec<String>, MasterKeyError> {
        let turn = self.0.turn.lock().await;
        let keys = self.keys(*turn).await?;
        let (old, needed): (Vec<_>, Vec<_>) = keys.into_iter().skip(1).partition(|key| key.unneeded);
        let old: Vec<String> = old.into_iter().map(|key| key.id).collect();
        if old.is_empty() {
            return if needed.is_empty() { Ok(old) } else { Err(MasterKeyError::Needed) };
        }
        let without = old.clone();
        let left = self.on_file(move |keys| Ok(keys.without(&without))).await?;
        self.0.ring.take(&left);
        tracing::info!(keys = old.join(" "), "master key: old ones are taken out");
        Ok(old)
    }

    /// Reads the file again: an operator may have put a key into it where this process may not write. Tells whether another key seals.
    /// Keys that are not in it any more stay until the next start.
    ///
    /// # Errors
    /// [`MasterKeyError::Seal`]; then everything is as it was.
    pub async fn reread(&self) -> Result<bool, MasterKeyError> {
        let mut turn = self.0.turn.lock().await;
        // A wrapped file would ask for the token; it is changed by this process alone.
        if self.0.file.is_wrapped() {
            return Ok(false);
        }
        let file = self.0.file.clone();
        let read = task::aside(move || file.read()).await.map_err(|_| MasterKeyError::Interrupted)??;
        let other = read.ids().first() != self.0.ring.ids().first();
        self.0.ring.take(&read.and(&self.0.ring));
        if other {
            *turn = Some(self.0.clock.elapsed());
            self.0.rotated.notify_one();
        }
        Ok(other)
    }

    /// How it stands. Looks at every row of the database.
    ///
    /// # Errors
    /// [`MasterKeyError::Store`].
    pub async fn standing(&self) -> Result<Standing, MasterKeyError> {
        let turn = self.0.turn.lock().await;
        let file = &self.0.file;
        let source = match (file.is_wrapped(), file.is_given()) {
            (true, _) => "token",
            (false, true) => "credential",
            (false, false) => "file",
        };
        Ok(Standing { path: file.path().display().to_string(), source, keys: self.keys(*turn).await? })
    }

    /// Whether another key seals than when that was last noted; notes it. For whoever records what was done by hand.
    ///
    /// # Errors
    /// [`MasterKeyError::Store`].
    pub async fn begun(&self) -> Result<Option<String>, MasterKeyError> {
        let _turn = self.0.turn.lock().await;
        let Some(first) = self.0.ring.ids().into_iter().next() else { return Ok(None) };
        let known = self.0.store.fact(FIRST).await?;
        if known.as_ref() == Some(&first) {
            return Ok(None);
        }
        self.note(&first).await?;
        Ok(known.map(|_| first))
    }

    /// Brings what is long-lived under the present key, now and after every rotation, until dropped.
    pub async fn keep(self) {
        loop {
            let rotated = self.0.rotated.notified();
            let done = self.rewrap().await;
            // After the record of who asked for it: what dies in between is recorded twice rather than never.
            if let Err(error) = self.begun().await {
                tracing::warn!(%error, code = %error.code(), "master key: which one seals could not be noted");
            }
            crash::point("master_key.noted");
            match done {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "master key: what is long-lived lies under the present one"),
                Err(error) => {
                    tracing::warn!(%error, code = %error.code(), "master key: what is long-lived stays under old ones");
                }
            }
            rotated.await;
        }
    }

    /// Brings what is long-lived under the present key, each in a transaction of its own. Returns how many were.
    ///
    /// # Errors
    /// [`MasterKeyError::Store`], [`MasterKeyError::Seal`] when the secret of the box does not open.
    pub async fn rewrap(&self) -> Result<u64, MasterKeyError> {
        let mut count = u64::from(self.rewrap_box_secret().await?);
        for column in LongLived::ALL {
            let mut skip = 0;
            loop {
                let Some(current) = self.0.ring.ids().into_iter().next() else { return Ok(count) };
                let notes = self.0.store.under_other_keys(column, &current, skip).await?;
                if notes.is_empty() {
                    break;
                }
                for note in notes {
                    match self.rewrapped(column, &note) {
                        Some(sealed) => {
                            self.0.store.write(Rewrap { column, note, sealed }).await?;
                            crash::point("master_key.rewrapped");
                            count += 1;
                        }
                        // What does not open stays as it is, and its key is needed.
                        None => skip += 1,
                    }
                }
            }
        }
        Ok(count)
    }

    fn rewrapped(&self, column: LongLived, note: &SealedNote) -> Option<Vec<u8>> {
        let document = (self.0.binding)(column, note)?;
        let text = self.0.ring.open_note(document, &note.sealed).ok()?;
        self.0.ring.seal_note(document, &text).ok()
    }

    async fn rewrap_box_secret(&self) -> Result<bool, MasterKeyError> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let Some(known) = self.0.store.fact(BOX_SECRET).await? else { return Ok(false) };
        let known = STANDARD.decode(known).map_err(|_| SealError::Damaged)?;
        if self.0.ring.is_current(&known) {
            return Ok(false);
        }
        let sealed = self.0.ring.box_secret_anew(&known)?;
        self.0.store.write(SetFact { name: BOX_SECRET.to_owned(), value: STANDARD.encode(sealed) }).await?;
        crash::point("master_key.rewrapped");
        Ok(true)
    }

    /// Changes the keys in the file; what somebody else put into it stays.
    async fn on_file(
        &self,
        change: impl FnOnce(&Keyring) -> Result<Keyring, SealError> + Send + 'static,
    ) -> Result<Keyring, MasterKeyError> {
        let (file, ring) = (self.0.file.clone(), self.0.ring.copy());
        let changed = task::aside(move || {
            let known = if file.is_wrapped() { ring } else { ring.and(&file.read()?) };
            let keys = change(&known)?;
            file.replace(&keys)?;
            Ok::<_, SealError>(keys)
        });
        Ok(changed.await.map_err(|_| MasterKeyError::Interrupted)??)
    }

    async fn note(&self, first: &str) -> Result<(), StoreError> {
        self.0.store.write(SetFact { name: FIRST.to_owned(), value: first.to_owned() }).await
    }

    async fn keys(&self, since: Option<Duration>) -> Result<Vec<KeyStanding>, MasterKeyError> {
        let settled = since.is_none_or(|since| self.0.clock.elapsed().saturating_sub(since) >= SETTLING);
        let uses = self.0.store.key_uses().await?;
        let secret = self.box_secret_key().await?;
        let ids = self.0.ring.ids();
        let standing = ids.into_iter().enumerate().map(|(place, id)| {
            let mut used = uses.iter().find(|used| used.key_id == id).cloned().unwrap_or_default();
            if secret.as_ref() == Some(&id) {
                used.records += 1;
                used.endless += 1;
            }
            self.of(id, place == 0, settled, &used)
        });
        Ok(standing.collect())
    }

    fn of(&self, id: String, seals: bool, settled: bool, used: &KeyUse) -> KeyStanding {
        let ended = used.ended_at.filter(|_| used.endless == 0);
        let needed_until =
            ended.and_then(|at| Timestamp::from_millisecond(at).ok()?.checked_add(self.0.retention).ok());
        KeyStanding {
            id,
            seals,
            documents: u64::try_from(used.documents).unwrap_or(0),
            records: u64::try_from(used.records).unwrap_or(0),
            needed_until,
            unneeded: !seals && settled && used.documents == 0 && used.records == 0,
        }
    }

    async fn box_secret_key(&self) -> Result<Option<String>, MasterKeyError> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let Some(known) = self.0.store.fact(BOX_SECRET).await? else { return Ok(None) };
        let known = STANDARD.decode(known).map_err(|_| SealError::Damaged)?;
        Ok(Keyring::key_id_of(&known))
    }
}
