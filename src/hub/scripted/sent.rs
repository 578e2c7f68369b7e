//! What became of care plans sent.

use std::collections::VecDeque;

use super::{ScriptedHub, page};
use crate::hub::port::{Change, ChangePage, RecipientState, Trouble};

#[derive(Default)]
pub(super) struct Sent {
    changes: Vec<Change<RecipientState>>,
    troubles: VecDeque<Trouble>,
}

impl ScriptedHub {
    /// Adds a change to the feed of care plans sent.
    pub fn recipient(&self, receipt_number: &str, state: RecipientState) {
        let (receipt_number, at) = (receipt_number.to_owned(), self.clock.now());
        self.state().sent.changes.push(Change { receipt_number, state, at, reason: None });
    }

    /// Answers the next readings of the feed of care plans sent so, instead of with what is in it.
    pub fn then_recipients(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().sent.troubles.extend(troubles);
    }

    pub(super) fn recipients(&self, cursor: Option<&str>) -> Result<ChangePage<RecipientState>, Trouble> {
        let mut state = self.state();
        match state.sent.troubles.pop_front() {
            Some(trouble) => Err(trouble),
            None => Ok(page(&state.sent.changes, state.feed, cursor)),
        }
    }
}
