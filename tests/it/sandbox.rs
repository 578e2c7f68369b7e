//! The sandbox against the hub profile, seen through curl and openssl.

use std::fs;
use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::curl::Curl;
use crate::support::sandbox::Sandbox;

const KEY: &str = "00000000-0000-4000-8000-000000000001";
const OTHER_KEY: &str = "00000000-0000-4000-8000-000000000002";

#[test]
fn only_tls_1_3_with_a_certificate_of_ours_gets_in() {
    let hub = Sandbox::start();
    let good = Curl::new(&hub, "clinic").get("capabilities");
    let offered = json!(["opinions", "municipalities", "submissions", "identity", "careplans"]);
    assert_eq!((good.status, good.data()), (200, offered));
    // Curl offers the newer protocol, too.
    assert!(good.headers.starts_with("http/1.1 200"), "{good:?}");

    assert_eq!(Curl::new(&hub, "clinic").with(&["--tls-max", "1.2"]).get("capabilities").status, 0);
    for (certificate, alert) in [("foreign", "unknown ca"), ("expired", "certificate expired"), ("not-yet-valid", "")] {
        let refused = Curl::new(&hub, certificate).get("capabilities");
        assert_eq!(refused.status, 0, "{certificate}: {refused:?}");
        assert!(refused.errors.contains(alert), "{certificate}: {refused:?}");
    }
    for certificate in ["wrong-kind", "unknown"] {
        let refused = Curl::new(&hub, certificate).get("capabilities");
        assert_eq!((refused.status, refused.code().as_str()), (403, "E1001"), "{certificate}");
    }
    let without = Command::new("curl")
        .args(["-sS", "--cacert"])
        .arg(hub.ca())
        .arg(format!("{}/api/v1/capabilities", hub.url()))
        .output()
        .unwrap();
    assert!(!without.status.success() && without.stdout.is_empty());
    assert_eq!(hub.stderr(), "");
}

#[test]
fn openssl_reads_the_pkcs12() {
    let hub = Sandbox::start();
    let clinic = hub.facility("clinic");
    let read = Command::new("openssl")
        .args(["pkcs12", "-nodes", "-in"])
        .arg(&clinic.p12)
        .arg("-passin")
        .arg(format!("file:{}", clinic.p12_passphrase.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    assert!(read.status.success() && text.contains("PRIVATE KEY"));
    assert!(text.contains("CN = 9910000011, OU = iryo"), "{text}");
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "certificate and CA");
}

#[test]
fn tokens_are_bound_refreshed_once_and_expire() {
    let hub = Sandbox::start();
    let clinic = Curl::new(&hub, "clinic");
    let first = clinic.login("clinic-doctor", &hub.password("clinic-doctor")).data();
    assert_eq!((&first["expires_in"], &first["refresh_expires_in"]), (&json!(3600), &json!(28800)));
    assert_eq!((&first["job_kind"], &first["service_kind"]), (&json!("doctor"), &json!("medical")));
    let token = |data: &Value| data["access_token"].as_str().map(str::to_owned);

    let mut stolen = Curl::new(&hub, "other-clinic");
    stolen.token = token(&first);
    assert_eq!(stolen.get("opinions/changes").code(), "E1004");
    let elsewhere = stolen.login("clinic-doctor", &hub.password("clinic-doctor"));
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (401, "E1002"));

    let refresh = |data: &Value| clinic.post("token/refresh", &json!({"refresh_token": data["refresh_token"]}));
    let second = refresh(&first).data();
    assert_eq!(refresh(&first).code(), "E1004", "a refresh token serves once");
    let mut curl = Curl::new(&hub, "clinic");
    for data in [&first, &second] {
        curl.token = token(data);
        assert_eq!(curl.get("opinions/changes").status, 200, "the old access token lives until its end");
    }
    hub.advance("61m");
    assert_eq!(curl.get("opinions/changes").code(), "E1004");
    let third = refresh(&second).data();
    curl.token = token(&third);
    assert_eq!(curl.post("logout", &json!({})).data(), json!({}));
    assert_eq!(curl.get("opinions/changes").code(), "E1004");
    assert_eq!(refresh(&third).code(), "E1004");
}

