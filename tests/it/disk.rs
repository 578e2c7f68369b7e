//! Disks that fill up, turn read-only or lose bytes: said plainly, nothing made worse, and the rest goes on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::database;
use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::support::volume::{Volume, or_skip};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;

/// A hub that takes nothing yet, a gateway whose state is on `volume`, and five documents that wait.
fn waiting(volume: &Volume) -> (Sandbox, Gateway, Vec<String>) {
    let hub = Sandbox::start();
    hub.down();
    let gateway = Setup::new(&hub).state(&volume.path().join("state")).start();
    let ids = (0..5).map(|n| gateway.accepted(&opinion(n), &format!("waiting-{n}"))).collect();
    (hub, gateway, ids)
}

fn delivered_once(hub: &Sandbox, gateway: &Gateway, ids: &[String]) {
    for id in ids {
        let submission = gateway.reaches(id, "delivered", SOON);
        let facts = hub.key_facts(&gateway.hub_key(id));
        assert_eq!(facts["effects"], 1, "{facts}");
        assert_eq!(facts["bodies_sha256"], json!([submission["sha256"]]));
    }
}

fn part(gateway: &Gateway, name: &str) -> (u16, Value, Value) {
    let health = gateway.get("/v1/health");
    let part = health.json()["parts"][name].clone();
    (health.status, part["status"].clone(), part["reason"].clone())
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
}

#[test]
fn nearly_full_takes_nothing_new_and_sends_what_it_has() {
    let Some(volume) = or_skip(Volume::tmpfs(48)) else { return };
    let (hub, gateway, ids) = waiting(&volume);
    volume.fill(10 * MIB);
    let answer = gateway.post(&opinion("new"), "new");
    refused(&answer, 507, "STORAGE_FULL");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3600..=86_400).contains(&wait), "{wait}");
    assert_eq!(part(&gateway, "storage"), (200, json!("degraded"), json!("STORAGE_FULL")));
    // A repeat of what was accepted is no new work.
    let again = gateway.post(&opinion(0), "waiting-0");
    assert_eq!((again.status, again.json()["id"].as_str()), (202, Some(ids[0].as_str())), "{again:?}");
    hub.up();
    delivered_once(&hub, &gateway, &ids);
    refused(&gateway.post(&opinion("new"), "new"), 507, "STORAGE_FULL");
    volume.make_room();
    let id = gateway.accepted(&opinion("new"), "new");
    delivered_once(&hub, &gateway, &[id]);
    assert_eq!(part(&gateway, "storage"), (200, json!("ok"), Value::Null));
    assert_eq!(gateway.errors(), Vec::<String>::new());
}

/// A document with an attachment of this size.
fn large(bytes: usize, key: &str) -> Ask {
    let small = submission(&opinion("large"), key);
    let json = json!({ "opinion": opinion("large") });
    let mut body = format!(
        "--bb\r\ncontent-disposition: form-data; name=\"opinion\"\r\ncontent-type: application/json\r\n\r\n{json}\r\n--bb\r\n\
         content-disposition: form-data; name=\"attachment\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\n"
    )
    .into_bytes();
    body.resize(body.len() + bytes, b'%');
    body.extend_from_slice(b"\r\n--bb--\r\n");
    let headers = small.headers.into_iter().filter(|(name, _)| name != "content-type").collect();
    Ask { headers, body, ..small }.header("content-type", "multipart/form-data; boundary=bb")
}

