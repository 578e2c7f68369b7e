//! Many terminals, few readers, and everything going wrong at times, through the real endpoint: 64 terminals with a key each,
//! 16 readers of a real pcscd, the sandbox's cards and hub.
//!
//! Shown: nobody starves; every answer comes within its bound; what each request was told of its cost agrees with what the
//! cards counted, so none spends two tries; nobody is told a person whose card did not lie on his reader; afterwards every
//! reader is free and works, and the gateway holds no more than before.
//!
//! `ENGAWA_CARD_SOAK=terminals,readers,seconds` changes its size, `ENGAWA_CARD_SOAK_SEED` its course. In a run of more than
//! five minutes (`make soak`), which should have the machine to itself, the longest wait may be three times the median; beside
//! other tests on a small machine, where the machine's own stalls are in every wait, six times and two seconds.

mod ledger;
mod report;
mod site;
mod terminal;
mod trouble;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::pcscd::Pcscd;
use crate::support::vcard::PIN;
use crate::support::{at_most, until};
use ledger::{Entry, Pin, Told};
use report::{Bound, Facts, Waits};
use site::{HEARTBEAT, Held, Site};
use terminal::{Hall, Tally};
use trouble::{Record, Trouble};

/// Without word from outside: terminals, readers, seconds.
const SIZE: [usize; 3] = [64, 16, 60];
/// Beyond this, the strict bounds hold.
const LONG: usize = 300;
/// Work without trouble, so that everything that is made once has been made before it is counted.
const WARM_UP: Duration = Duration::from_secs(5);
/// Within this time after pcscd is back, readers are.
const RECOVERY: Duration = Duration::from_secs(3);
/// In the readers at the beginning, as many as there are; the rest of a kind that works is in the drawer.
const HOLDERS: [&str; 16] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "11",
    "12",
    "1-android",
    "2-iphone",
    "3-expiring-20",
    "4-android",
];
const DRAWER: [&str; 6] = ["5-no-pin", "6-expired", "7-revoked", "8-expiring-3", "9-iphone", "10-expiring-200"];

fn size() -> [usize; 3] {
    let wish = std::env::var("ENGAWA_CARD_SOAK").unwrap_or_default();
    let numbers: Vec<usize> = wish.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let [terminals, readers, seconds] = numbers.try_into().unwrap_or(SIZE);
    [terminals.max(1), readers.clamp(1, HOLDERS.len()), seconds.max(10)]
}

fn seed() -> u64 {
    std::env::var("ENGAWA_CARD_SOAK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_122)
}

#[test]
fn terminals_share_readers_whatever_goes_wrong() {
    let [terminals, readers, seconds] = size();
    let holders = &HOLDERS[..readers];
    let (site, mut pcscd) = Site::build(terminals, holders);
    let record = Record::new(&site, holders);
    let (tally, over, careless) = (Mutex::new(Tally::default()), AtomicBool::new(false), AtomicBool::new(false));
    let patience = u32::try_from(at_most(Duration::from_secs(1)).as_secs()).unwrap();
    let mut hall = Hall { site: &site, tally: &tally, over: &over, careless: &careless, seed: seed(), patience };

    work(&hall, || std::thread::park_timeout(WARM_UP));
    at_rest(&site);
    every_reader_serves(&site, &tally);
    let before = [Held::by(site.gateway.pid()), Held::by(pcscd.pid())];
    tally.lock().unwrap().waits.clear();

    over.store(false, Ordering::SeqCst);
    careless.store(true, Ordering::SeqCst);
    hall.seed = seed() + 1;
    let (begun, length) = (site.clock.elapsed(), Duration::from_secs(seconds as u64));
    let mut trouble = Trouble::new(&site, &mut pcscd, &record, (holders, &DRAWER), seed());
    work(&hall, || trouble.run(length));
    let over_at = site.clock.elapsed();
    trouble.end();
    at_rest(&site);
    every_reader_serves(&site, &tally);
    let after = [Held::by(site.gateway.pid()), Held::by(pcscd.pid())];

    let mut tally = tally.into_inner().unwrap();
    let lays = record.lays.lock().unwrap().clone();
    let audit = ledger::audit(&site, std::mem::take(&mut tally.entries), &lays);
    let outages = record.outages.lock().unwrap().clone();
    let waits = Waits::sort(&tally.waits, begun, over_at, &outages);
    let resets = site.ports.iter().filter_map(|port| site.cards.facts(*port)["counts"]["resets"].as_u64()).sum();
    let size = [terminals, readers, seconds];
    let facts = Facts { size, tally: &tally, waits: &waits, audit: &audit, record: &record, resets, before, after };
    println!("{}", report::text(&facts));

    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    assert!(audit.wrong.is_empty(), "{}", audit.wrong.join("\n"));
    for answer in [
        "identify 200",
        "identify 422 CARD_PIN_WRONG",
        "identify 409 CARD_LEFT",
        "basic-four 200",
        "apdu 200",
        "look 200",
        "close 204",
    ] {
        assert!(tally.answers.contains_key(answer), "never seen: {answer}");
    }
    the_hub_knows_no_more(&site, &tally, audit.pins_sent);
    let recovery = *record.recovery.lock().unwrap();
    let prompt = if seconds > LONG { RECOVERY } else { at_most(RECOVERY) };
    assert!(recovery <= prompt, "readers came back {recovery:?} after pcscd");
    waits.check(if seconds > LONG { Bound::STRICT } else { Bound::BESIDE_OTHERS });
    nothing_has_leaked(&site, &pcscd, before);
    if seconds > LONG + 60 {
        the_past_is_forgotten(&site, &tally.first);
    }
    let errors = site.gateway.errors();
    assert!(errors.is_empty(), "{errors:#?}");
    nobody_came_near_the_my_number(&site);
    finish(site, pcscd);
}

/// Lets every terminal work until `meanwhile` has returned, and come to an end.
fn work(hall: &Hall<'_>, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        for desk in &hall.site.desks {
            scope.spawn(move || terminal::run(hall, desk));
        }
        meanwhile();
        hall.over.store(true, Ordering::SeqCst);
    });
}

