//! Who may use which reader, and who waits: a state machine without I/O.
//!
//! ```text
//!  request ──► waiting ──its turn──► granted ──► ended (closed · idle · lifetime · card removed · reader lost ·
//!     │           │                    │  ▲             terminal gone · revoked · stopping)
//!     │           │            operation│  │finished
//!     ▼           ▼                    ▼  │
//!  refused      ended              operating ──end──► ending ──finished──► ended
//! ```
//!
//! Every method takes `now`, monotonic time since the clock was made, and changes nothing when it refuses. A lease that ends
//! while an operation is under way keeps its reader until the operation has finished: the reader is never given to a second
//! terminal while the first one's commands still run.
//!
//! Whose turn: each request gets a tag when it arrives, the greater of the newest tag served and one more than that of its
//! terminal's last request, served or waiting; the smallest tag goes first, then the earlier. A newcomer can never pass a
//! request whose tag has been reached, so nobody starves, whatever readers others wish for; and a terminal with many
//! requests stands behind itself.

mod lease;
mod order;
mod past;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use lease::Ticket;
pub use types::{
    CardState, EndReason, Event, Finish, Opened, Policy, Purpose, ReaderName, ReaderSnapshot, ReaderState, Refusal,
    SessionId, SessionSnapshot, Stage, Terminal, Trouble, Wish,
};

use lease::{Lease, Record, State, Work};
use order::Order;
use past::Past;

use crate::order::SmallMap;

/// The machine. See the module.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Policy,
    nearest: BTreeMap<Terminal, Vec<ReaderName>>,
    readers: SmallMap<ReaderName, Reader>,
    /// Sessions that wait, have a reader, or keep one until an operation has finished.
    records: SmallMap<SessionId, Record>,
    past: Past,
    order: Order,
    service: Option<Trouble>,
    events: Vec<Event>,
    closed: bool,
}

#[derive(Clone, Debug)]
struct Reader {
    state: ReaderState,
    card: CardState,
    since: Duration,
    /// Counts cards put in.
    cards: u64,
    /// Counts leases.
    epoch: u64,
    lease: Option<SessionId>,
    /// The card on which an operation was last begun, and by which terminal.
    worked: Option<(u64, Terminal)>,
    /// What it suffers from itself, whatever pcscd does.
    trouble: Option<Trouble>,
}

impl Reader {
    fn free(&self) -> bool {
        self.lease.is_none() && self.state == ReaderState::Ok
    }
}

impl Machine {
    /// A machine without readers. `nearest` names the readers that stand beside a terminal, the best first.
    #[must_use]
    pub fn new(policy: Policy, nearest: BTreeMap<Terminal, Vec<ReaderName>>) -> Self {
        Self {
            order: Order::new(policy.assumed_lease),
            policy,
            nearest,
            readers: SmallMap::new(),
            records: SmallMap::new(),
            past: Past::default(),
            service: None,
            events: Vec::new(),
            closed: false,
        }
    }

    /// Takes up other limits and other readers beside terminals. A wait, a lease or a silence that is under way ends by the
    /// new limit; which readers a request can be served from was settled when it came.
    pub fn reconfigure(&mut self, policy: Policy, nearest: BTreeMap<Terminal, Vec<ReaderName>>) {
        for record in self.records.values_mut() {
            if let State::Waiting { until, .. } = &mut record.state {
                *until = (*until).min(record.opened + policy.longest_wait);
            }
        }
        (self.policy, self.nearest) = (policy, nearest);
    }

    /// What has happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    // ---- readers -----------------------------------------------------------------------------------------------------

