//! A hub, a pcscd with cards in its readers, and a gateway, all as processes; readers that rows run on; terminals.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::listener::Listener;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Ask};
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::{Sandbox, order, try_order};
use crate::support::until;
use crate::support::vcard::Vcard;

use super::PATIENCE;

/// The port of the cards' control API, by what lies in the sandbox's folder.
fn control(dir: &Path, port: u16) -> u16 {
    let facts: Value =
        serde_json::from_slice(&std::fs::read(dir.join(format!("readers/{port}.json"))).unwrap()).unwrap();
    u16::try_from(facts["control_port"].as_u64().unwrap()).unwrap()
}

/// Why a fault cannot be ordered of the card in a slot.
pub(super) fn refusal(dir: &Path, port: u16, fault: &Value) -> String {
    try_order(control(dir, port), "POST", &format!("/slots/{port}/faults"), Some(fault)).unwrap_err()
}

/// Everything that a row needs. Several rows use it at once, where they leave pcscd and hub alone.
pub(super) struct House {
    pub(super) hub: Sandbox,
    pub(super) gateway: Gateway,
    pcscd: Mutex<Pcscd>,
    cards: Vcard,
    control: u16,
    ports: Vec<u16>,
    /// The readers, in the order of the ports.
    readers: Vec<String>,
    /// Programs that died with a transaction: pcscd resets the card then, once for each.
    pub(super) died: AtomicU64,
}

impl House {
    /// So many blocks of two slots. The cards of the first people lie in the slots named.
    pub(super) fn with(blocks: usize, slots: &[usize]) -> Self {
        let hub = Sandbox::start();
        let pcscd = Pcscd::start(blocks);
        let ports = pcscd.ports().to_vec();
        let names: Vec<_> = slots.iter().map(|slot| ((slot + 1).to_string(), ports[*slot])).collect();
        let holders: Vec<_> = names.iter().map(|(name, port)| (name.as_str(), *port)).collect();
        let cards = Vcard::start(hub.dir(), &holders);
        let control = control(hub.dir(), holders[0].1);
        let gateway = Setup::new(&hub)
            .env("PCSCLITE_CSOCK_NAME", pcscd.socket().to_str().unwrap())
            .set("cards.heartbeat_s", &SILENCE_S.to_string())
            .set("cards.idle_s", &IDLE_S.to_string())
            .set("hub.connect_timeout_s", "1")
            .set("hub.request_timeout_s", "5")
            .start();
        let all = || {
            let seen = gateway.get("/v1/readers").json();
            let names =
                seen["items"].as_array()?.iter().filter_map(|reader| reader["name"].as_str().map(str::to_owned));
            Some(names.collect::<Vec<_>>()).filter(|names| names.len() == ports.len())
        };
        let readers = until("every reader", PATIENCE, all);
        Self { hub, gateway, pcscd: Mutex::new(pcscd), cards, control, ports, readers, died: AtomicU64::new(0) }
    }

    pub(super) fn pcscd(&self) -> MutexGuard<'_, Pcscd> {
        self.pcscd.lock().unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pcscd().pid()).unwrap()), signal).unwrap();
    }

    /// Every reader free, no error logged, no card reset by us and nobody near the My Number: true at the end, whatever happened.
    pub(super) fn at_peace(&self) {
        let free = || {
            let seen = self.gateway.get("/v1/readers").json();
            let good = |reader: &Value| reader["state"] == "ok" && reader["in_use"] == "none";
            seen["items"].as_array()?.iter().all(good).then_some(())
        };
        until("every reader to be free", PATIENCE, free);
        let slots = order(self.control, "GET", "/slots", None);
        for slot in slots.as_array().unwrap() {
            assert_eq!(slot["counts"]["my_number_touched"], 0, "{slot}");
        }
        let resets = slots.as_array().unwrap().iter().filter_map(|slot| slot["counts"]["resets"].as_u64()).sum::<u64>();
        assert!(resets <= self.died.load(Ordering::Relaxed), "a card was reset: {slots}");
        assert_eq!(self.gateway.errors(), [""; 0]);
    }
}

/// A terminal that is silent for so many seconds is gone; more than any test needs between two signs of life.
pub(super) const SILENCE_S: u64 = 10;
/// A lease on which nothing is done for so many seconds ends.
pub(super) const IDLE_S: u64 = 12;

/// One reader of a house, for one row after the other.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    pub(super) house: &'a House,
    pub(super) slot: usize,
}

impl<'a> Lane<'a> {
    pub(super) const fn new(house: &'a House, slot: usize) -> Self {
        Self { house, slot }
    }

    /// The card of this lane's person, of a kind: empty, `-expired` …
    pub(super) fn holder(&self, kind: &str) -> String {
        format!("{}{kind}", self.slot + 1)
    }

    pub(super) fn port(&self) -> u16 {
        self.house.ports[self.slot]
    }

