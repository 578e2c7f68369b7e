//! What happened to readers, cards and sessions, kept for a while so that a listener can go on where it was cut off.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::machine::Event;

/// A place in the history. It means something within one run of the gateway only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which run.
    pub boot: u64,
    /// The last event seen; 0 before the first.
    pub id: u64,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardEvent {
    /// Where it stands.
    pub cursor: Cursor,
    /// When it happened.
    pub at: Timestamp,
    /// What happened. Session events are for their own terminal only.
    pub event: Event,
}

/// The history no longer holds what the cursor asks for: look at readers and sessions, and go on from `newest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Where to go on.
    pub newest: Cursor,
}

/// The history: the newest events, as many as it may hold.
pub struct Events {
    boot: u64,
    kept: usize,
    history: Mutex<VecDeque<CardEvent>>,
    newest: watch::Sender<u64>,
}

impl Events {
    /// An empty history of at most `kept` events.
    #[must_use]
    pub fn new(kept: usize, boot: u64) -> Self {
        Self { boot, kept: kept.max(1), history: Mutex::default(), newest: watch::Sender::new(0) }
    }

    pub(super) fn publish(&self, at: Timestamp, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = *self.newest.borrow();
        for event in events {
            id += 1;
            if history.len() >= self.kept {
                history.pop_front();
            }
            history.push_back(CardEvent { cursor: Cursor { boot: self.boot, id }, at, event });
        }
        drop(history);
        self.newest.send_replace(id);
    }

    /// The newest place.
    #[must_use]
    pub fn newest(&self) -> Cursor {
        Cursor { boot: self.boot, id: *self.newest.borrow() }
    }

    /// The place before the oldest event that is kept.
    #[must_use]
    pub fn beginning(&self) -> Cursor {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        Cursor { boot: self.boot, id: history.front().map_or(0, |event| event.cursor.id - 1) }
    }

    /// Changes whenever there is something new.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Up to `limit` events after `cursor`.
    ///
    /// # Errors
    /// [`Gone`] when the cursor is of another run, or older than what is kept.
    pub fn after(&self, cursor: Cursor, limit: usize) -> Result<Vec<CardEvent>, Gone> {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = history.front().map_or(1, |event| event.cursor.id);
        let newest = history.back().map_or(0, |event| event.cursor.id);
        if cursor.boot != self.boot || cursor.id + 1 < oldest || cursor.id > newest {
            return Err(Gone { newest: Cursor { boot: self.boot, id: newest } });
        }
        Ok(history.iter().filter(|event| event.cursor.id > cursor.id).take(limit).cloned().collect())
    }
}
