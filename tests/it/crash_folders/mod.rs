//! kill -9 of two gateways with folders, at random moments under load and at every named point of folders, box and care plan
//! intake, while the hub fails at random: every file is handed in once and ends in one place with its final result, every unit
//! is at the hub once and in order, and the other office's software gets each of its files once, byte for byte.
//!
//! `ENGAWA_CRASH_FOLDER_ROUNDS` says how often (4), `ENGAWA_CRASH_SEED` repeats the choices of an earlier run (not its timing).

mod judge;
mod office;
mod software;
mod stock;
mod writer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engawa::fault::crash::{FOLDERS, POINTS, RECEIVING};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::crash::{number, pause};
use crate::support::sandbox::Sandbox;
use crate::support::{at_most, until};
use office::{Death, Fate, Office};
use stock::Stock;

/// Rounds with one hub and the same two offices; then all is judged and new ones are taken.
const SEASON: u32 = 40;
/// With fewer rounds chance may leave out a kind of trouble.
const ENOUGH: u32 = 20;
/// The points of the intake that care plans pass.
const INTAKE: &[&str] = &["intake.spooled", "intake.before_accept", "intake.accepted"];

#[test]
#[allow(clippy::disallowed_methods)] // The time a test takes is the machine's.
fn kill_9_hands_in_every_file_once_and_gives_every_unit_once() {
    let rounds = number("ENGAWA_CRASH_FOLDER_ROUNDS").map_or(4, |n| u32::try_from(n).unwrap());
    let seed = number("ENGAWA_CRASH_SEED").unwrap_or_else(rand::random);
    println!("folders: {rounds} rounds, ENGAWA_CRASH_SEED={seed}");
    let start = Instant::now();
    let mut dice = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    let mut left = rounds;
    loop {
        let mut season = Season::begin(&mut dice);
        let now = left.min(SEASON);
        for _ in 0..now {
            season.round(&mut dice, &mut tally);
        }
        left -= now;
        if left == 0 {
            season.reach_every_point(&mut tally);
        }
        season.end(&mut tally);
        if left == 0 {
            break;
        }
        println!("folders: {left} rounds left after {:.0} s; {tally}", start.elapsed().as_secs_f64());
    }
    println!("folders: {rounds} rounds in {:.0} s; {tally}", start.elapsed().as_secs_f64());
    tally.is_worth_something(rounds);
}

/// Every point that has to be reached.
fn points() -> impl Iterator<Item = &'static str> {
    [FOLDERS, RECEIVING, INTAKE].into_iter().flatten().copied()
}

/// What the rounds amounted to.
#[derive(Default)]
struct Tally {
    random: u32,
    points: BTreeMap<&'static str, u32>,
    /// Lives that waited for a point in vain.
    missed: u32,
    /// Random kills of a gateway that had done something since its start.
    at_work: u32,
    /// Deaths while files were on their way between the folders.
    midway: u32,
    lost_answers: u64,
    repeated: u64,
    hub_lost: u64,
    judged: judge::Judged,
}

impl Tally {
    /// A test in which nothing happened shows nothing.
    fn is_worth_something(&self, rounds: u32) {
        for point in points() {
            assert!(self.points.contains_key(point), "no crash at {point}: {self}");
        }
        let judge::Judged { units, files, received, refused, .. } = self.judged;
        assert!(units.min(files).min(received).min(refused) > 0 && self.midway > 0, "too quiet: {self}");
        if rounds >= ENOUGH {
            let judge::Judged { archives, papers, again, posted, .. } = self.judged;
            assert!(archives.min(papers).min(again).min(posted) > 0, "too uniform: {self}");
            assert!(self.hub_lost > 0 && self.lost_answers > 0 && self.repeated > 0, "too peaceful: {self}");
            assert!(self.at_work > self.random / 4, "kills of idle processes: {self}");
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}; {} gateways killed at random ({} of them at work), {} at points {:?} ({} not reached), {} while files were on their way; \
             {} answers lost to those who posted, {} posted again, {} requests met a hub fault",
            self.judged,
            self.random,
            self.at_work,
            self.points.values().sum::<u32>(),
            self.points,
            self.missed,
            self.midway,
            self.lost_answers,
            self.repeated,
            self.hub_lost,
        )
    }
}

/// One hub and two offices that send to each other.
struct Season {
    hub: Sandbox,
    offices: [Office; 2],
}

impl Season {
    fn begin(dice: &mut StdRng) -> Self {
        let hub = Sandbox::start_with(&["--no-fsync"]);
        let (ours, theirs) = (Stock::of_the_office(&hub, dice.random()), Stock::of_the_helpers(&hub, dice.random()));
        let offices = [
            Office::open(&hub, "office", "office-manager", ours, dice.random()),
            Office::open(&hub, "dx", "dx-staff", theirs, dice.random()),
        ];
        Self { hub, offices }
    }

