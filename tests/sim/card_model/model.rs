//! The rules of readers and sessions, written down once more: flat lists that are searched anew at every question, everything
//! remembered for ever, nothing kept twice. Slow, and plain enough to be read against the documentation.

use std::collections::BTreeMap;
use std::time::Duration;

use engawa::card::machine::{
    CardState, EndReason, Event, Opened, Policy, Purpose, ReaderName, ReaderState, Refusal, SessionId, Stage, Terminal,
    Trouble, Wish,
};

/// A reader ever seen.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: ReaderName,
    pub(super) state: ReaderState,
    pub(super) since: Duration,
    pub(super) card: CardState,
    /// Cards put in so far.
    pub(super) cards: u64,
    /// Which of them an operation was last begun on, and by whom.
    pub(super) worked: Option<(u64, Terminal)>,
}

/// A request ever admitted.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: SessionId,
    pub(super) terminal: Terminal,
    /// The readers it can be served from, the best first; none named is any.
    pub(super) names: Option<Vec<ReaderName>>,
    pub(super) purpose: Purpose,
    pub(super) opened: Duration,
    /// The newest sign of life.
    pub(super) seen: Duration,
    pub(super) until: Duration,
    /// Its place in the order of turns, before its place of arrival.
    pub(super) tag: u64,
    /// Its one lease.
    pub(super) lease: Option<Hold>,
    /// Why it is over for its terminal.
    pub(super) over: Option<EndReason>,
    /// When it let go of everything.
    pub(super) gone: Option<Duration>,
    pub(super) forgotten: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) reader: ReaderName,
    pub(super) number: u64,
    pub(super) since: Duration,
    pub(super) used: Duration,
    /// Which of its reader's cards is its own.
    pub(super) card: Option<u64>,
    pub(super) identity: Option<[u8; 32]>,
    pub(super) operating: bool,
    /// Of what it does: it has reached the card, and its caller has not been told that it was given up.
    pub(super) on_card: bool,
    pub(super) given_up: bool,
}

impl Request {
    pub(super) fn waits(&self) -> bool {
        self.lease.is_none() && self.over.is_none()
    }

    /// Still in somebody's way: waiting, granted, or not yet off its reader.
    pub(super) fn counts(&self) -> bool {
        self.gone.is_none()
    }

    fn holds(&self, reader: &ReaderName) -> bool {
        self.counts() && self.lease.as_ref().is_some_and(|lease| lease.reader == *reader)
    }

    pub(super) fn stage(&self) -> Stage {
        match (self.over, &self.lease) {
            (Some(reason), _) => Stage::Ended(reason),
            (None, Some(lease)) => Stage::Granted(lease.reader.clone()),
            (None, None) => Stage::Waiting,
        }
    }

    /// Everything that could end it, in the order in which it is named where several fall on one moment.
    fn deadlines(&self, policy: &Policy) -> Vec<(Duration, EndReason)> {
        let silent = (self.seen + policy.heartbeat, EndReason::TerminalGone);
        match (self.over, &self.lease) {
            (Some(_), _) => vec![],
            (None, None) => vec![silent, (self.until, EndReason::WaitOver)],
            // What is being done is no idleness, and its terminal is waiting for it.
            (None, Some(lease)) if lease.operating => vec![(lease.since + policy.lifetime, EndReason::Lifetime)],
            (None, Some(lease)) => vec![
                silent,
                (lease.used + policy.idle, EndReason::Idle),
                (lease.since + policy.lifetime, EndReason::Lifetime),
            ],
        }
    }

    pub(super) fn deadline(&self, policy: &Policy) -> Option<(Duration, EndReason)> {
        self.deadlines(policy).into_iter().min_by_key(|(at, _)| *at)
    }
}

/// The right to one operation, as the model knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) session: SessionId,
    pub(super) reader: ReaderName,
    pub(super) epoch: u64,
    pub(super) identity: Option<[u8; 32]>,
}

/// The model.
pub(super) struct Model {
    pub(super) policy: Policy,
    nearest: BTreeMap<Terminal, Vec<ReaderName>>,
    pub(super) places: Vec<Place>,
    pub(super) requests: Vec<Request>,
    /// How long the first leases are taken to last, and the length of every lease so far.
    assumed: Duration,
    lengths: Vec<Duration>,
    pub(super) service: Option<Trouble>,
    closed: bool,
    pub(super) events: Vec<Event>,
}

