//! An office: its gateway with its folders, and the software that works in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::software::Software;
use super::stock::Stock;
use crate::crash::database;
use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;

/// When and how a gateway is to die.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// At the n-th visit to a point; or else when patience ends.
    Point(&'static str, u32),
    /// After so long.
    Chance(Duration),
    /// Not in this round.
    Spared,
}

/// How a gateway died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    /// The point at which it did; `None`: it was killed.
    pub(crate) point: Option<&'static str>,
    /// It was sent to a point and did not get there.
    pub(crate) missed: bool,
    /// It had done something since it was started.
    pub(crate) at_work: bool,
    /// Files were on their way between the folders.
    pub(crate) midway: bool,
}

pub(crate) struct Office {
    pub(crate) gateway: Gateway,
    pub(crate) number: String,
    /// `exchange/<facility>`.
    pub(crate) base: PathBuf,
    pub(crate) software: Software,
    life: Option<Life>,
}

struct Life {
    fate: Fate,
    until: Instant,
    before: (usize, usize),
}

/// A point that is not reached in this time is not reached in its round; another round has another chance.
const POINT_PATIENCE: Duration = Duration::from_secs(4);

impl Office {
    /// An office of the sandbox with its software, which waits; its gateway does not run.
    pub(crate) fn open(hub: &Sandbox, facility: &str, user_id: &str, stock: Stock, seed: u64) -> Self {
        let setup = Setup::of(hub, facility, user_id).exchange().set("cards.enabled", "false");
        let mut gateway = setup.set("hub.parallel", "8").start();
        let number = hub.facility(facility).number;
        let base = gateway.exchange().join(&number);
        crate::support::until("the folders", Duration::from_secs(10), || {
            base.join("STATUS.txt").exists().then_some(())
        });
        gateway.kill9();
        let software = Software::start(stock, base.clone(), gateway.socket(), seed);
        Self { gateway, number, base, software, life: None }
    }

    /// Starts the gateway, if it does not run, with a fate. One that runs is not sent to a point.
    #[allow(clippy::disallowed_methods)] // Chance and patience are in the machine's time.
    pub(crate) fn live(&mut self, fate: Fate) {
        let now = Instant::now();
        let runs = self.life.is_some();
        let (environment, lasts) = match fate {
            Fate::Point(point, n) => (vec![("ENGAWA_CRASH_POINT", format!("{point}:{n}"))], POINT_PATIENCE * n),
            Fate::Chance(lasts) => (Vec::new(), lasts),
            Fate::Spared => (Vec::new(), Duration::MAX / 4),
        };
        if !runs {
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.gateway.spawn(&environment);
        }
        let until = now.checked_add(lasts).unwrap_or(now + Duration::from_secs(3600));
        let before = self.life.as_ref().map_or_else(|| self.traces(), |life| life.before);
        self.life = Some(Life { fate, until, before });
    }

    pub(crate) fn runs(&self) -> bool {
        self.life.is_some()
    }

    /// Whether it has yet to die in this round.
    pub(crate) fn is_doomed(&self) -> bool {
        self.life.as_ref().is_some_and(|life| !matches!(life.fate, Fate::Spared))
    }

    /// Kills it when it is time, and says so when it is dead.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn reap(&mut self) -> Option<Death> {
        let life = self.life.as_ref()?;
        let died = self.gateway.ended().is_some();
        if !died && Instant::now() < life.until {
            return None;
        }
        let life = self.life.take()?;
        let status = self.gateway.kill9().unwrap();
        let killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
        let point = match life.fate {
            Fate::Point(point, _) if died => Some(point),
            _ => None,
        };
        assert!(killed && died == point.is_some(), "it ended by itself: {}", self.gateway.present_log());
        let midway = [".work", ".arriving"].iter().any(|part| !files(&self.base.join(part)).is_empty());
        let missed = matches!(life.fate, Fate::Point(..)) && !died;
        Some(Death { point, missed, at_work: self.traces() != life.before, midway })
    }

    /// Starts it, or lets it run on, for good.
    pub(crate) fn live_on(&mut self) {
        if !self.runs() {
            self.live(Fate::Spared);
        }
        self.gateway.ready();
    }

    /// What grows while the gateway works.
    fn traces(&self) -> (usize, usize) {
        let lies =
            ["sent", "refused", ".work", ".arriving"].iter().map(|part| files(&self.base.join(part)).len()).sum();
        (lies, self.software.look(|book| book.found.len() + book.posted.len()))
    }

    /// What the hub was told has arrived must be on stable storage. Looked at in a copy, as the dead gateway left it.
    pub(crate) fn keeps_what_it_acknowledged(&self, facts: &Value) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["engawa.db", "engawa.db-wal"] {
            let _ = std::fs::copy(self.gateway.state().join(name), copy.path().join(name));
        }
        let kept = "SELECT coalesce(group_concat(hub_id), '') FROM received WHERE state = 'kept'";
        let kept = database::ask(copy.path(), kept);
        for ack in facts["acks"].as_array().unwrap().iter().filter(|ack| ack["facility"] == self.number.as_str()) {
            let id = ack["id"].as_str().unwrap();
            assert!(kept.split(',').any(|known| known == id), "{id} was acknowledged and is not kept");
        }
    }
}

/// Paths of all files below a folder. What is moved meanwhile may be missed.
pub(crate) fn files(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![top.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found
}
