//! A terminal: asks, waits, works and gives back; and sometimes walks away, forgets, or sits there.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::ledger::{Entry, Pin, Told};
use super::site::{Desk, HEARTBEAT, IDLE, Site};
use crate::support::http::Answer;
use crate::support::vcard::{PIN, TEXT_PIN};

/// How long a terminal is ready to wait; a wait that ends so was a starved one.
const WAIT: u64 = 150;
/// The longest an answer may take that needs neither card nor hub, on a machine that does nothing else.
const AT_ONCE: Duration = Duration::from_secs(2);
/// The longest with a card and the hub: two questions at the hub of ten seconds each, fifteen on the card.
const WITH_CARD: Duration = Duration::from_secs(36);
/// Readers that may be kept by the forgetful at a time.
const KEPT: usize = 2;
/// Shown to nobody: the selection of the JPKI application by name, and of the file that says what kind of card it is.
const APPLICATION: [&str; 3] = ["00A4040C0AD392F000260100000001", "00A4020C020006", "00B0000020"];

/// Which reader was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    Any,
    Nearest,
    Named,
}

/// One wait, from asking to being told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) wish: Wish,
    pub(super) asked: Duration,
    pub(super) granted: Duration,
}

/// What all terminals have seen.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) waits: Vec<Wait>,
    pub(super) entries: Vec<Entry>,
    /// By what was asked, the status and the code.
    pub(super) answers: BTreeMap<String, u64>,
    /// How leases ended, by what the terminal did or was told.
    pub(super) ends: BTreeMap<String, u64>,
    pub(super) wrong: Vec<String>,
    /// The slowest answer of each kind.
    pub(super) slowest: BTreeMap<&'static str, Duration>,
    /// Until when readers are kept by those who forgot them.
    kept: Vec<Duration>,
    /// The first sessions of the run: they have to be forgotten in the end.
    pub(super) first: Vec<(usize, String)>,
}

/// What terminals share.
pub(super) struct Hall<'a> {
    pub(super) site: &'a Site,
    pub(super) tally: &'a Mutex<Tally>,
    /// Time to finish.
    pub(super) over: &'a AtomicBool,
    /// Whether things may be forgotten and walked away from at all.
    pub(super) careless: &'a AtomicBool,
    pub(super) seed: u64,
    /// How much longer than on an idle machine an answer may take.
    pub(super) patience: u32,
}

struct Terminal<'a> {
    hall: &'a Hall<'a>,
    desk: &'a Desk,
    rng: StdRng,
}

struct Granted {
    id: String,
    slot: usize,
}

