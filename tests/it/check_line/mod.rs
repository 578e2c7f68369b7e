//! `engawa check` on the way to the hub: each fault has a real cause, and the check has to name it, and whose turn it is, before anything
//! else that is not well.

mod answers;
mod handshake;
mod lan;
mod login;
mod names;
mod servers;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;

/// A box that is well, with an opened state and no service running.
struct Office {
    hub: Sandbox,
    gateway: Gateway,
}

impl Office {
    fn new() -> Self {
        Self::with(|setup, _| setup)
    }

    /// With other settings.
    fn with(change: impl FnOnce(Setup, &Sandbox) -> Setup) -> Self {
        let hub = Sandbox::start();
        let gateway = change(setup(&hub), &hub).idle();
        let office = Self { hub, gateway };
        office.begin();
        office
    }

    /// Something that was begun: only then is there a record of log-ins.
    fn begin(&self) {
        let made = self.gateway.run(&["key", "add", "programme"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Every check, but for the remark that a hub on this machine is a trial hub.
    fn checks(&self) -> Vec<Value> {
        checks(&self.gateway)
    }

    /// What stands first among what is not well.
    #[track_caller]
    fn expect(&self, name: &str, finding: u64, verdict: &str, who: &str) -> Value {
        expect(&self.gateway, name, finding, verdict, who)
    }

    #[track_caller]
    fn expect_well(&self) {
        let all = self.checks();
        let unwell: Vec<_> = all.iter().filter(|check| check["verdict"] != "ok").collect();
        assert!(unwell.is_empty(), "{unwell:#?}");
        for name in ["hub.dns", "hub.tcp", "hub.tls", "hub.login"] {
            assert!(all.iter().any(|check| check["name"] == name), "{name}: {all:#?}");
        }
    }

    /// How often the hub was shown a password of its doctor's.
    fn logins(&self) -> u64 {
        self.hub.status()["calls"]["login"].as_u64().unwrap_or_default()
    }
}

fn checks(gateway: &Gateway) -> Vec<Value> {
    let output = gateway.run(&["check", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let document: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let all = document["checks"].as_array().unwrap().iter();
    // Nor is it this way's matter whether engawa runs.
    let of_the_way = |check: &&Value| check["object"] != "hub.url" && check["name"] != "service";
    all.filter(of_the_way).cloned().collect()
}

#[track_caller]
fn expect(gateway: &Gateway, name: &str, finding: u64, verdict: &str, who: &str) -> Value {
    let all = checks(gateway);
    let first = all.iter().find(|check| check["verdict"] != "ok").unwrap_or_else(|| panic!("all is well: {all:#?}"));
    assert_eq!(
        (&first["name"], &first["finding"], &first["verdict"], &first["who"]),
        (&name.into(), &finding.into(), &verdict.into(), &who.into()),
        "{all:#?}"
    );
    // What comes later on the way cannot be known, and is not told.
    let order = ["hub.dns", "hub.tcp", "hub.tls", "hub.login"];
    let at = order.iter().position(|own| *own == name);
    let later = at.map_or(&order[..0], |at| &order[at + 1..]);
    assert!(verdict == "warn" || !all.iter().any(|check| later.iter().any(|own| check["name"] == *own)), "{all:#?}");
    first.clone()
}

/// A box without readers, and not more patient than a test.
fn setup(hub: &Sandbox) -> Setup {
    let settings = [("cards.enabled", "false"), ("hub.request_timeout_s", "5"), ("hub.connect_timeout_s", "5")];
    settings.iter().fold(Setup::new(hub), |setup, (name, value)| setup.set(name, value))
}

/// Everything that is needed to be a box at a hub of the test's own, at `url`.
fn at(hub: &Sandbox, url: &str, ca: Option<PathBuf>) -> Gateway {
    let setup = setup(hub).set("hub.url", &format!("{url:?}"));
    match ca {
        Some(ca) => setup.set("hub.ca_file", &format!("{:?}", ca.to_str().unwrap())).idle(),
        None => setup.idle(),
    }
}
