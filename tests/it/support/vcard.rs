//! The built `engawa-sandbox card`: cards in the slots of a test's own pcscd.
#![allow(clippy::disallowed_methods)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::sandbox::{order, try_order};

/// The value of the 利用者証明用 PIN of every card that has one.
pub(crate) const PIN: &str = "1234";
/// The value of the 署名用 PIN.
pub(crate) const SIGN_PIN: &str = "ENGAWA2026";
/// The value of the 券面事項入力補助用 PIN.
pub(crate) const TEXT_PIN: &str = "5678";

/// Running cards. Dropping it kills the process by its id; what they remember stays in the folder.
pub(crate) struct Vcard {
    child: Child,
    control: u16,
    dir: PathBuf,
}

impl Vcard {
    /// Puts cards into slots: `("1", port)`, `("2-expired", port)`; see `engawa-sandbox card --help` for the names.
    pub(crate) fn start(dir: &Path, cards: &[(&str, u16)]) -> Self {
        Self::start_with(dir, cards, &[])
    }

    /// The same with further arguments of `engawa-sandbox card`.
    pub(crate) fn start_with(dir: &Path, cards: &[(&str, u16)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
        command.args(["card", "--until-stdin-ends", "--dir"]).arg(dir).args(arguments);
        for (holder, port) in cards {
            command.args(["--holder", holder, "--port", &port.to_string()]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let facts: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("the card did not start: {e} {line}"));
        let control = u16::try_from(facts["control_port"].as_u64().unwrap()).unwrap();
        Self { child, control, dir: dir.to_owned() }
    }

    /// `{"card","inserted","connected","seen","powered","tries","counts","faults"}` of a slot.
    pub(crate) fn facts(&self, port: u16) -> Value {
        order(self.control, "GET", &format!("/slots/{port}"), None)
    }

    /// Tries left of a PIN: `auth`, `sign`, `text`.
    pub(crate) fn tries(&self, port: u16, pin: &str) -> u64 {
        self.facts(port)["tries"][pin].as_u64().unwrap()
    }

    /// One of the counts, for example `count(port, "tries", "jpki/0018")`: 0 where nothing was counted.
    pub(crate) fn count(&self, port: u16, what: &str, file: &str) -> u64 {
        self.facts(port)["counts"][what][file].as_u64().unwrap_or(0)
    }

    /// Puts a card in.
    pub(crate) fn insert(&self, port: u16, holder: &str) {
        self.post(port, "insert", &json!({"holder": holder}));
    }

    /// Takes the card out.
    pub(crate) fn remove(&self, port: u16) {
        self.post(port, "remove", &json!({}));
    }

    /// Another card in place of this one; the reader is empty for a second, which pcscd sees. Where this one was taken out
    /// already, that is not looked at again.
    pub(crate) fn swap(&self, port: u16, holder: &str) {
        self.post(port, "swap", &json!({"holder": holder}));
    }

    /// The same in a moment: pcscd sees no change, and the new card is not powered up by it.
    pub(crate) fn swap_unseen(&self, port: u16, holder: &str) {
        self.post(port, "swap", &json!({"holder": holder, "ms": 0}));
    }

    /// All tries back.
    pub(crate) fn reset_tries(&self, port: u16) {
        self.post(port, "tries", &json!({}));
    }

    /// An order that may come too late to make sense; whether it was carried out.
    pub(crate) fn try_post(&self, port: u16, what: &str, body: &Value) -> bool {
        try_order(self.control, "POST", &format!("/slots/{port}/{what}"), Some(body)).is_ok()
    }

    /// Takes back every fault that waits.
    pub(crate) fn clear_faults(&self, port: u16) {
        order(self.control, "DELETE", &format!("/slots/{port}/faults"), None);
    }

    /// The slot's record: a line of JSON for each command.
    pub(crate) fn journal(&self, port: u16) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.join("readers").join(format!("{port}.jsonl"))).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Orders a fault, for example `json!({"kind": "remove", "ins": "2A"})`.
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) fn fault(&self, port: u16, fault: Value) {
        self.post(port, "faults", &fault);
    }

    /// `card.json`: whose card it is, and its certificates' serial numbers.
    pub(crate) fn card(&self, holder: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder(holder).join("card.json")).unwrap()).unwrap()
    }

    /// `auth.pem`, `sign.pem`, `auth.key.der`, `sign.key.der`, `state.json`, `card.json`.
    pub(crate) fn folder(&self, holder: &str) -> PathBuf {
        self.dir.join("cards").join(holder)
    }

    /// Waits until the reader has powered the card up since it was put in. (pcscd switches it off again where nobody uses
    /// it.)
    pub(crate) fn wait_powered(&self, port: u16) {
        self.wait(port, "power", |facts| facts["seen"] == true);
    }

    /// Waits until a slot is as it should be.
    pub(crate) fn wait(&self, port: u16, what: &str, good: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        while !good(&self.facts(port)) {
            assert!(begun.elapsed() < Duration::from_secs(30), "waited for {what}: {}", self.facts(port));
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn post(&self, port: u16, what: &str, body: &Value) {
        order(self.control, "POST", &format!("/slots/{port}/{what}"), Some(body));
    }
}

impl Drop for Vcard {
    fn drop(&mut self) {
        self.kill();
    }
}
