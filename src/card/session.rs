//! One terminal's session, and what can be done with the card in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Inner;
use super::broker;
use super::channel::{Attempt, CalledOff, Channel, ChannelError, Gate};
use super::driver::{Job, Progress};
use super::error::CardError;
use super::filter::Batch;
use super::jpki::{self, CardKind, Counters, HolderCertificate, Signed};
use super::machine::{Finish, Refusal, SessionId, SessionSnapshot, Terminal, Ticket};
use super::pin::{IdentityPin, ProfilePin};
use super::profile::{self, BasicFour};
use crate::task;
use crate::telemetry::Metric;

/// A terminal's hold on its session. Dropping it ends nothing.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    terminal: Terminal,
    id: SessionId,
}

/// What the work of an operation is given.
struct Given<'a> {
    channel: &'a mut dyn Channel,
    attempt: Attempt,
    known: Option<[u8; 32]>,
}

/// What an operation brings back, and which card it was by its own word.
type Brought<T> = Result<(T, Option<[u8; 32]>), CardError>;

impl Session {
    pub(super) fn find(inner: Arc<Inner>, terminal: &Terminal, id: SessionId) -> Result<Self, CardError> {
        let there = inner.machine().session(id, terminal, inner.clock.elapsed()).is_some();
        let session = Self { inner, terminal: terminal.clone(), id };
        if there { Ok(session) } else { Err(CardError::Refused(Refusal::Unknown)) }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The session as it stands. Asking is a sign of life.
    ///
    /// # Errors
    /// `SESSION_UNKNOWN` when it has been forgotten.
    pub fn view(&self) -> Result<SessionSnapshot, CardError> {
        self.inner.with(|machine, now| {
            let _ = machine.heartbeat(self.id, &self.terminal, now);
            machine.session(self.id, &self.terminal, now).ok_or(CardError::Refused(Refusal::Unknown))
        })
    }

    /// A sign of life.
    ///
    /// # Errors
    /// `SESSION_ENDED`, `CARD_REMOVED`, `SESSION_UNKNOWN`.
    pub fn heartbeat(&self) -> Result<(), CardError> {
        self.inner.with(|machine, now| machine.heartbeat(self.id, &self.terminal, now)).map_err(CardError::Refused)
    }

    /// Ends it. What is under way on the card finishes before another terminal gets the reader.
    ///
    /// # Errors
    /// `SESSION_UNKNOWN`.
    pub fn close(&self) -> Result<(), CardError> {
        self.inner.with(|machine, now| machine.close(self.id, &self.terminal, now)).map_err(CardError::Refused)
    }

    /// The kind of card and its certificate, where it can be read without a PIN (not on telephones).
    ///
    /// # Errors
    /// As [`CardError`] says.
    pub async fn certificate(&self) -> Result<(CardKind, Option<HolderCertificate>), CardError> {
        self.reserve()?.certificate().await
    }

    /// Takes the reader for the one operation that follows, before anything else is asked for it: no second one begins, and
    /// the session does not end by itself, until it is used or dropped. The reader is not touched by this.
    ///
    /// # Errors
    /// `SESSION_BUSY`, `SESSION_WAITING`, `SESSION_ENDED`, `CARD_REMOVED`, `READER_DEGRADED` and its kin, `SESSION_UNKNOWN`.
    pub fn reserve(&self) -> Result<Reserved, CardError> {
        let ticket = self.inner.with(|machine, now| machine.reserve(self.id, &self.terminal, now));
        let ticket = ticket.map_err(CardError::Refused)?;
        Ok(Reserved { inner: self.inner.clone(), ticket: Some(ticket) })
    }

    /// Tries left. Costs none.
    ///
    /// # Errors
    /// As [`CardError`] says.
    pub async fn counters(&self) -> Result<Counters, CardError> {
        self.reserve()?.operate("counters", |given| Ok((jpki::counters(given.channel)?, None))).await
    }

    /// Signs the hub's challenge with the holder's PIN, in one transaction. Sends the PIN at most once; [`CardError::spent`]
    /// tells what a failure has cost. `confirm_low_tries` says that the caller knows how few tries are left.
    ///
    /// # Errors
    /// As [`CardError`] says.
    pub async fn sign(
        &self,
        pin: IdentityPin,
        challenge: Vec<u8>,
        confirm_low_tries: bool,
    ) -> Result<Signed, CardError> {
        self.reserve()?.sign(pin, challenge, confirm_low_tries).await
    }

    /// Reads the four items with the application's own PIN. Sends it at most once.
    ///
    /// # Errors
    /// As [`CardError`] says.
    pub async fn basic_four(&self, pin: ProfilePin, confirm_low_tries: bool) -> Result<BasicFour, CardError> {
        let floor = self.inner.floor(confirm_low_tries);
        let work = move |given: Given<'_>| {
            // Nobody's items are told for another's, and whoever signs later in this session is the one they were read of.
            let found = whose(given.channel)?;
            same_card(given.known, found)?;
            Ok((profile::basic_four(given.channel, given.attempt, pin, floor)?, found))
        };
        self.reserve()?.operate("basic_four", work).await
    }

