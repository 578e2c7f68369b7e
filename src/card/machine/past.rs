//! Sessions that are over and can still be asked about. They are kept apart, so that what is decided about the open ones
//! takes no longer for all that have been.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::types::{EndReason, Purpose, Refusal, SessionId, SessionSnapshot, Stage, Terminal};

/// The most that are remembered; the oldest are forgotten before their time. Sixteen readers that serve a person each second
/// end fewer in five minutes.
const MOST: usize = 5000;

/// The sessions that are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    sessions: BTreeMap<SessionId, PastSession>,
    /// The same in the order of their ends.
    order: VecDeque<(Duration, SessionId)>,
}

/// What is left of a session.
#[derive(Clone, Debug)]
pub(super) struct PastSession {
    pub(super) terminal: Terminal,
    pub(super) purpose: Purpose,
    pub(super) opened: Duration,
    pub(super) reason: EndReason,
}

impl PastSession {
    pub(super) fn view(&self, id: SessionId) -> SessionSnapshot {
        SessionSnapshot {
            id,
            purpose: self.purpose,
            stage: Stage::Ended(self.reason),
            position: None,
            eta: None,
            expires_in: None,
            epoch: None,
            card: false,
            card_left: false,
            opened: self.opened,
        }
    }
}

impl Past {
    /// A session has ended now; none has ended later than the last one added.
    pub(super) fn add(&mut self, id: SessionId, session: PastSession, now: Duration) {
        if self.order.len() >= MOST {
            self.forget_oldest();
        }
        self.sessions.insert(id, session);
        self.order.push_back((now, id));
    }

    pub(super) fn find(&self, id: SessionId) -> Option<&PastSession> {
        self.sessions.get(&id)
    }

    /// Of this terminal.
    pub(super) fn of(&self, id: SessionId, terminal: &Terminal) -> Option<&PastSession> {
        self.find(id).filter(|session| session.terminal == *terminal)
    }

    /// Why nothing can be done with a session that is not open.
    pub(super) fn refusal(&self, id: SessionId, terminal: &Terminal) -> Refusal {
        self.of(id, terminal).map_or(Refusal::Unknown, |session| Refusal::Ended(session.reason))
    }

    /// When the oldest ended.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.order.front().map(|(at, _)| *at)
    }

    pub(super) fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.sessions.remove(&id);
        }
    }
}