#[test]
fn three_wrong_passwords_lock_for_half_an_hour() {
    let mut hub = Sandbox::start();
    let right = hub.password("clinic-clerk");
    {
        let clinic = Curl::new(&hub, "clinic");
        assert_eq!(clinic.login("clinic-clerk", "wrong").code(), "E1002");
        assert_eq!(clinic.login("clinic-clerk", "wrong").code(), "E1002");
        let locked = clinic.login("clinic-clerk", "wrong");
        assert_eq!((locked.status, locked.code().as_str()), (403, "E1003"));
        assert!(locked.json()["errors"][0]["locked_until"].as_str().unwrap().ends_with("+09:00"));
    }
    hub.restart();
    let clinic = Curl::new(&hub, "clinic");
    assert_eq!(clinic.login("clinic-clerk", &right).code(), "E1003", "a restart does not open the lock");
    hub.advance("31m");
    assert_eq!(clinic.login("clinic-clerk", &right).status, 200);
    assert_eq!(hub.status()["accounts"]["clinic-clerk"]["attempts"], 2);
}

#[test]
fn one_key_has_one_effect_even_over_a_kill() {
    let mut hub = Sandbox::start();
    let body = hub.example();
    let mut spaced: Value = body.clone();
    spaced.as_object_mut().unwrap().sort_keys();
    let first = {
        let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
        assert_eq!(clinic.lookup(KEY).code(), "E4040");
        let first = clinic.file(KEY, &body).json();
        assert_eq!(clinic.file(KEY, &spaced).json(), first, "the order of members does not matter");
        first
    };
    hub.kill();
    let mut journal = fs::File::options().append(true).open(hub.dir().join("journal.jsonl")).unwrap();
    journal.write_all(b"{\"event\":\"filed\",\"fac").unwrap();
    hub.restart();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(clinic.file(KEY, &body).json(), first, "a line torn by the kill does not matter");
    let mut other = body.clone();
    other["request_number"] = json!("0099");
    other["opinion"]["special_notes"] = json!("別の内容");
    let clash = clinic.file(KEY, &other);
    assert_eq!((clash.status, clash.code().as_str()), (200, "E2002"));
    let looked_up = clinic.lookup(KEY).data();
    assert_eq!(
        (&looked_up["outcome"], &looked_up["receipt_number"]),
        (&json!("accepted"), &first["data"]["receipt_number"])
    );
    let stranger = Curl::logged_in(&hub, "other-clinic", "other-doctor");
    assert_eq!(stranger.lookup(KEY).code(), "E4040", "a key is the facility's own");

    let facts = hub.key_facts(KEY);
    assert_eq!((&facts["seen"], &facts["effects"]), (&json!(4), &json!(1)));
    assert_eq!(facts["bodies_sha256"].as_array().unwrap().len(), 3);
    assert_eq!(clinic.file(OTHER_KEY, &body).status, 200);
    let totals = hub.facts()["totals"].clone();
    assert_eq!((&totals["filed_twice"], &totals["documents_under_two_keys"]), (&json!(0), &json!(1)));
    hub.advance("9700h");
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(clinic.lookup(KEY).code(), "E4040", "keys are kept for 400 days");
}

/// Changes one member of a body.
type Change = fn(&mut Value);

