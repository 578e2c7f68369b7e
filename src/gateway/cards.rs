//! The card room from its settings, and how it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::card::pcsc::{Limits, PcscDriver};
use crate::card::{self, Cards, Policy, ReaderName, ReaderState, Tasks, Terminal, Trouble};
use crate::clock::Clock;
use crate::config::Config;
use crate::fault::Code;
use crate::order;
use crate::outbox::{Health, HealthStatus};

/// Of the whole deadline of a stop, what operations on cards may take; the rest is for telling their callers.
const SHARE: f64 = 0.7;

/// The card room's figures, from the settings.
pub(super) fn config(settings: &Config) -> card::Config {
    let cards = &settings.cards;
    let beside = |(key, names): (&String, &Vec<String>)| {
        (Terminal(key.clone()), names.iter().cloned().map(ReaderName).collect::<Vec<_>>())
    };
    let nearest = order::map(cards.nearest.iter().map(beside));
    let defaults = card::Config::default();
    card::Config {
        policy: Policy {
            heartbeat: cards.heartbeat,
            idle: cards.idle,
            lifetime: cards.lifetime,
            longest_wait: cards.longest_wait,
            per_terminal: cards.per_terminal,
            ..defaults.policy
        },
        nearest,
        floor: cards.pin_floor,
        stop_limit: defaults.stop_limit.min(settings.shutdown.deadline.mul_f64(SHARE)),
        ..defaults
    }
}

/// The room, running or switched off.
pub(super) fn start(settings: &Config, clock: &Clock, stop: watch::Receiver<bool>) -> (Cards, Tasks) {
    if !settings.cards.enabled {
        tracing::info!("card readers are switched off by the settings");
        return Cards::disabled(clock.clone());
    }
    let driver = Arc::new(PcscDriver::new(clock.clone(), Limits::default()));
    Cards::start(config(settings), driver, clock.clone(), stop)
}

/// What the health report needs to know of the cards; clones are the same one.
#[derive(Clone)]
pub(super) struct CardHealth {
    cards: Cards,
    /// How many readers there ought to be.
    expected: Arc<AtomicUsize>,
}

impl CardHealth {
    pub(super) fn new(cards: Cards, expected: usize) -> Self {
        Self { cards, expected: Arc::new(AtomicUsize::new(expected)) }
    }

    pub(super) fn expect(&self, readers: usize) {
        self.expected.store(readers, Ordering::SeqCst);
    }

    /// How the cards are; `None` where they are switched off.
    pub(super) fn report(&self) -> Option<Health> {
        let health = self.cards.health();
        if health.service == Some(Trouble::Disabled) {
            return None;
        }
        if !health.alive {
            let reason = Some(Code::GatewayInternal);
            return Some(Health { status: HealthStatus::Failed, reason, last_proof: health.proof });
        }
        let states: Vec<_> = self.cards.readers().into_iter().map(|reader| reader.state).collect();
        let reason = judge(health.service, &states, self.expected.load(Ordering::SeqCst));
        let status = if reason.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
        Some(Health { status, reason, last_proof: health.proof })
    }
}

/// What is wrong with the readers, if anything. An office without readers needs no pcscd.
pub(super) fn judge(service: Option<Trouble>, readers: &[ReaderState], expected: usize) -> Option<Code> {
    let usable = readers.iter().filter(|state| **state == ReaderState::Ok).count();
    let degraded = readers.iter().filter(|state| matches!(state, ReaderState::Degraded(_))).count();
    match service {
        Some(_) => (expected > 0 || !readers.is_empty()).then_some(Code::PcscDown),
        None if usable + degraded < expected => Some(Code::ReaderAbsent),
        None if degraded > 0 => Some(Code::ReaderDegraded),
        None => None,
    }
}
