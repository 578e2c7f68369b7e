//! A gateway with two clinics of the sandbox hub, and somebody of each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;

pub(super) const SOON: Duration = Duration::from_secs(20);

/// The box.
pub(super) struct House {
    pub(super) gateway: Gateway,
    facilities: [Facility; 2],
}

/// One facility, with a key of its own that may do everything.
#[derive(Clone)]
pub(super) struct Facility {
    pub(super) number: String,
    pub(super) key: String,
}

/// Things of one facility, by which they would be known elsewhere.
pub(super) struct Things {
    pub(super) submission: String,
    pub(super) key: String,
    pub(super) window: String,
    pub(super) user: String,
}

impl Things {
    pub(super) fn marks(&self) -> [&str; 4] {
        [&self.submission, &self.key, &self.window, &self.user]
    }
}

impl House {
    pub(super) fn start(hub: &Sandbox) -> Self {
        Self::start_after(hub, |_| {})
    }

    /// Two offices that send care plans to each other.
    pub(super) fn offices(hub: &Sandbox) -> Self {
        let setup = Setup::of(hub, "office", "office-manager").beside(hub, "dx", "dx-staff");
        Self::made(hub, setup, ["office", "dx"], |_| {})
    }

    /// Does something in the gateway's folder before it is started.
    pub(super) fn start_after(hub: &Sandbox, before: impl FnOnce(&Path)) -> Self {
        let setup = Setup::new(hub).beside(hub, "other-clinic", "other-doctor");
        Self::made(hub, setup, ["clinic", "other-clinic"], before)
    }

    fn made(hub: &Sandbox, setup: Setup, names: [&str; 2], before: impl FnOnce(&Path)) -> Self {
        let mut gateway = setup.exchange().idle();
        std::fs::create_dir_all(gateway.exchange()).unwrap();
        before(gateway.dir());
        gateway.start();
        let facilities = names.map(|name| {
            let number = hub.facility(name).number;
            let rights = ["submit", "read", "manage", "receive", "card", "admin"];
            let order = Ask::new("POST", "/v1/keys").json(&json!({ "label": "ソフト", "rights": rights }));
            let made = gateway.ask(&order.header("Engawa-Facility", &number));
            assert_eq!(made.status, 201, "{made:?}");
            Facility { number, key: made.json()["key"].as_str().unwrap().to_owned() }
        });
        Self { gateway, facilities }
    }

    pub(super) fn each(&self) -> [&Facility; 2] {
        let [first, second] = &self.facilities;
        [first, second]
    }

    pub(super) fn ask(&self, ask: &Ask) -> Answer {
        self.gateway.ask(ask)
    }

    /// The whole chain.
    pub(super) fn trail(&self) -> Vec<Value> {
        let body = self.gateway.get("/v1/trail?limit=1000").body;
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Something of every kind.
    pub(super) fn furnish(&self, facility: &Facility) -> Things {
        let submission = facility.accepted(self, "furnished");
        let made = |path: &str, body: Value| {
            let answer = self.ask(&Ask::new("POST", path).key(&facility.key).json(&body));
            assert_eq!(answer.status, 201, "{path}: {answer:?}");
            answer.json()
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = made("/v1/keys", json!({ "label": "もう一つ", "rights": ["read"] }));
        let window = made("/v1/pairing", json!({ "label": "窓口", "rights": ["read"], "kind": "key" }));
        let user = format!("user{}", facility.number);
        made("/v1/staff", json!({ "user": user, "name": "架空の人", "role": "clerk" }));
        Things { submission, key: text(&key["id"]), window: text(&window["id"]), user }
    }
}

impl Facility {
    /// The names in one of its folders.
    pub(super) fn folder(&self, house: &House, name: &str) -> Vec<String> {
        let folder = house.gateway.exchange().join(&self.number).join(name);
        let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".CSV")).collect();
        names.sort();
        names
    }

    pub(super) fn ask(&self, house: &House, method: &'static str, path: &str) -> Answer {
        house.ask(&Ask::new(method, path).key(&self.key))
    }

    pub(super) fn health(&self, house: &House) -> Value {
        self.ask(house, "GET", "/v1/health").json()
    }

    pub(super) fn list(&self, house: &House, path: &str) -> Vec<Value> {
        self.ask(house, "GET", path).json()["items"].as_array().unwrap().clone()
    }

    /// Hands in an opinion; its id.
    pub(super) fn accepted(&self, house: &House, key: &str) -> String {
        let answer = house.ask(&submission(&opinion(format_args!("{key} {}", self.number)), key).key(&self.key));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn submission(&self, house: &House, id: &str) -> Value {
        let answer = self.ask(house, "GET", &format!("/v1/submissions/{id}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(super) fn reaches(&self, house: &House, id: &str, state: &str) {
        self.reaches_within(house, id, state, SOON);
    }

    pub(super) fn reaches_within(&self, house: &House, id: &str, state: &str, within: Duration) {
        until(&format!("{id} to be {state}"), within, || (self.submission(house, id)["state"] == state).then_some(()));
    }

    /// Follows the events from their beginning until one of `submission` is `submission.delivered`; what was told.
    pub(super) fn events(&self, house: &House, submission: &str) -> String {
        let mut stream = UnixStream::connect(house.gateway.socket()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!(
            "GET /v1/events?from=beginning HTTP/1.1\r\nhost: engawa\r\nauthorization: Bearer {}\r\n\r\n",
            self.key
        );
        stream.write_all(request.as_bytes()).unwrap();
        let (mut told, mut delivered) = (String::new(), false);
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            delivered |= line.contains("submission.delivered");
            told.push_str(&line);
            told.push('\n');
            if delivered && line.contains(submission) {
                return told;
            }
        }
        panic!("the stream ended: {told}");
    }
}

/// The present month in Japan, as `engawa audit export` wants it.
pub(super) fn this_month() -> String {
    let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    engawa::clock::Clock::system().now().to_zoned(japan).strftime("%Y-%m").to_string()
}
