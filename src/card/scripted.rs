//! A driver without readers: a test puts readers and cards there, and decides what becomes of each job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::channel::{Channel, ChannelError, Gate};
use super::driver::{Driver, Job, Report};
use super::machine::{CardState, ReaderName};
use crate::task;

/// A card of a test's own.
pub type Card = Arc<Mutex<dyn Channel + Send>>;

/// The driver; clones are the same one.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    reports: Option<mpsc::Sender<Report>>,
    /// What was reported before anybody listened.
    early: Vec<Report>,
    readers: BTreeMap<ReaderName, Option<Card>>,
    held: BTreeSet<ReaderName>,
    waiting: Vec<(ReaderName, Job)>,
    silent_since: Option<Duration>,
}

impl Scripted {
    /// Readers appear and vanish; cards of those that stay lie where they are.
    pub fn readers(&self, names: &[&str]) {
        let names: BTreeSet<ReaderName> = names.iter().map(|name| ReaderName((*name).to_owned())).collect();
        let mut state = self.state();
        state.readers.retain(|name, _| names.contains(name));
        for name in &names {
            state.readers.entry(name.clone()).or_insert(None);
        }
        state.report(Report::Readers(names));
    }

    /// A card is put on a reader, or exchanged for another.
    pub fn insert(&self, reader: &str, card: Card) {
        let reader = ReaderName(reader.to_owned());
        let mut state = self.state();
        let replaced = state.readers.insert(reader.clone(), Some(card)).flatten().is_some();
        state.report(Report::Card { reader, card: CardState::Present, replaced });
    }

    /// A card is taken away.
    pub fn remove(&self, reader: &str) {
        let reader = ReaderName(reader.to_owned());
        let mut state = self.state();
        state.readers.insert(reader.clone(), None);
        state.report(Report::Card { reader, card: CardState::Absent, replaced: false });
    }

    /// The service is gone.
    pub fn down(&self) {
        self.state().report(Report::ServiceDown);
    }

    /// The service has not answered since that moment; `None` when it does.
    pub fn silent_since(&self, moment: Option<Duration>) {
        self.state().silent_since = moment;
    }

    /// Another program holds the reader: jobs wait.
    pub fn hold(&self, reader: &str) {
        self.state().held.insert(ReaderName(reader.to_owned()));
    }

    /// The other program lets go: the jobs that waited run.
    pub fn let_go(&self, reader: &str) {
        let reader = ReaderName(reader.to_owned());
        let mut state = self.state();
        state.held.remove(&reader);
        let (run, keep) = std::mem::take(&mut state.waiting).into_iter().partition(|(name, _)| *name == reader);
        state.waiting = keep;
        drop(state);
        let run: Vec<(ReaderName, Job)> = run;
        for (name, job) in run {
            self.run(&name, job);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, reader: &ReaderName, job: Job) {
        let card = self.state().readers.get(reader).cloned().flatten();
        let Job { gate, progress, work } = job;
        let Some(card) = card else { return work(Err(ChannelError::NoCard)) };
        progress.talking();
        let mut card = card.lock().unwrap_or_else(PoisonError::into_inner);
        work(Ok(&mut Gated { card: &mut *card, gate }));
    }
}

impl State {
    fn report(&mut self, report: Report) {
        match &self.reports {
            // A test that reports more than the room takes in has lost its way; what is dropped shows.
            Some(reports) => drop(reports.try_send(report)),
            None => self.early.push(report),
        }
    }
}

/// What the real channel does before each command.
struct Gated<'a> {
    card: &'a mut (dyn Channel + Send),
    gate: Gate,
}

impl Channel for Gated<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        if self.gate.open() { self.card.transmit(command) } else { Err(ChannelError::CalledOff) }
    }
}

impl Driver for Scripted {
    fn watch(&self, reports: mpsc::Sender<Report>) {
        let mut state = self.state();
        for report in std::mem::take(&mut state.early) {
            let _ = reports.try_send(report);
        }
        state.reports = Some(reports);
    }

    fn submit(&self, reader: &ReaderName, job: Job) -> Result<(), ChannelError> {
        let mut state = self.state();
        if !state.readers.contains_key(reader) {
            return Err(ChannelError::ReaderGone);
        }
        if state.held.contains(reader) {
            state.waiting.push((reader.clone(), job));
            return Ok(());
        }
        drop(state);
        // As with the real one, the job may block: not on the caller's thread.
        let (driver, reader) = (self.clone(), reader.clone());
        drop(task::aside(move || driver.run(&reader, job)));
        Ok(())
    }

    fn last_answer(&self) -> Duration {
        self.state().silent_since.unwrap_or(Duration::MAX)
    }

    fn stuck(&self) -> usize {
        self.state().waiting.len()
    }

    fn stop(&self) {
        self.state().reports = None;
    }
}
