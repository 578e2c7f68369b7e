//! Disks and folders that care plans meet: full, read-only, gone, somebody else's. The daemon lives, says what is wrong, loses nothing
//! and goes on by itself.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::units::{slip, submit, unit};
use crate::support::curl::Curl;
use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::volume::{Volume, or_skip};
use crate::support::{skip, until};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;
const LIST: &str = "/v1/careplans/received";
const OFFICE: &str = "9970000015";
const DX: &str = "9970000023";
/// Who owns nothing.
const NOBODY: u32 = 65_534;

fn with_folder(setup: Setup, directory: &Path) -> Setup {
    let setup = setup.set("exchange.directory", &json!(directory).to_string());
    setup.set("exchange.settle_s", "1").set("exchange.look_s", "1")
}

fn receiver(hub: &Sandbox) -> Setup {
    Setup::of(hub, "dx", "dx-staff")
}

/// The other office files a unit.
fn file(office: &Curl<'_>, number: usize) {
    let key = format!("Idempotency-Key: 00000000-0000-4000-8000-{number:012}");
    let body = json!({ "to_facility": DX, "to_service_kind": "11", "unit": unit(number) });
    office.run("careplans/5.0/sent", &["-H", &key, "--data-binary", &body.to_string()]).data();
}

fn part(gateway: &Gateway, name: &str) -> (Value, Value) {
    let part = gateway.get("/v1/health").json()["parts"][name].clone();
    (part["status"].clone(), part["reason"].clone())
}

fn health(gateway: &Gateway, name: &str, status: &str, reason: impl Into<Value>) {
    let expected = (json!(status), reason.into());
    until(&format!("{name}: {expected:?}"), SOON, || (part(gateway, name) == expected).then_some(()));
}

/// All that came is kept, and the hub was told of each once.
fn all_kept(hub: &Sandbox, gateway: &Gateway, count: usize) {
    until("all units kept and told", SOON, || {
        let facts = hub.facts();
        let items = gateway.get(LIST).json()["items"].as_array().unwrap().clone();
        let kept = items.len() == count && items.iter().all(|item| item["state"] == "kept");
        let told = facts["careplans"].as_array().unwrap().iter().all(|plan| plan["state"] == "downloaded");
        (kept && told).then(|| assert_eq!(facts["acks"].as_array().unwrap().len(), count))
    });
}

#[test]
fn full_while_care_plans_arrive_acknowledges_nothing_that_is_not_kept() {
    let Some(volume) = or_skip(Volume::ext4(64)) else { return };
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let gateway = receiver(&hub).state(&volume.path().join("state")).start();
    volume.fill(10 * MIB);
    for number in 0..3 {
        file(&office, number);
    }
    health(&gateway, "inbox", "degraded", "STORAGE_FULL");
    let items = gateway.get(LIST).json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 3, "{items:?}");
    assert!(items.iter().all(|item| item["state"] == "announced"), "{items:?}");
    volume.fill(0);
    file(&office, 3);
    assert_eq!((hub.facts()["acks"].clone(), part(&gateway, "inbox").0), (json!([]), json!("degraded")));
    volume.make_room();
    all_kept(&hub, &gateway, 4);
    health(&gateway, "inbox", "ok", Value::Null);
    for item in gateway.get(LIST).json()["items"].as_array().unwrap() {
        assert_eq!(gateway.get(&format!("{LIST}/{}/unit", item["id"].as_str().unwrap())).status, 200, "{item}");
    }
}

/// What stands in `in`, which has to be all files of so many units, byte for byte.
fn units_in(base: &Path, count: usize) -> Option<()> {
    let expected: Vec<_> = (0..count).flat_map(slip).collect();
    let there = fs::read_dir(base.join("in")).map_or(0, Iterator::count);
    assert!(there <= expected.len(), "{there} files");
    (there == expected.len()).then(|| {
        for (name, bytes) in expected {
            assert!(fs::read(base.join("in").join(&name)).unwrap() == bytes, "{name}");
        }
    })
}

fn working(base: &Path) -> Option<()> {
    fs::read_to_string(base.join("STATUS.txt")).unwrap_or_default().contains("動作しています。").then_some(())
}

#[test]
fn a_folder_that_is_full_read_only_or_away_keeps_only_itself_waiting() {
    let Some(mut volume) = or_skip(Volume::ext4(16)) else { return };
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let (share, base) = (volume.path(), volume.path().join(DX));
    let mut gateway = with_folder(receiver(&hub), &share).start();
    until("the folders", SOON, || working(&base));
    let mut count = 0;
    let mut meets = |gateway: &Gateway| {
        // It comes all the same, and waits for its folder.
        file(&office, count);
        count += 1;
        all_kept(&hub, gateway, count);
        health(gateway, "exchange", "degraded", "EXCHANGE_FOLDER");
        assert_eq!(gateway.get("/v1/health").status, 200);
        count
    };
    let recovers = |gateway: &Gateway, count: usize| {
        until("what waited for the folder", SOON, || units_in(&base, count));
        health(gateway, "exchange", "ok", Value::Null);
        until("a status that says so", SOON, || working(&base));
    };

    volume.fill(0);
    let count = meets(&gateway);
    volume.make_room();
    recovers(&gateway, count);

    volume.read_only(true);
    let count = meets(&gateway);
    volume.read_only(false);
    recovers(&gateway, count);

    // As a network share that is not mounted: nothing is made in its place, also by a new process.
    volume.unmount();
    let _ = meets(&gateway);
    gateway.restart();
    let count = meets(&gateway);
    assert_eq!(fs::read_dir(&share).unwrap().count(), 0, "made in place of the share");
    volume.mount().unwrap();
    recovers(&gateway, count);
    for words in ["exchange: the folders have to wait", "exchange: the folders work again"] {
        assert!((3..=8).contains(&gateway.log().matches(words).count()), "{words}: {}", gateway.log());
    }
    assert_eq!(gateway.errors(), Vec::<String>::new());
}