    /// The readers that exist; those not named are lost. A reader that comes back is ready with an unknown card, unless an
    /// operation from before has not come back: until then it keeps what it suffers from.
    pub fn readers_are(&mut self, names: &BTreeSet<ReaderName>, now: Duration) {
        self.service = None;
        let lost: Vec<_> = self.readers.keys().filter(|name| !names.contains(*name)).cloned().collect();
        for name in lost {
            self.lose(&name, now);
        }
        for name in names {
            let known = self.readers.get(name).map(|reader| reader.state.clone());
            if known.is_none() && self.readers.len() >= self.policy.readers && !self.forget_a_reader() {
                continue;
            }
            match known {
                None | Some(ReaderState::Absent) => self.found(name, now),
                Some(_) => self.refresh(name, now),
            }
        }
        self.settle(now);
    }

    /// Makes room for a new reader: of those that are absent and not leased, the one that has been absent longest goes.
    fn forget_a_reader(&mut self) -> bool {
        let gone = |reader: &Reader| reader.state == ReaderState::Absent && reader.lease.is_none();
        let absent = self.readers.iter().filter(|(_, reader)| gone(reader));
        let oldest = absent.min_by_key(|(name, reader)| (reader.since, (*name).clone())).map(|(name, _)| name.clone());
        oldest.is_some_and(|name| self.readers.remove(&name).is_some())
    }

    fn found(&mut self, name: &ReaderName, now: Duration) {
        let fresh = Reader {
            state: ReaderState::Ok,
            card: CardState::Absent,
            since: now,
            cards: 0,
            epoch: 0,
            lease: None,
            worked: None,
            trouble: None,
        };
        let reader = self.readers.get_or_insert(name.clone(), fresh);
        reader.trouble = reader.trouble.filter(|_| reader.lease.is_some());
        let state = reader.trouble.map_or(ReaderState::Ok, ReaderState::Degraded);
        (reader.state, reader.card, reader.since) = (state.clone(), CardState::Absent, now);
        self.events.push(Event::Reader { reader: name.clone(), state });
    }

    /// What a reader that is there suffers from: pcscd's trouble hides its own, and does not take its place.
    fn refresh(&mut self, name: &ReaderName, now: Duration) {
        let hung = self.service.filter(|trouble| *trouble == Trouble::ServiceHung);
        let Some(reader) = self.readers.get_mut(name) else { return };
        let state = hung.or(reader.trouble).map_or(ReaderState::Ok, ReaderState::Degraded);
        if reader.state == ReaderState::Absent || reader.state == state {
            return;
        }
        (reader.state, reader.since) = (state.clone(), now);
        self.events.push(Event::Reader { reader: name.clone(), state });
    }

    /// pcscd is gone or hung, or not wanted: no reader can be used, and a lease on a reader of a gone pcscd has ended.
    pub fn service_lost(&mut self, trouble: Trouble, now: Duration) {
        if self.service == Some(trouble) {
            return;
        }
        self.service = Some(trouble);
        let names: Vec<_> = self.readers.keys().cloned().collect();
        for name in names {
            if trouble == Trouble::ServiceHung {
                self.refresh(&name, now);
            } else {
                self.lose(&name, now);
            }
        }
    }

    /// A pcscd that hung answers again.
    pub fn service_answers(&mut self, now: Duration) {
        if self.service != Some(Trouble::ServiceHung) {
            return;
        }
        self.service = None;
        let names: Vec<_> = self.readers.keys().cloned().collect();
        for name in names {
            self.refresh(&name, now);
        }
        self.settle(now);
    }

    /// What keeps every reader from being used, if anything does.
    #[must_use]
    pub const fn service(&self) -> Option<Trouble> {
        self.service
    }

    fn lose(&mut self, name: &ReaderName, now: Duration) {
        let Some(reader) = self.readers.get_mut(name) else { return };
        if reader.state == ReaderState::Absent {
            return;
        }
        (reader.state, reader.card, reader.since) = (ReaderState::Absent, CardState::Absent, now);
        let lease = reader.lease;
        self.events.push(Event::Reader { reader: name.clone(), state: ReaderState::Absent });
        if let Some(id) = lease {
            self.end(id, EndReason::ReaderLost, now);
        }
    }

