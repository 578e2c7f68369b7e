//! Accounts that are locked, of another job kind, or gone.

use serde_json::json;

use super::clinic::{
    FACILITY_USER, LOCUM, PARTNER, clinic, filed_as, given, hand_in, own, part, person, tries, waits_for,
};
use crate::support::gateway::opinion;
use crate::support::sandbox::Sandbox;

#[test]
fn a_locked_account_waits_alone() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let (sato, suzuki) = (person(&lan, "sato", "doctor"), person(&lan, "suzuki", "doctor"));
    given(&sato, PARTNER, &hub.password(PARTNER));
    given(&suzuki, LOCUM, &hub.password(LOCUM));
    hub.post(&format!("accounts/{PARTNER}"), json!({ "lock": "30m" }));
    let locked = [hand_in(&sato, "one"), hand_in(&sato, "two")];
    for id in &locked {
        waits_for(&lan.gateway, id, "HUB_ACCOUNT_LOCKED");
    }
    assert_eq!(tries(&hub, PARTNER), (1, 0), "one try for all");
    assert_eq!(own(&sato)["warning"]["code"], "HUB_ACCOUNT_LOCKED");
    assert!(own(&sato)["locked_until"].is_string(), "{}", own(&sato));
    let others = hand_in(&suzuki, "another's");
    assert_eq!(filed_as(&hub, &lan.gateway, &others), LOCUM);
    let softwares = lan.gateway.accepted(&opinion("software's"), "software's");
    assert_eq!(filed_as(&hub, &lan.gateway, &softwares), FACILITY_USER);
    assert_eq!(part(&lan.gateway, "hub"), ("ok".to_owned(), None));
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn another_job_kind_is_told_and_refused_by_the_hub_alone() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let clerk = person(&lan, "tanaka", "clerk");
    given(&clerk, PARTNER, &hub.password(PARTNER));
    let passed = hand_in(&clerk, "a clerk with a doctor's account");
    assert_eq!(filed_as(&hub, &lan.gateway, &passed), PARTNER);
    assert_eq!(own(&clerk)["warning"]["code"], "HUB_ROLE_DIFFERS");
    assert_eq!(part(&lan.gateway, "staff_logins"), ("degraded".to_owned(), Some("HUB_ROLE_DIFFERS".to_owned())));
    let doctor = person(&lan, "sato", "doctor");
    given(&doctor, "clinic-clerk", &hub.password("clinic-clerk"));
    let refused = hand_in(&doctor, "a doctor with a clerk's account");
    let refused = lan.gateway.reaches(&refused, "returned", super::clinic::PATIENCE);
    assert_eq!(refused["reason"]["code"], "HUB_NOT_PERMITTED");
    assert_eq!(refused["sent_as"], json!({ "who": "person", "user": "sato" }));
    assert!(!lan.gateway.log().contains("clinic-clerk"));
}

#[test]
fn whoever_leaves_leaves_no_password() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let sato = person(&lan, "sato", "doctor");
    given(&sato, PARTNER, &hub.password(PARTNER));
    hub.down();
    let left = hand_in(&sato, "handed in before leaving");
    waits_for(&lan.gateway, &left, "HUB_UNREACHABLE");
    lan.run(&["staff", "suspend", "sato"]);
    lan.run(&["staff", "suspend", "sato", "--undo"]);
    hub.up();
    waits_for(&lan.gateway, &left, "HUB_PASSWORD_NEEDED");
    assert_eq!(tries(&hub, PARTNER), (0, 0));
    // A user id that was mistyped: what waits goes under the right one.
    let mut sato = sato;
    super::clinic::again(&mut sato, "sato");
    given(&sato, LOCUM, &hub.password(LOCUM));
    assert_eq!(filed_as(&hub, &lan.gateway, &left), LOCUM);
}
