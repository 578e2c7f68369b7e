//! The house: a hub, a pcscd with virtual readers and cards in them, the gateway, and an API key for each terminal.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use engawa::clock::Clock;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Ask};
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::support::vcard::Vcard;

/// A terminal that is silent for so long is gone: shorter than usual, so that the forgetful do not empty a short run of readers.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);
/// A session that is kept and not used ends after so long.
pub(super) const IDLE: Duration = Duration::from_secs(14);
/// A client that waits longer than this for anything has found a bug.
const PATIENCE: Duration = Duration::from_secs(90);

/// A workplace with its key.
pub(super) struct Desk {
    pub(super) key: String,
    pub(super) number: usize,
}

/// Everything but pcscd, which the trouble owns.
pub(super) struct Site {
    pub(super) hub: Sandbox,
    pub(super) cards: Vcard,
    pub(super) gateway: Gateway,
    pub(super) desks: Vec<Desk>,
    /// By slot.
    pub(super) names: Vec<String>,
    pub(super) ports: Vec<u16>,
    pub(super) clock: Clock,
    address: SocketAddr,
}

impl Site {
    pub(super) fn build(terminals: usize, holders: &[&str]) -> (Self, Pcscd) {
        let hub = Sandbox::start_with(&["--no-fsync"]);
        let pcscd = Pcscd::start(holders.len().div_ceil(2));
        let ports = pcscd.ports()[..holders.len()].to_vec();
        let slots: Vec<_> = holders.iter().copied().zip(ports.iter().copied()).collect();
        let cards = Vcard::start_with(hub.dir(), &slots, &["--no-fsync"]);
        let gateway = Setup::new(&hub)
            .tcp()
            .env("PCSCLITE_CSOCK_NAME", pcscd.socket().to_str().unwrap())
            .set("cards.heartbeat_s", &HEARTBEAT.as_secs().to_string())
            .set("cards.idle_s", &IDLE.as_secs().to_string())
            .set("cards.lifetime_s", "40")
            .set("endpoint.request_timeout_s", "15")
            .set("endpoint.body_idle_timeout_s", "5")
            .set("hub.connect_timeout_s", "5")
            .set("hub.request_timeout_s", "10")
            .set("log.level", "\"info\"")
            .start();
        let address = gateway.address();
        let clock = Clock::system();
        let mut site = Self { hub, cards, gateway, desks: vec![], names: vec![], ports, clock, address };
        let ids: Vec<_> = (0..terminals).map(|number| site.hire(number)).collect();
        site.await_cards();
        site.names = site.reader_list().iter().map(|reader| reader["name"].as_str().unwrap().to_owned()).collect();
        site.names.truncate(holders.len());
        site.place(&ids);
        (site, pcscd)
    }

    /// A new workplace; its key's id.
    fn hire(&mut self, number: usize) -> String {
        let order = json!({"label": format!("workplace {number}"), "rights": ["card", "card-apdu"]});
        let made = self.gateway.ask(&Ask::new("POST", "/v1/keys").json(&order)).json();
        self.desks.push(Desk { key: made["key"].as_str().unwrap().to_owned(), number });
        made["id"].as_str().unwrap().to_owned()
    }

    /// The readers near a workplace: as many workplaces near each.
    pub(super) fn near(&self, number: usize) -> Vec<usize> {
        let all = self.names.len();
        let mut near: Vec<_> = [0, 5, 11].map(|step| (number + step) % all).into();
        near.dedup();
        near
    }

    /// Writes which readers stand beside which workplace, while the gateway runs.
    fn place(&self, ids: &[String]) {
        let mut text = String::from("[cards.nearest]\n");
        for (number, id) in ids.iter().enumerate() {
            let names: Vec<_> = self.near(number).into_iter().map(|slot| &self.names[slot]).collect();
            text.push_str(&format!("{} = {}\n", json!(id), json!(names)));
        }
        let mut settings = std::fs::File::options().append(true).open(self.gateway.settings()).unwrap();
        settings.write_all(text.as_bytes()).unwrap();
        self.gateway.signal(Signal::SIGHUP);
        // A session for "nearest" then waits while its own readers are taken; until then it gets any.
        let (own, desk) = (&self.near(0), &self.desks[0]);
        until("the gateway to know who stands where", Duration::from_secs(10), || {
            let opened =
                self.ask(desk, "POST", "/v1/card-sessions", &json!({"reader": "nearest", "purpose": "identify"}));
            let session = opened.ok()?.json();
            let place = format!("/v1/card-sessions/{}", session["id"].as_str()?);
            self.ask(desk, "DELETE", &place, &Value::Null).ok()?;
            let last = own.iter().all(|slot| session["reader"] != *self.names[*slot]);
            (!last && self.gateway.log().contains("reload")).then_some(())
        });
    }

    pub(super) fn request(desk: &Desk, method: &'static str, path: &str, body: &Value) -> Ask {
        let ask = Ask::new(method, path).key(&desk.key);
        if body.is_null() { ask } else { ask.json(body) }
    }

    /// Asks as a workplace.
    pub(super) fn ask(&self, desk: &Desk, method: &'static str, path: &str, body: &Value) -> io::Result<Answer> {
        Self::request(desk, method, path, body).over(self.connect()?)
    }

    pub(super) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// `{"items","service"}`, as a workplace sees it.
    pub(super) fn readers(&self) -> Value {
        let answer = self.ask(&self.desks[0], "GET", "/v1/readers", &Value::Null).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(super) fn reader_list(&self) -> Vec<Value> {
        self.readers()["items"].as_array().unwrap().clone()
    }

    /// Whether every reader is in order.
    pub(super) fn all_well(&self) -> bool {
        let readers = self.reader_list();
        let well = readers.iter().filter(|reader| reader["state"] == "ok").count();
        well >= self.ports.len()
    }

    /// Every slot has its card, and the gateway sees it.
    pub(super) fn await_cards(&self) {
        until("every card to be seen", Duration::from_secs(15), || {
            let readers = self.reader_list();
            let there = readers.iter().filter(|reader| reader["state"] == "ok" && reader["card"] == "present").count();
            (there == self.ports.len()).then_some(())
        });
    }

    /// Whose card a holder's is: insurer and number, and the name.
    pub(super) fn person(&self, holder: &str) -> (String, String, String) {
        let card = self.cards.card(holder);
        let text = |member: &str| card[member].as_str().unwrap().to_owned();
        (text("insurer_number"), text("insured_number"), text("name"))
    }

    /// Milliseconds since 1970, as the cards' record has them.
    pub(super) fn ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) threads: usize,
    pub(super) descriptors: usize,
    pub(super) resident_kib: usize,
}

impl Held {
    pub(super) fn by(pid: u32) -> Self {
        let at = Path::new("/proc").join(pid.to_string());
        let status = std::fs::read_to_string(at.join("status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self {
            threads: number("Threads:"),
            descriptors: std::fs::read_dir(at.join("fd")).unwrap().count(),
            resident_kib: number("VmRSS:"),
        }
    }
}
