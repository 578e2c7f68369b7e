//! One look at pcscd from outside the room, for whoever wants to know before anything is started.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use pcsc::{Context, Error, Scope};

use super::watch;
use crate::card::machine::{CardState, ReaderName};
use crate::order;

/// What a look at pcscd found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It answers: its readers, and what lies on each.
    Readers(BTreeMap<ReaderName, CardState>),
    /// It cannot be reached.
    Down,
    /// It is there and lets this user not in, or no more programs.
    Refused,
    /// It has not answered in time.
    Hung,
}

/// Asks pcscd once which readers there are. It may never answer, and the call cannot be cancelled: after `limit` the thread
/// that asks is left to itself.
#[must_use]
pub fn look(limit: Duration) -> Look {
    let (answer, answered) = sync_channel(1);
    let asking = std::thread::Builder::new().name("card-look".to_owned()).spawn(move || {
        let _ = answer.send(ask());
    });
    match asking {
        Ok(_) => answered.recv_timeout(limit).unwrap_or(Look::Hung),
        Err(_) => Look::Down,
    }
}

fn ask() -> Look {
    let found = Context::establish(Scope::System).and_then(|context| {
        let names = watch::list(&context)?;
        let mut states = watch::entries(&names);
        // At once: what is there, not what changes. An empty list has nothing to say either.
        match context.get_status_change(Duration::ZERO, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => return Err(error),
        }
        let card = |name: &ReaderName| {
            let state = states.iter().find(|state| state.name().to_bytes() == name.0.as_bytes());
            state.map_or(CardState::Absent, |state| watch::card(state.event_state()))
        };
        Ok(order::map(names.iter().map(|name| (name.clone(), card(name)))))
    });
    match found {
        Ok(readers) => Look::Readers(readers),
        Err(Error::SecurityViolation) => Look::Refused,
        Err(_) => Look::Down,
    }
}
