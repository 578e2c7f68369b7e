//! One gateway, two facilities of the hub: each delivers as itself, waits for itself, and sees itself alone.

mod gone;
mod office;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, opinion, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;
use office::{House, SOON};

#[test]
fn both_deliver_each_as_itself_under_one_and_the_same_key() {
    let hub = Sandbox::start();
    let house = House::start(&hub);
    let document = submission(&opinion("1"), "one and the same");
    let ids = house.each().map(|facility| {
        let answer = house.ask(&document.clone().key(&facility.key));
        assert_eq!(answer.status, 202, "{answer:?}");
        assert!(answer.header("idempotent-replayed").is_none());
        answer.json()["id"].as_str().unwrap().to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    for (facility, id) in house.each().into_iter().zip(&ids) {
        facility.reaches(&house, id, "delivered");
        let again = house.ask(&document.clone().key(&facility.key));
        assert_eq!(
            (again.json()["id"].as_str(), again.header("idempotent-replayed").as_deref()),
            (Some(&**id), Some("true"))
        );
    }
    // Each is counted under its own number, its certificate too.
    let told =
        |line: &String| house.gateway.get("/metrics").body.lines().any(|found| found.starts_with(line)).then_some(());
    for facility in house.each() {
        let number = &facility.number;
        for line in [
            format!("engawa_accepted_total{{facility=\"{number}\"}} 1"),
            format!("engawa_outcomes_total{{facility=\"{number}\",outcome=\"accepted\"}} 1"),
            format!("engawa_submissions{{facility=\"{number}\",state=\"delivered\"}} 1"),
            format!("engawa_hub_circuit{{facility=\"{number}\"}} 0"),
            format!("engawa_certificate_days{{facility=\"{number}\"}} "),
        ] {
            until(&line, SOON, || told(&line));
        }
    }
    // The hub says in whose name it was asked: by the certificate, which the token is bound to.
    let accepted = hub.facts()["accepted"].as_array().unwrap().clone();
    assert_eq!(accepted.len(), 2);
    for facility in house.each() {
        let filed = accepted.iter().filter(|filed| filed["facility"] == *facility.number);
        assert_eq!(filed.count(), 1, "{accepted:?}");
    }
    let certificates = hub.status()["connections"]["certificates"].as_array().unwrap().clone();
    let shown: Vec<&str> = certificates.iter().map(|shown| shown["facility"].as_str().unwrap()).collect();
    assert!(house.each().iter().all(|facility| shown.contains(&facility.number.as_str())), "{certificates:?}");
    assert!(house.gateway.errors().is_empty(), "{:?}", house.gateway.errors());
}

#[test]
fn a_locked_account_holds_up_its_own_facility_alone() {
    let hub = Sandbox::start();
    hub.post("accounts/clinic-doctor", json!({"lock": true}));
    let house = House::start(&hub);
    let [first, second] = house.each();
    let held = first.accepted(&house, "held");
    let free = second.accepted(&house, "free");
    second.reaches(&house, &free, "delivered");
    let reason = || first.health(&house)["parts"]["hub"]["reason"].as_str().map(str::to_owned);
    let reason = until("the first facility's health to say so", SOON, reason);
    assert!(reason.contains("LOCKED"), "{reason}");
    assert_ne!(first.submission(&house, &held)["state"], "delivered");
    // The other one is well, and is not told of its neighbour's trouble.
    let health = second.health(&house);
    assert_eq!((&health["status"], &health["parts"]["hub"]["status"]), (&json!("ok"), &json!("ok")), "{health}");
    let told: Vec<&String> = health["facilities"].as_object().unwrap().keys().collect();
    assert_eq!(told, [&second.number]);
    assert!(!health.to_string().contains(&first.number), "{health}");
    // Whoever looks after the box sees both.
    let whole = house.gateway.get("/v1/health").json();
    assert_eq!(whole["facilities"][&first.number]["waiting"], 1);
    assert_eq!(whole["facilities"][&second.number]["status"], "ok");
    assert_eq!(whole["parts"]["hub"]["status"], "degraded", "the worst of both");
    let status = house.gateway.run(&["status"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains(&first.number) && text.contains(&second.number), "{text}");
    let second_alone = house.gateway.run(&["status", "--facility", &second.number]);
    assert!(!String::from_utf8_lossy(&second_alone.stdout).contains(&first.number));
}

#[test]
fn a_header_says_which_facility_is_meant_and_never_opens_another_one() {
    let hub = Sandbox::start();
    let house = House::start(&hub);
    let [first, second] = house.each();
    let named = |ask: Ask, number: &str| ask.header("Engawa-Facility", number);
    // A key that names its own is let in; one that names another is refused before anything is kept.
    let right = house.ask(&named(Ask::new("GET", "/v1/submissions").key(&first.key), &first.number));
    assert_eq!(right.status, 200);
    for wrong in [second.number.as_str(), "1370000099", ""] {
        let refused = house.ask(&named(submission(&opinion("1"), "misdirected").key(&first.key), wrong));
        assert_eq!((refused.status, refused.code().as_str()), (403, "AUTH_FORBIDDEN"), "{wrong}: {refused:?}");
        assert_eq!(refused.json()["errors"][0]["code"], "FACILITY_OTHER");
    }
    let twice = named(named(Ask::new("GET", "/v1/health").key(&first.key), &first.number), &second.number);
    assert_eq!(house.ask(&twice).code(), "AUTH_FORBIDDEN");
    for facility in [first, second] {
        assert_eq!(facility.list(&house, "/v1/submissions"), Vec::<Value>::new());
    }
    // The administrator of the box chooses; without a word it is the first one.
    let sent = house.ask(&named(submission(&opinion("2"), "by hand"), &second.number));
    assert_eq!(sent.status, 202, "{sent:?}");
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    second.reaches(&house, &id, "delivered");
    assert_eq!(house.gateway.get(&format!("/v1/submissions/{id}")).status, 404);
    assert_eq!(first.ask(&house, "GET", &format!("/v1/submissions/{id}")).status, 404);
    let unknown = house.ask(&named(Ask::new("GET", "/v1/submissions"), "1370000099"));
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "FACILITY_UNKNOWN"));
    let both = house.ask(&named(named(Ask::new("GET", "/v1/submissions"), &first.number), &second.number));
    assert_eq!(both.code(), "FACILITY_UNKNOWN");
    // The same on the command line.
    let listed = house.gateway.run(&["queue", "list", "--json", "--facility", &second.number]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["items"][0]["id"], *id);
    let nobody = house.gateway.run(&["queue", "list", "--facility", "1370000099"]);
    assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("FACILITY_UNKNOWN"));
    // Every act stands in the one chain with the facility it was for.
    let trail = house.trail();
    let of = |record: &&Value| record["act"] == "opinion.submit" && record["result"] == "done";
    let sent: Vec<&Value> = trail.iter().filter(of).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!((&sent[0]["facility"], &sent[0]["by"]), (&json!(second.number), &json!("local")));
    let refused = |record: &&Value| record["act"] == "opinion.submit" && record["code"] == "AUTH_FORBIDDEN";
    let refused: Vec<&Value> = trail.iter().filter(refused).collect();
    // The same refusal of one key has one record.
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused.iter().all(|record| record["facility"] == *first.number));
    assert!(house.gateway.run(&["audit", "verify"]).status.success());
}

