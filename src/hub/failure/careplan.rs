//! What an exchange about care plans means. Sending one is [a write](super::delivery) like any other.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Reply, classify, of_a_read, page, trouble};
use crate::fault::Code;
use crate::hub::client::Seen;
use crate::hub::port::{ArrivalPage, ChangePage, RecipientState, Refusal, Scope, Trouble};
use crate::hub::wire::{arrivals_data, names_another, recipients_data};

/// A page of what became of care plans sent, as [`change_page`](super::change_page).
///
/// # Errors
/// What stands in the way of a page.
pub fn recipient_page(seen: &Seen, now: Timestamp) -> Result<Option<ChangePage<RecipientState>>, Trouble> {
    let page = page(classify(seen, now), recipients_data)?;
    Ok(page.map(|(items, next_cursor)| ChangePage { items, next_cursor, restarted: false }))
}

/// A page of what other offices sent; `restarted` and an unknown cursor as of [`change_page`](super::change_page).
///
/// # Errors
/// What stands in the way of a page.
pub fn arrival_page(seen: &Seen, now: Timestamp) -> Result<Option<ArrivalPage>, Trouble> {
    let page = page(classify(seen, now), |data| arrivals_data(data, now))?;
    Ok(page.map(|(items, next_cursor)| ArrivalPage { items, next_cursor, restarted: false }))
}

/// A unit, octet by octet as the hub gave it; `None` when the hub does not know it. What it is is not looked at here: whoever asked
/// keeps it, also when it is none of the standard.
///
/// # Errors
/// What stands in the way. A lost or senseless answer is held against this unit alone, like one to a document.
pub fn arrived_unit(reply: Reply<Bytes>) -> Result<Option<Bytes>, Trouble> {
    match reply {
        Reply::Ok { data, .. } => Ok(Some(data)),
        Reply::NotKnown(_) => Ok(None),
        other => Err(of_this_one(other)),
    }
}

/// What came of telling the hub what became of the unit `id`.
///
/// # Errors
/// What stands in the way. A refusal (its own code) and a unit that the hub does not know any more (`HUB_ARRIVAL_GONE`), both
/// [`Scope::Item`], are its last word: telling it again does not help.
pub fn acknowledgement(reply: Reply, id: &str) -> Result<(), Trouble> {
    match reply {
        Reply::Ok { data, trace_id } if names_another(&data, id) => {
            Err(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Item) })
        }
        Reply::Ok { .. } => Ok(()),
        Reply::NotKnown(Trouble { trace_id, .. }) => {
            Err(Trouble { trace_id, ..trouble(Code::HubArrivalGone, Scope::Item) })
        }
        other => Err(of_this_one(other)),
    }
}

/// A trouble with one unit of many: a refusal and an answer that was lost or cannot be understood concern that one.
fn of_this_one<D>(reply: Reply<D>) -> Trouble {
    match reply {
        Reply::Perhaps(trouble) => trouble,
        Reply::Refused(Refusal { code, trace_id, .. }) => Trouble { trace_id, ..trouble(code, Scope::Item) },
        Reply::NotLive { trace_id, .. } => Trouble { trace_id, ..trouble(Code::HubInsurerNotLive, Scope::Item) },
        other => of_a_read(other),
    }
}
