//! The only SQL. One SQLite file holds submissions, their sealed bodies, events, keys and facts.
//!
//! Invariants: a write that returned is on stable storage (WAL, `synchronous=FULL`, one writer with group commit); the mark
//! of a change and its effect are one transaction; person data stands only in sealed columns, but for the user ids of the
//! staff at the hub; nothing is deleted before
//! its retention ends. The store knows rows, not rules: what may become of a submission is decided by the outbox.

mod changes;
mod copy;
mod error;
mod events;
mod facts;
mod folders;
mod gone;
mod hub_users;
mod keys;
mod known;
mod lull;
mod open;
mod peek;
mod pieces;
mod queues;
mod received;
mod rows;
mod sealed;
mod select;
mod staff;
mod submissions;
mod survey;
mod terminals;
mod trail;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::SqlitePool;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use changes::{ApplyChanges, ChangeRow};
pub use copy::{Restart, fact_of, restart};
pub use error::StoreError;
pub use events::{EventRow, NewEvent, tell_plan};
pub use facts::{DropFact, SetFact, fact_name};
pub use folders::{
    BeginPlacement, DropPlacement, ForgetTaken, Placed, PlacementRow, RecordTaken, TakenRow, UnplacedRow,
};
pub use gone::{ForgetTold, ShutFacility};
pub use hub_users::{
    AllAsFacility, AsFacility, HubUserSet, PasswordGiven, SentAsFacility, SetHubUser, WipeHubPasswords,
};
pub use keys::{AddKey, KeyRow, RevokeKey, TouchKey};
pub use lull::{LONGEST as LONGEST_LULL, Look, Lull};
pub use peek::{Asked, Peek, Unseen, Waiting, peek};
pub use pieces::{DropSpool, PutPiece};
pub use received::{
    Acknowledged, Announce, KeepUnit, NewArrival, NewUnitBody, OpenUnit, PostponeUnit, PruneReceived, ReceivedFilter,
    ReceivedRow, UnitGone,
};
pub use rows::{Columns, NewSubmission, Row};
pub use sealed::{KeyUse, LongLived, Rewrap, SealedNote};
pub use select::{Head, ListFilter, Ripe};
pub use staff::{
    AddStaff, Added, BeginSession, ChangeStaff, EndSession, SessionRow, SetPassword, StaffRow, TouchSession,
};
pub use submissions::{Accept, AcceptBatch, Accepted, Prune, Reseal, Rule, Transit, Verdict};
pub use survey::{KnownPerson, KnownWords, Survey, Tally, known_words, survey};
pub use terminals::{
    OpenPairing, Paired, PairingRow, RenewTerminal, RenewedAs, ReopenTerminal, RevokeTerminal, ShutPairing,
    TerminalRow, TouchTerminal, UsePairing, WrongCode,
};
pub use trail::{AppendTrail, ArrivedRow, Forgotten, SentRow, ToldEvent, TrailLine, TrailReader, TrailRow};
pub use writer::{Write, Writer, WriterStatus};

use crate::clock::Clock;

/// The database of one box.
#[derive(Clone, Debug)]
pub struct Store {
    file: PathBuf,
    readers: SqlitePool,
    writer: Writer,
    known: Arc<known::Known>,
    newest_event: watch::Receiver<i64>,
}

/// Told the size of and the time taken by each committed group.
pub type CommitObserver = Arc<dyn Fn(usize, Duration) + Send + Sync>;

/// What keeps running behind a [`Store`]; awaited at shutdown, after the last clone of the store is gone.
pub struct StoreTask(JoinHandle<()>);

impl StoreTask {
    /// Waits until the writer has committed what it was given and closed the database.
    pub async fn finished(self) {
        let _ = self.0.await;
    }
}

impl Store {
    /// Opens or creates `engawa.db` in `directory`.
    ///
    /// # Errors
    /// [`StoreError`] with the cause: read-only, full, broken, or written by a newer engawa.
    pub async fn open(
        directory: &Path,
        clock: Clock,
        observer: CommitObserver,
    ) -> Result<(Self, StoreTask), StoreError> {
        let opened = Self::open_file(&directory.join("engawa.db"), clock, observer).await;
        opened.map_err(|error| error.told_apart(directory))
    }

    async fn open_file(file: &Path, clock: Clock, observer: CommitObserver) -> Result<(Self, StoreTask), StoreError> {
        let mut connection = open::writer(file).await?;
        let newest = events::newest(&mut connection).await?;
        let readers = open::readers(file).await?;
        let (announce, newest_event) = watch::channel(newest);
        let known = Arc::new(known::Known::new(clock.clone()));
        let (writer, task) = Writer::start(file.to_owned(), connection, clock, observer, announce);
        let file = file.to_owned();
        Ok((Self { file, readers, writer, known, newest_event }, StoreTask(task)))
    }

    /// Applies a change; returns once it is on stable storage.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was changed.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        self.writer.write(write).await
    }

    /// Hands over a change that nobody waits for and that may be lost.
    pub fn write_later<W: Write>(&self, write: W) {
        self.writer.write_later(write);
    }

    /// Takes what was deleted out of the log beside the database too: its old frames hold what was there before. True when nothing
    /// of it is left; a reader may be in the way, and then it is to be tried again later.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be folded in.
    pub async fn forget_log(&self) -> Result<bool, StoreError> {
        let mut connection = open::again(&self.file).await?;
        let folded = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await;
        let _ = connection.close().await;
        let (busy, _, _): (i64, i64, i64) = folded?;
        Ok(busy == 0)
    }

    /// How the writer does.
    #[must_use]
    pub fn writer_status(&self) -> WriterStatus {
        self.writer.status()
    }

    /// Groups committed since the start: while it stands still, every answer holds.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Sequence number of the newest committed event; it changes when there is something new to read.
    #[must_use]
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest_event.clone()
    }

    /// Closes the readers. The writer ends when the last clone of the store is dropped.
    pub async fn close(self) {
        self.readers.close().await;
    }
}