    /// Both gateways live, and most of them die.
    fn round(&mut self, dice: &mut StdRng, tally: &mut Tally) {
        self.trouble(dice, tally);
        for office in &mut self.offices {
            office.software.permit(dice.random_range(1..=4), dice.random_range(0..=2));
            let fate = match dice.random_range(0..8) {
                0 => Fate::Spared,
                1..4 if !office.runs() => {
                    let all: Vec<&str> = points().chain(POINTS[3..10].iter().copied()).collect();
                    Fate::Point(all.choose(dice).unwrap(), dice.random_range(1..=3))
                }
                // A file is taken a second after the start; that is where the work begins.
                _ => Fate::Chance(Duration::from_millis(dice.random_range(0..600) + 1000 * dice.random_range(0..=2))),
            };
            office.live(fate);
        }
        self.fulfil(tally);
    }

    /// Waits until everybody has died who has to.
    fn fulfil(&mut self, tally: &mut Tally) {
        while self.offices.iter().any(Office::is_doomed) {
            (0..self.offices.len()).for_each(|at| self.bury(at, tally));
            pause(Duration::from_millis(2));
        }
    }

    /// Sees to one that has to die.
    fn bury(&mut self, at: usize, tally: &mut Tally) {
        if let Some(death) = self.offices[at].reap() {
            tally.note(death);
            self.offices[at].keeps_what_it_acknowledged(&self.hub.facts());
        }
    }

    /// What the hub does to requests in this round.
    fn trouble(&self, dice: &mut StdRng, tally: &mut Tally) {
        self.calm(tally);
        // What fails is put off for ever longer, so it does not fail often.
        let rate = [0.0, 0.05, 0.2].choose(dice).unwrap();
        let seed: u32 = dice.random();
        let kinds = ["cut_before_effect", "cut_after_effect", "cut_after_effect", "cut_mid_request", "cut_mid_answer"];
        let kinds: Vec<&str> = kinds.into_iter().chain(["status_503", "html_200", "truncated_json"]).collect();
        let on =
            ["careplan-sent", "careplan-sent-list", "careplan-received", "careplan-unit", "careplan-ack", "lookup"];
        self.hub.post("random", json!({ "seed": seed, "rate": rate, "kinds": kinds, "on": on }));
        // A unit that is none of the standard is believed when it is said twice.
        let on = ["careplan-unit", "careplan-ack", "careplan-sent", "careplan-received"].choose(dice).unwrap();
        self.hub.fault(json!({ "on": on, "kind": "wrong_type" }));
    }

    /// Ends the hub's faults and counts those that were met.
    fn calm(&self, tally: &mut Tally) {
        tally.hub_lost += self.hub.status()["faults"]["random"]["met"].as_u64().unwrap_or(0);
        self.hub.clear_faults();
    }

    /// Points that chance has not brought up: each office goes from one to the next.
    fn reach_every_point(&mut self, tally: &mut Tally) {
        self.calm(tally);
        self.offices
            .iter_mut()
            .filter(|office| office.runs())
            .for_each(|office| office.live(Fate::Chance(Duration::ZERO)));
        self.fulfil(tally);
        let (mut sent_to, mut lives) = ([None, None], 0);
        loop {
            for at in 0..self.offices.len() {
                self.bury(at, tally);
                if self.offices[at].runs() {
                    continue;
                }
                // Only the first office has something that goes on paper.
                let open = |point: &&'static str| {
                    let other = sent_to[1 - at] == Some(*point) || at == 1 && *point == "exchange.on_paper";
                    !tally.points.contains_key(point) && !other
                };
                sent_to[at] = points().find(open);
                self.offices[at].software.permit(4, 1);
                self.offices[at].live(sent_to[at].map_or(Fate::Spared, |point| Fate::Point(point, 1)));
                lives += 1;
            }
            if sent_to == [None, None] || lives > 100 {
                return self.fulfil(tally);
            }
            pause(Duration::from_millis(2));
        }
    }

    /// Peace: everything goes its way, and all is counted.
    #[allow(clippy::disallowed_methods)]
    fn end(mut self, tally: &mut Tally) {
        self.calm(tally);
        for office in &mut self.offices {
            office.software.hush();
            office.live_on();
        }
        for office in &mut self.offices {
            office.software.finish_writing();
            let (lost, repeated) = office.software.lost_and_repeated();
            (tally.lost_answers, tally.repeated) = (tally.lost_answers + lost, tally.repeated + repeated);
        }
        let start = Instant::now();
        let rest = until("everything to have gone its way", Duration::from_secs(120), || {
            match judge::unrest(&self.hub, &self.offices) {
                None => Some(Ok(())),
                Some(unrest) => (start.elapsed() > at_most(Duration::from_secs(60))).then_some(Err(unrest)),
            }
        });
        assert_eq!(rest, Ok(()));
        for office in &mut self.offices {
            office.software.close();
        }
        tally.judged += judge::judge(&self.hub, &self.offices);
        for office in &mut self.offices {
            assert_eq!(office.gateway.errors(), Vec::<String>::new());
            assert!(office.gateway.stop().success());
            judge::one_event_for_one_effect(&office.gateway);
        }
    }
}

impl Tally {
    fn note(&mut self, death: Death) {
        match death.point {
            Some(point) => *self.points.entry(point).or_default() += 1,
            None if death.missed => self.missed += 1,
            None => {
                self.random += 1;
                self.at_work += u32::from(death.at_work);
            }
        }
        self.midway += u32::from(death.midway);
    }
}
