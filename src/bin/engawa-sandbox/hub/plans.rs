//! Care plans: units on their way from office to office, in order of filing, and how far their recipients are with them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::Asked;
use super::filings::Verdict;
use super::{Event, Hub, HubError, Known};
use crate::cli::Failure;
use crate::clock::stamp;
use crate::digest::derive;
use crate::world::Facility;

/// How far a recipient is with a unit. It only ever goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanState {
    Delivered,
    Downloaded,
    Opened,
}

/// What is kept of a unit beside the file with the unit itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispatched {
    #[serde(flatten)]
    pub(crate) asked: Asked,
    pub(crate) user_id: String,
    pub(crate) id: String,
    pub(crate) receipt_number: String,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What a unit is, without what it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Nobody for the two registrations.
    pub(crate) to_facility: Option<String>,
    pub(crate) to_service_kind: Option<String>,
    /// The table that gives the unit its name.
    pub(crate) kind: String,
    pub(crate) unit_sha256: String,
    pub(crate) tables: u64,
    pub(crate) rows: u64,
    pub(crate) insurer_numbers: Vec<String>,
}

/// A recipient's word on a unit. The state is the one that was asked for, which may lie behind what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Acked {
    #[serde(flatten)]
    pub(crate) asked: Asked,
    pub(crate) user_id: String,
    pub(crate) id: String,
    pub(crate) state: PlanState,
}

/// All of it.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) filed: Vec<Plan>,
    by_id: HashMap<String, usize>,
    /// What the senders' feed shows.
    changes: Vec<Change>,
    pub(super) acks: Vec<Acked>,
}

/// A unit that was sent or registered.
pub(super) struct Plan {
    pub(super) dispatched: Dispatched,
    pub(super) state: PlanState,
}

struct Change {
    plan: usize,
    state: PlanState,
    at: Timestamp,
}

impl Plans {
    fn received(&self, facility: &str, id: &str) -> Option<usize> {
        let mine = |p: &Plan| p.dispatched.content.to_facility.as_deref() == Some(facility);
        self.by_id.get(id).copied().filter(|at| self.filed.get(*at).is_some_and(mine))
    }
}

impl Plan {
    fn item(&self, state: PlanState, at: Timestamp) -> Value {
        json!({
            "id": self.dispatched.id, "from_facility": self.dispatched.asked.facility,
            "kind": self.dispatched.content.kind, "receipt_number": self.dispatched.receipt_number,
            "state": state, "at": stamp(at),
        })
    }
}

impl Hub {
    /// Whether a facility is on the hub: as the world has it, or as an order changed it.
    pub(crate) fn takes_part(&self, facility: &Facility) -> bool {
        self.participation.get(&facility.number).copied().unwrap_or(facility.takes_part)
    }

    /// Sends or registers a unit: the effect. What goes to somebody is on the disk before the journal speaks of it.
    pub(crate) fn dispatch(
        &mut self,
        asked: Asked,
        user_id: &str,
        content: Content,
        unit: &Value,
    ) -> Result<Known, Failure> {
        let number = u64::try_from(self.plans.filed.len())? + 1;
        let receipt_number = format!("K{number:07}-{}", derive(self.seed, "careplan", number, 6));
        let id = format!("U{number:07}-{}", derive(self.seed, "unit", number, 8));
        if content.to_facility.is_some() {
            self.units.put(&id, unit)?;
        }
        let key = (asked.facility.clone(), asked.key);
        let user_id = user_id.to_owned();
        self.commit(Event::Dispatched(Box::new(Dispatched { asked, user_id, id, receipt_number, content })))?;
        self.first_answer(&key)
    }

    /// A unit that was sent to this facility.
    pub(crate) fn received_unit(&self, facility: &str, id: &str) -> Result<Result<Value, HubError>, Failure> {
        let Some(plan) = self.plans.received(facility, id).and_then(|at| self.plans.filed.get(at)) else {
            return Ok(Err(unknown()));
        };
        self.units.get(id, &plan.dispatched.content.unit_sha256).map(Ok)
    }

    /// Whether there is such a unit for this facility.
    pub(crate) fn has_received(&self, facility: &str, id: &str) -> Result<(), HubError> {
        self.plans.received(facility, id).map(|_| ()).ok_or_else(unknown)
    }