/// Runs until the hall closes.
pub(super) fn run(hall: &Hall<'_>, desk: &Desk) {
    let rng = StdRng::seed_from_u64(hall.seed ^ (desk.number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut terminal = Terminal { hall, desk, rng };
    // They do not all come at the same moment.
    terminal.pause(0..1500);
    while !terminal.finishing() {
        terminal.visit();
    }
}

impl Terminal<'_> {
    fn pause(&mut self, range: std::ops::Range<u64>) {
        std::thread::park_timeout(Duration::from_millis(self.rng.random_range(range)));
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn now(&self) -> Duration {
        self.hall.site.clock.elapsed()
    }

    fn finishing(&self) -> bool {
        self.hall.over.load(Ordering::SeqCst)
    }

    fn wrong(&self, what: impl std::fmt::Display) {
        self.hall.tally.lock().unwrap().wrong.push(format!("terminal {}: {what}", self.desk.number));
    }

    /// Asks, and holds the answer against its bound.
    fn ask(&self, what: &'static str, method: &'static str, path: &str, body: &Value) -> Option<Answer> {
        let begun = self.now();
        let answer = self.hall.site.ask(self.desk, method, path, body);
        let took = self.now().saturating_sub(begun);
        self.judge(what, took, answer)
    }

    fn judge(&self, what: &'static str, took: Duration, answer: io::Result<Answer>) -> Option<Answer> {
        let with_card = ["identify", "basic-four", "apdu"].contains(&what);
        let bound = if with_card { WITH_CARD } else { AT_ONCE * self.hall.patience };
        let mut tally = self.hall.tally.lock().unwrap();
        let slowest = tally.slowest.entry(what).or_default();
        *slowest = took.max(*slowest);
        let word = match &answer {
            Ok(answer) => format!("{what} {} {}", answer.status, answer.code()),
            Err(error) => format!("{what} {error}"),
        };
        let bad = matches!(&answer, Ok(answer) if ["GATEWAY_INTERNAL", "REQUEST_MALFORMED", "GATEWAY_BUSY"].contains(&answer.code().as_str()));
        if took > bound || answer.is_err() || bad {
            tally.wrong.push(format!("terminal {}: {word} after {took:?}", self.desk.number));
        }
        *tally.answers.entry(word.trim_end().to_owned()).or_default() += 1;
        answer.ok()
    }

    fn path(id: &str, rest: &str) -> String {
        format!("/v1/card-sessions/{id}{rest}")
    }

    fn end(&self, how: &str) {
        *self.hall.tally.lock().unwrap().ends.entry(how.to_owned()).or_default() += 1;
    }

    fn close(&self, id: &str, how: &str) {
        if let Some(answer) = self.ask("close", "DELETE", &Self::path(id, ""), &Value::Null)
            && answer.status != 204
        {
            self.wrong(format!("close: {answer:?}"));
        }
        self.end(how);
    }

    /// One person at the counter.
    fn visit(&mut self) {
        let wish = match self.rng.random_range(0..100) {
            0..60 => Wish::Any,
            60..85 => Wish::Nearest,
            _ => Wish::Named,
        };
        let reader = match wish {
            Wish::Any => Value::Null,
            Wish::Nearest => json!("nearest"),
            Wish::Named => json!(self.hall.site.names[self.rng.random_range(0..self.hall.site.names.len())]),
        };
        let mut body = json!({"purpose": "identify", "wait_s": if self.chance(4) { 0 } else { WAIT }});
        if !reader.is_null() {
            body["reader"] = reader;
        }
        let asked = self.now();
        let Some(opened) = self.ask("open", "POST", "/v1/card-sessions", &body) else { return self.pause(200..400) };
        if !matches!(opened.status, 201 | 202) {
            return self.pause(100..400);
        }
        let view = opened.json();
        let id = view["id"].as_str().unwrap().to_owned();
        self.remember(&id);
        let Some(granted) = self.wait(&id, view) else { return };
        let told = Wait { wish, asked, granted: self.now() };
        self.hall.tally.lock().unwrap().waits.push(told);
        self.work(&granted);
    }

    fn remember(&self, id: &str) {
        let mut tally = self.hall.tally.lock().unwrap();
        if tally.first.len() < 32 {
            tally.first.push((self.desk.number, id.to_owned()));
        }
    }

    /// Waits for the turn; nothing if it did not come, or was not waited for.
    fn wait(&mut self, id: &str, mut view: Value) -> Option<Granted> {
        let gives_up = (self.careless() && self.chance(3)).then(|| self.rng.random_range(500..4000));
        let begun = self.now();
        let mut last = begun;
        while view["state"] == "waiting" {
            if self.finishing() {
                self.close(id, "waiting at the end");
                return None;
            }
            if gives_up.is_some_and(|after| self.now() - begun > Duration::from_millis(after)) {
                match self.chance(50) {
                    true => self.close(id, "gave up waiting"),
                    // It never asks again: the queue goes on without it.
                    false => self.end("vanished while waiting"),
                }
                return None;
            }
            let near = view["position"].as_u64().unwrap_or(9) < 6;
            self.pause(if near { 60..120 } else { 250..500 });
            let (method, rest) = if self.chance(50) { ("GET", "") } else { ("POST", "/heartbeat") };
            let answer = self.ask("look", method, &Self::path(id, rest), &Value::Null)?;
            let silent = self.now() - last;
            last = self.now();
            view = answer.json();
            let why = view["ended"].as_str().unwrap_or_default();
            if answer.status != 200 || ["wait-over", "idle", "lifetime", "closed", "revoked", "stopping"].contains(&why)
            {
                self.wrong(format!("a wait of {:?} ended: {view}", self.now() - begun));
            }
            if why == "terminal-gone" && silent < HEARTBEAT / 2 {
                self.wrong(format!("gone, though it asked {silent:?} ago"));
            }
        }
        let name = view["reader"].as_str().unwrap_or_default();
        let Some(slot) = self.hall.site.names.iter().position(|reader| reader == name) else {
            // Granted, and ended between two looks.
            self.end(&format!("ended before it was seen: {}", view["ended"]));
            return None;
        };
        Some(Granted { id: id.to_owned(), slot })
    }

    fn careless(&self) -> bool {
        self.hall.careless.load(Ordering::SeqCst)
    }

    /// Whether one more reader may be kept for so long.
    fn may_keep(&self, how_long: Duration) -> bool {
        if !self.careless() || self.finishing() {
            return false;
        }
        let now = self.now();
        let mut tally = self.hall.tally.lock().unwrap();
        tally.kept.retain(|until| *until > now);
        let may = tally.kept.len() < KEPT;
        if may {
            tally.kept.push(now + how_long + Duration::from_secs(1));
        }
        may
    }

    fn work(&mut self, granted: &Granted) {
        // The person looks for the card.
        self.pause(400..1400);
        let rounds = if self.chance(35) { 2 } else { 1 };
        for _ in 0..rounds {
            let done = match self.rng.random_range(0..100) {
                0..65 => self.identify(granted),
                65..83 => self.basic_four(granted),
                _ => self.apdu(granted),
            };
            if !done {
                return;
            }
            self.pause(100..600);
        }
        if self.chance(3) && self.may_keep(HEARTBEAT) {
            return self.end("forgotten");
        }
        if self.chance(2) && self.may_keep(IDLE) {
            return self.sit(granted);
        }
        self.close(&granted.id, "closed");
    }

    /// Keeps the session alive and does nothing with it.
    fn sit(&mut self, granted: &Granted) {
        let begun = self.now();
        loop {
            self.pause(700..1000);
            let Some(answer) = self.ask("look", "GET", &Self::path(&granted.id, ""), &Value::Null) else { return };
            let view = answer.json();
            if view["state"] == "ended" {
                let why = view["ended"].as_str().unwrap_or_default();
                if !["idle", "card-removed", "reader-lost"].contains(&why) {
                    self.wrong(format!("sat there, and ended: {view}"));
                }
                return self.end(&format!("sat there until {why}"));
            }
            if self.now() - begun > IDLE + Duration::from_secs(6) || self.finishing() {
                if !self.finishing() {
                    self.wrong(format!("sat there for {:?}: {view}", self.now() - begun));
                }
                return self.close(&granted.id, "sat there");
            }
        }
    }

    fn identify(&mut self, granted: &Granted) -> bool {
        let wrong = self.chance(12);
        let pin = if wrong { "9999" } else { PIN };
        // Most look whose card it is; the others are refused where it was left.
        let mut body = json!({"method": "pin", "pin": pin, "confirm_card_left": !self.chance(10)});
        if !wrong && self.chance(10) {
            body["confirm_low_tries"] = json!(true);
        }
        self.on_card(granted, "identify", Pin::Identity, &body)
    }

    fn basic_four(&mut self, granted: &Granted) -> bool {
        let pin = if self.chance(8) { "9999" } else { TEXT_PIN };
        let looked_away = self.chance(10);
        self.on_card(granted, "basic-four", Pin::Profile, &json!({"pin": pin, "confirm_card_left": !looked_away}))
    }

    fn apdu(&mut self, granted: &Granted) -> bool {
        self.on_card(granted, "apdu", Pin::None, &json!({"commands": APPLICATION}))
    }

    /// Does something on the card; false if the session is over.
    fn on_card(&mut self, granted: &Granted, what: &'static str, pin: Pin, body: &Value) -> bool {
        let site = self.hall.site;
        let path = Self::path(&granted.id, &format!("/{what}"));
        let (from, begun) = (site.ms(), self.now());
        let entry = |told, person, until| Entry {
            slot: granted.slot,
            session: granted.id.clone(),
            pin,
            from,
            until,
            told,
            person,
        };
        if self.careless() && self.chance(5) {
            self.walk_away(&path, body);
            let until = from + i64::try_from(WITH_CARD.as_millis()).unwrap();
            self.hall.tally.lock().unwrap().entries.push(entry(Told::Unheard, None, until));
            self.close(&granted.id, "closed after walking away");
            return false;
        }
        let answer = site.ask(self.desk, "POST", &path, body);
        let until = site.ms();
        let Some(answer) = self.judge(what, self.now().saturating_sub(begun), answer) else {
            self.hall.tally.lock().unwrap().entries.push(entry(Told::Unheard, None, until));
            self.close(&granted.id, "closed without an answer");
            return false;
        };
        let (told, person) = self.read(what, &answer);
        self.hall.tally.lock().unwrap().entries.push(entry(told, person, until));
        let code = answer.code();
        if matches!(code.as_str(), "SESSION_ENDED" | "CARD_REMOVED" | "CARD_OUTCOME_UNKNOWN") {
            self.close(&granted.id, "closed after it had ended");
            return false;
        }
        true
    }

    fn read(&self, what: &str, answer: &Answer) -> (Told, Option<Vec<String>>) {
        let body = answer.json();
        if answer.status == 200 {
            let texts = |members: &[&Value]| members.iter().map(|text| text.as_str().unwrap().to_owned()).collect();
            let person = match what {
                "identify" => Some(texts(&[&body["person"]["insurer_number"], &body["person"]["insured_number"]])),
                "basic-four" => Some(texts(&[&body["name"]])),
                _ => None,
            };
            return (Told::Done, person);
        }
        let cost = match answer.code().as_str() {
            "CARD_OUTCOME_UNKNOWN" => "unknown",
            "CARD_PIN_WRONG" => "one",
            "CARD_PIN_BLOCKED" => "",
            _ => "none",
        };
        if !cost.is_empty() && body["card"]["tries_spent"] != *cost {
            self.wrong(format!("{what}: the code and the cost do not agree: {answer:?}"));
        }
        let told = match body["card"]["tries_spent"].as_str() {
            Some("none") => Told::None(answer.code()),
            Some("one") => Told::One,
            Some("unknown") => Told::Unknown,
            _ => {
                self.wrong(format!("{what} does not say what it has cost: {answer:?}"));
                Told::Unknown
            }
        };
        (told, None)
    }

    /// Sends a request and does not wait for its answer.
    fn walk_away(&mut self, path: &str, body: &Value) {
        let Ok(mut stream) = self.hall.site.connect() else { return };
        let _ = stream.write_all(&Site::request(self.desk, "POST", path, body).bytes());
        self.pause(0..250);
        drop(stream);
    }
}
