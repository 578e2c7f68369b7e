//! kill -9 at random moments under load and at every named fault point, while the hub fails at random: nothing acknowledged
//! is lost, nothing is filed twice, and the hub has the bytes that were acknowledged.
//!
//! `ENGAWA_CRASH_ROUNDS` says how often (200), `ENGAWA_CRASH_SEED` repeats the choices of an earlier run (not its timing).

pub(crate) mod database;
pub(crate) mod judge;
pub(crate) mod senders;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use engawa::fault::crash::POINTS;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::until;
use senders::Senders;

/// Rounds on one state directory and one hub; then both are judged and new ones are taken.
const SEASON: u32 = 500;
const SENDERS: u64 = 3;
/// A fault point that is not reached in this time is not reached in its round; another round has another chance.
const POINT_PATIENCE: Duration = Duration::from_secs(3);
/// With fewer rounds chance may leave out a kind of trouble.
const ENOUGH: u32 = 50;
const SIGKILL: i32 = 9;

#[test]
#[allow(clippy::disallowed_methods)] // The time a test takes is the machine's.
fn kill_9_loses_nothing_and_files_nothing_twice() {
    let rounds = number("ENGAWA_CRASH_ROUNDS").map_or(200, |n| u32::try_from(n).unwrap());
    let seed = number("ENGAWA_CRASH_SEED").unwrap_or_else(rand::random);
    println!("crash: {rounds} rounds, ENGAWA_CRASH_SEED={seed}");
    let start = Instant::now();
    let mut dice = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    let mut left = rounds;
    while left > 0 {
        let mut season = Season::begin(dice.random());
        let now = left.min(SEASON);
        for _ in 0..now {
            season.round(&mut dice, &mut tally);
        }
        left -= now;
        if left == 0 {
            season.reach_every_point(&mut tally);
        }
        season.end(&mut tally);
    }
    println!("crash: {rounds} rounds in {:.0} s; {tally}", start.elapsed().as_secs_f64());
    for point in POINTS {
        assert!(tally.points.contains_key(point), "no crash at {point}");
    }
    tally.is_worth_something(rounds);
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What the rounds amounted to.
#[derive(Default)]
struct Tally {
    /// Kills at random moments.
    random: u32,
    /// Deaths at fault points.
    points: BTreeMap<&'static str, u32>,
    /// Rounds that waited for a fault point in vain.
    missed: u32,
    hub_kills: u32,
    acknowledged: usize,
    lost_answers: u64,
    hub_lost: u64,
    abandoned: u64,
    /// Random kills of a gateway that had taken or sent something since its start.
    under_load: u32,
}

impl Tally {
    /// A test in which nothing happened shows nothing.
    fn is_worth_something(&self, rounds: u32) {
        assert!(self.acknowledged > 0, "nothing was acknowledged: {self}");
        if rounds >= ENOUGH {
            assert!(self.random > 0 && self.hub_lost > 0 && self.lost_answers > 0, "too quiet: {self}");
            assert!(self.under_load > self.random / 4, "kills of idle processes: {self}");
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} acknowledged, 0 lost, 0 twice; {} killed at random ({} of them at work), {} at fault points {:?} ({} not reached), hub killed {} \
             times; {} answers lost to senders, {} requests met a hub fault, {} posted and never asked about",
            self.acknowledged,
            self.random,
            self.under_load,
            self.points.values().sum::<u32>(),
            self.points,
            self.missed,
            self.hub_kills,
            self.lost_answers,
            self.hub_lost,
            self.abandoned,
        )
    }
}

/// One hub, one state directory, a crowd of senders.
struct Season {
    hub: Sandbox,
    gateway: Gateway,
    senders: Senders,
}

impl Season {
    fn begin(seed: u64) -> Self {
        let hub = Sandbox::start_with(&["--forward-after", "0s", "--accept-after", "0s", "--no-fsync"]);
        let mut gateway = Setup::new(&hub).set("hub.parallel", "8").start();
        let senders = Senders::start(&gateway, SENDERS, seed);
        gateway.kill9();
        Self { hub, gateway, senders }
    }

    fn round(&mut self, dice: &mut StdRng, tally: &mut Tally) {
        self.trouble(dice, tally);
        self.senders.permit(dice.random_range(4..=16));
        if dice.random_ratio(2, 5) {
            let point = POINTS.choose(dice).unwrap();
            self.crash_at(point, dice.random_range(1..=4), tally);
        } else {
            let before = self.traffic();
            self.gateway.spawn(&[]);
            if dice.random() {
                // Else a slow machine would only ever kill gateways that are starting.
                until("a gateway at work", Duration::from_secs(30), || (self.traffic() != before).then_some(()));
            }
            pause(Duration::from_millis(dice.random_range(0..200)));
            if dice.random_ratio(1, 16) {
                self.hub.restart();
                tally.hub_kills += 1;
            }
            pause(Duration::from_millis(dice.random_range(0..100)));
            let status = self.gateway.kill9().unwrap();
            assert_eq!(status.signal(), Some(SIGKILL), "it ended by itself: {}", self.gateway.present_log());
            tally.random += 1;
            tally.under_load += u32::from(self.traffic() != before);
        }
    }

