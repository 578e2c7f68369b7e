//! The gateway's own processes, when a facility is taken out of the settings.

use std::fs;

use engawa::clock::Clock;
use serde_json::{Value, json};

use super::office::{House, SOON};
use crate::retention::DAY;
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// The gateway itself, killed between two documents that it forgets.
#[test]
fn a_kill_in_the_middle_forgets_nothing_else_and_nothing_twice() {
    let hub = Sandbox::start();
    let mut house = House::start(&hub);
    let [first, second] = house.each().map(Clone::clone);
    let old: Vec<String> = (0..4).map(|n| second.accepted(&house, &format!("old {n}"))).collect();
    let young = second.accepted(&house, "young");
    let own = first.accepted(&house, "own");
    for id in old.iter().chain([&young]) {
        second.reaches(&house, id, "delivered");
    }
    first.reaches(&house, &own, "delivered");
    hub.down();
    let waiting = second.accepted(&house, "waits");
    assert!(house.gateway.stop().success());
    let blob = |id: &str| format!("x'{}'", id.replace('-', ""));
    let list = old.iter().map(|id| blob(id)).collect::<Vec<_>>().join(", ");
    // So large that each has a transaction of its own.
    house.gateway.sql(&format!(
        "UPDATE submission SET changed_at = changed_at - 500 * {DAY}, body_length = 20000000 WHERE id IN ({list})"
    ));
    let file = house.gateway.dir().join("facilities.d/other-clinic.toml");
    let aside = house.gateway.dir().join("aside");
    fs::rename(&file, &aside).unwrap();
    let rows = |house: &House| house.gateway.sql("SELECT lower(hex(id)) FROM submission ORDER BY seq");
    let ids = |ids: &[&String]| ids.iter().map(|id| id.replace('-', "")).collect::<Vec<_>>();
    house.gateway.spawn(&[("ENGAWA_CRASH_POINT", "outbox.forgot:2")]);
    until("the process to die between two documents", SOON, || house.gateway.ended());
    house.gateway.kill9();
    let left = rows(&house);
    assert_eq!(left.len(), 5, "two of seven are forgotten: {left:?}");
    house.gateway.start();
    let rest = ids(&[&young, &own, &waiting]);
    until("the rest to be forgotten", SOON, || (rows(&house) == rest).then_some(()));
    let health = house.gateway.get("/v1/health").json();
    assert_eq!(health["facilities"][&second.number]["waiting"], 1, "{health}");
    let check = house.gateway.run(&["check", "--json"]);
    assert!(String::from_utf8_lossy(&check.stdout).contains("FACILITY_GONE"));
    for id in &old {
        let told = house
            .trail()
            .into_iter()
            .filter(|record| record["act"] == "retention.forgotten" && record["on"] == format!("submission:{id}"));
        let told: Vec<Value> = told.collect();
        assert_eq!(told.len(), 1, "{id}: {told:?}");
        assert_eq!(told[0]["facility"], *second.number);
    }
    assert!(house.gateway.run(&["audit", "verify"]).status.success());
    assert!(house.gateway.stop().success());
    hub.up();
    fs::rename(&aside, &file).unwrap();
    house.gateway.start();
    second.reaches(&house, &waiting, "delivered");
    assert_eq!(second.submission(&house, &young)["state"], "delivered");
    assert_eq!(hub.facts()["totals"]["filed_twice"], 0);
}

/// Back in the settings, killed before it has looked at anything, and taken out again: the day begins anew.
#[test]
fn a_kill_after_the_return_does_not_bring_the_old_day_back() {
    let hub = Sandbox::start();
    let mut house = House::start(&hub);
    let [_, second] = house.each().map(Clone::clone);
    let window = json!({ "label": "窓口", "rights": ["read"], "kind": "key" });
    assert_eq!(house.ask(&Ask::new("POST", "/v1/pairing").key(&second.key).json(&window)).status, 201);
    assert!(house.gateway.stop().success());
    let (file, aside) = (house.gateway.dir().join("facilities.d/other-clinic.toml"), house.gateway.dir().join("aside"));
    let since = |house: &House| {
        let rows = house.gateway.sql("SELECT value FROM fact WHERE name LIKE 'gone.since%'");
        rows.first().map(|row| row.parse::<i64>().unwrap())
    };
    fs::rename(&file, &aside).unwrap();
    house.gateway.start();
    until("its absence to be noted", SOON, || since(&house));
    assert!(house.gateway.stop().success());
    house.gateway.sql(&format!("UPDATE fact SET value = value - 2 * {DAY} WHERE name LIKE 'gone.since%'"));

    fs::rename(&aside, &file).unwrap();
    house.gateway.spawn(&[("ENGAWA_CRASH_POINT", "gone.looking:1")]);
    until("the process to die before the first look", SOON, || house.gateway.ended());
    house.gateway.kill9();
    assert_eq!(since(&house), None, "the absence is over");

    fs::rename(&file, &aside).unwrap();
    house.gateway.start();
    let anew = until("another absence to be noted", SOON, || since(&house));
    assert!(anew > Clock::system().now().as_millisecond() - DAY, "{anew}");
    // The window for pairing that was open is open still.
    let now = Clock::system().now().as_millisecond();
    let open = format!("SELECT id FROM pairing WHERE facility = '{}' AND ends_at > {now}", second.number);
    assert_eq!(house.gateway.sql(&open).len(), 1);
    assert!(house.trail().iter().all(|record| record["act"] != "facility.gone"));
}
