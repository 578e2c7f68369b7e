//! A place in the stream, as callers keep it: opaque to them.
//!
//! `42` is a place in the durable log alone; `42-5f3a….7` also one in the history of cards, which means something within
//! one run of the gateway only.

use std::fmt;

use crate::card::events::Cursor;

/// The last event seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Of the durable log; 0 before the first.
    pub(super) log: i64,
    /// Of the history of cards.
    pub(super) cards: Option<Cursor>,
}

impl Position {
    /// Reads what [`Position`] wrote; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (log, cards) = match text.split_once('-') {
            None => (text, None),
            Some((log, cards)) => {
                let (boot, id) = cards.split_once('.')?;
                let (boot, id) = (u64::from_str_radix(boot, 16).ok()?, id.parse().ok()?);
                (log, Some(Cursor { boot, id }))
            }
        };
        Some(Self { log: log.parse().ok().filter(|log| *log >= 0)?, cards })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log.max(0))?;
        match self.cards {
            Some(Cursor { boot, id }) => write!(f, "-{boot:x}.{id}"),
            None => Ok(()),
        }
    }
}
