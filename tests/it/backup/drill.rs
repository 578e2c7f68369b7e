//! The drill: a box with 1,000 documents dies in the middle of sending, another begins with its backup, and the old one comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{backup, good, reason, restore, sheet};
use crate::crash::database::{ask, execute};
use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const DOCUMENTS: u32 = 1000;
const LONG: Duration = Duration::from_secs(120);

/// Documents handed in by several programs at once; their keys at the hub, by number.
fn hand_in(gateway: &Gateway, from: u32, count: u32) -> BTreeMap<u32, String> {
    let next = AtomicU32::new(from);
    let socket = gateway.socket();
    let one = || {
        let mut keys = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            if n >= from + count {
                return keys;
            }
            let answer = submission(&opinion(n), &format!("key-{n}")).over_unix(&socket).unwrap();
            assert_eq!(answer.status, 202, "{answer:?}");
            keys.push((n, gateway.hub_key(answer.json()["id"].as_str().unwrap())));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The keys under which the hub has filed something.
fn filed(hub: &Sandbox) -> BTreeSet<String> {
    let facts = hub.facts();
    let accepted = facts["accepted"].as_array().unwrap();
    accepted.iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect()
}

fn at_least(hub: &Sandbox, count: usize) {
    until(&format!("{count} filed"), LONG, || (filed(hub).len() >= count).then_some(()));
}

/// Waits until the hub has dealt with what was on its way when its sender died.
fn settled(hub: &Sandbox) {
    until("the hub to have nothing on its hands", LONG, || {
        let status = hub.status();
        let open = status["connections"]["open"].as_object().unwrap();
        (status["at_work"] == 0 && open.is_empty()).then_some(())
    });
}

fn once(hub: &Sandbox) {
    let totals = &hub.facts()["totals"];
    assert_eq!(totals["filed_twice"], 0, "{totals}");
    assert_eq!(totals["documents_under_two_keys"], 0, "{totals}");
}

fn states(gateway: &Gateway) -> String {
    let sql = "SELECT group_concat(state || ' ' || n, ', ') FROM \
               (SELECT state, count(*) AS n FROM submission GROUP BY state ORDER BY state)";
    ask(gateway.state(), sql)
}

#[test]
fn a_box_dies_while_it_sends_another_takes_over_and_the_old_one_comes_back() {
    let hub = Sandbox::start_with(&["--forward-after", "0s", "--accept-after", "0s", "--no-fsync"]);
    let mut old = Setup::new(&hub).set("hub.parallel", "2").start();
    let sheet = sheet(&old);
    hub.down();
    let held: BTreeSet<String> = hand_in(&old, 0, DOCUMENTS).into_values().collect();
    assert_eq!(held.len(), DOCUMENTS as usize);
    hub.up();
    wake(&old);
    at_least(&hub, 100);
    // In the middle of sending, and the backup is of that moment.
    old.kill9();
    let file = backup(&old);
    println!("drill: in the backup {}", states(&old));

    // More work: what the backup holds goes on its way, and new documents come that it does not hold.
    old.start();
    let lost_with_the_box: BTreeSet<String> = hand_in(&old, DOCUMENTS, 20).into_values().collect();
    at_least(&hub, 250);
    old.kill9();
    settled(&hub);
    let before = filed(&hub).len();
    println!("drill: {before} filed when the box dies; {}", states(&old));

    let mut new = Setup::new(&hub).set("hub.parallel", "2").idle();
    print!("drill: {}", good(restore(&new, &file, &sheet, &[])));
    new.start();
    assert_eq!(reason(&new), "RESTORED_UNCONFIRMED");
    until("all to be asked about", LONG, || new.list("unknown").is_empty().then_some(()));
    assert_eq!(filed(&hub).len(), before, "until it is confirmed it sends none");
    println!("drill: asked, {}", states_of(&new));

    // Both at once: the old one was gone for seconds only, and does not suspect anything.
    good(new.run(&["restore", "confirm"]));
    old.start();
    at_least(&hub, 500);
    old.kill9();
    println!("drill: both at once, {} filed; the old box {}", filed(&hub).len(), states(&old));
    once(&hub);

    new.drained(LONG);
    let delivered: BTreeSet<String> =
        new.list("delivered").iter().map(|one| one["hub_key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(held.difference(&delivered).count(), 0, "lost of what the backup held");
    assert!(held.is_subset(&filed(&hub)));
    once(&hub);
    judge(&hub, &new);

    // The old box comes back a day later, with documents that it never sent.
    execute(old.state(), "UPDATE fact SET value = value - 86400000 WHERE name LIKE 'outbox.heard.%'");
    let there = filed(&hub);
    old.start();
    until("the old box to notice", LONG, || (reason(&old) == "EPOCH_OLD").then_some(()));
    until("what was on its way to settle", LONG, || old.list("sending").is_empty().then_some(()));
    let sent: BTreeSet<String> = filed(&hub).difference(&there).cloned().collect();
    assert!(sent.is_subset(&lost_with_the_box) && sent.len() <= 2, "{sent:?}");
    println!("drill: back, the old box {}; it filed {} of its own", states_of(&old), sent.len());
    old.restart();
    assert_eq!(reason(&old), "EPOCH_OLD", "also after another start");
    let answer = old.post(&opinion(5000), "late");
    assert_eq!(answer.status, 202, "it takes documents");
    assert_eq!(old.submission(answer.json()["id"].as_str().unwrap())["state"], "queued");
    once(&hub);

    // What only the old box holds is not lost for good: a person may let it send after all.
    let (old_epoch, new_epoch) =
        (old.get("/v1/backup").json()["epoch"].clone(), new.get("/v1/backup").json()["epoch"].clone());
    assert!(old_epoch.as_u64() < new_epoch.as_u64());
    good(old.run(&["restore", "confirm", "--old-box"]));
    old.drained(LONG);
    assert_eq!(filed(&hub).len(), DOCUMENTS as usize + 20 + 1);
    once(&hub);
    judge(&hub, &old);
}

/// Has the way tried at once that was closed while the hub was down.
fn wake(gateway: &Gateway) {
    let waiting = gateway.list("queued");
    good(gateway.run(&["queue", "retry", waiting[0]["id"].as_str().unwrap()]));
}

/// Receipts by number, of documents that are handed in under the same keys as before.
fn receipts(gateway: &Gateway, keys: &BTreeMap<u32, String>) -> BTreeMap<u32, Value> {
    let delivered = gateway.list("delivered");
    let by_key: BTreeMap<&str, &Value> =
        delivered.iter().map(|one| (one["hub_key"].as_str().unwrap(), &one["receipt"])).collect();
    keys.iter().map(|(n, key)| (*n, by_key[key.as_str()].clone())).collect()
}

#[test]
fn what_the_backup_did_not_hold_is_handed_in_again_and_filed_once() {
    const LATER: u32 = 200;
    let hub = Sandbox::start_with(&["--forward-after", "0s", "--accept-after", "0s", "--no-fsync"]);
    let mut old = Setup::new(&hub).start();
    let sheet = sheet(&old);
    hub.down();
    let held = hand_in(&old, 0, DOCUMENTS);
    hub.up();
    wake(&old);
    at_least(&hub, 100);
    let file = backup(&old);
    let later = hand_in(&old, DOCUMENTS, LATER);
    // Most of them leave, some do not: nobody knows which when the box is gone.
    until("what came later to leave", LONG, || {
        let filed = filed(&hub);
        (later.values().filter(|key| filed.contains(*key)).count() > (LATER - 20) as usize).then_some(())
    });
    old.kill9();
    let (before, known) = (filed(&hub), hub.facts()["accepted"].clone());
    println!("drill: {} filed when the box is gone; {}", before.len(), states(&old));
    std::fs::remove_dir_all(old.state()).unwrap();

    let mut new = Setup::new(&hub).idle();
    print!("drill: {}", good(restore(&new, &file, &sheet, &[])));
    new.start();
    // Some programs hand in again at once, others when they have seen that the box works.
    let mut again = hand_in(&new, DOCUMENTS, LATER / 2);
    until("all to be asked about", LONG, || new.list("unknown").is_empty().then_some(()));
    assert_eq!(filed(&hub).len(), before.len(), "until it is confirmed it sends none");
    good(new.run(&["restore", "confirm"]));
    again.extend(hand_in(&new, DOCUMENTS + LATER / 2, LATER / 2));
    assert_eq!(again, later, "the same request has the same key at the hub");
    // The same key for another document is another document.
    let answer = submission(&opinion("another"), &format!("key-{DOCUMENTS}")).over_unix(&new.socket()).unwrap();
    assert_eq!(answer.code(), "IDEMPOTENCY_CONFLICT");
    new.drained(LONG);

    assert_eq!(reason(&new), Value::Null, "no other box is at work");
    once(&hub);
    judge(&hub, &new);
    let all: BTreeSet<String> = held.values().chain(later.values()).cloned().collect();
    assert_eq!(filed(&hub), all, "nothing is lost, and nothing is there that nobody handed in");
    let receipts = receipts(&new, &later);
    let first = known.as_array().unwrap().iter();
    let mut same = 0;
    for one in first.filter(|one| later.values().any(|key| one["key"] == *key)) {
        let n = later.iter().find(|(_, key)| one["key"] == **key).unwrap().0;
        assert_eq!(receipts[n]["number"], one["receipt_number"], "{n}: the first receipt");
        same += 1;
    }
    println!("drill: handed in again {LATER}, of which {same} had been filed; receipts equal, filed twice 0, lost 0");
    assert!(same > (LATER - 20) as usize);
}

fn states_of(gateway: &Gateway) -> String {
    let counts = ["queued", "sending", "unknown", "held", "delivered"].map(|state| (state, gateway.list(state).len()));
    counts.iter().map(|(state, count)| format!("{state} {count}")).collect::<Vec<_>>().join(", ")
}

/// What a box has on record as delivered is what the hub has, octet by octet.
fn judge(hub: &Sandbox, gateway: &Gateway) {
    let facts = hub.facts();
    let accepted = facts["accepted"].as_array().unwrap();
    for one in gateway.list("delivered") {
        let at_hub: &Value = accepted.iter().find(|filed| filed["key"] == one["hub_key"]).unwrap();
        assert_eq!(one["receipt"]["number"], at_hub["receipt_number"]);
        assert_eq!(one["sha256"], at_hub["body_sha256"]);
    }
    for state in ["held", "returned", "cancelled"] {
        assert_eq!(gateway.list(state), Vec::<Value>::new());
    }
}