impl Model {
    pub(super) fn new(policy: Policy, nearest: BTreeMap<Terminal, Vec<ReaderName>>) -> Self {
        Self {
            assumed: policy.assumed_lease,
            policy,
            nearest,
            places: vec![],
            requests: vec![],
            lengths: vec![],
            service: None,
            closed: false,
            events: vec![],
        }
    }

    // ---- questions ---------------------------------------------------------------------------------------------------

    fn place(&mut self, name: &ReaderName) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.name == *name)
    }

    pub(super) fn holder(&self, name: &ReaderName) -> Option<usize> {
        self.requests.iter().position(|request| request.holds(name))
    }

    pub(super) fn of(&self, id: SessionId, terminal: &Terminal) -> Option<usize> {
        let known = |r: &Request| r.id == id && r.terminal == *terminal && !r.forgotten;
        self.requests.iter().position(known)
    }

    /// The readers a wish can be served from, by the settings of the moment.
    fn names(&self, terminal: &Terminal, wish: &Wish) -> Option<Vec<ReaderName>> {
        match wish {
            Wish::Any => None,
            Wish::Named(wanted) => Some(vec![wanted.clone()]),
            Wish::Nearest => self.nearest.get(terminal).cloned(),
        }
    }

    fn best_free(&self, names: &Option<Vec<ReaderName>>) -> Option<ReaderName> {
        let free = |place: &&Place| place.state == ReaderState::Ok && self.holder(&place.name).is_none();
        let rank = |name: &ReaderName| match names {
            Some(names) => names.iter().position(|wanted| wanted == name),
            None => Some(0),
        };
        let liked = |place: &Place| Some((rank(&place.name)?, place.name.clone()));
        self.places.iter().filter(free).filter_map(liked).min().map(|(_, name)| name)
    }

    fn newest_tag_served(&self) -> u64 {
        self.requests.iter().filter(|r| r.lease.is_some()).map(|r| r.tag).max().unwrap_or(0)
    }

    fn tag_for(&self, terminal: &Terminal) -> u64 {
        // One that was given up while it waited leaves no trace.
        let counts = |r: &&Request| r.terminal == *terminal && (r.waits() || r.lease.is_some());
        let last = self.requests.iter().filter(counts).map(|r| r.tag).max();
        self.newest_tag_served().max(last.map_or(0, |last| last + 1))
    }

    pub(super) fn usual_length(&self) -> Duration {
        self.lengths.iter().fold(self.assumed, |usual, length| (usual * 3 + *length) / 4)
    }

    /// The waiting, whose turn is first first. The list of requests is in the order of arrival.
    pub(super) fn line(&self) -> Vec<usize> {
        let mut line: Vec<_> = (0..self.requests.len()).filter(|at| self.requests[*at].waits()).collect();
        line.sort_by_key(|at| self.requests[*at].tag);
        line
    }

    // ---- changes -----------------------------------------------------------------------------------------------------

    /// As long as somebody waits for a reader that is free: the one whose turn is first gets the one he likes best.
    fn serve(&mut self, now: Duration) {
        let next = |model: &Self| {
            let served = |at: &usize| {
                let request = &model.requests[*at];
                Some((*at, model.best_free(&request.names)?))
            };
            model.line().iter().find_map(served)
        };
        while let Some((at, reader)) = next(self) {
            self.grant(at, reader, now);
        }
    }

    fn grant(&mut self, at: usize, reader: ReaderName, now: Duration) {
        let before = |r: &&Request| r.lease.as_ref().is_some_and(|lease| lease.reader == reader);
        let number = 1 + self.requests.iter().filter(before).count() as u64;
        let card = self.place(&reader).filter(|place| place.card != CardState::Absent).map(|place| place.cards);
        let request = &mut self.requests[at];
        request.seen = now;
        request.lease = Some(Hold {
            reader,
            number,
            since: now,
            used: now,
            card,
            identity: None,
            operating: false,
            on_card: false,
            given_up: false,
        });
        self.tell(at);
    }

    fn tell(&mut self, at: usize) {
        let request = &self.requests[at];
        let event = Event::Session { id: request.id, terminal: request.terminal.clone(), stage: request.stage() };
        self.events.push(event);
    }

    fn tell_reader(&mut self, name: &ReaderName, state: ReaderState) {
        self.events.push(Event::Reader { reader: name.clone(), state });
    }

    fn end(&mut self, at: usize, reason: EndReason, now: Duration) {
        if self.requests[at].over.is_some() {
            return;
        }
        self.requests[at].over = Some(reason);
        self.tell(at);
        if !self.requests[at].lease.as_ref().is_some_and(|lease| lease.operating) {
            self.let_go(at, now);
        }
    }

    fn let_go(&mut self, at: usize, now: Duration) {
        self.requests[at].gone = Some(now);
        if let Some(lease) = &self.requests[at].lease {
            self.lengths.push(now - lease.since);
            self.serve(now);
        }
    }

    /// Several at a time: who waits goes first, so that nobody is given a reader on the way out.
    fn end_all(&mut self, those: Vec<(usize, EndReason)>, now: Duration) {
        let (waiting, others): (Vec<_>, Vec<_>) = those.into_iter().partition(|(at, _)| self.requests[*at].waits());
        for (at, reason) in waiting.into_iter().chain(others) {
            self.end(at, reason, now);
        }
    }

    // ---- inputs ------------------------------------------------------------------------------------------------------

    pub(super) fn open(
        &mut self,
        id: SessionId,
        terminal: &Terminal,
        wish: &Wish,
        purpose: Purpose,
        wait: Duration,
        now: Duration,
    ) -> Result<Opened, Refusal> {
        if self.closed {
            return Err(Refusal::Ended(EndReason::Stopping));
        }
        let own = self.requests.iter().filter(|r| r.counts() && r.terminal == *terminal).count();
        let all = self.requests.iter().filter(|r| r.counts()).count();
        if own >= self.policy.per_terminal || all >= self.policy.in_all {
            return Err(Refusal::QueueFull);
        }
        match self.service {
            Some(trouble) if wait.is_zero() || trouble == Trouble::Disabled => return Err(Refusal::Degraded(trouble)),
            _ => {}
        }
        if let (None, Wish::Named(name)) = (self.service, wish)
            && self.place(name).is_none()
        {
            return Err(Refusal::ReaderUnknown);
        }
        let names = self.names(terminal, wish);
        let free = self.best_free(&names);
        if free.is_none() && wait.is_zero() {
            return Err(self.why_none(&names));
        }
        let tag = self.tag_for(terminal);
        self.requests.push(Request {
            id,
            terminal: terminal.clone(),
            names,
            purpose,
            opened: now,
            seen: now,
            until: now + wait.min(self.policy.longest_wait),
            tag,
            lease: None,
            over: None,
            gone: None,
            forgotten: false,
        });
        let at = self.requests.len() - 1;
        let Some(reader) = free else {
            self.tell(at);
            return Ok(Opened::Waiting);
        };
        self.grant(at, reader, now);
        Ok(Opened::Granted)
    }

    fn why_none(&self, names: &Option<Vec<ReaderName>>) -> Refusal {
        let wanted = |place: &&Place| names.as_ref().is_none_or(|names| names.contains(&place.name));
        let mut liked: Vec<_> = self.places.iter().filter(wanted).collect();
        liked.sort_by_key(|place| place.name.clone());
        if liked.iter().any(|place| place.state == ReaderState::Ok) {
            return Refusal::Busy;
        }
        let trouble = liked.iter().find_map(|place| match place.state {
            ReaderState::Degraded(trouble) => Some(trouble),
            _ => None,
        });
        trouble.map_or(Refusal::ReaderUnknown, Refusal::Degraded)
    }

    pub(super) fn reserve(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<Right, Refusal> {
        let at = self.of(id, terminal).ok_or(Refusal::Unknown)?;
        let lease = match self.requests[at].stage() {
            Stage::Ended(reason) => return Err(Refusal::Ended(reason)),
            Stage::Waiting => return Err(Refusal::Waiting),
            Stage::Granted(_) => self.requests[at].lease.clone().unwrap(),
        };
        if let Some(ReaderState::Degraded(trouble)) = self.place(&lease.reader).map(|place| place.state.clone()) {
            return Err(Refusal::Degraded(trouble));
        }
        if lease.operating {
            return Err(Refusal::Operating);
        }
        self.requests[at].seen = now;
        self.requests[at].lease = Some(Hold { used: now, operating: true, ..lease.clone() });
        Ok(Right { session: id, reader: lease.reader, epoch: lease.number, identity: lease.identity })
    }

    pub(super) fn touch(&mut self, right: &Right) -> Result<(), Refusal> {
        let at = self.requests.iter().position(|request| request.id == right.session).unwrap();
        if let Some(reason) = self.requests[at].over {
            return Err(Refusal::Ended(reason));
        }
        let (of, card) = (self.requests[at].terminal.clone(), self.requests[at].lease.as_ref().unwrap().card);
        let place = self.place(&right.reader).unwrap();
        if let ReaderState::Degraded(trouble) = place.state {
            return Err(Refusal::Degraded(trouble));
        }
        place.worked = card.map(|card| (card, of)).or(place.worked.take());
        self.requests[at].lease.as_mut().unwrap().on_card = true;
        Ok(())
    }

    pub(super) fn give_up(&mut self, right: &Right, trouble: Trouble, now: Duration) {
        let at = self.requests.iter().position(|request| request.id == right.session).unwrap();
        let lease = self.requests[at].lease.as_mut().unwrap();
        (lease.on_card, lease.given_up) = (false, true);
        self.degrade(&right.reader, trouble, now);
    }

    /// `sound` is what the operation has learned of the card, or nothing where the card was lost.
    pub(super) fn finish(&mut self, right: &Right, sound: Option<Option<[u8; 32]>>, now: Duration) {
        let at = self.requests.iter().position(|request| request.id == right.session).unwrap();
        let request = &mut self.requests[at];
        let lease = request.lease.as_mut().unwrap();
        (lease.operating, lease.on_card, lease.given_up) = (false, false, false);
        if request.over.is_some() {
            return self.let_go(at, now);
        }
        (lease.used, request.seen) = (now, now);
        match sound {
            Some(identity) if lease.identity.is_none() => lease.identity = identity,
            Some(_) => {}
            None => self.end(at, EndReason::CardRemoved, now),
        }
    }

    pub(super) fn heartbeat(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<(), Refusal> {
        let at = self.of(id, terminal).ok_or(Refusal::Unknown)?;
        if let Some(reason) = self.requests[at].over {
            return Err(Refusal::Ended(reason));
        }
        self.requests[at].seen = now;
        Ok(())
    }

    pub(super) fn close(&mut self, id: SessionId, terminal: &Terminal, now: Duration) -> Result<(), Refusal> {
        let at = self.of(id, terminal).ok_or(Refusal::Unknown)?;
        self.end(at, EndReason::Closed, now);
        Ok(())
    }

    pub(super) fn end_terminal(&mut self, terminal: &Terminal, reason: EndReason, now: Duration) -> usize {
        let its = |at: &usize| self.requests[*at].counts() && self.requests[*at].terminal == *terminal;
        let its: Vec<_> = (0..self.requests.len()).filter(its).map(|at| (at, reason)).collect();
        let number = its.len();
        self.end_all(its, now);
        number
    }

    pub(super) fn close_for_good(&mut self, now: Duration) {
        self.closed = true;
        let all = (0..self.requests.len()).filter(|at| self.requests[*at].counts());
        let all = all.map(|at| (at, EndReason::Stopping)).collect();
        self.end_all(all, now);
    }

    pub(super) fn tick(&mut self, now: Duration) {
        for request in &mut self.requests {
            request.forgotten |= request.gone.is_some_and(|gone| gone + self.policy.remembered <= now);
        }
        let due = |at: usize| {
            let (when, why) = self.requests[at].deadline(&self.policy)?;
            (when <= now).then_some((at, why))
        };
        let due = (0..self.requests.len()).filter_map(due).collect();
        self.end_all(due, now);
    }

    pub(super) fn reconfigure(&mut self, policy: Policy, nearest: BTreeMap<Terminal, Vec<ReaderName>>) {
        for request in &mut self.requests {
            request.until = request.until.min(request.opened + policy.longest_wait);
        }
        (self.policy, self.nearest) = (policy, nearest);
    }

    pub(super) fn readers_are(&mut self, names: &[ReaderName], now: Duration) {
        self.service = None;
        let mut known: Vec<_> = self.places.iter().map(|place| place.name.clone()).collect();
        known.sort();
        for name in known.iter().filter(|name| !names.contains(name)) {
            self.lose(name, now);
        }
        for name in names {
            let room = self.places.len() < self.policy.readers;
            match self.place(name) {
                None if room => {
                    let (state, card) = (ReaderState::Ok, CardState::Absent);
                    self.places.push(Place { name: name.clone(), state, since: now, card, cards: 0, worked: None });
                    self.tell_reader(name, ReaderState::Ok);
                }
                Some(place) if place.state == ReaderState::Absent => {
                    (place.state, place.since, place.card) = (ReaderState::Ok, now, CardState::Absent);
                    self.tell_reader(name, ReaderState::Ok);
                }
                Some(place) if place.state == ReaderState::Degraded(Trouble::ServiceHung) => self.recover(name, now),
                _ => {}
            }
        }
        self.serve(now);
    }

    fn lose(&mut self, name: &ReaderName, now: Duration) {
        let Some(place) = self.place(name).filter(|place| place.state != ReaderState::Absent) else { return };
        (place.state, place.since, place.card) = (ReaderState::Absent, now, CardState::Absent);
        self.tell_reader(name, ReaderState::Absent);
        if let Some(at) = self.holder(name) {
            self.end(at, EndReason::ReaderLost, now);
        }
    }

    pub(super) fn degrade(&mut self, name: &ReaderName, trouble: Trouble, now: Duration) {
        let state = ReaderState::Degraded(trouble);
        let worse = |place: &&mut Place| place.state != ReaderState::Absent && place.state != state;
        let Some(place) = self.place(name).filter(worse) else { return };
        (place.state, place.since) = (state.clone(), now);
        self.tell_reader(name, state);
    }

    pub(super) fn recover(&mut self, name: &ReaderName, now: Duration) {
        // A pcscd that hangs answers for no reader; when it answers again, it does so for all.
        if self.service == Some(Trouble::ServiceHung) {
            return;
        }
        let degraded = |place: &&mut Place| matches!(place.state, ReaderState::Degraded(_));
        let Some(place) = self.place(name).filter(degraded) else { return };
        (place.state, place.since) = (ReaderState::Ok, now);
        self.tell_reader(name, ReaderState::Ok);
        self.serve(now);
    }

    pub(super) fn service_lost(&mut self, trouble: Trouble, now: Duration) {
        if self.service == Some(trouble) {
            return;
        }
        self.service = Some(trouble);
        let mut names: Vec<_> = self.places.iter().map(|place| place.name.clone()).collect();
        names.sort();
        for name in names {
            match trouble {
                Trouble::ServiceHung => self.degrade(&name, trouble, now),
                _ => self.lose(&name, now),
            }
        }
    }

    pub(super) fn service_answers(&mut self, now: Duration) {
        if self.service != Some(Trouble::ServiceHung) {
            return;
        }
        self.service = None;
        let hung = |place: &&Place| place.state == ReaderState::Degraded(Trouble::ServiceHung);
        let mut names: Vec<_> = self.places.iter().filter(hung).map(|place| place.name.clone()).collect();
        names.sort();
        for name in names {
            self.recover(&name, now);
        }
    }

    pub(super) fn card(&mut self, name: &ReaderName, card: CardState, replaced: bool, now: Duration) {
        let Some(place) = self.place(name) else { return };
        let before = place.card;
        if before == card && !replaced {
            return;
        }
        place.card = card;
        place.cards += u64::from(card != CardState::Absent && (before == CardState::Absent || replaced));
        let cards = place.cards;
        self.events.push(Event::Card { reader: name.clone(), card });
        let lost = before != CardState::Absent && (card == CardState::Absent || replaced);
        let Some(at) = self.holder(name) else { return };
        let over = self.requests[at].over.is_some();
        let lease = self.requests[at].lease.as_mut().unwrap();
        if lost && lease.card.is_some() {
            self.end(at, EndReason::CardRemoved, now);
        } else if card != CardState::Absent && !over {
            lease.card = lease.card.or(Some(cards));
        }
    }
}