#[test]
fn full_in_the_middle_of_a_document_acknowledges_nothing_and_recovers() {
    let Some(volume) = or_skip(Volume::ext4(96)) else { return };
    let (hub, gateway, ids) = waiting(&volume);
    // More than the reserve at its first byte, less than it needs at its last.
    volume.fill(17 * MIB);
    let large = large(14 << 20, "large");
    refused(&gateway.ask(&large), 507, "STORAGE_FULL");
    volume.fill(0);
    refused(&gateway.post(&opinion("new"), "new"), 507, "STORAGE_FULL");
    hub.up();
    // Marks and receipts find no room: nothing leaves that could not be recorded, and what is known stays known.
    assert_eq!(gateway.get("/v1/submissions").json()["items"].as_array().unwrap().len(), ids.len());
    volume.make_room();
    delivered_once(&hub, &gateway, &ids);
    let answer =
        until("room for the large document", SOON, || Some(gateway.ask(&large)).filter(|answer| answer.status == 202));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    delivered_once(&hub, &gateway, &[id]);
    let storage = || part(&gateway, "storage") == (200, json!("ok"), Value::Null);
    until("health", SOON, || storage().then_some(()));
}

#[test]
fn a_start_on_a_full_disk_says_so_and_loses_nothing() {
    let Some(volume) = or_skip(Volume::ext4(64)) else { return };
    let (hub, mut gateway, ids) = waiting(&volume);
    // The files of a killed process are enough to go on with.
    gateway.kill9();
    volume.fill(0);
    gateway.start();
    refused(&gateway.post(&opinion("new"), "new"), 507, "STORAGE_FULL");
    volume.make_room();
    until("room", SOON, || (part(&gateway, "storage").1 == "ok").then_some(()));
    // After an orderly end SQLite needs a little room to open its database at all.
    assert!(gateway.stop().success());
    volume.fill(0);
    fails_to_start(&mut gateway, "STORAGE_FULL");
    volume.make_room();
    hub.up();
    gateway.start();
    delivered_once(&hub, &gateway, &ids);
}

#[test]
fn a_disk_that_turns_read_only_is_named_and_nothing_is_acknowledged() {
    let Some(mut volume) = or_skip(Volume::ext4(64)) else { return };
    let (hub, mut gateway, ids) = waiting(&volume);
    let Some(()) = or_skip(volume.meet_damage()) else { return };
    for key in ["new-1", "new-2"] {
        refused(&gateway.post(&opinion(key), key), 503, "STORAGE_READ_ONLY");
    }
    assert_eq!(part(&gateway, "storage"), (503, json!("failed"), json!("STORAGE_READ_ONLY")));
    let status = gateway.run(&["status"]);
    let shown = String::from_utf8(status.stdout).unwrap();
    assert!(shown.contains("読み取り専用") && shown.contains("read-only"), "{shown}");
    // What is on record is still listed, and a repeat is answered; a look at one, which cannot be recorded, is not.
    assert_eq!(gateway.get("/v1/submissions").json()["items"].as_array().unwrap().len(), ids.len());
    refused(&gateway.get(&format!("/v1/opinions/{}", ids[0])), 503, "TRAIL_UNAVAILABLE");
    assert_eq!(gateway.post(&opinion(0), "waiting-0").status, 202);
    // Nothing leaves whose leaving cannot be recorded.
    hub.up();
    assert_eq!(gateway.ended(), None);
    assert_eq!(gateway.get("/v1/health").status, 503);
    assert_eq!(hub.facts()["totals"]["effects"], 0);
    gateway.stop();
    volume.unmount();
    volume.mount().unwrap();
    gateway.start();
    delivered_once(&hub, &gateway, &ids);
    let id = gateway.accepted(&opinion("new-1"), "new-1");
    delivered_once(&hub, &gateway, &[id]);
}

#[test]
fn a_start_on_a_read_only_disk_says_so_and_touches_nothing() {
    let Some(volume) = or_skip(Volume::ext4(64)) else { return };
    let (hub, mut gateway, ids) = waiting(&volume);
    // With the log of a killed process beside the database, and without it.
    gateway.kill9();
    for orderly in [false, true] {
        if orderly {
            gateway.start();
            assert!(gateway.stop().success());
        }
        volume.read_only(true);
        fails_to_start(&mut gateway, "STORAGE_READ_ONLY");
        volume.read_only(false);
    }
    hub.up();
    gateway.start();
    delivered_once(&hub, &gateway, &ids);
}