    /// What senders were promised, and what the hub was asked: both grow while the gateway works.
    fn traffic(&self) -> (usize, u64) {
        let calls = self.hub.status()["calls"].clone();
        let calls = calls.as_object().unwrap().values().filter_map(Value::as_u64).sum();
        (self.senders.promises().len(), calls)
    }

    /// What the hub does to requests in this round.
    fn trouble(&self, dice: &mut StdRng, tally: &mut Tally) {
        self.calm(tally);
        let rate = [0.0, 0.0, 0.05, 0.2, 0.6].choose(dice).unwrap();
        let seed: u32 = dice.random();
        let kinds = [
            "cut_before_effect",
            "cut_after_effect",
            "cut_after_effect",
            "cut_mid_request",
            "cut_mid_answer",
            "status_503",
            "html_200",
            "truncated_json",
            "wrong_type",
        ];
        let on = ["opinions", "lookup", "changes"];
        self.hub.post("random", json!({ "seed": seed, "rate": rate, "kinds": kinds, "on": on }));
    }

    /// Ends the hub's faults and counts those that were met.
    fn calm(&self, tally: &mut Tally) {
        tally.hub_lost += self.hub.status()["faults"]["random"]["met"].as_u64().unwrap_or(0);
        self.hub.clear_faults();
    }

    /// Runs the gateway until it dies at the `n`-th visit to a point.
    fn crash_at(&mut self, point: &'static str, n: u32, tally: &mut Tally) -> bool {
        if point == "outbox.asked" {
            self.hub.fault(json!({ "on": "opinions", "kind": "cut_after_effect" }));
        }
        self.senders.permit(8 * n);
        self.gateway.spawn(&[("ENGAWA_CRASH_POINT", &format!("{point}:{n}"))]);
        let died = wait_for_death(&mut self.gateway);
        let status = self.gateway.kill9().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "it ended by itself: {}", self.gateway.present_log());
        self.senders.hush();
        self.calm(tally);
        if died {
            *tally.points.entry(point).or_default() += 1;
        } else {
            tally.missed += 1;
        }
        died
    }

    /// Points that chance has not brought up.
    fn reach_every_point(&mut self, tally: &mut Tally) {
        self.calm(tally);
        for point in POINTS {
            for _ in 0..5 {
                if tally.points.contains_key(point) || self.crash_at(point, 1, tally) {
                    break;
                }
            }
        }
    }

    /// Peace: everything leaves, the municipalities' news come in, and all is counted.
    fn end(mut self, tally: &mut Tally) {
        self.senders.hush();
        self.calm(tally);
        tally.lost_answers += self.senders.lost();
        tally.abandoned += self.senders.abandoned();
        let harmless = ["GATEWAY_BUSY"];
        let refusals = self.senders.refusals();
        assert!(refusals.iter().all(|code| harmless.contains(&code.as_str())), "{refusals:?}");
        self.gateway.start();
        let promises = self.senders.finish();
        tally.acknowledged += promises.len();
        self.gateway.drained(Duration::from_secs(120));
        judge::judge(&self.hub, &self.gateway, &promises);
        all_news_arrived(&self.gateway);
        assert_eq!(self.gateway.errors(), Vec::<String>::new());
        assert!(self.gateway.stop().success());
        one_event_for_one_effect(&self.gateway);
    }
}

/// Crashes while the feed was read lost no news.
fn all_news_arrived(gateway: &Gateway) {
    until("the municipalities' news", Duration::from_secs(60), || {
        let delivered = gateway.list("delivered");
        let accepted = |one: &Value| one["municipality"]["state"] == "accepted";
        delivered.iter().all(accepted).then_some(())
    });
}

/// A change and the event that tells of it are one transaction.
fn one_event_for_one_effect(gateway: &Gateway) {
    database::sound(gateway.state());
    let wrong = database::ask(
        gateway.state(),
        "SELECT CAST(count(*) AS TEXT) FROM submission s WHERE 1 <>
         (SELECT count(*) FROM event e WHERE e.submission = s.id AND e.kind = 'submission.delivered')",
    );
    assert_eq!(wrong, "0", "submissions whose delivery was told not exactly once");
}

#[allow(clippy::disallowed_methods)]
fn wait_for_death(gateway: &mut Gateway) -> bool {
    let start = Instant::now();
    while start.elapsed() < POINT_PATIENCE {
        if gateway.ended().is_some() {
            return true;
        }
        pause(Duration::from_millis(1));
    }
    false
}

/// A moment at random is what this test is about.
#[allow(clippy::disallowed_methods)]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