    /// Takes a recipient's word; one that is behind what is known changes nothing.
    pub(crate) fn acknowledge(
        &mut self,
        asked: Asked,
        user_id: &str,
        id: &str,
        state: PlanState,
    ) -> Result<Known, Failure> {
        let key = (asked.facility.clone(), asked.key);
        let acked = Acked { asked, user_id: user_id.to_owned(), id: id.to_owned(), state };
        self.commit(Event::Acked(Box::new(acked)))?;
        self.first_answer(&key)
    }

    /// A page of what became of a facility's own units: a feed of changes.
    pub(crate) fn sent(&self, facility: &str, cursor: Option<&str>) -> Result<Value, HubError> {
        let mine = |c: &Change| {
            let plan = self.plans.filed.get(c.plan).filter(|p| p.dispatched.asked.facility == facility)?;
            Some(plan.item(c.state, c.at))
        };
        self.page("careplan-sent", facility, cursor, self.plans.changes.iter().map(mine))
    }

    /// A page of the units sent to a facility, in order of filing. An ack changes an item's state, not its place.
    pub(crate) fn received(&self, facility: &str, cursor: Option<&str>) -> Result<Value, HubError> {
        let mine = |p: &Plan| {
            let to_me = p.dispatched.content.to_facility.as_deref() == Some(facility);
            to_me.then(|| p.item(p.state, p.dispatched.asked.at))
        };
        self.page("careplan-received", facility, cursor, self.plans.filed.iter().map(mine))
    }

    /// A page of a list of which only some are a facility's.
    fn page(
        &self,
        list: &str,
        facility: &str,
        cursor: Option<&str>,
        all: impl Iterator<Item = Option<Value>>,
    ) -> Result<Value, HubError> {
        let mut next = self.position(list, facility, cursor)?;
        let rest = all.enumerate().skip(next).filter_map(|(at, item)| Some((at, item?)));
        let mut items = Vec::new();
        for (at, item) in rest.take(self.manners.page) {
            items.push(item);
            next = at + 1;
        }
        Ok(json!({"items": items, "next_cursor": self.cursor(list, facility, next)}))
    }

    pub(super) fn apply_dispatched(&mut self, dispatched: Dispatched) {
        let at = dispatched.asked.at;
        let data = json!({"receipt_number": dispatched.receipt_number, "accepted_at": stamp(at)});
        self.remember(&dispatched.asked, Verdict::Accepted(data));
        if dispatched.content.to_facility.is_some() {
            self.plans.changes.push(Change { plan: self.plans.filed.len(), state: PlanState::Delivered, at });
        }
        self.plans.by_id.insert(dispatched.id.clone(), self.plans.filed.len());
        self.plans.filed.push(Plan { dispatched, state: PlanState::Delivered });
    }

    pub(super) fn apply_acked(&mut self, acked: Acked) {
        let found = self.plans.received(&acked.asked.facility, &acked.id);
        let mut state = acked.state;
        if let Some((plan, found)) = found.and_then(|at| Some((at, self.plans.filed.get_mut(at)?))) {
            if state > found.state {
                found.state = state;
                self.plans.changes.push(Change { plan, state, at: acked.asked.at });
            }
            state = found.state;
        }
        let data = json!({"id": acked.id, "state": state, "at": stamp(acked.asked.at)});
        self.remember(&acked.asked, Verdict::Accepted(data));
        self.plans.acks.push(acked);
    }

    pub(super) fn plan_facts(&self) -> Vec<Value> {
        let all = self.plans.filed.iter();
        all.map(|Plan { dispatched, state }| {
            let mut facts = json!(dispatched);
            facts["at"] = json!(stamp(dispatched.asked.at));
            // A registration goes to nobody who could say anything.
            facts["state"] = json!(dispatched.content.to_facility.as_ref().map(|_| state));
            facts
        })
        .collect()
    }

    pub(super) fn ack_facts(&self) -> Vec<Value> {
        let all = self.plans.acks.iter();
        all.map(|acked| {
            let mut facts = json!(acked);
            facts["at"] = json!(stamp(acked.asked.at));
            facts
        })
        .collect()
    }
}

fn unknown() -> HubError {
    HubError::new("E4040", "このケアプランは見つかりません").at("/id")
}
