//! Leases: operations, signs of life, ends, and what others see.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Machine;
use super::past::PastSession;
use super::types::{
    EndReason, Finish, Purpose, ReaderName, ReaderSnapshot, ReaderState, Refusal, SessionId, SessionSnapshot, Stage,
    Terminal, Trouble,
};

/// One session that is not over.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) terminal: Terminal,
    pub(super) wanted: Option<Vec<ReaderName>>,
    pub(super) purpose: Purpose,
    pub(super) opened: Duration,
    pub(super) seen: Duration,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Waiting {
        tag: u64,
        seq: u64,
        until: Duration,
    },
    Granted(Lease),
    /// Over for its terminal; an operation is still under way, so the reader is not free.
    Ending(Lease, EndReason),
}

#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) reader: ReaderName,
    pub(super) epoch: u64,
    pub(super) since: Duration,
    pub(super) used: Duration,
    /// Which card of the reader belongs to the session.
    pub(super) card: Option<u64>,
    /// Which card that is by its own word.
    pub(super) identity: Option<[u8; 32]>,
    pub(super) work: Work,
}

/// What becomes of the one operation that a lease may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// There is none.
    None,
    /// It is promised; the reader has not been touched.
    Reserved,
    /// It is under way, and its caller waits.
    OnCard,
    /// It is under way, and its caller was told that it was given up.
    GivenUp,
}

/// The right to one operation on one lease. It must come back through [`Machine::finish`].
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The session.
    pub session: SessionId,
    /// Its reader.
    pub reader: ReaderName,
    /// The lease's number on that reader.
    pub epoch: u64,
    /// The card the session knows, where it knows one.
    pub identity: Option<[u8; 32]>,
}

impl Record {
    pub(super) fn stage(&self) -> Stage {
        match &self.state {
            State::Waiting { .. } => Stage::Waiting,
            State::Granted(lease) => Stage::Granted(lease.reader.clone()),
            State::Ending(_, reason) => Stage::Ended(*reason),
        }
    }

    /// When it ends by itself, and why.
    fn deadline(&self, policy: &super::Policy) -> Option<(Duration, EndReason)> {
        let gone = (self.seen + policy.heartbeat, EndReason::TerminalGone);
        match &self.state {
            State::Waiting { until, .. } => Some(gone.min_by_time((*until, EndReason::WaitOver))),
            State::Granted(lease) => {
                let lifetime = (lease.since + policy.lifetime, EndReason::Lifetime);
                let idle = (lease.used + policy.idle, EndReason::Idle);
                // What is being done is no idleness, and its terminal is waiting for it.
                Some(if lease.work != Work::None { lifetime } else { gone.min_by_time(idle).min_by_time(lifetime) })
            }
            State::Ending(..) => None,
        }
    }
}

trait Earlier {
    fn min_by_time(self, other: Self) -> Self;
}

