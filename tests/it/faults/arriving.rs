//! The rows of [`ARRIVALS`], run with the box of the office that receives.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::arrivals::{ARRIVALS, Arrival, End, Sight};
use super::run::stamped;
use super::units::unit;
use crate::support::curl::Curl;
use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const LIST: &str = "/v1/careplans/received";
const UNIT: &str = "/api/v1/careplans/5.0/received";
const PATIENCE: Duration = Duration::from_secs(60);
const LANES: usize = 3;

fn of(on: &[&str]) -> Vec<&'static Arrival> {
    ARRIVALS.iter().filter(|row| on.contains(&row.on)).collect()
}

fn receiver(hub: &Sandbox) -> Setup {
    Setup::of(hub, "dx", "dx-staff").set("hub.connect_timeout_s", "1").set("hub.request_timeout_s", "5")
}

/// The other office files a unit.
fn file(office: &Curl<'_>, hub: &Sandbox, number: usize) {
    let key = format!("Idempotency-Key: 00000000-0000-4000-8000-{number:012}");
    let body = json!({ "to_facility": hub.facility("dx").number, "to_service_kind": "11", "unit": unit(number) });
    office.run("careplans/5.0/sent", &["-H", &key, "--data-binary", &body.to_string()]).data();
}

fn received(gateway: &Gateway) -> Vec<Value> {
    gateway.get(&format!("{LIST}?limit=200")).json()["items"].as_array().unwrap().clone()
}

fn plans(hub: &Sandbox) -> Vec<Value> {
    hub.facts()["careplans"].as_array().unwrap().clone()
}

/// Whether what another office filed has come to its end here and at the hub.
fn ended(row: &Arrival, plan: &Value, item: &Value, acks: &Value) -> bool {
    let told = acks.as_array().unwrap().iter().filter(|ack| ack["id"] == plan["id"]).count();
    match row.end {
        End::Kept => {
            assert!(told <= 1, "told twice: {row:?}");
            item["state"] == "kept" && item["reason"] == Value::Null && plan["state"] == "downloaded" && told == 1
        }
        End::Untold => item["state"] == "kept" && plan["state"] == "delivered" && told == 0,
    }
}

fn came_whole(row: &Arrival) -> bool {
    matches!(row.end, End::Kept | End::Untold)
}

/// Whether the fault shows where the row says.
fn shows(row: &Arrival, item: &Value, log: &str) -> bool {
    let id = item["id"].as_str().unwrap();
    match row.sight {
        Sight::None => true,
        Sight::Item(code) => item["reason"]["code"] == code,
        Sight::Log(code) => log.lines().any(|line| line.contains(id) && line.contains(code)),
        Sight::Health(_) => unreachable!("of the list"),
    }
}

#[test]
fn every_fault_of_a_unit_is_seen_and_survived() {
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    // In turn, so that what went well comes between what stops everything.
    let (units, acks) = (of(&["careplan-unit"]), of(&["careplan-ack"]));
    let longest = units.len().max(acks.len());
    let rows: Vec<&Arrival> = (0..longest).flat_map(|n| [units.get(n), acks.get(n)]).flatten().copied().collect();
    for number in 0..rows.len() {
        file(&office, &hub, number);
    }
    let filed = plans(&hub);
    for (row, plan) in rows.iter().zip(&filed) {
        let end = if row.on == "careplan-ack" { "/ack" } else { "" };
        let mut fault: Value = serde_json::from_str(row.fault).unwrap();
        fault["on"] = json!(format!("{UNIT}/{}{end}", plan["id"].as_str().unwrap()));
        hub.fault(fault);
    }
    let gateway = receiver(&hub).start();
    let (mut seen, mut last) = (BTreeSet::new(), Vec::new());
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until("every unit at its end", PATIENCE, || {
            let (items, log, facts) = (received(&gateway), gateway.log(), hub.facts());
            let of_plan = |plan: &Value| items.iter().find(|item| item["receipt_number"] == plan["receipt_number"]);
            last.clear();
            for (n, (row, plan)) in rows.iter().zip(facts["careplans"].as_array().unwrap()).enumerate() {
                let item = of_plan(plan);
                if item.is_some_and(|item| shows(row, item, &log)) {
                    seen.insert(n);
                }
                if !seen.contains(&n) || !item.is_some_and(|item| ended(row, plan, item, &facts["acks"])) {
                    last.push(format!("{row:?}: seen {}, {item:?}, at the hub {}", seen.contains(&n), plan["state"]));
                }
            }
            last.is_empty().then_some(())
        });
    }));
    assert!(done.is_ok(), "{} of {} rows: {last:#?}\n{}", last.len(), rows.len(), gateway.log());
    let items = received(&gateway);
    assert_eq!(items.len(), rows.len(), "nothing came twice");
    for (number, (row, plan)) in rows.iter().zip(&filed).enumerate().filter(|(_, (row, _))| came_whole(row)) {
        let item = items.iter().find(|item| item["receipt_number"] == plan["receipt_number"]).unwrap();
        let came = gateway.get(&format!("{LIST}/{}/unit", item["id"].as_str().unwrap()));
        assert_eq!(came.json(), unit(number), "{row:?}");
    }
    assert_eq!(gateway.errors(), [""; 0], "what the hub got wrong is no error of the gateway's");
}

#[test]
fn every_fault_of_the_list_is_seen_and_survived() {
    let rows = of(&["careplan-received"]);
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let rows: Vec<_> = rows.iter().copied().skip(lane).step_by(LANES).collect();
            scope.spawn(move || run_list(&rows));
        }
    });
}

/// One box, one fault after the other.
fn run_list(rows: &[&Arrival]) {
    let hub = Sandbox::start();
    let gateway = receiver(&hub).start();
    let inbox = || gateway.get("/v1/health").json()["parts"]["inbox"].clone();
    let kick = || gateway.signal(Signal::SIGHUP);
    for (number, row) in rows.iter().enumerate() {
        let mut fault: Value = serde_json::from_str(&stamped(row.fault)).unwrap();
        fault["on"] = json!(row.on);
        hub.fault(fault);
        // A fault may have cost the other office its token as well.
        file(&Curl::logged_in(&hub, "office", "office-manager"), &hub, number);
        kick();
        let what = format!("{row:?}");
        match row.sight {
            Sight::Health(code) => until(&what, PATIENCE, || {
                let part = inbox();
                (part["reason"] == code && part["status"] == "degraded").then_some(())
            }),
            _ => until(&what, PATIENCE, || met(&hub).then_some(())),
        }
        if row.fault.contains("\"times\":0") {
            assert_eq!(received(&gateway).len(), number, "{what}");
            if row.sight == Sight::None {
                assert_eq!(inbox()["status"], "ok", "{what}");
            }
            hub.clear_faults();
            kick();
        }
        until(&what, PATIENCE, || {
            let items = received(&gateway);
            assert!(items.len() <= number + 1, "{what}: twice");
            let here = items.len() == number + 1 && items[number]["state"] == "kept";
            (here && plans(&hub)[number]["state"] == "downloaded" && inbox()["status"] == "ok").then_some(())
        });
    }
    assert_eq!(hub.facts()["totals"]["acks"], rows.len(), "each was told once");
    assert_eq!(gateway.errors(), [""; 0], "what the hub got wrong is no error of the gateway's");
}

/// Whether every fault has met a call.
fn met(hub: &Sandbox) -> bool {
    let faults = hub.control("GET", "/control/faults", None);
    faults["queue"].as_array().unwrap().iter().all(|fault| fault["met"] != 0)
}
