//! Care plans at the sandbox hub, seen through curl: sending, refusals, feeds, acks, faults, a kill.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::curl::{Curl, Reply};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const SENT: &str = "careplans/5.0/sent";
const RECEIVED: &str = "careplans/5.0/received";
/// The five service offices: folder and service kind.
const SERVICES: [(&str, &str); 5] =
    [("dx", "11"), ("day-care", "15"), ("nursing", "13"), ("rental", "17"), ("short-stay", "21")];

fn key(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A body that the hub takes, for `dx`.
fn example(hub: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(hub.dir().join("examples/careplan.json")).unwrap()).unwrap()
}

/// The example for another office.
fn addressed(hub: &Sandbox, folder: &str, service_kind: &str) -> Value {
    let mut body = example(hub);
    body["to_facility"] = json!(hub.facility(folder).number);
    body["to_service_kind"] = json!(service_kind);
    body
}

fn office(hub: &Sandbox) -> Curl<'_> {
    Curl::logged_in(hub, "office", "office-manager")
}

/// A service office by its own staff.
fn service<'a>(hub: &'a Sandbox, folder: &str) -> Curl<'a> {
    Curl::logged_in(hub, folder, &format!("{folder}-staff"))
}

/// A write under a key.
fn write(curl: &Curl<'_>, path: &str, key: &str, body: &Value) -> Reply {
    let header = format!("Idempotency-Key: {key}");
    // From a file: a unit may be longer than an argument can be.
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), body.to_string()).unwrap();
    curl.run(path, &["-H", &header, "--data-binary", &format!("@{}", file.path().display())])
}

fn send(curl: &Curl<'_>, n: usize, body: &Value) -> Reply {
    write(curl, SENT, &key(n), body)
}

