//! The queue: the first fault that matches a call is taken.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fault, Kind, Random};

/// What a fault is matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) path: &'a str,
    pub(crate) facility: Option<&'a str>,
    pub(crate) key: Option<Uuid>,
}

/// Ordered faults and random ones.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    queue: Vec<Ordered>,
    random: Option<Random>,
    next_id: u64,
}

#[derive(Debug)]
struct Ordered {
    id: u64,
    fault: Fault,
    passed: u64,
    met: u64,
}

impl Faults {
    /// Appends a fault and returns its number.
    pub(crate) fn order(&mut self, fault: Fault) -> u64 {
        self.next_id += 1;
        self.queue.push(Ordered { id: self.next_id, fault, passed: 0, met: 0 });
        self.next_id
    }

    /// Removes one fault, or all of them and the random ones.
    pub(crate) fn clear(&mut self, id: Option<u64>) {
        self.queue.retain(|o| id.is_some_and(|id| id != o.id));
        if id.is_none() {
            self.random = None;
        }
    }

    /// Turns random faults on or off.
    pub(crate) fn randomly(&mut self, random: Option<Random>) {
        self.random = random;
    }

    /// The fault for a call, if any.
    pub(crate) fn take(&mut self, call: Call<'_>) -> Option<Fault> {
        let ordered = self.queue.iter_mut().find_map(|o| o.meet(call));
        self.queue.retain(|o| o.fault.times == 0 || o.met < o.fault.times);
        ordered.or_else(|| self.random.as_mut().and_then(|random| random.roll(call)))
    }

    /// Whether an operation is out of service, so that it is no capability.
    pub(crate) fn not_offered(&self, operation: &str) -> bool {
        self.queue.iter().any(|o| o.fault.kind == Kind::NotOffered && o.fault.on == operation)
    }

    /// What waits, for the control API.
    pub(crate) fn list(&self) -> Value {
        let queue: Vec<_> = self
            .queue
            .iter()
            .map(|o| json!({"id": o.id, "fault": o.fault, "passed": o.passed, "met": o.met}))
            .collect();
        json!({"queue": queue, "random": self.random.as_ref().map(Random::describe)})
    }
}

impl Ordered {
    fn meet(&mut self, call: Call<'_>) -> Option<Fault> {
        if !self.fault.matches(call) {
            return None;
        }
        if self.passed < self.fault.after {
            self.passed += 1;
            return None;
        }
        self.met += 1;
        Some(self.fault.clone())
    }
}

impl Fault {
    fn matches(&self, call: Call<'_>) -> bool {
        let place = if self.kind.is_about_connecting() || self.on == "connect" {
            call.operation == "connect"
        } else {
            call.operation != "connect" && concerns(&self.on, call)
        };
        place
            && self.key.is_none_or(|key| call.key == Some(key))
            && self.facility.as_deref().is_none_or(|facility| call.facility == Some(facility))
    }
}

pub(super) fn concerns(on: &str, call: Call<'_>) -> bool {
    on == "*" || on == call.operation || (on.starts_with('/') && call.path.starts_with(on))
}