fn result(base: &Path, name: &str) -> Value {
    let days =
        fs::read_dir(base.join("sent")).map(|days| days.map(|day| day.unwrap().path()).collect::<Vec<PathBuf>>());
    let read = |day: PathBuf| fs::read(day.join(format!("{name}.result.json"))).ok();
    let bytes = days.unwrap_or_default().into_iter().find_map(read).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[test]
fn what_was_handed_in_is_told_once_its_folder_is_back() {
    let Some(mut volume) = or_skip(Volume::ext4(16)) else { return };
    let hub = Sandbox::start();
    hub.down();
    // A place that is not there yet, also above it.
    let (share, base) = (volume.path().join("later/share"), volume.path().join("later/share").join(OFFICE));
    let gateway = with_folder(Setup::of(&hub, "office", "office-manager"), &share).start();
    health(&gateway, "exchange", "degraded", "EXCHANGE_FOLDER");
    submit(&gateway, 7);
    fs::create_dir(volume.path().join("later")).unwrap();
    until("the folders", SOON, || working(&base));
    health(&gateway, "exchange", "ok", Value::Null);

    let files = slip(0);
    for (name, bytes) in &files {
        fs::write(base.join("out").join(name), bytes).unwrap();
    }
    let name = &files[0].0;
    until("a first result", SOON, || (result(&base, name)["deliveries"][0]["state"] == "queued").then_some(()));
    // Whatever the box itself gives back is taken as well, until it cannot tell of the next attempt.
    until("a full folder", SOON, || {
        volume.fill(0);
        (part(&gateway, "exchange") == (json!("degraded"), json!("EXCHANGE_FOLDER"))).then_some(())
    });
    hub.up();
    gateway.drained(SOON);
    assert_eq!(result(&base, name)["deliveries"][0]["state"], "queued", "whole, or as it was");
    volume.make_room();
    let told = until("the receipt beside the file", SOON, || {
        Some(result(&base, name)["deliveries"][0].clone()).filter(|one| one["state"] == "delivered")
    });
    let facts = hub.facts();
    let plans = facts["careplans"].as_array().unwrap();
    assert_eq!(plans.len(), 2, "{plans:?}");
    assert!(plans.iter().any(|plan| plan["receipt_number"] == told["receipt"]["number"]), "{told}");
    drop(gateway);
    volume.unmount();
}

#[test]
fn a_folder_of_somebody_else_s_is_named_and_used_once_it_may_be() {
    if !nix::unistd::geteuid().is_root() {
        return skip("files of another owner need root");
    }
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let share = tempfile::tempdir().unwrap();
    fs::set_permissions(share.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let number = NOBODY.to_string();
    let launcher = ["setpriv", "--reuid", &number, "--regid", &number, "--clear-groups"];
    let possible = Command::new(launcher[0]).args(&launcher[1..]).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        return skip("no setpriv here");
    }
    let setup = with_folder(receiver(&hub), share.path()).through(&launcher);
    setup.secret("ca.pem", fs::read(hub.ca()).unwrap());
    let mut gateway = setup.idle();
    let settings = fs::read_to_string(gateway.settings()).unwrap();
    let own = json!(gateway.dir().join("ca.pem")).to_string();
    fs::write(gateway.settings(), settings.replace(&json!(hub.ca()).to_string(), &own)).unwrap();
    fs::write(gateway.dir().join("log"), "").unwrap();
    let mut places: Vec<PathBuf> = fs::read_dir(gateway.dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    places.push(gateway.dir().to_owned());
    for place in places {
        chown(place, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    gateway.start();
    health(&gateway, "exchange", "degraded", "EXCHANGE_FOLDER");
    chown(share.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let base = share.path().join(DX);
    until("the folders", SOON, || working(&base));

    // One folder of them: the status beside it can say so.
    let theirs = base.join("in");
    chown(&theirs, Some(0), Some(0)).unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();
    file(&office, 0);
    all_kept(&hub, &gateway, 1);
    health(&gateway, "exchange", "degraded", "EXCHANGE_FOLDER");
    until("a status that says so", SOON, || {
        fs::read_to_string(base.join("STATUS.txt")).unwrap().contains("EXCHANGE_FOLDER").then_some(())
    });
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    until("what waited for the folder", SOON, || units_in(&base, 1));
    until("a status that says so", SOON, || working(&base));
}
