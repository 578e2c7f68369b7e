//! Many terminals, few readers, and everything going wrong at times: nobody starves, nothing leaks, and no request spends more
//! than one try. `ENGAWA_CARD_SOAK=terminals,readers,seconds` changes its size.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engawa::clock::Clock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::House;

/// Without word from outside: terminals, readers, seconds.
const SIZE: [usize; 3] = [16, 4, 12];
const PIN: &str = "1234";

#[derive(Default)]
struct Tally {
    waits: Vec<Duration>,
    answers: BTreeMap<String, u64>,
    /// Requests with a PIN whose answer says that one may have been spent, or that succeeded.
    with_pin: u64,
}

fn size() -> [usize; 3] {
    let wish = std::env::var("ENGAWA_CARD_SOAK").unwrap_or_default();
    let numbers: Vec<usize> = wish.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    numbers.try_into().unwrap_or(SIZE)
}

#[test]
fn many_terminals_few_readers_and_everything_going_wrong() {
    let [terminals, readers, seconds] = size();
    let kinds = ["", "-iphone", "-expiring-20", "-android"];
    let holders: Vec<String> =
        (0..readers).map(|slot| format!("{}{}", slot % 12 + 1, kinds[(slot + slot / 12) % 4])).collect();
    let mut house = House::with(&holders.iter().map(String::as_str).collect::<Vec<_>>());
    let before = house.ask(&json!({"op": "health"}));
    let (clock, over, tally) = (Clock::system(), AtomicBool::new(false), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for number in 0..terminals {
            let (house, clock, over, tally) = (&house, &clock, &over, &tally);
            scope.spawn(move || terminal(house, number, clock, over, tally));
        }
        disturb(&house, &clock, readers, Duration::from_secs(seconds as u64));
        over.store(true, Ordering::SeqCst);
    });
    house.pcscd.down();
    house.pcscd.up();
    for slot in 0..readers {
        house.card("DELETE", slot, "/faults", &Value::Null);
        if house.slot(slot)["inserted"] == false {
            house.order(slot, "insert", &json!({}));
        }
    }
    house.until("every card to be seen", |house| house.present() == readers);
    house.until("every reader to be free", |house| house.readers().iter().all(|reader| reader["leased_by"].is_null()));
    for slot in 0..readers {
        house.reinsert(slot);
        house.order(slot, "tries", &json!({}));
        let signed = house.identify(slot, PIN);
        assert!(signed["signature"].is_string(), "{signed}");
    }
    let after = house.ask(&json!({"op": "health"}));
    let mut tally = tally.into_inner().unwrap();
    tally.waits.sort();
    let (median, longest) = (tally.waits[tally.waits.len() / 2], tally.waits[tally.waits.len() - 1]);
    println!(
        "waits: {} · median {median:?} · longest {longest:?} · {:?} · {before} → {after}",
        tally.waits.len(),
        tally.answers
    );
    assert_eq!(after["stuck"], 0, "{after}");
    assert!(after["threads"].as_u64().unwrap() <= before["threads"].as_u64().unwrap() + readers as u64 + 4, "{after}");
    assert!(tally.answers.get("OK").is_some_and(|count| *count > 0), "{:?}", tally.answers);
    let tried: u64 = (0..readers).map(|slot| house.tried(slot)).sum();
    assert!(tried <= tally.with_pin + readers as u64, "{tried} PINs for {} requests", tally.with_pin);
    house.at_peace(readers);
}

/// Asks, waits, identifies, closes, again and again.
fn terminal(house: &House, number: usize, clock: &Clock, over: &AtomicBool, tally: &Mutex<Tally>) {
    let name = format!("terminal {number}");
    while !over.load(Ordering::SeqCst) {
        let asked = clock.elapsed();
        let opened = house.ask(&json!({"op": "open", "terminal": name, "wait_s": 60}));
        let Some(id) = opened["id"].as_str() else {
            count(tally, &opened["code"]);
            std::thread::park_timeout(Duration::from_millis(50));
            continue;
        };
        let mut view = opened.clone();
        while view["stage"] == "waiting" && !over.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(10));
            view = house.ask(&json!({"op": "view", "terminal": name, "id": id}));
        }
        if view["stage"] == "granted" {
            tally.lock().unwrap().waits.push(clock.elapsed().saturating_sub(asked));
            let answer = house.sign(&name, &json!(id), PIN);
            let mut tally = tally.lock().unwrap();
            let spent = answer["signature"].is_string() || answer["spent"] != "none";
            // A good PIN that was followed by a loss has been compared as well.
            let lost_after = matches!(answer["code"].as_str(), Some(code) if code != "CARD_ABSENT");
            tally.with_pin += u64::from(spent || lost_after);
            let code = answer["code"].as_str().unwrap_or("OK").to_owned();
            *tally.answers.entry(code).or_default() += 1;
        }
        house.ask(&json!({"op": "close", "terminal": name, "id": id}));
    }
}

fn count(tally: &Mutex<Tally>, code: &Value) {
    *tally.lock().unwrap().answers.entry(code.as_str().unwrap_or("?").to_owned()).or_default() += 1;
}

/// One trouble after another, the same in every run.
fn disturb(house: &House, clock: &Clock, readers: usize, how_long: Duration) {
    let faults = [
        json!({"kind": "remove", "ins": "20", "after": 3, "ms": 300}),
        json!({"kind": "slow", "ins": "B0", "ms": 300}),
        json!({"kind": "flip", "ins": "2A", "bit": 9}),
        json!({"kind": "one_byte", "ins": "2A"}),
        json!({"kind": "forget", "ins": "20", "after": 1}),
        json!({"kind": "truncate", "ins": "B0", "after": 5}),
        json!({"kind": "remove", "ins": "2A", "ms": 500}),
    ];
    let pid = Pid::from_raw(i32::try_from(house.pcscd.pid()).unwrap());
    let (end, mut round) = (clock.elapsed() + how_long, 0);
    while clock.elapsed() < end {
        let slot = round % readers;
        house.order(slot, "faults", &faults[round % faults.len()]);
        std::thread::park_timeout(Duration::from_millis(250));
        if house.slot(slot)["inserted"] == false {
            let _ = house.try_order(slot, "insert", &json!({}));
        }
        if round % 16 == 9 {
            kill(pid, Signal::SIGSTOP).unwrap();
            std::thread::park_timeout(Duration::from_millis(1500));
            kill(pid, Signal::SIGCONT).unwrap();
        }
        round += 1;
    }
}