/// Starts it, sees it end with a failure that names `code`, and every file of the state as it was.
fn fails_to_start(gateway: &mut Gateway, code: &str) {
    let before = files(gateway.state());
    gateway.spawn(&[]);
    let status = gateway.wait();
    let log = gateway.present_log();
    assert!(status.code().is_some_and(|code| code != 0), "{status}: {log}");
    assert!(log.contains(code), "{log}");
    let after = files(gateway.state());
    assert!(after.keys().eq(before.keys()), "it made or removed files: {:?}", after.keys());
    for (name, bytes) in before {
        assert!(after[&name] == bytes, "it changed {name}");
    }
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    // The shared-memory index is rebuilt at every opening, and an empty log may be left by it; they hold nothing.
    entries.map(file).filter(|(name, bytes)| !name.ends_with("-shm") && !bytes.is_empty()).collect()
}

/// A gateway at rest with delivered and waiting documents, its log folded into the database.
fn at_rest() -> (Sandbox, Gateway, Vec<String>) {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = Gateway::new(&hub);
    let ids = (0..20).map(|n| gateway.accepted(&opinion(n), &format!("k-{n}"))).collect();
    assert!(gateway.stop().success());
    hub.up();
    (hub, gateway, ids)
}

#[test]
fn a_broken_database_is_named_and_left_alone() {
    let (hub, mut gateway, ids) = at_rest();
    let file = gateway.state().join("engawa.db");
    let sound = fs::read(&file).unwrap();
    let garbage = vec![0xa5; 4096];
    let headless = [&garbage[..], &sound[4096..]].concat();
    let truncated = sound[..sound.len() / 2 / 4096 * 4096].to_vec();
    let schemaless = [&sound[..100], &garbage[100..], &sound[4096..]].concat();
    for broken in [headless, truncated, schemaless] {
        fs::write(&file, broken).unwrap();
        fails_to_start(&mut gateway, "STORAGE_BROKEN");
    }
    fs::write(&file, sound).unwrap();
    gateway.start();
    delivered_once(&hub, &gateway, &ids);
}

#[test]
fn damaged_documents_are_set_aside_and_the_others_go_on() {
    let (hub, mut gateway, ids) = at_rest();
    let blob = |id: &str| format!("x'{}'", id.replace('-', ""));
    let damage = [
        format!("UPDATE piece SET sealed = zeroblob(length(sealed)) WHERE body = {}", blob(&ids[1])),
        format!("DELETE FROM piece WHERE body = {}", blob(&ids[3])),
        format!("UPDATE submission SET state = 'nonsense' WHERE id = {}", blob(&ids[5])),
        format!("UPDATE submission SET body_hash = zeroblob(32) WHERE id = {}", blob(&ids[7])),
        format!("UPDATE submission SET salt = x'00' WHERE id = {}", blob(&ids[9])),
        format!("UPDATE submission SET attempts = -7 WHERE id = {}", blob(&ids[11])),
    ];
    database::execute(gateway.state(), &damage.join(";"));
    gateway.start();
    let damaged = [1, 3, 5, 7, 9, 11];
    for (n, id) in ids.iter().enumerate() {
        if damaged.contains(&n) {
            let submission = gateway.reaches(id, "held", SOON);
            assert_eq!(submission["reason"]["code"], "SUBMISSION_DAMAGED", "{n}: {submission}");
            assert!(submission["reason"]["ja"].as_str().unwrap().contains("原本"));
            let events = submission["history"].as_array().unwrap();
            assert!(events.iter().any(|event| event["data"]["reason"] == "SUBMISSION_DAMAGED"), "{n}: {submission}");
            assert_eq!(hub.key_facts(&gateway.hub_key(id))["effects"].as_u64().unwrap_or(0), 0, "{n} reached the hub");
        } else {
            delivered_once(&hub, &gateway, std::slice::from_ref(id));
        }
    }
    assert!(gateway.errors().iter().all(|line| line.contains("SUBMISSION_DAMAGED")), "{:?}", gateway.errors());
}