impl Earlier for (Duration, EndReason) {
    fn min_by_time(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}

impl Machine {
    /// Begins an operation on the card: [`Machine::reserve`] and [`Machine::touch`] in one.
    ///
    /// # Errors
    /// When the session is not this terminal's, has no reader, is over, or is operating.
    pub fn begin(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<Ticket, Refusal> {
        let ticket = self.reserve(id, terminal, now)?;
        // What was just promised holds.
        self.touch(&ticket)?;
        Ok(ticket)
    }

    /// Promises an operation: no second one begins, and no silence ends the lease, until the ticket comes back through
    /// [`Machine::finish`]. The reader is not touched before [`Machine::touch`].
    ///
    /// # Errors
    /// When the session is not this terminal's, has no reader, is over, or is operating.
    pub fn reserve(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<Ticket, Refusal> {
        let record = self.records.get_mut(&id).filter(|record| record.terminal == *terminal);
        let record = record.ok_or_else(|| self.past.refusal(id, terminal))?;
        let lease = match &mut record.state {
            State::Waiting { .. } => return Err(Refusal::Waiting),
            State::Ending(_, reason) => return Err(Refusal::Ended(*reason)),
            State::Granted(lease) => lease,
        };
        // An operation that is stuck is no reason to wait for it: the reader's trouble says what to do.
        if let Some(ReaderState::Degraded(trouble)) = self.readers.get(&lease.reader).map(|reader| &reader.state) {
            return Err(Refusal::Degraded(*trouble));
        }
        if lease.work != Work::None {
            return Err(Refusal::Operating);
        }
        lease.work = Work::Reserved;
        lease.used = now;
        record.seen = now;
        let (reader, epoch, identity) = (lease.reader.clone(), lease.epoch, lease.identity);
        Ok(Ticket { session: id, reader, epoch, identity })
    }

    /// The promised operation goes to the card, which is its terminal's card from here on.
    ///
    /// # Errors
    /// When the lease has ended meanwhile, or its reader cannot be used; the ticket still has to come back.
    pub fn touch(&mut self, ticket: &Ticket) -> Result<(), Refusal> {
        let record = self.records.get_mut(&ticket.session).ok_or(Refusal::Unknown)?;
        let lease = match &mut record.state {
            State::Granted(lease) if lease.epoch == ticket.epoch => lease,
            State::Ending(_, reason) => return Err(Refusal::Ended(*reason)),
            _ => return Err(Refusal::Unknown),
        };
        let reader = self.readers.get_mut(&lease.reader).ok_or(Refusal::ReaderUnknown)?;
        if let ReaderState::Degraded(trouble) = reader.state {
            return Err(Refusal::Degraded(trouble));
        }
        lease.work = Work::OnCard;
        if let Some(card) = lease.card {
            reader.worked = Some((card, record.terminal.clone()));
        }
        Ok(())
    }

    /// The caller of an operation was told that it was given up; its reader cannot be used until it has come back.
    pub fn give_up(&mut self, ticket: &Ticket, trouble: Trouble, now: Duration) {
        if let Some(Record { state: State::Granted(lease) | State::Ending(lease, _), .. }) =
            self.records.get_mut(&ticket.session)
            && lease.epoch == ticket.epoch
        {
            lease.work = Work::GivenUp;
        }
        self.degrade(&ticket.reader, trouble, now);
    }

    /// Operations that were given up and have not come back.
    #[must_use]
    pub fn stuck(&self) -> usize {
        self.works().filter(|work| *work == Work::GivenUp).count()
    }

    fn works(&self) -> impl Iterator<Item = Work> {
        self.records.values().map(|record| match &record.state {
            State::Granted(lease) | State::Ending(lease, _) => lease.work,
            State::Waiting { .. } => Work::None,
        })
    }

    /// Ends an operation, or gives an unused promise back. Frees the reader if the session has ended meanwhile.
    pub fn finish(&mut self, ticket: Ticket, how: Finish, now: Duration) {
        let (session, epoch) = (ticket.session, ticket.epoch);
        drop(ticket);
        let Some(record) = self.records.get_mut(&session) else { return };
        match &mut record.state {
            State::Granted(lease) if lease.epoch == epoch => {
                (lease.work, lease.used, record.seen) = (Work::None, now, now);
                match how {
                    Finish::Sound(identity) => lease.identity = lease.identity.or(identity),
                    Finish::CardLost => self.end(session, EndReason::CardRemoved, now),
                }
            }
            State::Ending(lease, reason) if lease.epoch == epoch => {
                let (lease, reason) = (lease.clone(), *reason);
                self.retire(session, reason, now);
                self.release(&lease, now);
            }
            _ => {}
        }
    }

    /// A sign of life.
    ///
    /// # Errors
    /// When the session is not this terminal's, or is over.
    pub fn heartbeat(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<(), Refusal> {
        let record = self.records.get_mut(&id).filter(|record| record.terminal == *terminal);
        let record = record.ok_or_else(|| self.past.refusal(id, terminal))?;
        match record.state {
            State::Ending(_, reason) => Err(Refusal::Ended(reason)),
            _ => {
                record.seen = now;
                Ok(())
            }
        }
    }

    /// Ends a session at its terminal's wish. One that is over stays so.
    ///
    /// # Errors
    /// When the session is not this terminal's.
    pub fn close(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<(), Refusal> {
        let open = self.records.get(&id).is_some_and(|record| record.terminal == *terminal);
        if open {
            self.end(id, EndReason::Closed, now);
        }
        if open || self.past.of(id, terminal).is_some() { Ok(()) } else { Err(Refusal::Unknown) }
    }

    /// Ends every session of a terminal; how many.
    pub fn end_terminal(&mut self, terminal: &Terminal, reason: EndReason, now: Duration) -> usize {
        let of_it = |record: &Record| record.terminal == *terminal;
        let its: Vec<_> =
            self.records.iter().filter(|(_, record)| of_it(record)).map(|(id, _)| (*id, reason)).collect();
        let number = its.len();
        self.end_all(its, now);
        number
    }

    /// Ends every session, and takes no more.
    pub fn close_for_good(&mut self, now: Duration) {
        self.closed = true;
        let all = self.records.keys().map(|id| (*id, EndReason::Stopping)).collect();
        self.end_all(all, now);
    }

    /// Whether an operation is under way on any card whose caller has not been told otherwise.
    #[must_use]
    pub fn operating(&self) -> bool {
        self.works().any(|work| work == Work::OnCard)
    }

    /// What is due by now. Call it at [`Machine::next_deadline`] at the latest.
    pub fn tick(&mut self, now: Duration) {
        let policy = self.policy;
        let due = |record: &Record| record.deadline(&policy).filter(|(at, _)| *at <= now).map(|(_, reason)| reason);
        let due: Vec<_> = self.records.iter().filter_map(|(id, record)| due(record).map(|why| (*id, why))).collect();
        self.end_all(due, now);
        while self.past.oldest().is_some_and(|at| at + policy.remembered <= now) {
            self.past.forget_oldest();
        }
    }

    /// When something ends by itself next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let open = self.records.values().filter_map(|record| record.deadline(&self.policy)).map(|(at, _)| at);
        open.chain(self.past.oldest().map(|at| at + self.policy.remembered)).min()
    }

    /// Ends several at a time, the waiting first, so that none of them is granted a reader on the way out.
    fn end_all(&mut self, those: Vec<(SessionId, EndReason)>, now: Duration) {
        let waits = |id: &SessionId| matches!(self.records.get(id), Some(Record { state: State::Waiting { .. }, .. }));
        let (waiting, others): (Vec<_>, Vec<_>) = those.into_iter().partition(|(id, _)| waits(id));
        for (id, reason) in waiting.into_iter().chain(others) {
            self.end(id, reason, now);
        }
    }

    pub(super) fn end(&mut self, id: SessionId, reason: EndReason, now: Duration) {
        let Some(record) = self.records.get_mut(&id) else { return };
        match &record.state {
            State::Waiting { .. } => {
                self.retire(id, reason, now);
                self.tell(id);
            }
            State::Granted(lease) if lease.work != Work::None => {
                record.state = State::Ending(lease.clone(), reason);
                self.tell(id);
            }
            State::Granted(lease) => {
                let lease = lease.clone();
                self.retire(id, reason, now);
                self.tell(id);
                self.release(&lease, now);
            }
            State::Ending(..) => {}
        }
    }

    fn retire(&mut self, id: SessionId, reason: EndReason, now: Duration) {
        if let Some(Record { terminal, purpose, opened, .. }) = self.records.remove(&id) {
            self.past.add(id, PastSession { terminal, purpose, opened, reason }, now);
        }
    }

    fn release(&mut self, lease: &Lease, now: Duration) {
        self.order.measured(now.saturating_sub(lease.since));
        if let Some(reader) = self.readers.get_mut(&lease.reader).filter(|reader| reader.epoch == lease.epoch) {
            reader.lease = None;
        }
        self.settle(now);
    }

    pub(super) fn saw_a_card(&self, id: SessionId) -> bool {
        match self.records.get(&id).map(|record| &record.state) {
            Some(State::Granted(lease) | State::Ending(lease, _)) => lease.card.is_some(),
            _ => false,
        }
    }

    /// The first card after the grant belongs to the session.
    pub(super) fn bind(&mut self, id: SessionId, reader: &ReaderName) {
        let Some(cards) = self.readers.get(reader).map(|reader| reader.cards) else { return };
        if let Some(Record { state: State::Granted(lease), .. }) = self.records.get_mut(&id) {
            lease.card = lease.card.or(Some(cards));
        }
    }

    // ---- what others see ---------------------------------------------------------------------------------------------

    /// Every reader ever seen, by name.
    #[must_use]
    pub fn readers(&self) -> Vec<ReaderSnapshot> {
        let leased = |id: &SessionId| self.records.get(id).map(|record| record.terminal.clone());
        let view = |(name, reader): (&ReaderName, &super::Reader)| ReaderSnapshot {
            name: name.clone(),
            state: reader.state.clone(),
            card: reader.card,
            since: reader.since,
            leased_by: reader.lease.as_ref().and_then(leased),
        };
        self.readers.iter().map(view).collect()
    }

    /// A session of this terminal, ended ones for a while.
    #[must_use]
    pub fn session(&self, id: SessionId, terminal: &Terminal, now: Duration) -> Option<SessionSnapshot> {
        if let Some(past) = self.past.of(id, terminal) {
            return Some(past.view(id));
        }
        let record = self.records.get(&id).filter(|record| record.terminal == *terminal)?;
        let lease = match &record.state {
            State::Granted(lease) => Some(lease),
            _ => None,
        };
        let waiting = matches!(record.state, State::Waiting { .. });
        let (position, eta) = if waiting { self.outlook(id, now) } else { (None, None) };
        let expires = record.deadline(&self.policy);
        Some(SessionSnapshot {
            id,
            purpose: record.purpose,
            stage: record.stage(),
            position,
            eta,
            expires_in: expires.map(|(at, _)| at.saturating_sub(now)),
            epoch: lease.map(|lease| lease.epoch),
            card: lease.is_some_and(|lease| lease.card.is_some()),
            card_left: lease.is_some_and(|lease| self.left_by_another(lease, terminal)),
            opened: record.opened,
        })
    }

    /// Whether the lease's card is one that another terminal has last worked on.
    fn left_by_another(&self, lease: &Lease, terminal: &Terminal) -> bool {
        let worked = self.readers.get(&lease.reader).and_then(|reader| reader.worked.as_ref());
        worked.is_some_and(|(card, by)| lease.card == Some(*card) && by != terminal)
    }

    /// Place in the queue, and time until the turn if every lease takes as long as the last ones did.
    fn outlook(&self, id: SessionId, now: Duration) -> (Option<usize>, Option<Duration>) {
        let mut free_in: BTreeMap<&ReaderName, Duration> = BTreeMap::new();
        for (name, reader) in self.readers.iter().filter(|(_, reader)| reader.state == ReaderState::Ok) {
            let since = reader.lease.and_then(|lease| self.leased_since(lease));
            let left = since.map_or(Duration::ZERO, |since| (since + self.order.lease()).saturating_sub(now));
            free_in.insert(name, left);
        }
        let mine = self.records.get(&id).and_then(|record| record.wanted.as_ref());
        let mut position = 0;
        for (_, _, other) in self.queue() {
            let wanted = self.records.get(&other).and_then(|record| record.wanted.as_ref());
            let rival = match (mine, wanted) {
                (Some(mine), Some(theirs)) => mine.iter().any(|name| theirs.contains(name)),
                _ => true,
            };
            position += usize::from(rival);
            let eligible = |name: &ReaderName| wanted.is_none_or(|wanted| wanted.contains(name));
            let first = free_in.iter_mut().filter(|(name, _)| eligible(name)).min_by_key(|(_, left)| **left);
            let turn = first.map(|(_, left)| {
                let turn = *left;
                *left += self.order.lease();
                turn
            });
            if other == id {
                return (Some(position), turn);
            }
        }
        (None, None)
    }

    fn leased_since(&self, id: SessionId) -> Option<Duration> {
        match &self.records.get(&id)?.state {
            State::Granted(lease) | State::Ending(lease, _) => Some(lease.since),
            _ => None,
        }
    }

    /// Whether every reader is free and nobody waits: what a drained machine looks like.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.readers.values().all(|reader| reader.lease.is_none()) && self.records.is_empty()
    }

    /// The readers that are leased, with the session that has each, for the model's comparison.
    #[must_use]
    pub fn leases(&self) -> Vec<(ReaderName, SessionId)> {
        self.readers.iter().filter_map(|(name, reader)| Some((name.clone(), reader.lease?))).collect()
    }
}
