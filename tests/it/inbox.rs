//! Two offices: one files at the hub, the other's box receives.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use engawa::fault::crash::RECEIVING;
use serde_json::{Value, json};

use crate::support::curl::{Curl, Reply};
use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const LIST: &str = "/v1/careplans/received";
const SIGKILL: i32 = 9;
const SOON: Duration = Duration::from_secs(30);

/// The box of the office `dx`, for whom the sandbox's example is.
fn dx(hub: &Sandbox) -> Setup {
    Setup::of(hub, "dx", "dx-staff")
}

/// The sandbox's example, which is no unit of the standard, and with `stamp` one that is.
fn example(hub: &Sandbox, stamp: Option<&str>) -> Value {
    let mut body: Value = serde_json::from_slice(&fs::read(hub.dir().join("examples/careplan.json")).unwrap()).unwrap();
    if let Some(stamp) = stamp {
        let members = json!({
            "kind": "H1", "stamp": stamp, "from_facility": hub.facility("office").number,
            "from_service_kind": "43", "to_facility": hub.facility("dx").number, "to_service_kind": "11",
        });
        body["unit"].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    }
    body
}

/// A raw call of the other office.
fn file(office: &Curl<'_>, n: usize, body: &Value) -> Reply {
    let key = format!("Idempotency-Key: 00000000-0000-4000-8000-{n:012}");
    office.run("careplans/5.0/sent", &["-H", &key, "--data-binary", &body.to_string()])
}

fn received(gateway: &Gateway) -> Vec<Value> {
    gateway.get(LIST).json()["items"].as_array().unwrap().clone()
}

fn all_kept(gateway: &Gateway, count: usize) -> Vec<Value> {
    until("what was sent to be here", SOON, || {
        let list = received(gateway);
        (list.len() == count && list.iter().all(|one| one["state"] == "kept")).then_some(list)
    })
}

/// What the hub was told, in order.
fn acks(hub: &Sandbox) -> Vec<String> {
    let facts = hub.facts();
    facts["acks"].as_array().unwrap().iter().map(|ack| ack["state"].as_str().unwrap().to_owned()).collect()
}

/// How far the recipient of each plan is, as the sender may know.
fn states(hub: &Sandbox) -> Vec<String> {
    let facts = hub.facts();
    facts["careplans"].as_array().unwrap().iter().map(|plan| plan["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_one_office_sends_is_kept_by_the_others_box_and_told_when_a_person_looked() {
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let good = example(&hub, Some("20260401090000"));
    file(&office, 1, &good).data();
    let gateway = dx(&hub).start();
    let one = all_kept(&gateway, 1).remove(0);
    assert_eq!(one["from_facility"], json!(hub.facility("office").number));
    assert_eq!((&one["care_plan"]["unit"], &one["care_plan"]["stamp"]), (&json!("H1"), &json!("20260401090000")));
    until("the hub to be told", SOON, || (states(&hub) == ["downloaded"]).then_some(()));
    let path = format!("{LIST}/{}", one["id"].as_str().unwrap());
    let unit = gateway.get(&format!("{path}/unit"));
    assert_eq!(unit.json(), good["unit"]);

    // Over a restart it is still there, and still unopened.
    let mut gateway = gateway;
    gateway.restart();
    assert_eq!(gateway.get(&format!("{LIST}?unopened=true")).json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.order(&format!("{path}/opened")).status, 200);
    until("the sender to be told", SOON, || (states(&hub) == ["opened"]).then_some(()));

    // One that the standard does not know comes all the same, and says so.
    file(&office, 2, &example(&hub, None)).data();
    let list = all_kept(&gateway, 2);
    assert_eq!((&list[1]["reason"]["code"], &list[1]["care_plan"]), (&json!("CAREPLAN_UNREADABLE"), &Value::Null));
    until("the hub to be told", SOON, || (states(&hub) == ["opened", "downloaded"]).then_some(()));
    assert_eq!(acks(&hub), ["downloaded", "opened", "downloaded"]);
    assert_eq!(gateway.errors(), Vec::<String>::new());
    assert!(!gateway.log().contains("自宅"), "no person data in the log");
}

/// One that ends the process is noted before it is looked at: after the next start the others go first.
#[test]
fn a_unit_that_ends_the_process_does_not_keep_the_others_from_coming() {
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let mut gateway = dx(&hub).idle();
    for n in 1..=2 {
        file(&office, n, &example(&hub, Some(&format!("2026040109000{n}")))).data();
    }
    gateway.spawn(&[("ENGAWA_CRASH_POINT", "inbox.noted:1")]);
    assert_eq!(gateway.wait().signal(), Some(SIGKILL), "{}", gateway.present_log());
    gateway.start();
    let list = all_kept(&gateway, 2);
    let kept = |n: usize| list[n]["received_at"].as_str().unwrap().to_owned();
    assert!(kept(1) < kept(0), "{list:?}");
}

#[test]
fn a_clinic_that_gets_no_care_plans_is_well_all_the_same() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    until("the inbox to have asked", SOON, || {
        gateway.log().contains("inbox: this hub has no care plans").then_some(())
    });
    let health = gateway.get("/v1/health").json();
    let part = health["parts"].as_object().map(|parts| parts["inbox"].clone());
    assert_eq!(part.unwrap()["status"], "ok", "{health}");
}

#[test]
fn a_crash_at_any_point_neither_loses_nor_doubles_what_arrives() {
    let hub = Sandbox::start();
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let mut gateway = dx(&hub).idle();
    for (n, point) in (1..).zip(RECEIVING) {
        file(&office, n, &example(&hub, Some(&format!("202604010900{n:02}")))).data();
        gateway.spawn(&[("ENGAWA_CRASH_POINT", &format!("{point}:1"))]);
        let status = gateway.wait();
        assert_eq!(status.signal(), Some(SIGKILL), "{point}: {}", gateway.present_log());
        gateway.start();
        let list = all_kept(&gateway, n);
        until("the hub to be told", SOON, || states(&hub).iter().all(|state| state == "downloaded").then_some(()));
        let stamps: Vec<_> = list.iter().map(|one| one["care_plan"]["stamp"].as_str().unwrap().to_owned()).collect();
        assert_eq!(stamps, (1..=n).map(|n| format!("202604010900{n:02}")).collect::<Vec<_>>(), "{point}");
        assert_eq!(acks(&hub).len(), n, "{point}: each is told once");
        gateway.kill9();
    }
    gateway.start();
    assert_eq!((received(&gateway).len(), gateway.errors()), (RECEIVING.len(), Vec::new()));
}