#[test]
fn a_damaged_page_stops_neither_the_process_nor_its_honesty() {
    let (hub, mut gateway, ids) = at_rest();
    let file = gateway.state().join("engawa.db");
    let database = fs::read(&file).unwrap();
    // A page of the pieces: one that is full of sealed bytes.
    let id: Vec<u8> = uuid::Uuid::parse_str(&ids[4]).unwrap().as_bytes().to_vec();
    let place = database.windows(16).rposition(|window| window == id).unwrap();
    let open = fs::File::options().write(true).open(&file).unwrap();
    open.write_all_at(&[0xa5; 4096], (place / 4096 * 4096) as u64).unwrap();
    gateway.spawn(&[]);
    until("an answer or an end", SOON, || {
        gateway.ended().map(|_| ()).or_else(|| gateway.try_ask(&Ask::new("GET", "/v1/health")).ok().map(|_| ()))
    });
    if gateway.ended().is_none() {
        until("the damage to be named", SOON, || {
            (part(&gateway, "storage").2 == "STORAGE_BROKEN" || gateway.present_log().contains("STORAGE_BROKEN"))
                .then_some(())
        });
        gateway.stop();
    }
    assert!(gateway.present_log().contains("STORAGE_BROKEN"), "{}", gateway.present_log());
    fs::write(&file, database).unwrap();
    for rest in ["engawa.db-wal", "engawa.db-shm"] {
        let _ = fs::remove_file(gateway.state().join(rest));
    }
    assert_eq!(hub.facts()["totals"]["filed_twice"], 0);
}

#[test]
fn without_its_master_key_nothing_starts_and_no_new_key_is_made() {
    let (hub, mut gateway, ids) = at_rest();
    let key = gateway.state().join("master.key");
    let kept = gateway.dir().join("kept.key");
    fs::rename(&key, &kept).unwrap();
    fails_to_start(&mut gateway, "MASTER_KEY_MISSING");
    assert!(!key.exists());
    fs::rename(&kept, &key).unwrap();
    gateway.start();
    delivered_once(&hub, &gateway, &ids);
}

#[test]
fn two_gateways_do_not_share_a_state_directory() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let mut second = Setup::new(&hub).state(gateway.state()).idle();
    second.spawn(&[]);
    let status = second.wait();
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    assert!(second.log().contains("STATE_LOCKED"), "{}", second.log());
    let id = gateway.accepted(&opinion(1), "k");
    delivered_once(&hub, &gateway, &[id]);
}

#[test]
fn what_waits_is_not_told_as_nothing_while_it_cannot_be_counted() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let number = hub.facility("clinic").number;
    let waiting = || gateway.get("/v1/health").json()["facilities"][&number].clone();
    assert_eq!(waiting()["waiting"], 0);
    gateway.sql("ALTER TABLE submission RENAME TO elsewhere");
    // It is counted anew after a commit.
    gateway.key("one");
    let facility = waiting();
    assert!(facility.get("waiting").is_some_and(Value::is_null), "{facility}");
    gateway.sql("ALTER TABLE elsewhere RENAME TO submission");
    gateway.key("two");
    assert_eq!(waiting()["waiting"], 0);
}

#[test]
fn what_was_acknowledged_is_counted_in_the_next_report() {
    let hub = Sandbox::start();
    hub.down();
    let gateway = Gateway::new(&hub);
    let number = hub.facility("clinic").number;
    // One after the other: a report may be told again for a moment, but not after a commit.
    for accepted in 0..10 {
        assert_eq!(gateway.get("/v1/health").json()["facilities"][&number]["waiting"], accepted);
        gateway.accepted(&opinion(accepted), &format!("one more {accepted}"));
    }
}