#[test]
fn nothing_of_one_is_visible_to_the_other() {
    let hub = Sandbox::start();
    let house = House::start(&hub);
    let [first, second] = house.each();
    let of_first = house.furnish(first);
    let of_second = house.furnish(second);
    for (facility, own, others) in [(first, &of_first, &of_second), (second, &of_second, &of_first)] {
        for path in
            ["/v1/submissions", "/v1/keys", "/v1/staff", "/v1/terminals", "/v1/pairing", "/v1/careplans/received"]
        {
            let answer = facility.ask(&house, "GET", path);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            for thing in others.marks() {
                assert!(!answer.body.contains(thing), "{path} of {} shows {thing}: {}", facility.number, answer.body);
            }
        }
        let trail = facility.ask(&house, "GET", "/v1/trail?limit=1000").body;
        assert!(trail.contains(&own.submission) && !trail.contains(&others.submission));
        for line in trail.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["facility"], *facility.number, "{record}");
        }
        let events = facility.events(&house, &own.submission);
        assert!(!events.contains(&others.submission), "{events}");
        for (method, path) in [
            ("GET", format!("/v1/submissions/{}", others.submission)),
            ("GET", format!("/v1/opinions/{}", others.submission)),
            ("POST", format!("/v1/submissions/{}/cancel", others.submission)),
            ("POST", format!("/v1/submissions/{}/retry", others.submission)),
            ("POST", format!("/v1/submissions/{}/paper", others.submission)),
            ("GET", format!("/v1/submissions/{}/cover-page", others.submission)),
            ("GET", format!("/v1/identifications/{}", others.submission)),
            ("DELETE", format!("/v1/keys/{}", others.key)),
            ("DELETE", format!("/v1/pairing/{}", others.window)),
            ("POST", format!("/v1/staff/{}/password", others.user)),
        ] {
            let answer = facility.ask(&house, method, &path);
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
        }
        let said = json!({ "logged_in_at_hub": true });
        let hub_try = |user: &str| {
            house.ask(&Ask::new("POST", &format!("/v1/staff/{user}/hub-try")).key(&facility.key).json(&said))
        };
        assert_eq!(hub_try(&others.user).status, 404);
        assert_eq!(hub_try(&own.user).code(), "HUB_STAFF_LOGIN_OFF");
        // The log says whose request it was.
        let log = house.gateway.log();
        let opened = log.lines().filter(|line| line.contains("pairing window opened") && line.contains(&own.window));
        let tells = |line: &str| line.contains(&format!("facility=\"{}\"", facility.number));
        assert!(opened.inspect(|line| assert!(tells(line), "{line}")).count() == 1, "{log}");
        // Each has a folder of its own.
        assert!(house.gateway.exchange().join(&facility.number).join("out").is_dir());
        facility.reaches(&house, &own.submission, "delivered");
    }
    // Nothing of it was done all the same.
    for (facility, own) in [(first, &of_first), (second, &of_second)] {
        let keys = facility.ask(&house, "GET", "/v1/keys").body;
        let windows = facility.ask(&house, "GET", "/v1/pairing").body;
        assert!(keys.contains(&own.key) && windows.contains(&own.window));
    }
    // The administrator's lists: of the facility that is named, or of the whole box where that is the question.
    let keys = |arguments: &[&str]| {
        let output = house.gateway.run(&[&["key", "list", "--json"], arguments].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let (all, own) = (keys(&[]), keys(&["--facility", &second.number]));
    assert!(all.contains(&of_first.key) && all.contains(&of_second.key));
    assert!(!own.contains(&of_first.key) && own.contains(&of_second.key));
    assert!(house.gateway.run(&["audit", "verify"]).status.success());
}

#[test]
fn what_one_sends_to_the_other_goes_by_the_hub_and_lies_in_the_folder_of_its_recipient_alone() {
    let hub = Sandbox::start();
    let house = House::offices(&hub);
    let [office, dx] = house.each();
    let slip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan/slip");
    let mut names = Vec::new();
    for file in slip.read_dir().unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        fs::copy(file.path(), house.gateway.exchange().join(&office.number).join("out").join(&name)).unwrap();
        names.push(name);
    }
    names.sort();
    until("the files to be with the other office", SOON * 2, || (dx.folder(&house, "in") == names).then_some(()));
    assert_eq!(office.folder(&house, "in"), Vec::<String>::new());
    assert_eq!(dx.folder(&house, "sent"), Vec::<String>::new());
    let received = dx.list(&house, "/v1/careplans/received");
    assert_eq!((received.len(), &received[0]["from_facility"]), (1, &json!(office.number)));
    assert_eq!(office.list(&house, "/v1/careplans/received"), Vec::<Value>::new());
    let path = format!("/v1/careplans/received/{}", received[0]["id"].as_str().unwrap());
    assert_eq!(dx.ask(&house, "GET", &format!("{path}/unit")).status, 200);
    for rest in ["", "/unit", "/files"] {
        assert_eq!(office.ask(&house, "GET", &format!("{path}{rest}")).status, 404, "{rest}");
    }
    assert_eq!(office.ask(&house, "POST", &format!("{path}/opened")).status, 404);
    let sent = office.list(&house, "/v1/submissions");
    assert_eq!((sent.len(), dx.list(&house, "/v1/submissions").len()), (1, 0));
    let id = sent[0]["id"].as_str().unwrap();
    office.reaches(&house, id, "delivered");
    assert_eq!(dx.ask(&house, "GET", &format!("/v1/submissions/{id}")).status, 404);
    assert_eq!(dx.ask(&house, "POST", &format!("{path}/opened")).status, 200);
    let opened = || (office.submission(&house, id)["recipient"]["state"] == "opened").then_some(());
    until("the sender to be told", SOON * 2, opened);
}