#[test]
fn an_opinion_is_checked_and_every_error_says_where() {
    let hub = Sandbox::start();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    let cases: &[(&str, &str, Change)] = &[
        ("E2101", "/insured_number", |b| drop(b.as_object_mut().unwrap().shift_remove("insured_number"))),
        ("E2102", "/insurer_number", |b| b["insurer_number"] = json!(999_995)),
        ("E2102", "/opinion", |b| b["opinion"] = json!({})),
        ("E2102", "/opinion/bedridden_degree", |b| b["opinion"]["bedridden_degree"] = json!("z9")),
        ("E2102", "/opinion/entry_date", |b| b["opinion"]["entry_date"] = json!("2026-02-30")),
        ("E2103", "/insurer_number", |b| b["insurer_number"] = json!("990044")),
        ("E2104", "/form_version", |b| b["form_version"] = json!("from_1999")),
        ("E2105", "/surprise", |b| b["surprise"] = json!(1)),
        ("E2105", "/opinion/shoe_size", |b| b["opinion"]["shoe_size"] = json!(1)),
        ("E2106", "/opinion/insurer_number", |b| b["opinion"]["insurer_number"] = json!("999996")),
        ("E2120", "/opinion/applicant_name", |b| b["opinion"]["applicant_name"] = json!("髙橋 見本")),
        ("E2120", "/opinion/special_notes", |b| b["opinion"]["special_notes"] = json!("𠮷野家")),
        ("E2120", "/opinion/applicant_kana", |b| b["opinion"]["applicant_kana"] = json!("ﾐﾎﾝ ﾊﾅ")),
        ("E2120", "/opinion/special_notes", |b| b["opinion"]["special_notes"] = json!("さ\u{309A}")),
        ("E2102", "/signature", |b| b["signature"] = json!(1)),
        ("E2102", "/signature", |b| b["signature"] = json!("?")),
        ("E2112", "/attachments/0/content", |b| b["attachments"] = attachment("?", "application/pdf", "00")),
        ("E2111", "/attachments/0/media_type", |b| b["attachments"] = attachment("JVBERi0xLjc=", "image/png", PDF)),
        ("E2110", "/attachments/0/sha256", |b| b["attachments"] = attachment("JVBERi0xLjc=", "application/pdf", "00")),
    ];
    for (n, (code, field, change)) in cases.iter().enumerate() {
        let mut body = hub.example();
        change(&mut body);
        let key = format!("00000000-0000-4000-8000-{n:012}");
        let refused = clinic.file(&key, &body);
        assert_eq!((refused.status, refused.code().as_str()), (200, *code), "{field}: {refused:?}");
        assert_eq!(refused.json()["errors"][0]["field"], *field);
        let looked_up = clinic.lookup(&key).data();
        assert_eq!((&looked_up["outcome"], &looked_up["errors"][0]["code"]), (&json!("refused"), &json!(code)));
    }
    let mut good = hub.example();
    good["attachments"] = attachment("JVBERi0xLjc=", "application/pdf", PDF);
    good["signature"] = json!("MIIB");
    good["opinion"]["applicant_name"] = json!("﨑山 ①〜～－—¥‾＼￠￡￢￤か\u{309A}");
    assert!(clinic.file(KEY.replace("8000", "8001").as_str(), &good).data()["receipt_number"].is_string());
    assert_eq!(clinic.run("opinions", &["--data-binary", "{}"]).code(), "E2003");
}

const PDF: &str = "86edbaa24831badfa0a8b04bb410141e2ee4182b6d0014493fe262a7a331c20b";

fn attachment(content: &str, media_type: &str, sha256: &str) -> Value {
    json!([{"name": "紹介状.pdf", "media_type": media_type, "sha256": sha256, "content": content}])
}

#[test]
fn an_insurer_that_is_not_live_may_become_so_under_the_same_key() {
    let hub = Sandbox::start();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    let list = Curl::new(&hub, "clinic").get("municipalities");
    let migrating = list.data().as_array().unwrap().iter().find(|m| m["state"] == "migrating").unwrap().clone();
    let mut body = hub.example();
    body["insurer_number"] = migrating["insurer_number"].clone();
    let refused = clinic.file(KEY, &body);
    assert_eq!(refused.code(), "E3003");
    assert_eq!(refused.json()["errors"][0]["live_from"], migrating["live_from"]);
    assert_eq!(clinic.lookup(KEY).code(), "E4040", "E3003 is not kept under the key");

    let tag = list.headers.lines().find_map(|l| l.strip_prefix("etag: ")).unwrap().to_owned();
    let header = format!("If-None-Match: {tag}");
    assert_eq!(clinic.run("municipalities", &["-H", &header]).status, 304);
    hub.advance("1464h");
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(clinic.run("municipalities", &["-H", &header]).status, 200);
    assert!(clinic.file(KEY, &body).data()["receipt_number"].is_string());
}

