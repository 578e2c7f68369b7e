//! What the link knows of itself, for the health report: kept as it happens, never asked for over the network.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::client::Seen;
use super::failure::{Reply, classify};
use super::port::{Scope, Trouble};
use crate::fault::Code;

/// A look at the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubStatus {
    /// When the hub last gave an answer in its own form: the last proof of work.
    pub last_answer: Option<Timestamp>,
    /// Whether there is a token.
    pub login: LoginState,
    /// When the facility's certificate ends.
    pub certificate_expires: Timestamp,
    /// What stands in the way of everything, and until when, where that is known.
    pub blocked: Option<(Code, Option<Timestamp>)>,
}

/// Whether the link holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// No login yet, or its token is spent; the next call logs in.
    LoggedOut,
    /// A token is held.
    LoggedIn {
        /// When it ends.
        until: Timestamp,
    },
}

/// Where the parts of the link write down what they meet.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Notes>);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    pub(super) last_answer: Option<Timestamp>,
    pub(super) token_until: Option<Timestamp>,
    pub(super) blocked: Option<(Code, Option<Timestamp>)>,
    /// The hub's time less the box's, in milliseconds.
    pub(super) ahead: Option<i64>,
}

impl Board {
    fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn read(&self) -> Notes {
        self.with(|notes| *notes)
    }

    /// Takes note of an exchange; returns its meaning.
    pub(super) fn saw(&self, seen: &Seen, now: Timestamp) -> Reply {
        if let Seen::Answered { date: Some(date), .. } = seen {
            // It tells whole seconds, cut off.
            let ahead = date.as_millisecond() + 500 - now.as_millisecond();
            self.with(|notes| notes.ahead = Some(ahead));
        }
        self.heard(classify(seen, now), now)
    }

    /// Takes note of what an exchange means; passes it on.
    pub(super) fn heard<D>(&self, reply: Reply<D>, now: Timestamp) -> Reply<D> {
        let answered = match &reply {
            Reply::Without(trouble) | Reply::Perhaps(trouble) => trouble.trace_id.is_some(),
            _ => true,
        };
        if answered {
            self.with(|notes| notes.last_answer = Some(now));
        }
        reply
    }

    /// The token's end; `None` when there is none any more.
    pub(super) fn token(&self, until: Option<Timestamp>) {
        self.with(|notes| notes.token_until = until);
    }

    /// Everything works: the hub took the certificate, the token and the request.
    pub(super) fn clear(&self) {
        self.with(|notes| notes.blocked = None);
    }

    /// Remembers what only time or an operator can lift; passes it on.
    pub(super) fn stopped(&self, trouble: Trouble) -> Trouble {
        if trouble.scope == Scope::Operator || trouble.until.is_some() {
            self.with(|notes| notes.blocked = Some((trouble.code, trouble.until)));
        }
        trouble
    }
}