    /// Sends a batch of a vendor's card application, in one transaction, through the filter.
    ///
    /// # Errors
    /// `APDU_REFUSED` before anything is sent; otherwise as [`CardError`] says.
    pub async fn apdu(&self, commands: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, CardError> {
        let batch = Batch::check(commands)?;
        self.reserve()?.operate("apdu", |given| Ok((batch.send(given.channel)?, None))).await
    }
}

/// The reader, taken for one operation. Dropped unused, it is given back.
pub struct Reserved {
    inner: Arc<Inner>,
    /// Gone once it was used.
    ticket: Option<Ticket>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            give_back(&self.inner, ticket, Finish::Sound(None));
        }
    }
}

impl Reserved {
    /// As [`Session::certificate`].
    ///
    /// # Errors
    /// As [`CardError`] says; when the session has ended meanwhile, before the card is touched.
    pub async fn certificate(self) -> Result<(CardKind, Option<HolderCertificate>), CardError> {
        let work = |given: Given<'_>| {
            let kind = jpki::open(given.channel)?;
            let certificate = jpki::free_certificate(given.channel)?;
            let identity = certificate.as_ref().map(HolderCertificate::identity);
            same_card(given.known, identity)?;
            Ok(((kind, certificate), identity))
        };
        self.operate("certificate", work).await
    }

    /// As [`Session::sign`].
    ///
    /// # Errors
    /// As [`CardError`] says; when the session has ended meanwhile, before the card is touched.
    pub async fn sign(
        self,
        pin: IdentityPin,
        challenge: Vec<u8>,
        confirm_low_tries: bool,
    ) -> Result<Signed, CardError> {
        let (floor, now) = (self.inner.floor(confirm_low_tries), self.inner.today());
        let work = move |given: Given<'_>| {
            let signed = jpki::identify(given.channel, given.attempt, pin, floor, &challenge, given.known, now)?;
            let identity = signed.certificate.identity();
            Ok((signed, Some(identity)))
        };
        self.operate("sign", work).await
    }

    /// Does `work` on the card. It runs to its end even if the caller goes away.
    async fn operate<T, W>(mut self, operation: &'static str, work: W) -> Result<T, CardError>
    where
        T: Send + 'static,
        W: FnOnce(Given<'_>) -> Brought<T> + Send + 'static,
    {
        // Where it is refused, dropping this gives the ticket back.
        let touched = |ticket: &Ticket| self.inner.with(|machine, _| machine.touch(ticket));
        self.ticket.as_ref().map_or(Err(Refusal::Unknown), touched).map_err(CardError::Refused)?;
        let Some(ticket) = self.ticket.take() else { return Err(CardError::Refused(Refusal::Unknown)) };
        let (answer, answered) = oneshot::channel();
        task::spawn(conduct(self.inner.clone(), operation, ticket, work, answer));
        // Nobody answers when the work has panicked, and then a PIN may have gone out.
        answered.await.unwrap_or(Err(CardError::OutcomeUnknown))
    }
}

/// Whose card lies there, where it tells that without a PIN.
fn whose(channel: &mut dyn Channel) -> Result<Option<[u8; 32]>, CardError> {
    let certificate = match jpki::open(channel) {
        Ok(_) => jpki::free_certificate(channel),
        Err(error) => Err(error),
    };
    match certificate {
        Ok(certificate) => Ok(certificate.map(|certificate| certificate.identity())),
        Err(CardError::Unsupported) => Ok(None),
        Err(error) => Err(error),
    }
}

fn same_card(known: Option<[u8; 32]>, found: Option<[u8; 32]>) -> Result<(), CardError> {
    match (known, found) {
        (Some(known), Some(found)) if known != found => Err(CardError::Exchanged),
        _ => Ok(()),
    }
}

async fn conduct<T, W>(
    inner: Arc<Inner>,
    operation: &'static str,
    ticket: Ticket,
    work: W,
    answer: oneshot::Sender<Result<T, CardError>>,
) where
    T: Send + 'static,
    W: FnOnce(Given<'_>) -> Brought<T> + Send + 'static,
{
    let (gate, progress, begun) = (Gate::default(), Progress::default(), inner.clock.elapsed());
    let (done, mut brought) = oneshot::channel();
    let (attempt, known) = (gate.attempt(), ticket.identity);
    let job = Job {
        gate: gate.clone(),
        progress: progress.clone(),
        work: Box::new(move |channel| {
            let result = match channel {
                Ok(channel) => work(Given { channel, attempt, known }),
                Err(error) => Err(error.into()),
            };
            let _ = done.send(result);
        }),
    };
    let result = match inner.driver.submit(&ticket.reader, job) {
        Ok(()) => wait(&inner, &gate, &progress, &mut brought).await,
        Err(error) => Some(Err(error.into())),
    };
    if let Some(result) = result {
        tell(&inner, operation, begun, result.as_ref().err());
        finish(&inner, ticket, &result);
        let _ = answer.send(result.map(|(value, _)| value));
        return;
    }
    // It is stuck. The caller is told; the reader stays out of use until its thread comes back.
    let found = gate.call_off();
    let trouble = inner.with(|machine, now| {
        machine.give_up(&ticket, progress.trouble(), now);
        machine.service().unwrap_or_else(|| progress.trouble())
    });
    // The stop waits for nobody who is told.
    inner.finished.notify_waiters();
    broker::measure(&inner);
    let stopping = *inner.over.borrow();
    tracing::warn!(operation, ?trouble, stopping, "a card operation is stuck");
    let error = match CardError::called_off(found, trouble) {
        CardError::Stuck(_) if stopping => CardError::Closed,
        error => error,
    };
    tell(&inner, operation, begun, Some(&error));
    let _ = answer.send(Err(error));
    let late = brought.await.unwrap_or(Err(CardError::Channel(ChannelError::Protocol)));
    tracing::info!(operation, "a stuck card operation came back");
    let late = if found == CalledOff::DuringPin { Err(CardError::OutcomeUnknown) } else { late };
    // In this order: until the lease is given back, nobody is given the reader.
    let (how, reader) = (how(&late), ticket.reader.clone());
    inner.with(|machine, now| {
        machine.finish(ticket, how, now);
        machine.recover(&reader, now);
    });
    inner.finished.notify_waiters();
    broker::measure(&inner);
}

/// What the job brings back, if it does so in time.
async fn wait<T>(
    inner: &Inner,
    gate: &Gate,
    progress: &Progress,
    brought: &mut oneshot::Receiver<Brought<T>>,
) -> Option<Brought<T>> {
    let (connect, whole) = (inner.config.connect_limit, inner.config.operation_limit);
    let mut over = inner.over.subscribe();
    let mut within = async |limit| {
        tokio::select! {
            biased;
            result = &mut *brought => Some(result),
            () = tokio::time::sleep(limit) => None,
            _ = over.wait_for(|over| *over) => None,
        }
    };
    let mut result = within(connect).await;
    if result.is_none() && progress.talks() {
        result = within(whole.saturating_sub(connect)).await;
    }
    // A thread that died has dropped the job.
    let died = || match gate.call_off() {
        CalledOff::DuringPin => CardError::OutcomeUnknown,
        CalledOff::BeforePin | CalledOff::AfterPin => CardError::Channel(ChannelError::Protocol),
    };
    result.map(|result| result.unwrap_or_else(|_| Err(died())))
}

fn finish<T>(inner: &Inner, ticket: Ticket, result: &Brought<T>) {
    give_back(inner, ticket, how(result));
}

fn how<T>(result: &Brought<T>) -> Finish {
    match result {
        Ok((_, identity)) => Finish::Sound(*identity),
        Err(error) if error.card_lost() => Finish::CardLost,
        Err(_) => Finish::Sound(None),
    }
}

fn give_back(inner: &Inner, ticket: Ticket, how: Finish) {
    inner.with(|machine, now| machine.finish(ticket, how, now));
    inner.finished.notify_waiters();
}

fn tell(inner: &Inner, operation: &'static str, begun: Duration, error: Option<&CardError>) {
    let took = inner.clock.elapsed().saturating_sub(begun);
    let code = error.map_or("OK", |error| error.code().name());
    Metric::CardOperations.count(&[("operation", operation), ("code", code)]);
    Metric::CardSeconds.record(&[("operation", operation)], took.as_secs_f64());
    if let Some(error) = error {
        tracing::warn!(operation, code, %error, "a card operation failed");
    }
}
