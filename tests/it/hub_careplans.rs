//! Care plans over the hub link against the sandbox: every call, every kind of fault that touches it.

use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::{CertificateSource, FacilityCertificate, Secret, SecretSource};
use engawa::fault::Code;
use engawa::hub::{
    Acknowledgement, Arrival, Config, Delivery, Hub, HubPort as _, InMemory, LookupOutcome, Outcome, Policy,
    RecipientState, Scope, Timeouts, Trouble, UNIT_LIMIT, care_plan_body,
};
use engawa::model::careplan::unit::{LIMIT, Reading, Unit};
use engawa::model::hub_user::{HubMember, HubUser};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::sandbox::Sandbox;
use crate::support::{at_most, until};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    stall: Duration::from_secs(5),
    answer: Duration::from_secs(3),
    whole: Duration::from_secs(60),
};

fn connect(sandbox: &Sandbox, folder: &str, user_id: &str, timeouts: Timeouts) -> Hub {
    let facility = sandbox.facility(folder);
    let source =
        CertificateSource::Pkcs12 { file: facility.p12, passphrase: SecretSource::File(facility.p12_passphrase) };
    let config = Config {
        base_url: sandbox.url().to_owned(),
        ca_pem: std::fs::read(sandbox.ca()).unwrap(),
        user_id: user_id.to_owned(),
        password: SecretSource::File(sandbox.password_file(user_id)),
        facility: None,
        fingerprint_key: [7; 32],
        timeouts,
        login: Policy::default(),
    };
    Hub::connect(config, FacilityCertificate::load(&source).unwrap(), InMemory::default(), Clock::system()).unwrap()
}

/// The office that sends.
fn office(sandbox: &Sandbox) -> Hub {
    connect(sandbox, "office", "office-manager", TIMEOUTS)
}

/// The office that the example is for.
fn dx(sandbox: &Sandbox) -> Hub {
    connect(sandbox, "dx", "dx-staff", TIMEOUTS)
}

fn key(number: usize) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + number as u128)
}

/// The example that the sandbox gives: for `dx`.
fn example(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&std::fs::read(sandbox.dir().join("examples/careplan.json")).unwrap()).unwrap()
}

/// The example with the members that a unit of the box has.
fn unit(sandbox: &Sandbox, text: &str) -> Unit {
    let mut unit = example(sandbox)["unit"].take();
    let members = json!({
        "kind": "H1", "stamp": "20260401090000", "from_facility": sandbox.facility("office").number,
        "from_service_kind": "43", "to_facility": sandbox.facility("dx").number, "to_service_kind": "11",
    });
    unit.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    unit["tables"][1]["rows"][0]["課題"] = text.into();
    Unit::from_value(&unit, Reading::Received).unwrap()
}

fn delivery(number: usize, bytes: Vec<u8>) -> Delivery {
    let length = bytes.len() as u64;
    Delivery {
        key: key(number),
        length,
        body: Full::from(bytes).map_err(|never| match never {}).boxed_unsync(),
        user: None,
    }
}

async fn send(hub: &Hub, number: usize, body: &Value) -> Outcome {
    hub.deliver_care_plan(delivery(number, body.to_string().into_bytes())).await
}

/// Sends the example; the receipt's number.
async fn sent(sandbox: &Sandbox, number: usize) -> String {
    match send(&office(sandbox), number, &example(sandbox)).await {
        Outcome::Accepted(receipt) => receipt.number,
        other => panic!("{other:?}"),
    }
}

async fn newest(hub: &Hub) -> Arrival {
    hub.arrivals(None).await.unwrap().items.pop().unwrap()
}

/// An outcome in a word, and its code where it has one.
fn word(outcome: &Outcome) -> (&'static str, Option<Code>) {
    match outcome {
        Outcome::Accepted(_) => ("accepted", None),
        Outcome::Refused(refusal) => ("refused", Some(refusal.code)),
        Outcome::NotLive { .. } => ("not live", None),
        Outcome::NotDelivered(trouble) => ("not delivered", Some(trouble.code)),
        Outcome::Unknown(trouble) => ("unknown", Some(trouble.code)),
    }
}

fn effects(sandbox: &Sandbox, number: usize) -> u64 {
    sandbox.key_facts(&key(number).to_string())["effects"].as_u64().unwrap_or_default()
}

