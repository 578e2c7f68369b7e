//! The one writer: every change of the database passes through one task that commits all waiting changes together, so
//! that many senders share one fsync.
//!
//! A reply is given only after the commit that holds the change. When a group fails because of one member's data, each
//! member is tried alone; when it fails because of the disk, all are told so and nothing is retried. After a failure the
//! connection is opened anew: what state the old one is in (a rollback may have failed too) need not be guessed, and a disk
//! that works again is found to work.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{CommitObserver, StoreError, events, open};
use crate::fault::{Code, crash};
use crate::task;

/// Writes that may wait for the writer; a sender beyond that waits in line.
const QUEUE: usize = 512;
/// Writes committed together at most.
const GROUP: usize = 256;

/// One change of the database. It may be applied twice when its group failed, so it must not change itself.
pub trait Write: Send + Sync + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Applies the change inside the writer's transaction.
    fn apply(&self, tx: &mut SqliteConnection) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

type Applied<'c> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'c>>;

/// A [`Write`] with its caller, its type erased.
trait Job: Send {
    fn apply<'c>(&'c mut self, tx: &'c mut SqliteConnection) -> Applied<'c>;
    fn reply(self: Box<Self>, result: Result<(), StoreError>);
}

struct Pending<W: Write> {
    write: W,
    output: Option<W::Output>,
    caller: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Write> Job for Pending<W> {
    fn apply<'c>(&'c mut self, tx: &'c mut SqliteConnection) -> Applied<'c> {
        Box::pin(async move {
            self.output = Some(self.write.apply(tx).await?);
            Ok(())
        })
    }

    fn reply(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { output, caller, .. } = *self;
        let answer = result.and_then(|()| output.ok_or(StoreError::Busy));
        // A caller that has gone needs no answer; the change stands all the same.
        let _ = caller.send(answer);
    }
}

/// Health of the writer, for reports.
#[derive(Clone, Debug, Default)]
pub struct WriterStatus {
    /// Groups committed since the start.
    pub commits: u64,
    /// When the last one was.
    pub last_commit: Option<jiff::Timestamp>,
    /// Why the last group failed, if it did.
    pub failing: Option<Code>,
}

/// The way to the writer; cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    status: watch::Receiver<WriterStatus>,
}

impl Writer {
    /// Starts the writer on its own connection to `file`.
    pub(super) fn start(
        file: PathBuf,
        connection: SqliteConnection,
        clock: crate::clock::Clock,
        observer: CommitObserver,
        newest_event: watch::Sender<i64>,
    ) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (report, status) = watch::channel(WriterStatus::default());
        let task = Task { file, connection: Some(connection), jobs, report, clock, observer, newest_event };
        let handle = task::spawn(task.run());
        (Self { queue, status }, handle)
    }

    /// Applies `write` and returns once it is on stable storage.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the store is closing; otherwise why the change could not be made. Then nothing changed.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Pending { write, output: None, caller });
        self.queue.send(job).await.map_err(|_| StoreError::Busy)?;
        answer.await.map_err(|_| StoreError::Busy)?
    }

    /// Hands over a change that nobody waits for; it is dropped when the queue is full.
    pub fn write_later<W: Write>(&self, write: W) {
        let (caller, _) = oneshot::channel();
        let _ = self.queue.try_send(Box::new(Pending { write, output: None, caller }));
    }

    /// How the writer does.
    #[must_use]
    pub fn status(&self) -> WriterStatus {
        self.status.borrow().clone()
    }

    /// Groups committed since the start.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.status.borrow().commits
    }
}

struct Task {
    file: PathBuf,
    /// None after a failure, until the next change.
    connection: Option<SqliteConnection>,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    report: watch::Sender<WriterStatus>,
    clock: crate::clock::Clock,
    observer: CommitObserver,
    newest_event: watch::Sender<i64>,
}

impl Task {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        while self.jobs.recv_many(&mut group, GROUP).await > 0 {
            let size = group.len();
            let start = self.clock.elapsed();
            self.commit(std::mem::take(&mut group)).await;
            (self.observer)(size, self.clock.elapsed().saturating_sub(start));
        }
        // Folding the log into the database leaves one file behind for whoever backs it up.
        if let Some(mut connection) = self.connection {
            let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
            let _ = connection.close().await;
        }
    }

    async fn transact(&mut self, group: &mut [Box<dyn Job>]) -> Result<i64, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => open::again(&self.file).await?,
        };
        let result = transact(&mut connection, group).await;
        match result {
            Ok(_) => self.connection = Some(connection),
            Err(_) => {
                let _ = connection.close().await;
            }
        }
        result
    }

    async fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        match self.transact(&mut group).await {
            Ok(newest) => {
                crash::point("store.committed");
                let now = self.clock.now();
                self.report.send_modify(|status| {
                    status.commits += 1;
                    status.last_commit = Some(now);
                    status.failing = None;
                });
                self.newest_event.send_if_modified(|known| std::mem::replace(known, newest) != newest);
                for job in group {
                    job.reply(Ok(()));
                }
            }
            Err(StoreError::Statement(_)) if group.len() > 1 => {
                for job in group {
                    Box::pin(self.commit(vec![job])).await;
                }
            }
            Err(error) => self.fail(group, error),
        }
    }

    fn fail(&self, group: Vec<Box<dyn Job>>, error: StoreError) {
        let error = match self.file.parent() {
            Some(directory) => error.told_apart(directory),
            None => error,
        };
        let code = error.code();
        tracing::error!(code = %code, error = &error as &dyn std::error::Error, "storage: a change could not be committed");
        self.report.send_modify(|status| status.failing = Some(code));
        let mut error = Some(error);
        for job in group {
            job.reply(Err(error.take().unwrap_or(StoreError::Group(code))));
        }
    }
}

async fn transact(connection: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Result<i64, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for job in group {
        job.apply(&mut tx).await?;
    }
    let newest = events::newest(&mut tx).await?;
    crash::point("store.before_commit");
    tx.commit().await?;
    Ok(newest)
}
