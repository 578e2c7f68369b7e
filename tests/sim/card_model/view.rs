//! What the model shows: the same views as the machine's, worked out anew at every question.

use std::time::Duration;

use engawa::card::machine::{ReaderName, ReaderSnapshot, ReaderState, SessionId, SessionSnapshot, Terminal, Trouble};

use super::model::{Hold, Model, Place, Request};

impl Model {
    pub(super) fn service(&self) -> Option<Trouble> {
        self.service
    }

    pub(super) fn readers(&self) -> Vec<ReaderSnapshot> {
        let view = |place: &Place| ReaderSnapshot {
            name: place.name.clone(),
            state: place.state.clone(),
            card: place.card,
            since: place.since,
            leased_by: self.holder(&place.name).map(|at| self.requests[at].terminal.clone()),
        };
        let mut readers: Vec<_> = self.places.iter().map(view).collect();
        readers.sort_by(|one, other| one.name.cmp(&other.name));
        readers
    }

    pub(super) fn leases(&self) -> Vec<(ReaderName, SessionId)> {
        let held = |r: &Request| Some((r.lease.as_ref().filter(|_| r.counts())?.reader.clone(), r.id));
        let mut leases: Vec<_> = self.requests.iter().filter_map(held).collect();
        leases.sort();
        leases
    }

    pub(super) fn operating(&self) -> bool {
        self.requests.iter().any(|r| r.lease.as_ref().is_some_and(|lease| lease.on_card))
    }

    pub(super) fn stuck(&self) -> usize {
        self.requests.iter().filter(|r| r.lease.as_ref().is_some_and(|lease| lease.given_up)).count()
    }

    fn left(&self, lease: &Hold, terminal: &Terminal) -> bool {
        let place = self.places.iter().find(|place| place.name == lease.reader).unwrap();
        matches!(&place.worked, Some((card, by)) if Some(*card) == lease.card && by != terminal)
    }

    pub(super) fn at_rest(&self) -> bool {
        !self.requests.iter().any(Request::counts)
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let forget = |r: &Request| r.gone.filter(|_| !r.forgotten).map(|gone| gone + self.policy.remembered);
        let ends = self.requests.iter().filter_map(|r| r.deadline(&self.policy).map(|(at, _)| at));
        ends.chain(self.requests.iter().filter_map(forget)).min()
    }

    pub(super) fn session(&self, id: SessionId, terminal: &Terminal, now: Duration) -> Option<SessionSnapshot> {
        let at = self.of(id, terminal)?;
        let request = &self.requests[at];
        let lease = request.lease.as_ref().filter(|_| request.over.is_none());
        let expires = request.deadline(&self.policy).map(|(when, _)| when.saturating_sub(now));
        Some(SessionSnapshot {
            id,
            purpose: request.purpose,
            stage: request.stage(),
            position: request.waits().then(|| self.position(at)),
            eta: request.waits().then(|| self.eta(at, now)).flatten(),
            expires_in: expires,
            epoch: lease.map(|lease| lease.number),
            card: lease.is_some_and(|lease| lease.card.is_some()),
            card_left: lease.is_some_and(|lease| self.left(lease, terminal)),
            opened: request.opened,
        })
    }

    /// Those before it in the line that could take a reader it could be given, and itself.
    fn position(&self, at: usize) -> usize {
        let names = |at: usize| self.requests[at].names.as_ref();
        let rivals = |other: &usize| match (names(at), names(*other)) {
            (Some(mine), Some(theirs)) => mine.iter().any(|name| theirs.contains(name)),
            _ => true,
        };
        1 + self.line().into_iter().take_while(|other| *other != at).filter(rivals).count()
    }

    /// Plays the line through: each takes the reader that is free first and keeps it as long as is usual.
    fn eta(&self, at: usize, now: Duration) -> Option<Duration> {
        let usual = self.usual_length();
        let free_in = |place: &Place| match self.holder(&place.name) {
            Some(holder) => (self.requests[holder].lease.as_ref().unwrap().since + usual).saturating_sub(now),
            None => Duration::ZERO,
        };
        let good = self.places.iter().filter(|place| place.state == ReaderState::Ok);
        let mut free: Vec<_> = good.map(|place| (free_in(place), place.name.clone())).collect();
        for other in self.line() {
            free.sort();
            let names = self.requests[other].names.as_ref();
            let does = |name: &ReaderName| names.is_none_or(|names| names.contains(name));
            let first = free.iter_mut().find(|(_, name)| does(name));
            let turn = first.map(|(when, _)| std::mem::replace(when, *when + usual));
            if other == at {
                return turn;
            }
        }
        None
    }
}