/// As a member of the staff with this password.
async fn send_as(hub: &Hub, (number, user_id, password): (usize, &str, Option<&str>), body: &Value) -> Outcome {
    let user = HubMember::stored(Some("planner".to_owned()), Some(user_id.to_owned()));
    let document = Delivery { user, ..delivery(number, body.to_string().into_bytes()) };
    hub.deliver_care_plan_as(document, password.map(Secret::from)).await
}

#[tokio::test]
async fn a_member_of_the_staff_sends_as_himself_and_stops_nobody_else() {
    let sandbox = Sandbox::start();
    let (office, body) = (office(&sandbox), example(&sandbox));
    let planner = HubUser::parse("office-planner").unwrap();
    let right = sandbox.password("office-planner");
    let troubled = |outcome: &Outcome| match outcome {
        Outcome::NotDelivered(trouble) => (trouble.code, trouble.scope, trouble.until.is_some()),
        other => panic!("{other:?}"),
    };
    // Without a password it is never anybody else's; a wrong one goes out once.
    let without = send_as(&office, (1, "office-planner", None), &body).await;
    assert_eq!(troubled(&without), (Code::HubPasswordNeeded, Scope::Try, true));
    for _ in 0..2 {
        let refused = send_as(&office, (1, "office-planner", Some("wrong")), &body).await;
        assert_eq!(troubled(&refused), (Code::HubPasswordRefused, Scope::Try, true));
    }
    assert_eq!(sandbox.status()["accounts"]["office-planner"]["attempts"], 1);
    assert_eq!(office.member(&planner).unwrap().trouble.unwrap().0, Code::HubPasswordRefused);
    // The facility's user, and another person, go on.
    assert_eq!(word(&send(&office, 2, &body).await).0, "accepted");
    let clerk = sandbox.password("office-clerk");
    assert_eq!(word(&send_as(&office, (3, "office-clerk", Some(&clerk)), &body).await).1, Some(Code::HubNotPermitted));
    assert_eq!(office.status().blocked, None);
    assert_eq!(word(&send_as(&office, (1, "office-planner", Some(&right)), &body).await).0, "accepted");
    let status = office.member(&planner).unwrap();
    assert_eq!((status.job_kind.as_deref(), status.trouble), (Some("care_manager"), None));
    // An account that is locked while its token lives: the person waits, nobody else.
    sandbox.post("tokens", json!({"expire": "all"}));
    sandbox.post("accounts/office-planner", json!({"lock": "30m"}));
    let stale = send_as(&office, (4, "office-planner", Some(&right)), &body).await;
    assert_eq!(troubled(&stale), (Code::HubAccountLocked, Scope::Try, true));
    assert_eq!(word(&send(&office, 5, &body).await).0, "not delivered", "its token is stale as well");
    assert_eq!(word(&send(&office, 5, &body).await).0, "accepted");
    let filed = sandbox.facts()["careplans"].clone();
    let users: Vec<_> =
        filed.as_array().unwrap().iter().map(|one| one["user_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(users, ["office-manager", "office-planner", "office-manager"]);
}

#[tokio::test]
async fn a_unit_goes_all_the_way_and_its_sender_hears_of_it() {
    let sandbox = Sandbox::start();
    let (office, dx) = (office(&sandbox), dx(&sandbox));
    let unit = unit(&sandbox, "自宅で入浴したい");
    let body = care_plan_body(&unit).unwrap();
    assert_eq!(body, care_plan_body(&unit).unwrap(), "equal units give equal bytes");
    let Outcome::Accepted(receipt) = office.deliver_care_plan(delivery(1, body.clone())).await else { panic!() };
    let Outcome::Accepted(again) = office.deliver_care_plan(delivery(1, body)).await else { panic!() };
    assert_eq!((&again.number, effects(&sandbox, 1)), (&receipt.number, 1), "the first answer again");
    let LookupOutcome::Accepted(found) = office.lookup(key(1)).await else { panic!() };
    assert_eq!((&found.number, found.accepted_at), (&receipt.number, receipt.accepted_at));

    let page = dx.arrivals(None).await.unwrap();
    let [arrival] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((&arrival.receipt_number, arrival.at), (&receipt.number, receipt.accepted_at));
    assert_eq!((arrival.kind.as_str(), page.restarted), ("UP1KYO", false));
    assert_eq!(arrival.from_facility, sandbox.facility("office").number);
    let came = dx.arrived_unit(&arrival.id).await.unwrap().unwrap();
    assert_eq!(came, unit.to_json().unwrap(), "not an octet differs");
    let quiet = dx.arrivals(Some(page.next_cursor)).await.unwrap();
    assert_eq!((quiet.items.len(), quiet.restarted), (0, false));

    let mut cursor = None;
    let mut told = Vec::new();
    for (number, what) in [
        // What is behind what the hub knows changes nothing; the same key again neither.
        (10, Acknowledgement::Downloaded),
        (10, Acknowledgement::Downloaded),
        (11, Acknowledgement::Opened),
        (12, Acknowledgement::Downloaded),
    ] {
        dx.acknowledge(key(number), &arrival.id, what).await.unwrap();
        let page = office.care_plan_changes(cursor).await.unwrap();
        assert!(page.items.iter().all(|change| change.receipt_number == receipt.number && change.reason.is_none()));
        told.extend(page.items.iter().map(|change| change.state));
        cursor = Some(page.next_cursor);
    }
    assert_eq!(told, [RecipientState::Delivered, RecipientState::Downloaded, RecipientState::Opened]);
    assert_eq!(effects(&sandbox, 10), 1);
}

#[tokio::test]
async fn every_fault_of_a_delivery_has_its_outcome() {
    let sandbox = Sandbox::start();
    let hub = office(&sandbox);
    let rows = [
        (json!({"kind": "cut_before_effect"}), ("unknown", Some(Code::HubUnreachable)), 0),
        (json!({"kind": "cut_after_effect"}), ("unknown", Some(Code::HubUnreachable)), 1),
        (json!({"kind": "cut_mid_answer"}), ("unknown", Some(Code::HubUnreachable)), 1),
        (json!({"kind": "truncated_json"}), ("unknown", Some(Code::HubNonsense)), 1),
        (json!({"kind": "wrong_json"}), ("unknown", Some(Code::HubNonsense)), 1),
        (json!({"kind": "wrong_type"}), ("unknown", Some(Code::HubNonsense)), 1),
        (json!({"kind": "html_200"}), ("unknown", Some(Code::HubNonsense)), 0),
        (json!({"kind": "delay", "delay_ms": 10_000}), ("unknown", Some(Code::HubTimeout)), 0),
        (json!({"kind": "status_429"}), ("not delivered", Some(Code::HubBusy)), 0),
        (json!({"kind": "status_503", "retry_after": "30"}), ("not delivered", Some(Code::HubBusy)), 0),
        (json!({"kind": "status_500"}), ("not delivered", Some(Code::HubTrouble)), 0),
        (json!({"kind": "refuse", "code": "E2107"}), ("refused", Some(Code::HubRefused)), 0),
        (json!({"kind": "refuse", "code": "E3001"}), ("refused", Some(Code::HubNotPermitted)), 0),
        (json!({"kind": "refuse", "code": "E3002"}), ("refused", Some(Code::HubNoConsent)), 0),
        (json!({"kind": "refuse", "code": "E3003", "live_from": "2027-04-01"}), ("not live", None), 0),
        (json!({"kind": "refuse", "code": "E3004"}), ("refused", Some(Code::HubRecipientAbsent)), 0),
        (json!({"kind": "expire_tokens"}), ("not delivered", Some(Code::HubTrouble)), 0),
    ];
    for (number, (mut fault, expected, had)) in rows.into_iter().enumerate() {
        fault["on"] = json!("careplan-sent");
        sandbox.fault(fault.clone());
        let outcome = send(&hub, number, &example(&sandbox)).await;
        assert_eq!((word(&outcome), effects(&sandbox, number)), (expected, had), "{fault}: {outcome:?}");
        match (hub.lookup(key(number)).await, had) {
            (LookupOutcome::Accepted(_), 1) | (LookupOutcome::Refused(_), 0) => {}
            (LookupOutcome::Unseen, 0) => {
                let again = send(&hub, number, &example(&sandbox)).await;
                assert_eq!(word(&again).0, "accepted", "{fault}: {again:?}");
            }
            other => panic!("{fault}: {other:?}"),
        }
    }
    until("the late effects", Duration::from_secs(30), || (sandbox.status()["at_work"] == 0).then_some(()));
    assert_eq!(sandbox.facts()["totals"]["filed_twice"], 0);
}

#[tokio::test]
async fn an_office_that_is_absent_and_an_insurer_that_is_not_live() {
    let sandbox = Sandbox::start();
    let hub = office(&sandbox);
    let mut body = example(&sandbox);
    body["to_facility"] = json!(sandbox.facility("absent").number);
    body["to_service_kind"] = json!("15");
    let Outcome::Refused(refusal) = send(&hub, 1, &body).await else { panic!() };
    assert_eq!((refusal.code, refusal.errors[0].code.as_str()), (Code::HubRecipientAbsent, "E3004"));
    assert_eq!(refusal.errors[0].field.as_deref(), Some("/to_facility"));
    let order = json!({"takes_part": true});
    sandbox.post(&format!("facilities/{}", sandbox.facility("absent").number), order);
    assert_eq!(word(&send(&hub, 1, &body).await).0, "refused", "the hub remembers it under the key");
    assert_eq!(word(&send(&hub, 2, &body).await).0, "accepted", "under another it passes");

    let live_from = "2099-04-01";
    sandbox.post("municipalities/999995", json!({"state": "preparing", "live_from": live_from}));
    let Outcome::NotLive { live_from: named, .. } = send(&hub, 3, &example(&sandbox)).await else { panic!() };
    assert_eq!(named, Some(live_from.parse().unwrap()));
    sandbox.post("municipalities/999995", json!({"state": "live"}));
    assert_eq!(word(&send(&hub, 3, &example(&sandbox)).await).0, "accepted", "the same key passes later");
}

#[tokio::test]
async fn every_fault_of_a_reading_has_its_trouble() {
    let sandbox = Sandbox::start();
    let (office, dx) = (office(&sandbox), dx(&sandbox));
    sent(&sandbox, 1).await;
    let id = newest(&dx).await.id;
    for (kind, code, of_a_unit) in [
        ("cut_before_effect", Code::HubUnreachable, Scope::Item),
        ("cut_mid_answer", Code::HubUnreachable, Scope::Item),
        ("html_200", Code::HubNonsense, Scope::Item),
        ("html_502", Code::HubNonsense, Scope::Item),
        ("truncated_json", Code::HubNonsense, Scope::Item),
        ("wrong_json", Code::HubNonsense, Scope::Item),
        ("wrong_type", Code::HubNonsense, Scope::Item),
        ("status_429", Code::HubBusy, Scope::Hub),
        ("status_503", Code::HubTrouble, Scope::Hub),
    ] {
        // A read whose connection breaks is repeated once.
        let times = if kind.starts_with("cut") { 2 } else { 1 };
        for on in ["careplan-sent-list", "careplan-received", "careplan-unit"] {
            sandbox.fault(json!({"on": on, "kind": kind, "times": times}));
        }
        let lists = [
            (office.care_plan_changes(None).await.unwrap_err(), Scope::Hub),
            (dx.arrivals(None).await.unwrap_err(), Scope::Hub),
        ];
        let unit = match dx.arrived_unit(&id).await {
            // What a unit is, whoever keeps it judges.
            Ok(unit) => {
                assert!(unit.is_some() && ["wrong_json", "wrong_type"].contains(&kind), "{kind}");
                None
            }
            // What is wrong with one unit is no reason to stop the others.
            Err(trouble) => Some((trouble, of_a_unit)),
        };
        for (trouble, scope) in lists.into_iter().chain(unit) {
            assert_eq!((trouble.code, trouble.scope), (code, scope), "{kind}");
        }
    }
    for on in ["careplan-sent-list", "careplan-received", "careplan-unit", "careplan-ack"] {
        sandbox.fault(json!({"on": on, "kind": "expire_tokens"}));
        sandbox.fault(json!({"on": on, "kind": "cut_before_effect", "after": 1}));
    }
    assert_eq!(office.care_plan_changes(None).await.unwrap().items.len(), 1, "tokens and lines are renewed in passing");
    assert_eq!(dx.arrivals(None).await.unwrap().items.len(), 1);
    assert!(dx.arrived_unit(&id).await.unwrap().is_some());
    dx.acknowledge(key(2), &id, Acknowledgement::Downloaded).await.unwrap();
}

#[tokio::test]
async fn an_expired_cursor_starts_either_list_again() {
    let sandbox = Sandbox::start();
    let (office, dx) = (office(&sandbox), dx(&sandbox));
    sent(&sandbox, 1).await;
    let sent_cursor = office.care_plan_changes(None).await.unwrap().next_cursor;
    let received_cursor = dx.arrivals(None).await.unwrap().next_cursor;
    sandbox.post("cursors", json!({"expire": "all"}));
    let page = office.care_plan_changes(Some(sent_cursor)).await.unwrap();
    assert_eq!((page.items.len(), page.restarted), (1, true));
    let page = dx.arrivals(Some(received_cursor)).await.unwrap();
    assert_eq!((page.items.len(), page.restarted), (1, true));
}

#[tokio::test]
async fn an_acknowledgement_may_be_repeated_and_says_when_it_is_final() {
    let sandbox = Sandbox::start();
    let (office, dx) = (office(&sandbox), dx(&sandbox));
    sent(&sandbox, 1).await;
    let id = newest(&dx).await.id;
    let downloaded = async |number| dx.acknowledge(key(number), &id, Acknowledgement::Downloaded).await;
    let of = |trouble: Trouble| (trouble.code, trouble.scope);
    for (number, fault, code, scope) in [
        (10, json!({"kind": "html_200"}), Code::HubNonsense, Scope::Item),
        (11, json!({"kind": "truncated_json"}), Code::HubNonsense, Scope::Item),
        (12, json!({"kind": "status_503"}), Code::HubTrouble, Scope::Hub),
        (13, json!({"kind": "refuse", "code": "E3001"}), Code::HubNotPermitted, Scope::Item),
        (14, json!({"kind": "refuse", "code": "E2102"}), Code::HubRefused, Scope::Item),
    ] {
        let mut ordered = fault.clone();
        ordered["on"] = json!("careplan-ack");
        sandbox.fault(ordered);
        assert_eq!(downloaded(number).await.map_err(of), Err((code, scope)), "{fault}");
        let again = downloaded(number).await.map_err(of);
        let expected =
            if code == Code::HubNotPermitted || code == Code::HubRefused { Err((code, scope)) } else { Ok(()) };
        assert_eq!(again, expected, "{fault}: a refusal stays with the key");
    }
    // An answer that was lost is asked for again at once, under the same key.
    sandbox.fault(json!({"on": "careplan-ack", "kind": "cut_after_effect"}));
    dx.acknowledge(key(20), &id, Acknowledgement::Opened).await.unwrap();
    assert_eq!(effects(&sandbox, 20), 1);
    let states: Vec<_> = office.care_plan_changes(None).await.unwrap().items.into_iter().map(|one| one.state).collect();
    assert_eq!(states, [RecipientState::Delivered, RecipientState::Downloaded, RecipientState::Opened]);

    let unknown = "U9999999-00000000";
    let gone = dx.acknowledge(key(30), unknown, Acknowledgement::Opened).await;
    assert_eq!(gone.map_err(of), Err((Code::HubArrivalGone, Scope::Item)));
    assert_eq!(dx.arrived_unit(unknown).await, Ok(None));
    assert_eq!(office.arrived_unit(&id).await, Ok(None), "a unit is its recipient's");
}

#[tokio::test]
async fn a_unit_of_nearly_20_mebibytes_comes_as_it_went() {
    let sandbox = Sandbox::start();
    let patient = Timeouts { answer: at_most(Duration::from_secs(60)), whole: at_most(TIMEOUTS.whole), ..TIMEOUTS };
    let office = connect(&sandbox, "office", "office-manager", patient);
    let dx = connect(&sandbox, "dx", "dx-staff", patient);
    let small = unit(&sandbox, "").to_json().unwrap().len();
    let unit = unit(&sandbox, &"長".repeat((LIMIT - small) / '長'.len_utf8()));
    let json = unit.to_json().unwrap();
    assert!(LIMIT - json.len() < 3 && (json.len() as u64) < UNIT_LIMIT);
    let outcome = office.deliver_care_plan(delivery(1, care_plan_body(&unit).unwrap())).await;
    assert_eq!(word(&outcome), ("accepted", None), "{outcome:?}");
    let came = dx.arrived_unit(&newest(&dx).await.id).await.unwrap().unwrap();
    assert!(came == json, "not an octet differs");
}

#[tokio::test]
async fn a_unit_may_come_slowly_and_an_answer_may_not() {
    let sandbox = Sandbox::start();
    sent(&sandbox, 1).await;
    let (answer, stall) = (Duration::from_millis(1500), Duration::from_secs(5));
    let dx = connect(&sandbox, "dx", "dx-staff", Timeouts { answer, stall, ..TIMEOUTS });
    let id = newest(&dx).await.id;
    let unit = dx.arrived_unit(&id).await.unwrap().unwrap();
    // In some thirty pieces, a tenth of a second each.
    let slowly = json!({"kind": "slow_body", "bytes": unit.len() / 30, "interval_ms": 100});
    for on in ["careplan-unit", "careplan-received"] {
        let mut fault = slowly.clone();
        fault["on"] = json!(on);
        if on == "careplan-received" {
            fault["bytes"] = json!(4);
        }
        sandbox.fault(fault);
    }
    assert_eq!(dx.arrived_unit(&id).await, Ok(Some(unit)));
    assert_eq!(dx.arrivals(None).await.unwrap_err().code, Code::HubTimeout);

    let hasty = connect(&sandbox, "dx", "dx-staff", Timeouts { stall: Duration::from_millis(500), ..TIMEOUTS });
    sandbox.fault(json!({"on": "careplan-unit", "kind": "slow_body", "bytes": 200, "interval_ms": 3000}));
    let trouble = hasty.arrived_unit(&id).await.unwrap_err();
    assert_eq!((trouble.code, trouble.scope), (Code::HubTimeout, Scope::Item), "it stood still");
}

#[tokio::test]
async fn a_part_that_is_not_offered_stops_that_part_only() {
    let sandbox = Sandbox::start();
    let not_offered = |outcome: Outcome| match outcome {
        Outcome::NotDelivered(trouble) => {
            assert_eq!((trouble.code, trouble.scope), (Code::HubNotOffered, Scope::Operator));
        }
        other => panic!("{other:?}"),
    };
    let opinion = |number| delivery(number, sandbox.example().to_string().into_bytes());
    sandbox.fault(json!({"on": "careplan-sent", "kind": "not_offered", "times": 0}));
    let clinic = connect(&sandbox, "clinic", "clinic-doctor", TIMEOUTS);
    not_offered(send(&clinic, 1, &example(&sandbox)).await);
    assert_eq!(clinic.care_plan_changes(None).await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(clinic.arrivals(None).await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(clinic.arrived_unit("U1").await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(clinic.acknowledge(key(2), "U1", Acknowledgement::Opened).await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(clinic.status().blocked, None, "nothing stands in the way of everything");
    assert_eq!(word(&clinic.deliver(opinion(3)).await).0, "accepted");
    assert!(clinic.changes(None).await.is_ok());

    sandbox.clear_faults();
    sandbox.fault(json!({"on": "opinions", "kind": "not_offered", "times": 0}));
    let office = office(&sandbox);
    not_offered(office.deliver(opinion(4)).await);
    assert_eq!(office.changes(None).await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(office.status().blocked, None);
    assert_eq!(word(&send(&office, 5, &example(&sandbox)).await).0, "accepted");
    assert_eq!(office.care_plan_changes(None).await.unwrap().items.len(), 1);
    assert_eq!(office.status().blocked, None);
}

#[tokio::test]
async fn a_clinic_has_no_care_plans_and_is_told_so() {
    let sandbox = Sandbox::start();
    let clinic = connect(&sandbox, "clinic", "clinic-doctor", TIMEOUTS);
    assert_eq!(word(&send(&clinic, 1, &example(&sandbox)).await), ("refused", Some(Code::HubNotPermitted)));
    assert_eq!(clinic.care_plan_changes(None).await.unwrap_err().code, Code::HubNotPermitted);
    assert_eq!(clinic.arrivals(None).await.unwrap_err().code, Code::HubNotPermitted);
    assert_eq!(clinic.status().blocked, None);
}