#[test]
fn the_feed_tells_each_step_once_and_its_cursor_goes_on() {
    let hub = Sandbox::start_with(&["--page", "2", "--forward-after", "1h", "--accept-after", "24h"]);
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    let receipt = clinic.file(KEY, &hub.example()).data()["receipt_number"].as_str().unwrap().to_owned();
    let page = |cursor: &str| {
        Curl::logged_in(&hub, "clinic", "clinic-doctor").get(&format!("opinions/changes{cursor}")).data()
    };
    let states =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|i| i["state"].clone()).collect::<Vec<_>>();
    let next = |page: &Value| format!("?cursor={}", page["next_cursor"].as_str().unwrap());
    let first = page("");
    assert_eq!(states(&first), ["received"]);
    hub.advance("26h");
    let second = page(&next(&first));
    assert_eq!(states(&second), ["forwarded", "accepted"]);
    let third = page(&next(&second));
    assert_eq!((states(&third).len(), next(&third)), (0, next(&second)));
    hub.municipal(&receipt, "returned", Some("記入漏れ"));
    let fourth = page(&next(&third));
    assert_eq!((states(&fourth), &fourth["items"][0]["reason"]), (vec![json!("returned")], &json!("記入漏れ")));
    assert_eq!(states(&page("")), ["received", "forwarded"], "the beginning again, a page long");

    hub.post("cursors", json!({"expire": "all"}));
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    let expired = clinic.get(&format!("opinions/changes{}", next(&fourth)));
    assert_eq!((expired.status, expired.code().as_str()), (404, "E4040"));
    let stranger = Curl::logged_in(&hub, "other-clinic", "other-doctor");
    assert_eq!(stranger.get("opinions/changes").data()["items"], json!([]));
}

#[test]
fn requests_are_for_clinics_and_what_is_not_offered_says_so() {
    let hub = Sandbox::start();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    let requests = clinic.post("opinions/requests/list", &json!({"cursor": null})).data();
    let first = &requests["items"][0];
    for name in ["request_number", "insurer_number", "insured_number", "issued_at", "due_date"] {
        assert!(first[name].is_string(), "{name}: {first}");
    }
    assert!(requests["next_cursor"].is_string());
    let office = Curl::logged_in(&hub, "office", "office-manager");
    assert_eq!(office.post("opinions/requests/list", &json!({})).code(), "E3001");
    assert_eq!(office.file(KEY, &hub.example()).code(), "E3001");
    let clerk = Curl::logged_in(&hub, "clinic", "clinic-clerk");
    assert_eq!(clerk.file(KEY, &hub.example()).code(), "E3001", "opinions are filed by doctors");
    assert_eq!(clerk.post("opinions/requests/list", &json!({})).status, 200);
    let absent = clinic.get("careplans/4.1/sent");
    assert_eq!((absent.status, absent.code().as_str()), (404, "E2000"));
    assert_eq!(Curl::new(&hub, "clinic").get("opinions/changes").code(), "E1004");
}

#[test]
fn seed_decides_and_secrets_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (one, two) = (Sandbox::start_with(&["--seed", "7"]), Sandbox::start_with(&["--seed", "7"]));
    let receipts: Vec<_> = [&one, &two]
        .map(|hub| Curl::logged_in(hub, "clinic", "clinic-doctor").file(KEY, &hub.example()).json())
        .into_iter()
        .map(|j| (j["data"]["receipt_number"].clone(), j["trace_id"].clone()))
        .collect();
    assert_eq!(receipts[0], receipts[1]);
    assert_ne!(Sandbox::start().password("clinic-doctor"), one.password("clinic-doctor"));
    let clinic = one.facility("clinic");
    for file in [one.password_file("clinic-doctor"), clinic.key, clinic.p12, clinic.p12_passphrase] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let journal = fs::read_to_string(one.dir().join("journal.jsonl")).unwrap();
    let name = one.example()["opinion"]["applicant_name"].as_str().unwrap().to_owned();
    assert!(!journal.contains(&name), "the hub keeps hashes, not people");
}
