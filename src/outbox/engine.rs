//! Who may go when: the circuits, the turns and the places in flight together. Pure; the task and the simulation drive it.
//!
//! Each kind has a circuit of its own: a hub that cannot identify anybody may well take opinions, and the other way round. A
//! dead line costs one knock a kind instead of one; a line that is back for one kind is back for all.

use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::circuit::{Circuit, Pause};
use super::kind::{EachKind, Kind};
use super::machine::Policy;
use super::order::{Candidate, Places, Turns, day_in_japan};
use crate::fault::Code;
use crate::hub::{LookupOutcome, Outcome, Scope, Trouble};

/// Between knocks at a hub that only an operator can open again. Knocking is harmless: the hub link refuses by itself.
const OPERATOR_PAUSE: Duration = Duration::from_secs(60);

/// The dispatcher's memory.
#[derive(Debug)]
pub struct Engine {
    circuits: EachKind<Circuit>,
    turns: Turns,
    rng: StdRng,
    policy: Policy,
    parallel: usize,
    in_flight: usize,
    passed_at: EachKind<Option<Timestamp>>,
    seconds_each: f64,
}

/// What others may know of the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The way of each kind.
    pub ways: EachKind<Way>,
    /// Seconds one document takes, averaged over the recent ones and the places in parallel.
    pub seconds_each: f64,
    /// Documents on their way at this moment.
    pub in_flight: usize,
}

/// How it stands with the way of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Why nothing goes at the moment.
    pub blocked: Option<Code>,
    /// Monotonic time at which the next one may try.
    pub opens_at: Option<Duration>,
}

impl Outlook {
    /// Why some kind does not go at the moment.
    #[must_use]
    pub fn blocked(&self) -> Option<Code> {
        self.ways.all().find_map(|way| way.blocked)
    }

    /// Monotonic times at which a closed way may be tried.
    pub fn openings(&self) -> impl Iterator<Item = Duration> {
        self.ways.all().filter_map(|way| way.opens_at)
    }
}

impl Engine {
    /// An engine that sends `parallel` documents at a time; `seed` makes its jitter repeatable.
    #[must_use]
    pub fn new(policy: Policy, parallel: usize, seed: u64) -> Self {
        Self {
            circuits: EachKind::from_fn(|_| Circuit::Closed),
            turns: Turns::default(),
            rng: StdRng::seed_from_u64(seed),
            policy,
            parallel: parallel.max(1),
            in_flight: 0,
            passed_at: EachKind::default(),
            seconds_each: 0.5,
        }
    }

    /// How many may start.
    #[must_use]
    pub fn places(&self, elapsed: Duration) -> Places {
        let free = self.parallel.saturating_sub(self.in_flight);
        Places { free, each: EachKind::from_fn(|kind| self.circuits.of(kind).admits(elapsed, free)) }
    }

    /// Picks those that start. Each has to be [started](Self::started) or it is as if it had not been picked.
    pub fn choose<Id: Clone>(
        &mut self,
        waiting: &[Candidate<Id>],
        now: Timestamp,
        elapsed: Duration,
    ) -> Vec<Candidate<Id>> {
        self.turns.pick(waiting, self.places(elapsed), day_in_japan(now))
    }

    /// One is on its way.
    pub fn started(&mut self, kind: Kind) {
        self.in_flight += 1;
        self.circuits.of_mut(kind).started();
    }

    /// A delivery ended after `took`.
    pub fn settled(&mut self, kind: Kind, outcome: &Outcome, now: Timestamp, elapsed: Duration, took: Duration) {
        match outcome {
            Outcome::Accepted(_) | Outcome::Refused(_) | Outcome::NotLive { .. } => {
                self.answered(kind, now, elapsed, took);
            }
            Outcome::NotDelivered(trouble) | Outcome::Unknown(trouble) => self.troubled(kind, trouble, elapsed),
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A question was answered after `took`.
    pub fn asked(&mut self, kind: Kind, answer: &LookupOutcome, now: Timestamp, elapsed: Duration, took: Duration) {
        match answer {
            LookupOutcome::Trouble(trouble) => self.troubled(kind, trouble, elapsed),
            _ => self.answered(kind, now, elapsed, took),
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What had started did not happen (its row was changed under it, or its bytes are damaged).
    pub fn called_off(&mut self, kind: Kind, elapsed: Duration) {
        self.circuits.of_mut(kind).undecided(elapsed);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A setting, certificate or password changed, or a person asked: the next one may try at once.
    pub fn reconsider(&mut self, elapsed: Duration, policy: Policy) {
        self.policy = policy;
        for kind in Kind::ALL {
            self.circuits.of_mut(kind).reconsider(elapsed);
        }
    }

    /// When the hub last took one of this kind.
    #[must_use]
    pub const fn passed_at(&self, kind: Kind) -> Option<Timestamp> {
        *self.passed_at.of(kind)
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
    pub fn outlook(&self) -> Outlook {
        let way = |kind| {
            let circuit = self.circuits.of(kind);
            Way { blocked: circuit.reason(), opens_at: circuit.opens_at() }
        };
        Outlook { ways: EachKind::from_fn(way), seconds_each: self.seconds_each, in_flight: self.in_flight }
    }

    fn answered(&mut self, kind: Kind, now: Timestamp, elapsed: Duration, took: Duration) {
        *self.passed_at.of_mut(kind) = Some(now);
        self.heard(kind, elapsed);
        let each = took.as_secs_f64() / self.parallel as f64;
        self.seconds_each = self.seconds_each.mul_add(0.9, each * 0.1);
    }

    /// The hub answered one of this kind: its way is open, and the line is there for the others.
    fn heard(&mut self, kind: Kind, elapsed: Duration) {
        self.circuits.of_mut(kind).answered();
        for other in Kind::ALL {
            let circuit = self.circuits.of_mut(other);
            if matches!(circuit.reason(), Some(Code::HubUnreachable)) {
                circuit.reconsider(elapsed);
            }
        }
    }

    fn troubled(&mut self, kind: Kind, trouble: &Trouble, elapsed: Duration) {
        let circuit = self.circuits.of_mut(kind);
        let wish = match trouble.scope {
            // An answer of a hub that can be spoken to, though it takes nothing of the kind.
            Scope::Try if trouble.code == Code::HubNotOffered => return self.heard(kind, elapsed),
            Scope::Item | Scope::Try => return circuit.undecided(elapsed),
            Scope::Hub => trouble.retry_after.map_or(Pause::Own, Pause::Named),
            Scope::Operator => Pause::Slow(trouble.retry_after.unwrap_or(OPERATOR_PAUSE)),
        };
        circuit.failed(trouble.code, elapsed, wish, &self.policy.backoff, &mut self.rng);
    }
}
