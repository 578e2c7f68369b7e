//! Rows that stood in the file before.
//!
//! Care software writes user after user, so a row is looked for among the rows of its user, which are few and near. Only when a
//! user comes back are the rows of all put into one set, which no cache of a processor holds.

use super::digest::Met;

/// How a row stands to the rows before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is of the same user as the row before.
    SameUser,
    /// It is the first of its user.
    NewUser,
    /// Anything else: rows like it may stand anywhere.
    Anywhere,
}

/// The most rows of one user for which the room is kept for the next one: clearing a large set takes its time.
const USUAL: usize = 512;

/// The digests of all rows read.
#[derive(Default)]
pub(super) struct Repeated {
    of_user: Met,
    in_order: Vec<u64>,
    /// Takes the place of both once a row may repeat any other.
    all: Option<Met>,
}

impl Repeated {
    /// Remembers a row; true when it stood in the file before.
    pub(super) fn is(&mut self, row: u64, place: Place) -> bool {
        if place == Place::Anywhere && self.all.is_none() {
            self.of_user = Met::default();
            self.all = Some(std::mem::take(&mut self.in_order).into_iter().collect());
        }
        if let Some(all) = &mut self.all {
            return !all.insert(row);
        }
        if place == Place::NewUser {
            if self.of_user.capacity() > USUAL {
                self.of_user = Met::default();
            }
            self.of_user.clear();
        }
        let is_new = self.of_user.insert(row);
        if is_new {
            self.in_order.push(row);
        }
        !is_new
    }
}
