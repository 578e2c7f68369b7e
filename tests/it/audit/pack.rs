//! The evidence pack of a month.

use std::path::Path;
use std::time::Duration;

use engawa::audit::Month;
use serde_json::Value;

use super::{json, python, trail};
use crate::support::gateway::{Gateway, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const SOON: Duration = Duration::from_secs(30);

/// The month of the newest record, in Japan.
fn month(gateway: &Gateway) -> String {
    let at: jiff::Timestamp = trail(gateway).last().unwrap().at.parse().unwrap();
    let date = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date();
    format!("{:04}-{:02}", date.year(), date.month())
}

fn verified(gateway: &Gateway, pack: &Path) -> [Value; 2] {
    let ours = gateway.run(&["audit", "verify", pack.to_str().unwrap(), "--json"]);
    [json(&ours), json(&python(pack, &[]))]
}

#[test]
fn a_pack_tells_of_a_month_and_verifies() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let id = gateway.accepted(&opinion(1), "one");
    let receipt = gateway.reaches(&id, "delivered", SOON)["receipt"]["number"].as_str().unwrap().to_owned();
    until("the delivery on record", SOON, || {
        trail(&gateway).iter().any(|record| record.act == "submission.delivered").then_some(())
    });
    let out = gateway.dir().join("pack");
    let (folder, month) = (out.to_str().unwrap(), month(&gateway));
    let output = gateway.run(&["audit", "export", "--month", &month, "--out", folder, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let pack: Value = serde_json::from_slice(&std::fs::read(out.join("pack.json")).unwrap()).unwrap();
    let sent = &pack["sent"][0];
    assert_eq!((sent["id"].as_str(), sent["receipt"]["number"].as_str()), (Some(id.as_str()), Some(receipt.as_str())));
    let acts: Vec<_> = sent["acts"].as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap()).collect();
    assert_eq!(acts[0], "opinion.submit");
    assert!(acts.contains(&"submission.delivered") && acts.contains(&"submission.read"), "{acts:?}");
    assert_eq!(sent["sha256"].as_str().unwrap().len(), 64);
    let page = std::fs::read_to_string(out.join("pack.html")).unwrap();
    for wanted in [&id, &receipt, "操作記録", "opinion.submit", sent["sha256"].as_str().unwrap()] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    let [ours, theirs] = verified(&gateway, &out);
    assert_eq!(ours, theirs);
    assert_eq!((&ours["fits"], &ours["head"]), (&Value::Bool(true), &pack["trail"]["head"]));

    // A pack that says something else than its chain, and a chain that lacks its end.
    let text = std::fs::read_to_string(out.join("pack.json")).unwrap();
    std::fs::write(out.join("pack.json"), text.replacen("\"by\": \"local\"", "\"by\": \"key:000000000000\"", 1))
        .unwrap();
    let [ours, theirs] = verified(&gateway, &out);
    assert_eq!(ours, theirs);
    assert_eq!(ours["why"], "listed_otherwise");
    std::fs::write(out.join("pack.json"), text).unwrap();
    let chain = std::fs::read_to_string(out.join("trail.jsonl")).unwrap();
    let shorter: String =
        chain.lines().rev().skip(1).collect::<Vec<_>>().into_iter().rev().map(|line| format!("{line}\n")).collect();
    std::fs::write(out.join("trail.jsonl"), shorter).unwrap();
    let [ours, theirs] = verified(&gateway, &out);
    assert_eq!(ours, theirs);
    assert_eq!(ours["fits"], false);
    assert_eq!(ours["why"], "cut_off");
}

#[test]
fn a_pack_of_a_month_without_records_is_empty_and_of_nobody_lists_nothing() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    gateway.accepted(&opinion(1), "one");
    let out = gateway.dir().join("empty");
    let output = gateway.run(&["audit", "export", "--month", "2020-01", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read(out.join("trail.jsonl")).unwrap(), b"");
    let [ours, theirs] = verified(&gateway, &out);
    assert_eq!((&ours, &ours["fits"]), (&theirs, &Value::Bool(true)));
    let out = gateway.dir().join("nobody");
    let month = month(&gateway);
    let order = ["audit", "export", "--month", &month, "--user", "nobody", "--out", out.to_str().unwrap()];
    assert!(gateway.run(&order).status.success());
    let pack: Value = serde_json::from_slice(&std::fs::read(out.join("pack.json")).unwrap()).unwrap();
    assert_eq!(pack["sent"].as_array().unwrap().len() + pack["others"].as_array().unwrap().len(), 0);
    let chain = std::fs::read_to_string(out.join("trail.jsonl")).unwrap();
    assert!(
        chain.lines().count() > 2 && chain.lines().all(|line| line.contains("\"hash\":\"")),
        "hashes alone: {chain}"
    );
    assert_eq!(pack["trail"]["left_out"], pack["trail"]["records"]);
    let [ours, theirs] = verified(&gateway, &out);
    assert_eq!((&ours, &ours["fits"]), (&theirs, &Value::Bool(true)));
    assert_eq!(gateway.run(&["audit", "export", "--month", "2026-13", "--out", "x"]).status.code(), Some(2));
    assert!("2026-11".parse::<Month>().is_ok() && "2026-1".parse::<Month>().is_err());
}
