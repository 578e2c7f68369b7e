//! One reader's thread: its own context, one connection and one transaction a job.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;

use pcsc::{Card, Context, Disposition, Error, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode, Transaction};
use zeroize::{Zeroize, Zeroizing};

use super::trouble;
use crate::card::channel::{Channel, ChannelError, Gate};
use crate::card::driver::{Job, Progress};
use crate::card::machine::ReaderName;

/// How often a transaction is begun anew because another program reset the card; nothing has been sent then.
const BEGINNINGS: usize = 3;

/// Takes jobs until the driver lets go.
pub(super) fn run(reader: &ReaderName, jobs: &Receiver<Job>) {
    let Ok(name) = CString::new(reader.0.as_str()) else { return };
    let mut desk = Desk { name, context: None };
    while let Ok(job) = jobs.recv() {
        desk.do_job(job);
    }
}

struct Desk {
    name: CString,
    context: Option<Context>,
}

impl Desk {
    fn do_job(&mut self, job: Job) {
        let Job { gate, progress, work } = job;
        // It has been called off while it waited.
        if !gate.open() {
            return work(Err(ChannelError::CalledOff));
        }
        // The PC/SC crate panics at errors it does not know, in some builds; no command has been sent then.
        let connected = caught(|| self.connect());
        let mut card = match connected {
            Ok(card) => card,
            Err(error) => {
                if trouble::service(error) {
                    self.context = None;
                }
                return work(Err(trouble::before(error)));
            }
        };
        let place = &mut card;
        match caught(move || begin(place)) {
            Ok(transaction) => {
                progress.talking();
                let mut channel = Wire { transaction: &transaction, gate: &gate, progress: &progress };
                // A fault of ours must not drop the card on its way out: that would reset it for everybody.
                let _ = catch_unwind(AssertUnwindSafe(|| work(Ok(&mut channel))));
                end(transaction);
            }
            Err(error) => {
                if trouble::service(error) {
                    self.context = None;
                }
                work(Err(trouble::before(error)));
            }
        }
        if !leave(card) {
            self.context = None;
        }
    }

    /// Connects; once more with a new context if the old one's pcscd has gone. Nothing has been sent to any card then.
    fn connect(&mut self) -> Result<Card, Error> {
        if let Some(context) = &self.context {
            match context.connect(&self.name, ShareMode::Shared, Protocols::ANY) {
                Err(error) if trouble::service(error) => self.context = None,
                result => return result,
            }
        }
        let context = Context::establish(Scope::System)?;
        let result = context.connect(&self.name, ShareMode::Shared, Protocols::ANY);
        self.context = Some(context);
        result
    }
}

/// What it brings; a panic is a context that is of no more use.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::InternalError))
}

fn begin(mut card: &mut Card) -> Result<Transaction<'_>, Error> {
    for _ in 1..BEGINNINGS {
        match card.transaction2() {
            Ok(transaction) => return Ok(transaction),
            Err((back, Error::ResetCard)) => {
                back.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)?;
                card = back;
            }
            Err((_, error)) => return Err(error),
        }
    }
    card.transaction()
}

fn end(transaction: Transaction<'_>) {
    // Its own drop leaves the card as well.
    drop(transaction.end(Disposition::LeaveCard));
}

/// Disconnects without touching the card; false if that could not be done.
fn leave(card: Card) -> bool {
    let Err((card, _)) = card.disconnect(Disposition::LeaveCard) else { return true };
    let Err((card, error)) = card.disconnect(Disposition::LeaveCard) else { return true };
    if trouble::service(error) {
        // No word reaches the card any more, not even the reset that dropping sends.
        drop(card);
    } else {
        tracing::warn!(%error, "a card connection could not be ended");
        std::mem::forget(card);
    }
    false
}

/// The channel over one transaction.
struct Wire<'a, 'card> {
    transaction: &'a Transaction<'card>,
    gate: &'a Gate,
    progress: &'a Progress,
}

impl Channel for Wire<'_, '_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        if !self.gate.open() {
            return Err(ChannelError::CalledOff);
        }
        self.progress.talking();
        let mut buffer = [0; MAX_BUFFER_SIZE];
        let answer = match self.transaction.transmit(command, &mut buffer) {
            Ok(answer) if answer.len() >= 2 => Ok(Zeroizing::new(answer.to_vec())),
            Ok(_) => Err(ChannelError::Lost),
            Err(error) => Err(trouble::during(error)),
        };
        buffer.zeroize();
        answer
    }
}