/// Every reader is free, at the latest when the forgetful are gone.
fn at_rest(site: &Site) {
    until("every reader to be free", HEARTBEAT + Duration::from_secs(5), || {
        site.reader_list().iter().all(|reader| reader["in_use"] == "none").then_some(())
    });
    assert!(site.all_well(), "{:?}", site.reader_list());
    assert!(metric(site, "engawa_card_stuck_threads") == 0.0, "a thread is stuck");
}

/// Somebody is served at each reader, so each has its thread and its context.
fn every_reader_serves(site: &Site, tally: &Mutex<Tally>) {
    let desk = &site.desks[0];
    for (slot, reader) in site.names.iter().enumerate() {
        let opened =
            site.ask(desk, "POST", "/v1/card-sessions", &json!({"reader": reader, "purpose": "identify"})).unwrap();
        assert_eq!(opened.status, 201, "{reader}: {opened:?}");
        let session = opened.json()["id"].as_str().unwrap().to_owned();
        let (place, from) = (format!("/v1/card-sessions/{session}"), site.ms());
        let body = json!({"method": "pin", "pin": PIN, "confirm_low_tries": true, "confirm_card_left": true});
        let answer = site.ask(desk, "POST", &format!("{place}/identify"), &body).unwrap();
        let card = site.cards.facts(site.ports[slot])["card"].as_str().unwrap_or_default().to_owned();
        let expected = match card.split_once('-').map_or("", |(_, kind)| kind) {
            "no-pin" => "CARD_WITHOUT_PIN",
            "expired" => "CARD_CERTIFICATE_EXPIRED",
            "revoked" => "CARD_CERTIFICATE_REFUSED",
            _ => "",
        };
        assert_eq!(answer.code(), expected, "{reader} with {card}: {answer:?}");
        let told = if expected.is_empty() { Told::Done } else { Told::None(expected.to_owned()) };
        let entry = Entry { slot, session, pin: Pin::Identity, from, until: site.ms(), told, person: None };
        tally.lock().unwrap().entries.push(entry);
        site.ask(desk, "DELETE", &place, &Value::Null).unwrap();
    }
}

fn metric(site: &Site, name: &str) -> f64 {
    let text = site.gateway.get("/metrics").body;
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().last()?.parse().ok()).unwrap_or(0.0)
}

/// Threads, descriptors (at the gateway connections to pcscd, which are PC/SC contexts, and to the hub; at pcscd its clients')
/// and memory.
fn nothing_has_leaked(site: &Site, pcscd: &Pcscd, before: [Held; 2]) {
    let now = || [Held::by(site.gateway.pid()), Held::by(pcscd.pid())];
    let settled = |was: Held, is: Held| is.threads <= was.threads + 4 && is.descriptors <= was.descriptors + 4;
    // Idle threads and connections go by themselves, a moment later.
    until(
        &format!("threads and descriptors to be given back: {before:?} → {:?}", now()),
        Duration::from_secs(10),
        || {
            let after = now();
            (settled(before[0], after[0]) && settled(before[1], after[1])).then_some(())
        },
    );
    for (was, is) in before.into_iter().zip(now()) {
        assert!(is.resident_kib <= was.resident_kib + 24 * 1024, "{was:?} → {is:?}");
    }
}

/// Each identification that a terminal was told is one the hub made, and each of those took a PIN.
fn the_hub_knows_no_more(site: &Site, tally: &Tally, pins: usize) {
    let asserted = site.hub.facts()["totals"]["assertions"].as_u64().unwrap();
    let told = tally.answers.get("identify 200").copied().unwrap_or(0);
    assert!((told..=pins as u64).contains(&asserted), "{told} told, {asserted} by the hub, {pins} PINs");
}

/// Sessions of the beginning can no longer be asked about.
fn the_past_is_forgotten(site: &Site, first: &[(usize, String)]) {
    for (number, id) in first {
        let answer = site.ask(&site.desks[*number], "GET", &format!("/v1/card-sessions/{id}"), &Value::Null).unwrap();
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

fn nobody_came_near_the_my_number(site: &Site) {
    for port in &site.ports {
        let counts = site.cards.facts(*port)["counts"].clone();
        assert_eq!((&counts["my_number_touched"], &counts["my_number_reads"]), (&json!(0), &json!(0)), "{counts}");
    }
}

fn finish(mut site: Site, pcscd: Pcscd) {
    site.gateway.signal(Signal::SIGTERM);
    assert!(site.gateway.wait().success(), "{}", site.gateway.log());
    drop(pcscd);
}
