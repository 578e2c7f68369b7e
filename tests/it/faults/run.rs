//! One row, run.

use std::time::Duration;

use engawa::clock::Clock;
use engawa::fault::Code;
use serde_json::{Value, json};

use super::faults;
use super::table::{End, Eta, Order, Row, Then};
use super::units;
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::{at_most, until};

const PATIENCE: Duration = Duration::from_secs(30);
/// Keeps a state that lasts only until the hub answers visible, on a busy machine too; less than the gateway's time-out.
const QUESTION_MS: u64 = 3500;
/// More than a hub notices.
const CALLS: u64 = 14;
const CALLS_A_SECOND: u64 = 4;

/// Who sends what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sends {
    /// A clinic, opinions.
    Opinions,
    /// A care office, care plans for another.
    Plans,
}

impl Sends {
    const fn folder(self) -> &'static str {
        match self {
            Self::Opinions => "clinic",
            Self::Plans => "office",
        }
    }

    const fn account(self) -> &'static str {
        match self {
            Self::Opinions => "clinic-doctor",
            Self::Plans => "office-manager",
        }
    }
}

/// A sandbox on which one row runs after the other.
pub(super) struct Lane {
    hub: Sandbox,
    password: String,
    sends: Sends,
}

impl Lane {
    pub(super) fn new(sends: Sends) -> Self {
        let hub = Sandbox::start();
        let password = hub.password(sends.account());
        Self { hub, password, sends }
    }

    pub(super) fn run(&self, number: usize, row: &Row) {
        let clock = Clock::system();
        self.reset();
        let (calls, filed_twice) = (self.calls(), self.hub.facts()["totals"]["filed_twice"].clone());
        let gateway = self.gateway(row);
        if let Order::Warm(_) = row.order {
            let id = self.submit(&gateway, number, "先に", false);
            until("the first delivery", PATIENCE, || (look(&gateway, &id)["state"] == "delivered").then_some(()));
            self.order(row);
        }
        let id = self.submit(&gateway, number, "", matches!(row.order, Order::Large(_)));
        see(&gateway, &id, row);
        self.put_right(&gateway, &id, row);
        self.end(&gateway, &id, row);
        assert_eq!(self.hub.facts()["totals"]["filed_twice"], filed_twice);
        assert_eq!(gateway.errors(), [""; 0], "what the hub or a person got wrong is no error of the gateway's");
        let allowed = CALLS + CALLS_A_SECOND * clock.elapsed().as_secs();
        let made = self.calls() - calls;
        assert!(made <= allowed, "{made} calls, a storm: {}", self.hub.status()["calls"]);
    }

    fn reset(&self) {
        self.hub.clear_faults();
        self.hub.up();
        let account = format!("accounts/{}", self.sends.account());
        self.hub.post(&account, json!({ "unlock": true }));
        self.hub.post(&account, json!({ "password": self.password }));
    }

    /// Login and connection faults are met by whoever comes first, so they are there before the gateway is.
    fn gateway(&self, row: &Row) -> Gateway {
        let setup = Setup::of(&self.hub, self.sends.folder(), self.sends.account())
            .set("hub.connect_timeout_s", "1")
            .set("hub.request_timeout_s", "5")
            .set("hub.login_window_s", "1800")
            .set("outbox.backoff_max_s", "2");
        match row.order {
            Order::Warm(_) => {}
            Order::PowerDown => self.hub.down(),
            Order::Certificate(name) => {
                let other = self.hub.facility(name);
                setup.secret("certificate.p12", std::fs::read(&other.p12).unwrap());
                setup.secret("passphrase", std::fs::read(&other.p12_passphrase).unwrap());
            }
            Order::Faults(_) | Order::Large(_) => self.order(row),
        }
        setup.start()
    }

    fn order(&self, row: &Row) {
        let (Order::Faults(text) | Order::Warm(text) | Order::Large(text)) = row.order else { return };
        let mut list = faults(&stamped(text));
        if row.state == "unknown" && !list.iter().any(|fault| fault["on"] == "lookup") {
            list.push(json!({ "on": "lookup", "kind": "delay", "delay_ms": QUESTION_MS }));
        }
        self.hub.fault(Value::from(list));
    }