fn ack(curl: &Curl<'_>, id: &str, n: usize, state: &str) -> Reply {
    write(curl, &format!("{RECEIVED}/{id}/ack"), &key(n), &json!({"state": state}))
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

/// One member of every item of a page.
fn column(page: &Value, name: &str) -> Vec<String> {
    items(page).iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

fn next(page: &Value) -> String {
    format!("?cursor={}", page["next_cursor"].as_str().unwrap())
}

#[test]
fn a_unit_reaches_its_recipient_as_it_was_sent_even_over_a_kill() {
    let mut hub = Sandbox::start();
    let body = example(&hub);
    let accepted = {
        let office = office(&hub);
        let accepted = send(&office, 1, &body).json();
        assert!(accepted["data"]["receipt_number"].is_string() && accepted["data"]["accepted_at"].is_string());
        assert_eq!(send(&office, 1, &body).json(), accepted, "the first answer again");
        accepted
    };
    hub.restart();
    let office = office(&hub);
    assert_eq!(send(&office, 1, &body).json(), accepted, "over a kill, too");
    let looked_up = office.lookup(&key(1)).data();
    assert_eq!(
        (&looked_up["outcome"], &looked_up["receipt_number"]),
        (&json!("accepted"), &accepted["data"]["receipt_number"])
    );

    let dx = service(&hub, "dx");
    let page = dx.get(RECEIVED).data();
    let item = items(&page)[0].clone();
    let members: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["id", "from_facility", "kind", "receipt_number", "state", "at"]);
    assert_eq!(item["from_facility"], json!(hub.facility("office").number));
    assert_eq!((&item["kind"], &item["state"]), (&json!("UP1KYO"), &json!("delivered")));
    assert_eq!(item["receipt_number"], accepted["data"]["receipt_number"]);
    let path = format!("{RECEIVED}/{}", item["id"].as_str().unwrap());
    assert_eq!(dx.get(&path).data().to_string(), body["unit"].to_string(), "not a byte differs");
    assert_eq!(office.get(&path).code(), "E4040", "a unit is its recipient's");
    assert_eq!(items(&office.get(RECEIVED).data()).len(), 0);

    let (folder, journal) = (hub.dir().join("units"), fs::read_to_string(hub.dir().join("journal.jsonl")).unwrap());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!((files.len(), mode(&folder), mode(&files[0])), (1, 0o700, 0o600));
    assert!(!journal.contains("自宅") && !journal.contains("見本"), "the journal holds no text: {journal}");
    fs::write(&files[0], "{}").unwrap();
    assert_eq!(dx.get(&path).status, 500, "what is not what was sent is not handed out");
    assert!(hub.stderr().contains("not the unit that was sent"));
}

#[test]
fn one_office_a_call_and_all_of_it_is_on_record() {
    let hub = Sandbox::start();
    let office = office(&hub);
    let receipts: Vec<_> = (1..)
        .zip(SERVICES)
        .map(|(n, (folder, kind))| send(&office, n, &addressed(&hub, folder, kind)).data()["receipt_number"].clone())
        .collect();
    let facts = hub.facts();
    let totals = &facts["totals"];
    assert_eq!((&totals["effects"], &totals["careplans"], &totals["filed_twice"]), (&json!(5), &json!(5), &json!(0)));
    assert_eq!(totals["documents_under_two_keys"], 0, "one unit to five offices is no double");
    for (n, (folder, kind)) in SERVICES.into_iter().enumerate() {
        let filed = &facts["careplans"][n];
        assert_eq!((&filed["key"], &filed["receipt_number"]), (&json!(key(n + 1)), &receipts[n]));
        assert_eq!(
            (&filed["facility"], &filed["user_id"]),
            (&json!(hub.facility("office").number), &json!("office-manager"))
        );
        assert_eq!(
            (&filed["to_facility"], &filed["to_service_kind"]),
            (&json!(hub.facility(folder).number), &json!(kind))
        );
        assert_eq!((&filed["call"], &filed["tables"], &filed["rows"]), (&json!("careplan-sent"), &json!(4), &json!(4)));
        assert_eq!(filed["insurer_numbers"], json!(["999995"]));
        assert_eq!(filed["unit_sha256"], facts["careplans"][0]["unit_sha256"]);
        assert_eq!(items(&service(&hub, folder).get(RECEIVED).data())[0]["receipt_number"], receipts[n]);
        let seen = hub.key_facts(&key(n + 1));
        assert_eq!((&seen["seen"], &seen["effects"], &seen["receipt_number"]), (&json!(1), &json!(1), &receipts[n]));
    }
    assert_eq!(facts["accepted"], json!([]), "that list is of opinions");
    send(&office, 9, &example(&hub)).data();
    assert_eq!(hub.facts()["totals"]["documents_under_two_keys"], 1);
}

#[test]
fn a_key_is_for_one_call_and_one_body() {
    let hub = Sandbox::start();
    let office = office(&hub);
    send(&office, 1, &example(&hub)).data();
    assert_eq!(send(&office, 1, &addressed(&hub, "nursing", "13")).code(), "E2002");
    let unit = json!({"unit": example(&hub)["unit"]});
    write(&office, "careplans/5.0/delivery-registrations", &key(2), &unit).data();
    assert_eq!(write(&office, "careplans/5.0/consent-drafts", &key(2), &unit).code(), "E2002", "another call");
    let without = office.run(SENT, &["--data-binary", &example(&hub).to_string()]);
    assert_eq!((without.code().as_str(), &without.json()["errors"][0]["field"]), ("E2003", &json!("Idempotency-Key")));
    assert_eq!(hub.facts()["totals"]["effects"], 2);
}

/// Changes one member of a body.
type Change = fn(&mut Value);

#[test]
fn a_unit_of_the_wrong_shape_is_refused_and_every_error_says_where() {
    let hub = Sandbox::start();
    let office = office(&hub);
    let cases: &[(&str, &str, Change)] = &[
        ("E2101", "/unit", |b| drop(b.as_object_mut().unwrap().shift_remove("unit"))),
        ("E2101", "/unit/tables", |b| b["unit"] = json!({"stamp": "20260401090000"})),
        ("E2101", "/to_facility", |b| drop(b.as_object_mut().unwrap().shift_remove("to_facility"))),
        ("E2102", "/to_facility", |b| b["to_facility"] = json!("997000002")),
        ("E2102", "/to_service_kind", |b| b["to_service_kind"] = json!(11)),
        ("E2102", "/unit", |b| b["unit"] = json!([])),
        ("E2102", "/unit/tables", |b| b["unit"]["tables"] = json!([])),
        ("E2102", "/unit/stamp", |b| b["unit"]["stamp"] = json!(20_260_401)),
        ("E2102", "/unit/tables/1", |b| b["unit"]["tables"][1] = json!("UP2KYO")),
        ("E2102", "/unit/tables/1/name", |b| b["unit"]["tables"][1]["name"] = json!("UP1KYO")),
        ("E2107", "/unit/tables/1/name", |b| b["unit"]["tables"][1]["name"] = json!("UP9KYO")),
        ("E2101", "/unit/tables/0/rows", |b| {
            drop(b["unit"]["tables"][0].as_object_mut().unwrap().shift_remove("rows"));
        }),
        ("E2102", "/unit/tables/0/rows", |b| b["unit"]["tables"][0]["rows"] = json!({})),
        ("E2102", "/unit/tables/1/rows/1", |b| b["unit"]["tables"][1]["rows"][1] = json!(["1"])),
        ("E2102", "/unit/tables/1/rows/1/課題ＮＯ", |b| {
            b["unit"]["tables"][1]["rows"][1]["課題ＮＯ"] = json!(1);
        }),
        ("E2102", "/unit/tables/1/rows/0/a~1b", |b| b["unit"]["tables"][1]["rows"][0]["a/b"] = json!(null)),
        ("E2103", "/unit/tables/1/rows/1/保険者番号", |b| {
            b["unit"]["tables"][1]["rows"][1]["保険者番号"] = json!("131016");
        }),
        ("E2103", "/unit/tables/0/rows/0/insurer_number", |b| {
            b["unit"]["tables"][0]["rows"][0]["insurer_number"] = json!("131016");
        }),
        ("E2105", "/surprise", |b| b["surprise"] = json!("")),
        ("E2120", "/unit/tables/3/rows/0/利用者氏名", |b| {
            b["unit"]["tables"][3]["rows"][0]["利用者氏名"] = json!("髙橋 見本");
        }),
    ];
    for (n, (code, field, change)) in cases.iter().enumerate() {
        let mut body = example(&hub);
        change(&mut body);
        let refused = send(&office, n, &body);
        assert_eq!((refused.status, refused.code().as_str()), (200, *code), "{field}: {refused:?}");
        assert_eq!(refused.json()["errors"][0]["field"], *field);
        let looked_up = office.lookup(&key(n)).data();
        assert_eq!((&looked_up["outcome"], &looked_up["errors"][0]["code"]), (&json!("refused"), &json!(code)));
    }
    let mut good = example(&hub);
    good["unit"]["stamp"] = json!("20260401090000");
    good["unit"]["tables"][0]["month"] = json!("000000");
    good["unit"]["tables"][3]["rows"][0]["利用者氏名"] = json!("");
    assert!(send(&office, 90, &good).data()["receipt_number"].is_string(), "further texts, and empty ones");
    let draft = write(&office, "careplans/5.0/consent-drafts", &key(91), &good);
    assert_eq!((draft.code().as_str(), &draft.json()["errors"][0]["field"]), ("E2105", &json!("/to_facility")));
    assert_eq!(hub.facts()["totals"]["careplans"], 1);
}

#[test]
fn who_may_not_and_who_is_not_there() {
    let hub = Sandbox::start();
    let body = example(&hub);
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(send(&clinic, 1, &body).code(), "E3001", "care plans are for care offices");
    for path in [SENT, RECEIVED, "careplans/5.0/received/U0000001"] {
        assert_eq!(clinic.get(path).code(), "E3001", "{path}");
    }
    let clerk = Curl::logged_in(&hub, "office", "office-clerk");
    assert_eq!(send(&clerk, 2, &body).code(), "E3001", "a clerk reads only");
    assert_eq!(clerk.get(SENT).status, 200);
    let unit = json!({"unit": body["unit"]});
    let dx = service(&hub, "dx");
    for (n, path) in ["careplans/5.0/delivery-registrations", "careplans/5.0/consent-drafts"].into_iter().enumerate() {
        assert_eq!(write(&dx, path, &key(10 + n), &unit).code(), "E3001", "{path}");
        assert!(write(&office(&hub), path, &key(20 + n), &unit).data()["receipt_number"].is_string(), "{path}");
    }
    assert_eq!(Curl::new(&hub, "office").get(SENT).code(), "E1004");

    let office = office(&hub);
    let away = addressed(&hub, "absent", "15");
    for (n, (body, field)) in [
        (away.clone(), "/to_facility"),
        (addressed(&hub, "clinic", "15"), "/to_facility"),
        (addressed(&hub, "dx", "15"), "/to_service_kind"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = send(&office, 30 + n, &body);
        assert_eq!((refused.code().as_str(), &refused.json()["errors"][0]["field"]), ("E3004", &json!(field)));
        assert_eq!(office.lookup(&key(30 + n)).data()["outcome"], "refused", "final");
    }
    assert_eq!(Curl::new(&hub, "absent").get("capabilities").code(), "E1001");
    let number = hub.facility("absent").number;
    hub.post(&format!("facilities/{number}"), json!({"takes_part": true}));
    assert_eq!(send(&office, 30, &away).code(), "E3004", "under its key the refusal stays");
    assert!(send(&office, 40, &away).data()["receipt_number"].is_string());
    assert_eq!(items(&service(&hub, "absent").get(RECEIVED).data()).len(), 1);
}

#[test]
fn an_insurer_that_is_not_live_holds_the_unit_and_may_let_it_pass_later() {
    let hub = Sandbox::start();
    let mut body = example(&hub);
    body["unit"]["tables"][1]["rows"][1]["保険者番号"] = json!("990028");
    let list = office(&hub).get("municipalities").data();
    let migrating = list.as_array().unwrap().iter().find(|m| m["insurer_number"] == "990028").unwrap().clone();
    let refused = send(&office(&hub), 1, &body);
    let error = refused.json()["errors"][0].clone();
    assert_eq!((refused.code().as_str(), &error["live_from"]), ("E3003", &migrating["live_from"]));
    assert_eq!(error["field"], "/unit/tables/1/rows/1/保険者番号");
    assert_eq!(office(&hub).lookup(&key(1)).code(), "E4040", "E3003 is not kept under the key");
    body["to_facility"] = json!(hub.facility("absent").number);
    body["to_service_kind"] = json!("15");
    assert_eq!(send(&office(&hub), 2, &body).code(), "E3004", "what is final comes first");
    hub.advance("1464h");
    body["to_facility"] = json!(hub.facility("dx").number);
    body["to_service_kind"] = json!("11");
    assert!(send(&office(&hub), 1, &body).data()["receipt_number"].is_string());
}

#[test]
fn acks_go_forward_and_the_sender_s_feed_tells_each_step_once() {
    let mut hub = Sandbox::start_with(&["--page", "2"]);
    let (id, from_start) = {
        let (office, dx) = (office(&hub), service(&hub, "dx"));
        for n in 1..=3 {
            send(&office, n, &example(&hub)).data();
        }
        let sent = office.get(SENT).data();
        assert_eq!(column(&sent, "state"), ["delivered", "delivered"]);
        let rest = office.get(&format!("{SENT}{}", next(&sent))).data();
        assert_eq!(column(&rest, "state"), ["delivered"]);
        let received = dx.get(RECEIVED).data();
        let id = column(&received, "id")[0].clone();
        assert_eq!(ack(&dx, &id, 10, "delivered").code(), "E2102");
        assert_eq!(ack(&dx, &id, 10, "downloaded").code(), "E2002", "that refusal was final");
        let acked = ack(&dx, &id, 11, "downloaded");
        assert_eq!((&acked.data()["id"], &acked.data()["state"]), (&json!(id), &json!("downloaded")));
        assert_eq!(ack(&dx, &id, 11, "downloaded").json(), acked.json(), "the first answer again");
        assert_eq!(dx.lookup(&key(11)).data()["state"], "downloaded");
        let other = column(&received, "id")[1].clone();
        assert_eq!(ack(&dx, &other, 11, "downloaded").code(), "E2002", "the same body, but another unit");
        assert_eq!(ack(&dx, "U0000000-00000000", 12, "opened").code(), "E4040");
        assert_eq!(ack(&service(&hub, "nursing"), &id, 12, "opened").code(), "E4040", "somebody else's unit");
        assert_eq!(ack(&office, &id, 12, "opened").code(), "E4040");
        assert_eq!(ack(&dx, &id, 12, "opened").data()["state"], "opened", "E4040 was not kept under the key");
        assert_eq!(ack(&dx, &id, 13, "downloaded").data()["state"], "opened", "what is behind changes nothing");
        let moved = office.get(&format!("{SENT}{}", next(&rest))).data();
        assert_eq!(column(&moved, "state"), ["downloaded", "opened"]);
        assert_eq!(column(&moved, "id"), [id.clone(), id.clone()]);
        (id, next(&received))
    };
    hub.restart();
    let dx = service(&hub, "dx");
    let again = dx.get(RECEIVED).data();
    assert_eq!(column(&again, "state"), ["opened", "delivered"], "an ack does not move it");
    assert_eq!(next(&again), from_start, "and leaves cursors alone");
    let facts = hub.facts();
    assert_eq!((&facts["totals"]["acks"], &facts["totals"]["filed_twice"]), (&json!(3), &json!(0)));
    assert_eq!(facts["acks"][1]["state"], "opened");
    assert_eq!((&facts["acks"][0]["id"], &facts["acks"][0]["user_id"]), (&json!(id), &json!("dx-staff")));
    assert_eq!(facts["careplans"][0]["state"], "opened");
}

#[test]
fn received_comes_in_order_of_filing_and_cursors_expire() {
    let hub = Sandbox::start_with(&["--page", "3"]);
    let (office, other) = (office(&hub), Curl::logged_in(&hub, "other-office", "other-office-manager"));
    let mut receipts = Vec::new();
    for n in 0..7 {
        let from = if n % 2 == 0 { &office } else { &other };
        receipts.push(send(from, n, &example(&hub)).data()["receipt_number"].as_str().unwrap().to_owned());
        send(from, 100 + n, &addressed(&hub, "nursing", "13")).data();
    }
    let dx = service(&hub, "dx");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = dx.get(&format!("{RECEIVED}{cursor}")).data();
        cursor = next(&page);
        if items(&page).is_empty() {
            break;
        }
        seen.extend(column(&page, "receipt_number"));
    }
    assert_eq!(seen, receipts);
    let last = send(&office, 50, &example(&hub)).data();
    let page = dx.get(&format!("{RECEIVED}{cursor}")).data();
    assert_eq!(column(&page, "receipt_number"), [last["receipt_number"].as_str().unwrap()]);
    let path = format!("{RECEIVED}{}", next(&page));
    assert_eq!(service(&hub, "nursing").get(&path).code(), "E4040", "a cursor is the facility's own");
    assert_eq!(dx.get(&format!("{SENT}{}", next(&page))).code(), "E4040", "and the list's");
    hub.post("cursors", json!({"expire": "all"}));
    for list in [RECEIVED, SENT] {
        let expired = dx.get(&format!("{list}{}", next(&page)));
        assert_eq!((expired.status, expired.code().as_str()), (404, "E4040"), "{list}");
    }
    assert_eq!(column(&dx.get(RECEIVED).data(), "receipt_number"), receipts[..3]);
}

#[test]
fn faults_meet_the_calls_by_name() {
    let hub = Sandbox::start();
    let (office, dx) = (office(&hub), service(&hub, "dx"));
    let body = example(&hub);
    for (n, (kind, effects)) in [("cut_before_effect", 0), ("cut_after_effect", 1)].into_iter().enumerate() {
        hub.fault(json!({"on": "careplan-sent", "kind": kind}));
        assert_eq!(send(&office, n, &body).status, 0, "{kind}");
        assert_eq!(hub.key_facts(&key(n))["effects"], effects, "{kind}");
        assert!(send(&office, n, &body).data()["receipt_number"].is_string());
        assert_eq!(hub.key_facts(&key(n))["effects"], 1, "{kind}");
    }
    hub.fault(json!({"on": "careplan-sent", "kind": "wrong_type"}));
    assert!(send(&office, 1, &body).data()["receipt_number"].is_null());
    hub.fault(json!({"on": "careplan-sent", "kind": "refuse", "code": "E3002"}));
    assert_eq!(send(&office, 5, &body).code(), "E3002");
    assert_eq!(office.lookup(&key(5)).data()["outcome"], "refused", "a verdict stays with the key");

    let id = column(&dx.get(RECEIVED).data(), "id")[0].clone();
    let unit = format!("{RECEIVED}/{id}");
    for (on, path) in [("careplan-sent-list", SENT), ("careplan-received", RECEIVED), ("careplan-unit", unit.as_str())]
    {
        hub.fault(json!({"on": on, "kind": "status_503"}));
        assert_eq!((dx.get(path).status, dx.get(path).status), (503, 200), "{on}");
    }
    hub.fault(json!({"on": "careplan-received", "kind": "expired_cursor"}));
    assert_eq!(dx.get(RECEIVED).code(), "E4040");
    hub.fault(json!({"on": "careplan-ack", "kind": "cut_after_effect"}));
    assert_eq!(ack(&dx, &id, 20, "downloaded").status, 0);
    assert_eq!(ack(&dx, &id, 20, "downloaded").data()["state"], "downloaded");
    assert_eq!(hub.key_facts(&key(20))["effects"], 1);
    for on in ["delivery-registrations", "consent-drafts"] {
        hub.fault(json!({"on": on, "kind": "status_500"}));
        let reply = write(&office, &format!("careplans/5.0/{on}"), &key(30), &json!({"unit": body["unit"]}));
        assert_eq!(reply.status, 500, "{on}");
    }
    hub.fault(json!({"on": "careplan-sent", "kind": "not_offered", "times": 0}));
    assert!(!office.get("capabilities").body.contains("careplans"));
    assert_eq!(send(&office, 40, &body).code(), "E2000");
}

#[test]
fn a_unit_that_was_given_up_arrives_later() {
    let hub = Sandbox::start();
    hub.fault(json!({"on": "careplan-sent", "kind": "delay", "delay_ms": 3000}));
    let office = office(&hub);
    let hasty = Curl::logged_in(&hub, "office", "office-manager").with(&["--max-time", "1"]);
    assert_eq!(send(&hasty, 1, &example(&hub)).exit, 28, "time-out");
    assert_eq!(office.lookup(&key(1)).code(), "E4040", "never seen, so far");
    until("the late effect", Duration::from_secs(10), || (hub.status()["at_work"] == 0).then_some(()));
    assert_eq!(office.lookup(&key(1)).data()["outcome"], "accepted");
    assert_eq!(items(&service(&hub, "dx").get(RECEIVED).data()).len(), 1);
}

#[test]
fn reference_and_help_name_every_call_and_table() {
    let hub = Sandbox::start();
    let reference = include_str!("../../docs/sandbox.md");
    let help = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let refusal = hub.refused("POST", "/control/faults", &json!({"on": "no such call", "kind": "delay"}));
    let names = refusal.split("/path ").nth(1).unwrap().trim_end_matches("\"}");
    assert!(names.split(' ').count() >= 20, "{refusal}");
    for name in names.split(' ') {
        assert!(reference.contains(name) && help.contains(name), "{name}");
    }
    let layouts = include_str!("../../src/model/careplan/layout.tsv").lines().filter(|line| line.starts_with(">\t"));
    let tables: Vec<_> = layouts.map(|line| line.split('\t').nth(1).unwrap()).collect();
    let office = office(&hub);
    for (n, table) in tables.iter().enumerate() {
        assert!(reference.contains(table), "{table}");
        let mut body = example(&hub);
        body["unit"]["tables"] = json!([{"name": table, "rows": []}]);
        assert!(send(&office, n, &body).data()["receipt_number"].is_string(), "{table}");
        assert_eq!(hub.facts()["careplans"][n]["kind"], json!(table));
    }
    assert_eq!(tables.len(), 18);
}

#[test]
fn a_journal_of_before_care_plans_is_still_read() {
    let mut hub = Sandbox::start();
    hub.kill();
    let line = json!({
        "event": "filed", "facility": "9910000011", "key": key(1), "receipt_number": "S0000001-abcdef",
        "at": "2026-04-01T00:00:00Z", "trace_id": "00", "body_sha256": "00", "canonical_sha256": "00", "length": 2,
        "insurer_number": "999995", "request_number": "0001", "attachments": 0,
    });
    let mut journal = fs::File::options().append(true).open(hub.dir().join("journal.jsonl")).unwrap();
    writeln!(journal, "{line}").unwrap();
    hub.restart();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(clinic.lookup(&key(1)).data()["receipt_number"], "S0000001-abcdef");
    assert_eq!(hub.facts()["accepted"][0]["length"], 2);
}