    /// A reader does not answer in time. Its lease stays: the terminal sees why.
    pub fn degrade(&mut self, name: &ReaderName, trouble: Trouble, now: Duration) {
        if let Some(reader) = self.readers.get_mut(name) {
            reader.trouble = Some(trouble);
            self.refresh(name, now);
        }
    }

    /// A degraded reader answers again. While pcscd counts as hung it stays degraded: [`Machine::service_answers`] is next.
    pub fn recover(&mut self, name: &ReaderName, now: Duration) {
        if let Some(reader) = self.readers.get_mut(name) {
            reader.trouble = None;
            self.refresh(name, now);
            self.settle(now);
        }
    }

    /// A reader reports its card; `replaced` says that another insertion lies between this report and the last. A card that
    /// went, or was replaced, ends the session that saw it.
    pub fn card(&mut self, name: &ReaderName, card: CardState, replaced: bool, now: Duration) {
        let Some(reader) = self.readers.get_mut(name) else { return };
        let (before, lease) = (reader.card, reader.lease);
        if before == card && !replaced {
            return;
        }
        if card != CardState::Absent && (before == CardState::Absent || replaced) {
            reader.cards += 1;
        }
        reader.card = card;
        self.events.push(Event::Card { reader: name.clone(), card });
        let gone = before != CardState::Absent && (card == CardState::Absent || replaced);
        match lease {
            Some(id) if gone && self.saw_a_card(id) => self.end(id, EndReason::CardRemoved, now),
            Some(id) if card != CardState::Absent => self.bind(id, name),
            _ => {}
        }
    }

    // ---- sessions ----------------------------------------------------------------------------------------------------

    /// A terminal asks for a reader. `id` must be new and not to be guessed.
    ///
    /// # Errors
    /// Busy (with `wait` zero), an unknown reader, or too many requests; nothing has changed then.
    pub fn open(
        &mut self,
        id: SessionId,
        terminal: &Terminal,
        wish: &Wish,
        purpose: Purpose,
        wait: Duration,
        now: Duration,
    ) -> Result<Opened, Refusal> {
        self.admit(id, terminal)?;
        let wanted = self.wanted(terminal, wish);
        self.reachable(&wanted, wait)?;
        let free = self.turn_is_free(&wanted);
        if wait.is_zero() && free.is_none() {
            return Err(self.why_not(&wanted));
        }
        let (tag, seq) = self.order.stamp(terminal, self.last_waiting(terminal));
        let until = now + wait.min(self.policy.longest_wait);
        let record = Record {
            terminal: terminal.clone(),
            wanted,
            purpose,
            opened: now,
            seen: now,
            state: State::Waiting { tag, seq, until },
        };
        self.records.insert(id, record);
        match free {
            Some(reader) => self.grant(id, &reader, now),
            None => self.tell(id),
        }
        Ok(if free_now(&self.records, id) { Opened::Granted } else { Opened::Waiting })
    }

