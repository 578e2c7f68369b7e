//! Every fault of the sandbox, end to end: what the sender sees while it lasts, and that it ends with one effect at the hub or
//! in the documented state. A gateway of its own for each row; rows run side by side on several sandboxes.

mod late;
mod next;
mod page;
mod password;
mod run;
mod table;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use run::Lane;
use table::{Order, ROWS};

/// Mostly they wait, so that two cores are enough for this many.
const LANES: usize = 6;

/// Faults that are another thing, or none, over HTTP/2.
const HTTP_1_1: [&str; 3] = ["answer_twice", "cut_mid_answer", "close_idle"];

#[test]
fn every_fault_is_seen_explained_and_survived() {
    let wanted = std::env::var("ENGAWA_FAULT").unwrap_or_default();
    run(LANES, &[], |order| order.contains(&wanted));
}

#[test]
fn over_http_1_1_the_faults_of_an_answer_are_survived_too() {
    run(1, &["--http1"], |order| HTTP_1_1.iter().any(|kind| order.contains(kind)));
}

/// Runs the wanted rows on so many sandboxes, started with these arguments.
fn run(lanes: usize, sandbox: &[&str], wanted: impl Fn(&str) -> bool + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                let lane = Lane::new(sandbox);
                while let Some((number, row)) = take(&next) {
                    let name = format!("{number}: {:?}", row.order);
                    if wanted(&name) && catch_unwind(AssertUnwindSafe(|| lane.run(number, row))).is_err() {
                        failures.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} rows: {failures:#?}", failures.len(), ROWS.len());
}

fn take(next: &AtomicUsize) -> Option<(usize, &'static table::Row)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    ROWS.get(number).map(|row| (number, row))
}

/// The sandbox names all kinds it knows when it is asked for one that it does not.
#[test]
fn the_table_holds_every_kind_of_fault_that_the_sandbox_knows() {
    let sandbox = Sandbox::start();
    let refusal = sandbox.refused("POST", "/control/faults", &json!({ "on": "opinions", "kind": "no such kind" }));
    let list = refusal.split("expected one of ").nth(1).unwrap_or_else(|| panic!("{refusal}"));
    let known: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let orders: Vec<String> = ROWS.iter().flat_map(|row| kinds(&row.order)).collect();
    let missing: Vec<_> = known.iter().filter(|kind| !orders.iter().any(|order| order == **kind)).collect();
    assert!(known.len() > 20 && missing.is_empty(), "not in the table: {missing:?}");
}

#[test]
fn the_page_of_faults_is_current() {
    page::compare();
}

fn kinds(order: &Order) -> Vec<String> {
    let (Order::Faults(text) | Order::Warm(text) | Order::Large(text)) = order else { return Vec::new() };
    faults(text).iter().map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect()
}

/// One fault or a list of them.
fn faults(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap() {
        Value::Array(list) => list,
        one => vec![one],
    }
}
