//! Who may go when: the circuit, the turns and the places in flight together. Pure; the task and the simulation drive it.

use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::circuit::{Circuit, Pause};
use super::machine::Policy;
use super::order::{Candidate, Turns, day_number};
use crate::fault::Code;
use crate::hub::{LookupOutcome, Outcome, Scope, Trouble};

/// Between knocks at a hub that only an operator can open again. Knocking is harmless: the hub link refuses by itself.
const OPERATOR_PAUSE: Duration = Duration::from_secs(60);

/// The dispatcher's memory.
#[derive(Debug)]
pub struct Engine {
    circuit: Circuit,
    turns: Turns,
    rng: StdRng,
    policy: Policy,
    parallel: usize,
    in_flight: usize,
    passed_at: Option<Timestamp>,
    seconds_each: f64,
}

/// What others may know of the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Why nothing goes at the moment.
    pub blocked: Option<Code>,
    /// Monotonic time at which the next one may try.
    pub opens_at: Option<Duration>,
    /// Seconds one document takes, averaged over the recent ones and the places in parallel.
    pub seconds_each: f64,
    /// Documents on their way at this moment.
    pub in_flight: usize,
}

impl Engine {
    /// An engine that sends `parallel` documents at a time; `seed` makes its jitter repeatable.
    #[must_use]
    pub fn new(policy: Policy, parallel: usize, seed: u64) -> Self {
        Self {
            circuit: Circuit::Closed,
            turns: Turns::default(),
            rng: StdRng::seed_from_u64(seed),
            policy,
            parallel: parallel.max(1),
            in_flight: 0,
            passed_at: None,
            seconds_each: 0.5,
        }
    }

    /// How many may start.
    #[must_use]
    pub fn places(&self, elapsed: Duration) -> usize {
        self.circuit.admits(elapsed, self.parallel.saturating_sub(self.in_flight))
    }

    /// Picks those that start. Each has to be [started](Self::started) or it is as if it had not been picked.
    pub fn choose<Id: Clone>(
        &mut self,
        waiting: &[Candidate<Id>],
        now: Timestamp,
        elapsed: Duration,
    ) -> Vec<Candidate<Id>> {
        let today = day_number(now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date());
        self.turns.pick(waiting, self.places(elapsed), today)
    }

    /// One is on its way.
    pub fn started(&mut self) {
        self.in_flight += 1;
        self.circuit.started();
    }

    /// A delivery ended after `took`.
    pub fn settled(&mut self, outcome: &Outcome, now: Timestamp, elapsed: Duration, took: Duration) {
        match outcome {
            Outcome::Accepted(_) | Outcome::Refused(_) | Outcome::NotLive { .. } => self.answered(now, took),
            Outcome::NotDelivered(trouble) | Outcome::Unknown(trouble) => self.troubled(trouble, elapsed),
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A question was answered after `took`.
    pub fn asked(&mut self, answer: &LookupOutcome, now: Timestamp, elapsed: Duration, took: Duration) {
        match answer {
            LookupOutcome::Trouble(trouble) => self.troubled(trouble, elapsed),
            _ => self.answered(now, took),
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What had started did not happen (its row was changed under it, or its bytes are damaged).
    pub fn called_off(&mut self, elapsed: Duration) {
        self.circuit.undecided(elapsed);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A setting, certificate or password changed, or a person asked: the next one may try at once.
    pub fn reconsider(&mut self, elapsed: Duration, policy: Policy) {
        self.policy = policy;
        self.circuit.reconsider(elapsed);
    }

    /// When the hub last took a document.
    #[must_use]
    pub const fn passed_at(&self) -> Option<Timestamp> {
        self.passed_at
    }

    /// A seed for one submission's jitter.
    pub fn seed(&mut self) -> u64 {
        self.rng.random()
    }

    /// The figures of the machine.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What others may know.
    #[must_use]
    pub const fn outlook(&self) -> Outlook {
        Outlook {
            blocked: self.circuit.reason(),
            opens_at: self.circuit.opens_at(),
            seconds_each: self.seconds_each,
            in_flight: self.in_flight,
        }
    }

    fn answered(&mut self, now: Timestamp, took: Duration) {
        self.circuit.answered();
        self.passed_at = Some(now);
        let each = took.as_secs_f64() / self.parallel as f64;
        self.seconds_each = self.seconds_each.mul_add(0.9, each * 0.1);
    }

    fn troubled(&mut self, trouble: &Trouble, elapsed: Duration) {
        let wish = match trouble.scope {
            Scope::Item | Scope::Try => return self.circuit.undecided(elapsed),
            Scope::Hub => trouble.retry_after.map_or(Pause::Own, Pause::Named),
            Scope::Operator => Pause::Slow(trouble.retry_after.unwrap_or(OPERATOR_PAUSE)),
        };
        self.circuit.failed(trouble.code, elapsed, wish, &self.policy.backoff, &mut self.rng);
    }
}