#[test]
fn a_facility_that_is_taken_out_waits_until_it_is_put_back() {
    let hub = Sandbox::start();
    let mut house = House::start(&hub);
    hub.down();
    let [first, second] = house.each().map(Clone::clone);
    let waiting = second.accepted(&house, "waits");
    let file = house.gateway.dir().join("facilities.d/other-clinic.toml");
    let aside = house.gateway.dir().join("aside");
    fs::rename(&file, &aside).unwrap();
    // A reload takes it neither out nor in; it says so.
    house.gateway.signal(nix::sys::signal::Signal::SIGHUP);
    let line = "this setting changes at the next start";
    until("the reload", SOON, || house.gateway.log().contains(line).then_some(()));
    assert_eq!(second.ask(&house, "GET", "/v1/submissions").status, 200);
    assert!(house.gateway.stop().success());
    hub.up();
    house.gateway.start();
    for path in ["/v1/submissions", "/v1/events", "/v1/keys", "/v1/health"] {
        let answer = second.ask(&house, "GET", path);
        assert_eq!((answer.status, answer.code().as_str()), (401, "FACILITY_GONE"), "{path}");
    }
    let refused = house.ask(&submission(&opinion("x"), "too late").key(&second.key));
    assert_eq!(refused.code(), "FACILITY_GONE");
    // The first one goes on, and nothing of the other leaves or is lost.
    let own = first.accepted(&house, "goes on");
    first.reaches(&house, &own, "delivered");
    assert_eq!(hub.facts()["accepted"].as_array().unwrap().len(), 1);
    let health = house.gateway.get("/v1/health").json();
    let left = &health["facilities"][&second.number];
    assert_eq!((&left["reason"], &left["waiting"]), (&json!("FACILITY_GONE"), &json!(1)), "{health}");
    assert_eq!(health["parts"]["facilities"]["reason"], "FACILITY_GONE");
    assert_eq!(first.health(&house)["status"], "ok", "that is no concern of the first one");
    let check = house.gateway.run(&["check", "--offline", "--json"]);
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let gone = check["checks"].as_array().unwrap().iter().find(|check| check["code"] == "FACILITY_GONE").unwrap();
    assert_eq!(gone["facility"], *second.number);
    assert!(gone["detail_en"].as_str().unwrap().contains("1 document(s)"), "{gone}");
    assert!(house.gateway.stop().success());
    fs::rename(&aside, &file).unwrap();
    house.gateway.start();
    second.reaches(&house, &waiting, "delivered");
    let accepted = hub.facts()["accepted"].as_array().unwrap().clone();
    let facilities: Vec<&Value> = accepted.iter().map(|filed| &filed["facility"]).collect();
    assert_eq!(facilities, [&json!(first.number), &json!(second.number)]);
    assert!(house.gateway.run(&["audit", "verify"]).status.success());
}

