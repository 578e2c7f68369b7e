//! The whole way: a terminal over HTTP, the gateway's own process, a real pcscd with vpcd's readers, the sandbox's cards, and
//! the sandbox hub over mutual TLS.

mod kinds;
mod line;
mod pins;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Ask};
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::support::vcard::Vcard;

const PATIENCE: Duration = Duration::from_secs(30);
const RIGHTS: [&str; 3] = ["card", "card-apdu", "read"];

/// One card in each slot.
struct World {
    gateway: Gateway,
    key: String,
    vcard: Vcard,
    pcscd: Pcscd,
    hub: Sandbox,
    slots: usize,
}

impl World {
    fn with(holders: &[&str]) -> Self {
        let hub = Sandbox::start();
        let pcscd = Pcscd::start(holders.len().div_ceil(2));
        let cards: Vec<_> = holders.iter().copied().zip(pcscd.ports().iter().copied()).collect();
        let vcard = Vcard::start(hub.dir(), &cards);
        let socket = pcscd.socket();
        // What is told of a person is looked for in the most talkative log there is.
        let gateway =
            Setup::new(&hub).set("log.level", "\"trace\"").env("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap()).start();
        let key = key(&gateway, &RIGHTS);
        let world = Self { gateway, key, vcard, pcscd, hub, slots: holders.len() };
        until("the cards to be seen", PATIENCE, || {
            let readers = world.get("/v1/readers").json();
            let there = readers["items"].as_array()?.iter().filter(|reader| reader["card"] == "present").count();
            (there == holders.len()).then_some(())
        });
        world
    }

    fn port(&self, slot: usize) -> u16 {
        self.pcscd.ports()[slot]
    }

    fn get(&self, path: &str) -> Answer {
        self.gateway.ask(&Ask::new("GET", path).key(&self.key))
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.gateway.ask(&Ask::new("POST", path).key(&self.key).json(body))
    }

    /// A session on the reader of a slot; its path. pcscd names the readers in the order of the slots.
    fn session(&self, slot: usize) -> String {
        let reader = self.get("/v1/readers").json()["items"][slot]["name"].clone();
        let answer = self.post("/v1/card-sessions", &json!({"reader": reader, "purpose": "identify"}));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("location").unwrap()
    }

    fn identify(&self, session: &str, body: &Value) -> Answer {
        self.post(&format!("{session}/identify"), body)
    }

    fn close(&self, session: &str) {
        let answer = self.gateway.ask(&Ask::new("DELETE", session).key(&self.key));
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// PINs that the card has compared for 利用者証明用, by its own count.
    fn tried(&self, slot: usize) -> u64 {
        self.vcard.count(self.port(slot), "tries", "jpki/0018")
    }

    /// Every reader is free, and nobody came near the My Number.
    fn at_peace(&self) {
        until("every reader to be free", PATIENCE, || {
            let readers = self.get("/v1/readers").json();
            readers["items"].as_array()?.iter().all(|reader| reader["in_use"] == "none").then_some(())
        });
        for port in &self.pcscd.ports()[..self.slots] {
            let touched = self.vcard.facts(*port)["counts"]["my_number_touched"].clone();
            assert!(touched == 0 || touched.is_null(), "{touched}");
        }
        assert_eq!(self.gateway.errors(), Vec::<String>::new());
    }
}

fn key(gateway: &Gateway, rights: &[&str]) -> String {
    let answer = gateway.ask(&Ask::new("POST", "/v1/keys").json(&json!({"label": "desk", "rights": rights})));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["key"].as_str().unwrap().to_owned()
}

fn pin(digits: &str) -> Value {
    json!({"method": "pin", "pin": digits})
}

fn visual() -> Value {
    json!({"method": "visual", "witnesses": ["clinic-doctor", "clinic-clerk"]})
}

/// The code of a refusal, and what it has cost.
fn cost(answer: &Answer) -> (String, Value) {
    (answer.code(), answer.json()["card"].clone())
}