    fn admit(&self, id: SessionId, terminal: &Terminal) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Ended(EndReason::Stopping));
        }
        let own = self.records.values().filter(|record| record.terminal == *terminal).count();
        let known = self.records.contains_key(&id) || self.past.find(id).is_some();
        if own >= self.policy.per_terminal {
            return Err(Refusal::TooMany);
        }
        if known || self.records.len() >= self.policy.in_all {
            return Err(Refusal::QueueFull);
        }
        Ok(())
    }

    /// The readers a wish can be served from; `None` is any.
    fn wanted(&self, terminal: &Terminal, wish: &Wish) -> Option<Vec<ReaderName>> {
        match wish {
            Wish::Named(name) => Some(vec![name.clone()]),
            Wish::Nearest => self.nearest.get(terminal).cloned(),
            Wish::Any => None,
        }
    }

    fn reachable(&self, wanted: &Option<Vec<ReaderName>>, wait: Duration) -> Result<(), Refusal> {
        match self.service {
            // What the settings switch off does not come back while somebody waits.
            Some(Trouble::Disabled) => return Err(Refusal::Degraded(Trouble::Disabled)),
            Some(trouble) if wait.is_zero() => return Err(Refusal::Degraded(trouble)),
            _ => {}
        }
        let seen = |names: &Vec<ReaderName>| names.iter().any(|name| self.readers.contains_key(name));
        // What was never seen is a slip in a name or in the settings, and nothing to wait for.
        if self.service.is_none() && !wanted.as_ref().is_none_or(seen) {
            return Err(Refusal::ReaderUnknown);
        }
        Ok(())
    }

    /// A free reader for a newcomer. One who waits for a free reader would have it already, so nobody is passed.
    fn turn_is_free(&self, wanted: &Option<Vec<ReaderName>>) -> Option<ReaderName> {
        let free = |name: &&ReaderName| self.readers.get(*name).is_some_and(Reader::free);
        match wanted {
            Some(names) => names.iter().find(free).cloned(),
            None => self.readers.keys().find(free).cloned(),
        }
    }

    fn why_not(&self, wanted: &Option<Vec<ReaderName>>) -> Refusal {
        let wants = |name: &ReaderName| wanted.as_ref().is_none_or(|names| names.contains(name));
        let states = || self.readers.iter().filter(|(name, _)| wants(name)).map(|(_, reader)| &reader.state);
        if states().any(|state| *state == ReaderState::Ok) {
            return Refusal::Busy;
        }
        let degraded = states().find_map(|state| match state {
            ReaderState::Degraded(trouble) => Some(*trouble),
            _ => None,
        });
        degraded.map_or(Refusal::ReaderUnknown, Refusal::Degraded)
    }

    /// Gives every free reader to the one whose turn it is.
    fn settle(&mut self, now: Duration) {
        for (_, _, id) in self.queue() {
            let Some(record) = self.records.get(&id) else { continue };
            if let Some(reader) = self.turn_is_free(&record.wanted) {
                self.grant(id, &reader, now);
            }
        }
    }

    /// The waiting in the order of their turn.
    fn queue(&self) -> Vec<(u64, u64, SessionId)> {
        let waiting = self.records.iter().filter_map(|(id, record)| match record.state {
            State::Waiting { tag, seq, .. } => Some((tag, seq, *id)),
            _ => None,
        });
        let mut queue: Vec<_> = waiting.collect();
        crate::order::sort(&mut queue);
        queue
    }

    /// The greatest tag with which a terminal waits.
    fn last_waiting(&self, terminal: &Terminal) -> Option<u64> {
        let its = self.records.values().filter(|record| record.terminal == *terminal);
        let tags = its.filter_map(|record| match record.state {
            State::Waiting { tag, .. } => Some(tag),
            _ => None,
        });
        tags.max()
    }

    fn grant(&mut self, id: SessionId, name: &ReaderName, now: Duration) {
        let (Some(record), Some(reader)) = (self.records.get_mut(&id), self.readers.get_mut(name)) else { return };
        let State::Waiting { tag, .. } = record.state else { return };
        self.order.served(&record.terminal, tag);
        reader.epoch += 1;
        reader.lease = Some(id);
        let card = (reader.card != CardState::Absent).then_some(reader.cards);
        // A terminal that has waited gets the whole time for its first sign of life.
        record.seen = now;
        record.state = State::Granted(Lease {
            reader: name.clone(),
            epoch: reader.epoch,
            since: now,
            used: now,
            card,
            identity: None,
            work: Work::None,
        });
        self.tell(id);
    }

    fn tell(&mut self, id: SessionId) {
        let open = self.records.get(&id).map(|record| (record.terminal.clone(), record.stage()));
        let past = || self.past.find(id).map(|session| (session.terminal.clone(), Stage::Ended(session.reason)));
        if let Some((terminal, stage)) = open.or_else(past) {
            self.events.push(Event::Session { id, terminal, stage });
        }
    }
}

fn free_now(records: &SmallMap<SessionId, Record>, id: SessionId) -> bool {
    records.get(&id).is_some_and(|record| matches!(record.state, State::Granted(_)))
}