    pub(super) fn reader(&self) -> &'a str {
        &self.house.readers[self.slot]
    }

    /// The reader as the gateway shows it.
    pub(super) fn seen(&self) -> Value {
        let all = self.house.gateway.get("/v1/readers").json();
        let found = all["items"].as_array().unwrap().iter().find(|reader| reader["name"] == self.reader());
        found.cloned().unwrap_or_default()
    }

    /// Waits until the gateway shows the reader so.
    pub(super) fn becomes(&self, member: &str, value: &str) {
        let look = || (self.seen()[member] == value).then_some(());
        until(&format!("{} to be {member} {value}", self.reader()), PATIENCE, look);
    }

    /// The card's own account.
    pub(super) fn facts(&self) -> Value {
        self.house.cards.facts(self.port())
    }

    pub(super) fn order(&self, what: &str, body: &Value) {
        order(self.house.control, "POST", &format!("/slots/{}/{what}", self.port()), Some(body));
    }

    /// Orders faults: one or a list; `@other` is the name of another card of the same person.
    pub(super) fn fault(&self, text: &str) {
        let other = self.holder("-expiring-200");
        self.order("faults", &serde_json::from_str(&text.replace("@other", &other)).unwrap());
    }

    pub(super) fn clear_faults(&self) {
        order(self.house.control, "DELETE", &format!("/slots/{}/faults", self.port()), None);
    }

    /// Waits until every fault that was ordered has been met.
    pub(super) fn faults_met(&self) {
        until("the fault to be met", PATIENCE, || (self.facts()["faults"] == json!([])).then_some(()));
    }

    /// PINs that reached the card in this reader, of whichever application.
    pub(super) fn pins(&self) -> u64 {
        self.facts()["counts"]["tries"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum())
    }

    pub(super) fn commands(&self) -> u64 {
        self.facts()["counts"]["commands"].as_u64().unwrap()
    }

    /// Tries left of all PINs of a card together, by what it remembers without power.
    pub(super) fn tries(&self, holder: &str) -> u64 {
        let state = std::fs::read(self.house.cards.folder(holder).join("state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state.as_object().unwrap().values().filter_map(|entry| entry["tries"].as_u64()).sum()
    }

    /// The folder of this lane's card.
    pub(super) fn folder(&self) -> std::path::PathBuf {
        self.house.cards.folder(&self.holder(""))
    }

    /// Takes out whatever lies there, and puts this card in once the reader is seen to be empty.
    pub(super) fn lay(&self, holder: &str) {
        let lies = || {
            self.take_out();
            // A card that a fault brings back may have been faster.
            self.house.cards.try_post(self.port(), "insert", &json!({"holder": holder})).then_some(())
        };
        until(holder, PATIENCE, lies);
        self.becomes("card", "present");
    }

    /// Takes out whatever lies there; returns when that is seen and the reader works.
    pub(super) fn take_out(&self) {
        let empty = || {
            if self.facts()["inserted"] == true {
                let _ = self.house.cards.try_post(self.port(), "remove", &json!({}));
            }
            let seen = self.seen();
            (seen["card"] == "absent" && seen["state"] == "ok").then_some(())
        };
        until("the reader to be empty", PATIENCE, empty);
    }

    /// Identifications with this lane's card that the hub knows of.
    pub(super) fn known(&self) -> usize {
        let serial = self.house.cards.card(&self.holder(""))["auth_serial"].clone();
        let facts = self.house.hub.facts();
        facts["assertions"].as_array().unwrap().iter().filter(|known| known["certificate_serial"] == serial).count()
    }

    /// A new terminal, listening.
    pub(super) fn terminal(&self) -> Terminal<'a> {
        let order = json!({"label": "受付", "rights": ["card", "card-apdu"]});
        let made = self.house.gateway.ask(&Ask::new("POST", "/v1/keys").json(&order));
        assert_eq!(made.status, 201, "{made:?}");
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let listener = Listener::start(&self.house.gateway, &key);
        Terminal { house: self.house, key, reader: self.reader(), listener }
    }
}

/// A terminal: an API key and its events.
pub(super) struct Terminal<'a> {
    house: &'a House,
    pub(super) key: String,
    reader: &'a str,
    pub(super) listener: Listener,
}

impl Terminal<'_> {
    pub(super) fn ask(&self, ask: Ask) -> Answer {
        self.house.gateway.ask(&ask.key(&self.key))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Ask::new("POST", path).json(body))
    }

    /// Asks for the reader, without waiting.
    pub(super) fn open(&self) -> Answer {
        self.post("/v1/card-sessions", &json!({"reader": self.reader, "purpose": "identify"}))
    }

    /// A session that has to be granted; its id.
    pub(super) fn session(&self) -> String {
        let opened = self.open();
        assert_eq!(opened.status, 201, "{opened:?}");
        opened.json()["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn identify(&self, session: &str, pin: &str) -> Answer {
        self.act(session, "identify", &json!({"method": "pin", "pin": pin, "confirm_card_left": true}))
    }

    pub(super) fn act(&self, session: &str, what: &str, body: &Value) -> Answer {
        self.post(&format!("/v1/card-sessions/{session}/{what}"), body)
    }

    /// `granted`, `waiting` or `ended REASON`.
    pub(super) fn state(&self, session: &str) -> String {
        let seen = self.ask(Ask::new("GET", &format!("/v1/card-sessions/{session}")));
        if seen.status == 401 {
            return "ended revoked".to_owned();
        }
        let seen = seen.json();
        match seen["ended"].as_str() {
            Some(reason) => format!("ended {reason}"),
            None => seen["state"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn close(&self, session: &str) {
        let _ = self.ask(Ask::new("DELETE", &format!("/v1/card-sessions/{session}")));
    }
}
