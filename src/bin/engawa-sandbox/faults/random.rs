//! Random faults at a rate, by seed: the n-th matching call of two runs meets the same one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::queue::{Call, concerns};
use super::{Fault, Kind};
use crate::digest::Dice;

/// The order as it comes from the control API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(default)]
    seed: u64,
    /// Share of matching calls that meet a fault, 0 to 1.
    rate: f64,
    #[serde(default = "usual")]
    kinds: Vec<Kind>,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    retry_after: Option<String>,
    #[serde(default)]
    delay_ms: u64,
}

impl Order {
    /// What is wrong with the order, if anything.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err("rate: a share from 0 to 1");
        }
        if self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.is_about_connecting()) {
            return Err("kinds: at least one, and none that is about connecting");
        }
        Ok(())
    }
}

/// Random faults at work.
#[derive(Debug)]
pub(crate) struct Random {
    order: Order,
    dice: Dice,
    met: u64,
}

impl Random {
    pub(crate) fn new(order: Order) -> Self {
        Self { dice: Dice::new(order.seed), order, met: 0 }
    }

    pub(super) fn roll(&mut self, call: Call<'_>) -> Option<Fault> {
        let matches = self.order.on.is_empty() || self.order.on.iter().any(|on| concerns(on, call));
        if !matches || call.operation == "connect" || !self.dice.hits(self.order.rate) {
            return None;
        }
        let kind = *self.order.kinds.get(self.dice.below(self.order.kinds.len()))?;
        self.met += 1;
        let mut fault = Fault::plain(kind);
        fault.retry_after.clone_from(&self.order.retry_after);
        fault.delay_ms = self.order.delay_ms;
        Some(fault)
    }

    pub(super) fn describe(&self) -> Value {
        json!({"seed": self.order.seed, "rate": self.order.rate, "kinds": self.order.kinds, "met": self.met})
    }
}

/// Kinds that a client has to live through without a person's help.
fn usual() -> Vec<Kind> {
    vec![
        Kind::CutBeforeEffect,
        Kind::CutAfterEffect,
        Kind::CutMidAnswer,
        Kind::Status503,
        Kind::Html200,
        Kind::TruncatedJson,
        Kind::WrongType,
    ]
}
