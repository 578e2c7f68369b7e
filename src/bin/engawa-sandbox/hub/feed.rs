//! What municipalities do with opinions, as a feed of changes: received → forwarded → accepted | returned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Event, Hub, HubError};
use crate::cli::Failure;
use crate::clock::stamp;

/// How far a municipality is with an opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MunicipalState {
    Received,
    Forwarded,
    Accepted,
    Returned,
}

/// One entry of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    filing: usize,
    state: MunicipalState,
    at: Timestamp,
    reason: Option<String>,
}

impl Hub {
    /// Carries out what municipalities have done by themselves until `now`, in order of time.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Result<(), Failure> {
        while let Some((at, filing)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, filing));
            let Some(found) = self.filings.get(filing) else { continue };
            let state = match found.state {
                MunicipalState::Received => MunicipalState::Forwarded,
                _ => MunicipalState::Accepted,
            };
            self.commit(Event::Moved { receipt_number: found.filed.receipt_number.clone(), state, at, reason: None })?;
        }
        Ok(())
    }

    /// A person at the municipality decides; false if there is no such receipt.
    pub(crate) fn decide(
        &mut self,
        receipt: &str,
        state: MunicipalState,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        self.settle(now)?;
        if !self.by_receipt.contains_key(receipt) {
            return Ok(false);
        }
        self.commit(Event::Moved { receipt_number: receipt.to_owned(), state, at: now, reason })?;
        Ok(true)
    }

    /// A page of a facility's changes.
    pub(crate) fn changes(&self, facility: &str, cursor: Option<&str>) -> Result<Value, HubError> {
        let from = self.position("changes", facility, cursor)?;
        let mine = |at: usize| self.filings.get(at).is_some_and(|f| f.filed.asked.facility == facility);
        let mut page = self.feed.iter().enumerate().skip(from).filter(|(_, c)| mine(c.filing)).peekable();
        let mut items = Vec::new();
        let mut next = from;
        while let Some((at, change)) = page.next_if(|_| items.len() < self.manners.page) {
            items.push(self.item(change));
            next = at + 1;
        }
        Ok(json!({"items": items, "next_cursor": self.cursor("changes", facility, next)}))
    }

    fn item(&self, change: &Change) -> Value {
        let receipt = self.filings.get(change.filing).map(|f| f.filed.receipt_number.as_str());
        let mut item = json!({"receipt_number": receipt, "state": change.state, "at": stamp(change.at)});
        if let Some(reason) = &change.reason {
            item["reason"] = Value::from(reason.as_str());
        }
        item
    }

    /// A page of the requests addressed to a clinic.
    pub(crate) fn requests(&self, facility: &str, cursor: Option<&str>) -> Result<Value, HubError> {
        let from = self.position("requests", facility, cursor)?;
        let mine: Vec<_> = self.requests.iter().filter(|r| r.facility == facility).collect();
        let items: Vec<_> = mine
            .iter()
            .skip(from)
            .take(self.manners.page)
            .map(|r| {
                json!({
                    "request_number": r.request_number, "insurer_number": r.insurer_number,
                    "insured_number": r.insured_number, "issued_at": r.issued_at, "due_date": r.due_date,
                })
            })
            .collect();
        let next = self.cursor("requests", facility, from + items.len());
        Ok(json!({"items": items, "next_cursor": next}))
    }

    /// Puts a change on the feed and plans what follows by itself.
    pub(super) fn apply_moved(&mut self, receipt: &str, state: MunicipalState, at: Timestamp, reason: Option<String>) {
        let Some(&filing) = self.by_receipt.get(receipt) else { return };
        self.due.retain(|(_, planned)| *planned != filing);
        if let Some(found) = self.filings.get_mut(filing) {
            found.state = state;
        }
        self.feed.push(Change { filing, state, at, reason });
        let after = match state {
            MunicipalState::Received => self.manners.forward_after,
            MunicipalState::Forwarded => self.manners.accept_after,
            MunicipalState::Accepted | MunicipalState::Returned => None,
        };
        if let Some(then) = after.and_then(|span| at.checked_add(span).ok()) {
            self.due.insert((then, filing));
        }
    }
}