    fn put_right(&self, gateway: &Gateway, id: &str, row: &Row) {
        if matches!(row.then, Then::Alone | Then::Nothing) {
            return;
        }
        self.hub.clear_faults();
        self.hub.up();
        match row.then {
            Then::Reloaded => {
                let right = self.hub.facility(self.sends.folder());
                for (name, file) in [("certificate.p12", &right.p12), ("passphrase", &right.p12_passphrase)] {
                    std::fs::write(gateway.dir().join(name), std::fs::read(file).unwrap()).unwrap();
                }
                gateway.signal(nix::sys::signal::Signal::SIGHUP);
            }
            Then::Password => {
                let account = format!("accounts/{}", self.sends.account());
                self.hub.post(&account, json!({ "password": "another-Passw0rd" }));
                std::fs::write(gateway.dir().join("password"), "another-Passw0rd").unwrap();
                gateway.signal(nix::sys::signal::Signal::SIGHUP);
            }
            Then::Retried => {
                let answer = gateway.order(&format!("/v1/submissions/{id}/retry"));
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            Then::Alone | Then::Nothing | Then::Cleared => {}
        }
    }

    fn end(&self, gateway: &Gateway, id: &str, row: &Row) {
        if row.end == End::Stays {
            let facts = self.hub.key_facts(look(gateway, id)["hub_key"].as_str().unwrap());
            assert_eq!(effects(&facts), 0, "{facts}");
            return see(gateway, id, row);
        }
        let delivered =
            until("the delivery", PATIENCE, || Some(look(gateway, id)).filter(|seen| seen["state"] == "delivered"));
        assert_eq!((&delivered["reason"], &delivered["eta"]), (&Value::Null, &Value::Null), "{delivered}");
        match self.sends {
            Sends::Opinions => self.one_opinion(&delivered),
            Sends::Plans => self.one_plan(&delivered),
        }
        if row.end == End::Accepted {
            let news = |seen: &Value| match self.sends {
                Sends::Opinions => seen["municipality"]["state"] == "accepted",
                Sends::Plans => seen["recipient"]["state"] == "delivered",
            };
            until("what became of it", PATIENCE, || Some(look(gateway, id)).filter(news));
        }
    }

    fn one_opinion(&self, delivered: &Value) {
        let facts = self.hub.key_facts(delivered["hub_key"].as_str().unwrap());
        assert_eq!(effects(&facts), 1, "{facts}");
        assert_eq!(facts["receipt_number"], delivered["receipt"]["number"], "{facts}");
        assert_eq!(facts["bodies_sha256"], json!([delivered["sha256"]]), "the bytes sent are the bytes accepted");
    }

    /// A retry may go under another key, so that the bytes decide.
    fn one_plan(&self, delivered: &Value) {
        let facts = self.hub.facts();
        let plans = facts["careplans"].as_array().unwrap();
        let filed: Vec<&Value> = plans.iter().filter(|plan| plan["body_sha256"] == delivered["sha256"]).collect();
        assert_eq!(filed.len(), 1, "{filed:?}");
        assert_eq!(filed[0]["receipt_number"], delivered["receipt"]["number"], "{filed:?}");
    }

    /// Hands in a document that is none of the earlier ones; the id of its submission.
    fn submit(&self, gateway: &Gateway, number: usize, word: &str, large: bool) -> String {
        match self.sends {
            Sends::Opinions => submit(gateway, &format!("{number}{word}"), large),
            Sends::Plans => units::submit(gateway, number + if word.is_empty() { 0 } else { 500 }),
        }
    }

    fn calls(&self) -> u64 {
        let status = self.hub.status();
        status["calls"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    }
}

fn effects(facts: &Value) -> u64 {
    facts["effects"].as_u64().unwrap_or_default()
}

/// Waits until the sender sees what the row says, and looks whether all of it fits.
fn see(gateway: &Gateway, id: &str, row: &Row) {
    let mut last = Value::Null;
    let mut looks = 0;
    let seen = until_or(PATIENCE, || {
        last = look(gateway, id);
        looks += 1;
        let code = last["reason"]["code"].as_str().unwrap_or_default();
        (last["state"] == row.state && code == row.reason && in_time(&last["eta"], row.eta)).then(|| last.clone())
    });
    let seen = seen.unwrap_or_else(|| panic!("never seen {row:?}, at last {last}\n{}", gateway.log()));
    assert_eq!(seen["next_step"], json!({ "ja": row.next.ja, "en": row.next.en }), "{row:?}");
    if let Some(code) = Code::parse(row.reason) {
        assert_eq!((seen["reason"]["ja"].as_str(), seen["reason"]["en"].as_str()), (Some(code.ja()), Some(code.en())));
    }
    let named = seen["hub_errors"].as_array().unwrap();
    assert_eq!(named.is_empty(), row.state != "returned", "{seen}");
}

fn look(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.get(&format!("/v1/submissions/{id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn in_time(eta: &Value, expected: Eta) -> bool {
    let seconds = eta.as_str().map(|eta| {
        let eta: jiff::Timestamp = eta.parse().unwrap();
        eta.as_second() - Clock::system().now().as_second()
    });
    match expected {
        Eta::None => seconds.is_none(),
        Eta::Some => seconds.is_some_and(|seconds| seconds >= -1),
        Eta::After(least) => seconds.is_some_and(|seconds| seconds >= least),
    }
}

fn until_or<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let (clock, within) = (Clock::system(), at_most(within));
    until("an end", within * 2, || match look() {
        Some(found) => Some(Some(found)),
        None => (clock.elapsed() > within).then_some(None),
    })
}

/// Puts times in place of `@3s`.
pub(super) fn stamped(text: &str) -> String {
    let Some((before, rest)) = text.split_once('@') else { return text.to_owned() };
    let (seconds, after) = rest.split_once('s').unwrap();
    let at = Clock::system().now().saturating_add(Duration::from_secs(seconds.parse().unwrap())).unwrap();
    format!("{before}{at}{after}")
}

fn submit(gateway: &Gateway, name: &str, large: bool) -> String {
    // The gateway is the row's own.
    let key = format!("fault-{}", name.len());
    if !large {
        return gateway.accepted(&opinion(name), &key);
    }
    let mut body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"opinion\"\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n\
         content-disposition: form-data; name=\"attachment\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7 obviously a test\n",
        json!({ "opinion": opinion(name) })
    );
    body.push_str(&"0".repeat(6 << 20));
    body.push_str("\r\n--b--\r\n");
    let mut ask = Ask::new("POST", "/v1/opinions")
        .header("idempotency-key", &key)
        .header("content-type", "multipart/form-data; boundary=b");
    ask.body = body.into_bytes();
    let answer = gateway.ask(&ask);
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}
