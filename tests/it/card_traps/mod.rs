//! Every trap of the card stack and every fault of a card, at the local endpoint: what is done, what the terminal sees, what
//! it is told of the cost and what it really cost, and that the next one at the reader is served.

mod house;
mod listener;
mod other;
mod page;
mod run;
mod scene;
mod table;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::vcard::Vcard;
use house::{House, Lane};
use table::{Deed, Row, SECTIONS, Shakes};

const PATIENCE: Duration = Duration::from_secs(30);
/// Mostly they wait, so that two cores are enough for this many.
const LANES: usize = 6;

#[test]
fn every_fault_of_a_card_costs_what_the_terminal_is_told() {
    let slots: Vec<_> = (0..LANES).collect();
    play(&House::with(LANES / 2, &slots), &slots, Shakes::Nothing);
}

#[test]
fn every_trap_of_pcscd_costs_what_the_terminal_is_told() {
    play(&House::with(2, &[2]), &[2], Shakes::Pcscd);
}

#[test]
fn every_trap_of_the_hub_costs_what_the_terminal_is_told() {
    play(&House::with(1, &[0]), &[0], Shakes::Hub);
}

/// Runs the rows that shake this on the cards of these slots.
fn play(house: &House, slots: &[usize], shakes: Shakes) {
    let only = std::env::var("ENGAWA_TRAP").unwrap_or_default();
    let sections = SECTIONS.iter().filter(|section| section.shakes == shakes);
    let rows: Vec<&Row> = sections.flat_map(|section| section.rows).filter(|row| row.what().contains(&only)).collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for slot in slots {
            scope.spawn(|| {
                let lane = Lane::new(house, *slot);
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let differences = catch_unwind(AssertUnwindSafe(|| run::run(lane, row)));
                    let differences = differences.unwrap_or_else(|_| vec!["it broke off".to_owned()]);
                    let told = differences.iter().map(|difference| format!("{}: {difference}", row.what()));
                    failures.lock().unwrap().extend(told);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let told = failures.join("\n");
    assert!(failures.is_empty(), "{}\nof {} rows:\n{told}", house.gateway.log(), rows.len());
    house.at_peace();
}

/// The sandbox names all kinds it knows when it is asked for one that it does not.
#[test]
fn the_table_holds_every_kind_of_fault_that_the_cards_know() {
    let hub = Sandbox::start();
    let drawer = 1;
    let _cards = Vcard::start(hub.dir(), &[("1", drawer)]);
    let refusal = house::refusal(hub.dir(), drawer, &json!({"kind": "no such kind"}));
    let list = refusal.split("expected one of ").nth(1).unwrap_or_else(|| panic!("{refusal}"));
    let known: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let rows = || SECTIONS.iter().flat_map(|section| section.rows);
    let ordered: BTreeSet<String> = rows().flat_map(|row| kinds(&row.deed)).collect();
    let missing: Vec<_> = known.iter().filter(|kind| !ordered.contains(**kind)).collect();
    assert!(known.len() > 7 && missing.is_empty(), "not in the table: {missing:?}");
    let what: BTreeSet<_> = rows().map(Row::what).collect();
    assert_eq!(what.len(), rows().count(), "a row stands there twice");
}

#[test]
fn the_page_of_card_faults_is_current() {
    page::compare();
}

fn kinds(deed: &Deed) -> Vec<String> {
    let (Deed::Pin(fault) | Deed::Wrong(fault) | Deed::Four(fault) | Deed::Face(fault) | Deed::Batch(fault)) = deed
    else {
        return Vec::new();
    };
    let list = match serde_json::from_str(fault).unwrap() {
        Value::Array(list) => list,
        one => vec![one],
    };
    list.iter().map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect()
}
