//! What became of care plans sent.

use super::{ScriptedHub, page};
use crate::hub::port::{Change, ChangePage, RecipientState, Trouble};

#[derive(Default)]
pub(super) struct Sent {
    changes: Vec<Change<RecipientState>>,
    down: Option<Trouble>,
}

impl ScriptedHub {
    /// Adds a change to the feed of care plans sent.
    pub fn recipient(&self, receipt_number: &str, state: RecipientState) {
        let (receipt_number, at) = (receipt_number.to_owned(), self.clock.now());
        self.state().sent.changes.push(Change { receipt_number, state, at, reason: None });
    }

    /// Answers every reading of the feed of care plans sent so, until `None`.
    pub fn recipients_down(&self, trouble: Option<Trouble>) {
        self.state().sent.down = trouble;
    }

    pub(super) fn recipients(&self, cursor: Option<&str>) -> Result<ChangePage<RecipientState>, Trouble> {
        let state = self.state();
        match &state.sent.down {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(page(&state.sent.changes, state.feed, cursor)),
        }
    }
}