#[test]
fn one_backup_holds_both_and_one_word_lets_both_send_again() {
    let hub = Sandbox::start();
    let mut house = House::start(&hub);
    let [first, second] = house.each().map(Clone::clone);
    let run = |gateway: &Gateway, arguments: &[&str]| {
        let output = gateway.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let sheet = house.gateway.dir().join("sheet");
    fs::write(&sheet, run(&house.gateway, &["backup", "init"])).unwrap();
    hub.down();
    let waiting = [first.accepted(&house, "waits"), second.accepted(&house, "waits")];
    let out = house.gateway.dir().join("backup.age");
    run(&house.gateway, &["backup", "--out", out.to_str().unwrap()]);
    assert!(house.gateway.stop().success());
    hub.up();
    fs::rename(house.gateway.state(), house.gateway.dir().join("lost")).unwrap();
    let (file, key, state) = (out.to_str().unwrap(), sheet.to_str().unwrap(), house.gateway.state().to_owned());
    let state = state.to_str().unwrap();
    run(&house.gateway, &["restore", file, "--recovery-key-file", key, "--state", state]);
    house.gateway.start();
    for (facility, id) in [&first, &second].into_iter().zip(&waiting) {
        let reason = || {
            let reason = facility.health(&house)["parts"]["outbox"]["reason"].clone();
            (reason == "RESTORED_UNCONFIRMED").then_some(())
        };
        until("each to be told why nothing is sent", SOON, reason);
        until("the hub to be asked", SOON * 2, || (facility.submission(&house, id)["state"] == "queued").then_some(()));
    }
    assert_eq!(hub.facts()["accepted"].as_array().unwrap().len(), 0);
    run(&house.gateway, &["restore", "confirm"]);
    for (facility, id) in [&first, &second].into_iter().zip(&waiting) {
        facility.reaches_within(&house, id, "delivered", SOON * 2);
        let reason = || facility.health(&house)["parts"]["outbox"]["reason"].is_null().then_some(());
        until("nothing to be in the way", SOON, reason);
    }
    assert_eq!(hub.facts()["totals"]["filed_twice"], 0);
}

#[test]
fn a_reload_takes_up_the_password_of_a_further_facility() {
    let hub = Sandbox::start();
    let house =
        House::start_after(&hub, |dir| fs::write(dir.join("other-clinic.password"), "wrong-password-0").unwrap());
    let [first, second] = house.each();
    let waiting = second.accepted(&house, "waits");
    let reason = || second.health(&house)["parts"]["hub"]["reason"].as_str().map(str::to_owned);
    until("the wrong password to be known", SOON, reason);
    let own = first.accepted(&house, "goes on");
    first.reaches(&house, &own, "delivered");
    fs::write(house.gateway.dir().join("other-clinic.password"), hub.password("other-doctor")).unwrap();
    house.gateway.signal(nix::sys::signal::Signal::SIGHUP);
    second.reaches_within(&house, &waiting, "delivered", Duration::from_secs(40));
}

#[test]
fn accounts_keys_and_packs_are_made_for_a_facility_while_nothing_runs() {
    let hub = Sandbox::start();
    let mut house = House::start(&hub);
    assert!(house.gateway.stop().success());
    let second = house.each()[1].clone();
    let run = |arguments: &[&str]| {
        let output = house.gateway.run(&[arguments, &["--facility", &second.number]].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key: Value = serde_json::from_str(&run(&["key", "add", "later", "--json"])).unwrap();
    assert_eq!(key["facility"], *second.number);
    let key = key["key"].as_str().unwrap().to_owned();
    run(&["admin", "init", "--user", "tanaka", "--json"]);
    assert!(run(&["staff", "list", "--json"]).contains("tanaka"));
    // A key is bound to an account of its own facility, or to none.
    run(&["key", "add", "bound", "--person", "tanaka", "--json"]);
    let first_number = house.each()[0].number.clone();
    for (user, facility) in [("tanaka", first_number.as_str()), ("nobody", second.number.as_str())] {
        let refused = house.gateway.run(&["key", "add", "bound", "--person", user, "--facility", facility]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("REQUEST_MALFORMED"), "{said}");
        assert!(said.contains("no account"), "{said}");
    }
    let first = house.gateway.run(&["staff", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&first.stdout).contains("tanaka"));
    let listed = run(&["audit", "list", "--json", "--last", "100"]);
    assert!(listed.contains("staff.add") && listed.lines().all(|line| line.contains(&second.number)), "{listed}");
    let out = house.gateway.dir().join("pack");
    run(&["audit", "export", "--month", &office::this_month(), "--out", out.to_str().unwrap()]);
    let pack: Value = serde_json::from_slice(&fs::read(out.join("pack.json")).unwrap()).unwrap();
    assert_eq!(pack["facility"], *second.number, "{pack}");
    house.gateway.start();
    let sent = house.ask(&submission(&opinion("1"), "k").key(&key));
    assert_eq!(sent.status, 202);
    second.reaches(&house, sent.json()["id"].as_str().unwrap(), "delivered");
}
