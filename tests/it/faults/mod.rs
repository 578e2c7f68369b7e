//! Every fault of the sandbox, end to end: what the sender sees while it lasts, and that it ends with one effect at the hub or
//! in the documented state. A gateway of its own for each row; rows run side by side on several sandboxes.

mod arrivals;
mod arriving;
mod late;
mod next;
mod page;
mod password;
mod plans;
mod run;
mod table;
pub(crate) mod units;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use arrivals::ARRIVALS;
use plans::PLANS;
use run::{Lane, Sends};
use table::{Order, ROWS, Row};

/// Mostly they wait, so that two cores are enough for this many.
const LANES: usize = 6;

/// Faults of a connection or a login, which are the same whatever goes over it.
const OF_THE_WAY: [&str; 9] = [
    "lock_account",
    "refuse_password",
    "drop",
    "stall",
    "refuse_client",
    "server_certificate_expired",
    "server_certificate_foreign",
    "server_certificate_wrong_name",
    "server_certificate_not_yet_valid",
];

#[test]
fn every_fault_is_seen_explained_and_survived() {
    let wanted = std::env::var("ENGAWA_FAULT").unwrap_or_default();
    run((ROWS, Sends::Opinions), LANES, |order| order.contains(&wanted));
}

#[test]
fn every_fault_of_care_plans_is_seen_explained_and_survived() {
    let wanted = std::env::var("ENGAWA_FAULT").unwrap_or_default();
    run((PLANS, Sends::Plans), LANES, |order| order.contains(&wanted));
}

/// Runs the wanted rows on so many sandboxes.
fn run((rows, sends): (&'static [Row], Sends), lanes: usize, wanted: impl Fn(&str) -> bool + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                let lane = Lane::new(sends);
                while let Some((number, row)) = take(rows, &next) {
                    let name = format!("{number}: {:?}", row.order);
                    if wanted(&name) && catch_unwind(AssertUnwindSafe(|| lane.run(number, row))).is_err() {
                        failures.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} rows: {failures:#?}", failures.len(), rows.len());
}

fn take(rows: &'static [Row], next: &AtomicUsize) -> Option<(usize, &'static Row)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    rows.get(number).map(|row| (number, row))
}

/// The sandbox names all kinds it knows when it is asked for one that it does not.
#[test]
fn the_table_holds_every_kind_of_fault_that_the_sandbox_knows() {
    let sandbox = Sandbox::start();
    let refusal = sandbox.refused("POST", "/control/faults", &json!({ "on": "opinions", "kind": "no such kind" }));
    let list = refusal.split("expected one of ").nth(1).unwrap_or_else(|| panic!("{refusal}"));
    let known: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 20);
    let met = |rows: &[Row], on: &str| -> BTreeSet<String> {
        let faults = rows.iter().flat_map(|row| of(&row.order));
        faults.filter(|fault| on.is_empty() || fault["on"] == on).map(|fault| kind(&fault)).collect()
    };
    let missing = |met: &BTreeSet<String>, but: &[&str]| -> Vec<&str> {
        known.iter().copied().filter(|kind| !met.contains(*kind) && !but.contains(kind)).collect()
    };
    assert_eq!(missing(&met(ROWS, ""), &[]), [""; 0], "not in the table");
    assert_eq!(missing(&met(PLANS, "careplan-sent"), &OF_THE_WAY), [""; 0], "not in the table of care plans");
    for on in ["careplan-received", "careplan-unit", "careplan-ack"] {
        let rows = ARRIVALS.iter().filter(|row| row.on == on);
        let met: BTreeSet<String> = rows.flat_map(|row| faults(row.fault)).map(|fault| kind(&fault)).collect();
        assert_eq!(missing(&met, &OF_THE_WAY), [""; 0], "not among the arrivals on {on}");
    }
}

#[test]
fn the_page_of_faults_is_current() {
    page::compare();
}

fn of(order: &Order) -> Vec<Value> {
    let (Order::Faults(text) | Order::Warm(text) | Order::Large(text)) = order else { return Vec::new() };
    faults(text)
}

fn kind(fault: &Value) -> String {
    fault["kind"].as_str().unwrap().to_owned()
}

/// One fault or a list of them.
fn faults(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap() {
        Value::Array(list) => list,
        one => vec![one],
    }
}
