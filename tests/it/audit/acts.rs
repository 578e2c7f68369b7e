//! What happens on a day stands in the trail: who, from where, what, about what, how it ended.

use std::collections::BTreeSet;
use std::time::Duration;

use engawa::audit::{Record, Result as Ended};
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::Connection as _;

use super::{of, trail};
use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const SOON: Duration = Duration::from_secs(30);

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The public part of a key.
fn public(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

fn told<'a>(records: &'a [Record], act: &str, on: &str) -> &'a Record {
    let mut found = records.iter().filter(|record| record.act == act && record.on.as_deref() == Some(on));
    let first = found.next().unwrap_or_else(|| panic!("no {act} on {on}: {records:#?}"));
    assert!(found.next().is_none(), "{act} on {on} twice");
    first
}

/// Waits until the trail tells of so many of an act.
fn follows(gateway: &Gateway, act: &str, count: usize) -> Vec<Record> {
    until(&format!("{count} records of {act}"), SOON, || Some(trail(gateway)).filter(|all| of(all, act).len() >= count))
}

#[test]
fn the_acts_of_a_day_are_on_record() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).tcp().start();
    let key = gateway.key("program");
    let by = format!("key:{}", public(&key));
    let address = gateway.address();
    let ask = |ask: Ask| ask.key(&key).over_tcp(address).unwrap();
    let accepted = ask(submission(&opinion(1), "one"));
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = id_of(&accepted);
    let repeat = ask(submission(&opinion(1), "one"));
    assert_eq!(id_of(&repeat), id);
    let mut bad = opinion(2);
    bad["insurer_number"] = json!("999990");
    for _ in 0..3 {
        assert_eq!(ask(submission(&bad, "bad")).status, 422);
    }
    gateway.reaches(&id, "delivered", SOON);
    for _ in 0..3 {
        assert_eq!(ask(Ask::new("GET", &format!("/v1/submissions/{id}"))).status, 200);
        assert_eq!(ask(Ask::new("GET", "/v1/submissions")).status, 200);
    }
    // A program that does not give up has one record of each for ten minutes.
    for _ in 0..3 {
        assert_eq!(ask(Ask::new("POST", &format!("/v1/submissions/{id}/cancel"))).code(), "SUBMISSION_STATE");
        assert_eq!(ask(Ask::new("GET", "/v1/keys")).code(), "AUTH_FORBIDDEN");
    }
    assert_eq!(ask(Ask::new("GET", "/v1/submissions/somebody's-name")).status, 404);
    for _ in 0..20 {
        let wrong = Ask::new("GET", "/v1/submissions").key("engawa_000000000000_nothing");
        assert_eq!(wrong.over_tcp(address).unwrap().status, 401);
    }
    let second = gateway.key("second");
    let revoked = gateway.ask(&Ask::new("DELETE", &format!("/v1/keys/{}", public(&second))));
    assert_eq!(revoked.status, 204);
    gateway.signal(Signal::SIGHUP);
    follows(&gateway, "settings.reloaded", 1);
    follows(&gateway, "submission.delivered", 1);
    gateway.restart();
    let later = gateway.accepted(&opinion(3), "three");
    gateway.reaches(&later, "delivered", SOON);
    follows(&gateway, "submission.delivered", 2);
    assert!(gateway.stop().success());

    let records = trail(&gateway);
    let on = format!("submission:{id}");
    let submits: Vec<_> =
        of(&records, "opinion.submit").into_iter().filter(|one| one.on.as_deref() == Some(&on)).collect();
    assert_eq!(submits.len(), 2, "the acceptance and its repeat: {submits:#?}");
    for submit in &submits {
        assert_eq!((&submit.by, submit.from.as_deref(), submit.result), (&by, Some("127.0.0.1"), Ended::Done));
        assert_eq!(submit.facility, hub.facility("clinic").number);
    }
    let refused: Vec<_> =
        of(&records, "opinion.submit").into_iter().filter(|one| one.result == Ended::Refused).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].code.as_deref(), refused[0].on.as_deref()), (Some("OPINION_INVALID"), None));
    let delivered = told(&records, "submission.delivered", &on);
    assert_eq!((delivered.by.as_str(), delivered.result), ("engawa", Ended::Done));
    let reads: Vec<_> = of(&records, "submission.read").into_iter().filter(|one| one.by == by).collect();
    let [read, nothing] = reads.as_slice() else { panic!("{reads:#?}") };
    assert_eq!((read.on.as_deref(), read.result), (Some(on.as_str()), Ended::Done));
    assert_eq!((nothing.on.as_deref(), nothing.code.as_deref()), (None, Some("REQUEST_NOT_FOUND")));
    let cancel = told(&records, "submission.cancel", &on);
    assert_eq!((cancel.result, cancel.code.as_deref()), (Ended::Refused, Some("SUBMISSION_STATE")));
    let doors = of(&records, "door.refused");
    let forbidden: Vec<_> = doors.iter().filter(|one| one.by == by).collect();
    assert_eq!(forbidden.len(), 1);
    assert_eq!(forbidden[0].code.as_deref(), Some("AUTH_FORBIDDEN"));
    let strangers: Vec<_> = doors.iter().filter(|one| one.by == "stranger").collect();
    assert!((1..=2).contains(&strangers.len()), "twenty tries within a minute are one record: {strangers:#?}");
    assert_eq!((strangers[0].from.as_deref(), strangers[0].code.as_deref()), (Some("127.0.0.1"), Some("AUTH_INVALID")));
    for (act, key) in [("key.add", &key), ("key.add", &second), ("key.revoke", &second)] {
        assert_eq!(told(&records, act, &format!("key:{}", public(key))).by, "local");
    }
    told(&records, "submission.delivered", &format!("submission:{later}"));
    assert_eq!(told(&records, "opinion.submit", &format!("submission:{later}")).by, "local");
    assert_eq!(of(&records, "gateway.started").len(), 2);
    assert_eq!(of(&records, "gateway.stopped").len(), 1, "the first process was killed");
    assert_eq!(records.last().unwrap().act, "gateway.stopped");
    assert!(!of(&records, "submission.list").iter().any(|_| true));
    let anchors = std::fs::read_to_string(gateway.state().join("anchors")).unwrap();
    assert_eq!(anchors.lines().count(), 1, "{anchors}");
}

