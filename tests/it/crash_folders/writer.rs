//! The program that drops units into `out`, in all the ways that programs write files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, RngExt as _};
use serde_json::Value;

use super::software::{Dropped, Shared, Way};
use super::stock::{Named, Unit, zipped};
use crate::crash::pause;

/// A file that did not change for a second passes for whole.
const STALL: Duration = Duration::from_millis(700);
/// The rest of a unit is waited for ten seconds.
const LONG_STALL: Duration = Duration::from_secs(8);

pub(super) struct Writer {
    shared: Arc<Shared>,
    dice: StdRng,
    /// Files of units that are to go on paper once they are held.
    papers: Vec<String>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, dice: StdRng) -> Self {
        Self { shared, dice, papers: Vec::new() }
    }

    pub(super) fn run(mut self) {
        while !self.shared.is_ending() {
            self.papers();
            if self.shared.begin(0) {
                let dropped = self.next();
                self.put(dropped);
            }
        }
        while !self.papers.is_empty() && !self.shared.has_given_up() {
            self.papers();
            pause(Duration::from_millis(20));
        }
    }

    fn next(&mut self) -> Dropped {
        let (way, units) = match self.dice.random_range(0..16) {
            0..3 => {
                let count = self.dice.random_range(1..=3);
                (Way::Archive, (0..count).map(|_| self.unit()).collect())
            }
            3..6 => match self.shared.stock.absent(&self.shared.stamp(), &mut self.dice) {
                Some(unit) => (Way::Paper, vec![unit]),
                None => (Way::Files, vec![self.unit()]),
            },
            6 => return self.unfit(),
            7 => match self.again() {
                Some(again) => return again,
                None => (Way::Files, vec![self.unit()]),
            },
            _ => (Way::Files, vec![self.unit()]),
        };
        let files = match way {
            Way::Archive => {
                let files = zipped(units.iter().flat_map(|unit: &Unit| &unit.files));
                vec![(format!("plans-{}.zip", units[0].stamp), files)]
            }
            _ => units.iter().flat_map(|unit: &Unit| unit.files.clone()).collect(),
        };
        Dropped { way, units, files, stalled: false }
    }

    fn unit(&mut self) -> Unit {
        self.shared.stock.unit(&self.shared.stamp(), &mut self.dice)
    }

    /// A unit whose first file is of no known version, or something that is no unit at all.
    fn unfit(&mut self) -> Dropped {
        let mut unit = self.unit();
        if self.dice.random() {
            unit.files = vec![(format!("letter-{}.docx", unit.stamp), unit.stamp.clone().into_bytes())];
        } else {
            unit.files[0].1[..6].copy_from_slice(b"999999");
        }
        Dropped { way: Way::Unfit, units: Vec::new(), files: unit.files, stalled: false }
    }

    /// Something that was sent before, once: a third one could be written over the second.
    fn again(&mut self) -> Option<Dropped> {
        let book = self.shared.book.lock().unwrap();
        let name = |one: &Dropped| one.files.iter().map(|(name, _)| name.clone()).min();
        let before: BTreeSet<_> = book.dropped.iter().filter(|one| one.way == Way::Again).map(name).collect();
        let whole = |one: &&Dropped| {
            matches!(one.way, Way::Files | Way::Archive) && !one.stalled && !before.contains(&name(one))
        };
        let earlier: Vec<Dropped> = book.dropped.iter().filter(whole).cloned().collect();
        drop(book);
        let one = earlier.choose(&mut self.dice).filter(|one| self.sent(&one.files[0].0).is_some())?;
        Some(Dropped { way: Way::Again, units: Vec::new(), ..one.clone() })
    }

    /// The result beside a file in `sent`.
    fn sent(&self, name: &str) -> Option<Value> {
        let days = fs::read_dir(self.shared.base.join("sent")).unwrap();
        let mut results = days.map(|day| day.unwrap().path().join(format!("{name}.result.json")));
        let bytes = results.find_map(|path| fs::read(path).ok())?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    fn papers(&mut self) {
        for name in std::mem::take(&mut self.papers) {
            let held = self.sent(&name).is_some_and(|result| result["deliveries"][0]["state"] == "held");
            if held {
                fs::write(self.out(&format!("{name}.paper")), "").unwrap();
            } else {
                self.papers.push(name);
            }
        }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.shared.base.join("out").join(name)
    }

    #[allow(clippy::disallowed_methods)] // Whether the machine stood still is told by its clock.
    fn put(&mut self, mut dropped: Dropped) {
        if dropped.way == Way::Paper {
            self.papers.push(dropped.files[0].0.clone());
        }
        let start = Instant::now();
        dropped.files.shuffle(&mut self.dice);
        for file in &dropped.files {
            dropped.stalled |= self.write(file);
        }
        dropped.stalled |= start.elapsed() > LONG_STALL;
        self.shared.book.lock().unwrap().dropped.push(dropped);
    }

    /// Writes a file in one of the ways of programs; true when it may have passed for whole before it was.
    #[allow(clippy::disallowed_methods)]
    fn write(&mut self, (name, bytes): &Named) -> bool {
        let (path, start) = (self.out(name), Instant::now());
        match self.dice.random_range(0..8) {
            0 => {
                let ending = ["tmp", "part", "crdownload"].choose(&mut self.dice).unwrap();
                let aside = self.out(&format!("{name}.{ending}"));
                self.pieces(&mut File::create(&aside).unwrap(), bytes, 300);
                fs::rename(aside, path).unwrap();
                return false;
            }
            1 => {
                let locked = Flock::lock(File::create(path).unwrap(), FlockArg::LockExclusive);
                let mut locked = locked.map_err(|(_, error)| error).unwrap();
                let stalled = start.elapsed() > STALL;
                self.pieces(&mut locked, bytes, 400);
                return stalled;
            }
            2 | 3 => self.pieces(&mut File::create(path).unwrap(), bytes, 60),
            _ => fs::write(path, bytes).unwrap(),
        }
        start.elapsed() > STALL
    }

    /// Writes slowly: pauses of up to so many milliseconds.
    fn pieces(&mut self, file: &mut File, bytes: &[u8], longest: u64) {
        for piece in bytes.chunks(bytes.len() / 3 + 1) {
            file.write_all(piece).unwrap();
            pause(Duration::from_millis(u64::from(self.dice.next_u32()) % longest));
        }
    }
}