#[test]
fn what_is_accepted_and_what_is_delivered_is_on_record_once_wherever_the_process_dies() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).idle();
    let mut accepted = BTreeSet::new();
    for n in 2..12 {
        gateway.spawn(&[("ENGAWA_CRASH_POINT", &format!("{}:{n}", ["store.committed", "store.before_commit"][n % 2]))]);
        // It dies somewhere on the way; what was answered counts.
        until("the process to die", SOON, || {
            let _ = gateway.try_ask(&submission(&opinion(n), &format!("n{n}")));
            gateway.ended()
        });
        gateway.kill9();
        gateway.start();
        accepted.insert(gateway.accepted(&opinion(n), &format!("n{n}")));
        gateway.kill9();
    }
    gateway.start();
    gateway.drained(SOON);
    follows(&gateway, "submission.delivered", accepted.len());
    let records = trail(&gateway);
    for id in &accepted {
        let on = format!("submission:{id}");
        told(&records, "submission.delivered", &on);
        let submits = of(&records, "opinion.submit").into_iter().filter(|one| one.on.as_deref() == Some(&on)).count();
        assert!(submits >= 1, "{id}");
    }
    assert!(of(&records, "gateway.started").len() >= accepted.len());
}

#[test]
fn many_at_once_leave_a_chain_without_a_gap() {
    const CLIENTS: usize = 64;
    const EACH: usize = 3;
    let hub = Sandbox::start();
    hub.down();
    let gateway = Setup::new(&hub).tcp().start();
    let key = gateway.key("program");
    let address = gateway.address();
    let accepted: BTreeSet<String> = std::thread::scope(|scope| {
        let client = |client: usize| {
            let key = &key;
            move || {
                let one = |n: usize| {
                    let ask = submission(&opinion(format!("{client}-{n}")), &format!("{client}-{n}")).key(key);
                    let answer = ask.over_tcp(address).unwrap();
                    assert_eq!(answer.status, 202, "{answer:?}");
                    let id = id_of(&answer);
                    let read = Ask::new("GET", &format!("/v1/opinions/{id}")).key(key).over_tcp(address).unwrap();
                    assert_eq!(read.status, 200, "{read:?}");
                    id
                };
                (0..EACH).map(one).collect::<Vec<_>>()
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(client(n))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(accepted.len(), CLIENTS * EACH);
    let records = trail(&gateway);
    for id in &accepted {
        told(&records, "opinion.submit", &format!("submission:{id}"));
        told(&records, "submission.read", &format!("submission:{id}"));
    }
}

/// Groups committed so far.
fn commits(gateway: &Gateway) -> u64 {
    let metrics = gateway.get("/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with("engawa_commit_seconds_count")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn an_acceptance_and_its_record_are_one_commit() {
    const DOCUMENTS: u64 = 40;
    let hub = Sandbox::start();
    hub.down();
    let long = "3600";
    let gateway = Setup::new(&hub).set("outbox.backoff_min_s", long).set("outbox.backoff_max_s", long).start();
    let first = gateway.accepted(&opinion(0), "n0");
    until("the hub to be found away", SOON, || {
        (gateway.submission(&first)["reason"]["code"] == "HUB_UNREACHABLE").then_some(())
    });
    let before = commits(&gateway);
    for n in 1..=DOCUMENTS {
        gateway.accepted(&opinion(n), &format!("n{n}"));
    }
    let needed = commits(&gateway) - before;
    // A few are of the housekeeping.
    assert!((DOCUMENTS..DOCUMENTS + 10).contains(&needed), "{needed} commits for {DOCUMENTS} documents");
    assert_eq!(of(&trail(&gateway), "opinion.submit").len() as u64, DOCUMENTS + 1);
}

#[test]
fn keys_made_while_no_gateway_runs_are_on_record() {
    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).idle();
    let made = super::json(&gateway.run(&["key", "add", "first", "--json"]));
    let id = made["id"].as_str().unwrap();
    assert!(gateway.run(&["key", "revoke", id]).status.success());
    let records = trail(&gateway);
    for act in ["key.add", "key.revoke"] {
        assert_eq!(told(&records, act, &format!("key:{id}")).by, "local");
    }
    assert_eq!(records.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_refuses_to_change_the_trail() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    gateway.key("one");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(gateway.state().join("engawa.db"));
    let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    for bad in [
        "UPDATE trail SET record = 'x' WHERE seq = 1",
        "UPDATE trail SET at = 0",
        "DELETE FROM trail WHERE seq = 1",
        "DELETE FROM trail",
        "INSERT OR REPLACE INTO trail (seq, at, record) VALUES (1, 0, 'x')",
        "INSERT INTO trail (seq, at, record) VALUES (1000000, 0, 'x')",
        "INSERT INTO trail (at, record) VALUES (0, 'x')",
    ] {
        let refused = sqlx::query(bad).execute(&mut database).await.unwrap_err().to_string();
        assert!(refused.contains("only added to"), "{bad}: {refused}");
    }
    // Whoever gets round that leaves a chain that does not fit.
    for order in
        ["DROP TRIGGER trail_fixed", "UPDATE trail SET record = replace(record, 'started', 'stopped') WHERE seq = 1"]
    {
        sqlx::query(order).execute(&mut database).await.unwrap();
    }
    gateway.key("two");
    let output = gateway.run(&["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let flaw = super::json(&output);
    assert_eq!((&flaw["seq"], &flaw["why"]), (&json!(1), &json!("changed")));
}

#[test]
fn the_administrator_reads_the_trail_over_the_socket() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let key = gateway.key("program");
    assert_eq!(gateway.ask(&Ask::new("GET", "/v1/trail").key(&key)).code(), "AUTH_FORBIDDEN");
    let first = gateway.get("/v1/trail?limit=2");
    assert_eq!((first.status, first.header("content-type").as_deref()), (200, Some("application/x-ndjson")));
    let lines: Vec<_> = first.body.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2);
    let rest = gateway.get("/v1/trail?after=2");
    let path = gateway.dir().join("read.jsonl");
    std::fs::write(&path, first.body + &rest.body).unwrap();
    let output = super::python(&path, &[format!("0:{}", "0".repeat(64))]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(gateway.get("/v1/trail?after=-1").status, 400);
    assert!(gateway.get("/v1/trail?after=100000").body.is_empty());
}
