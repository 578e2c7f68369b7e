//! User ids at the hub that were somebody else's, and documents whose user id is: nobody's document goes as another.

use serde_json::json;

use super::clinic::{
    FACILITY_USER, LOCUM, PARTNER, PATIENCE, choose, clinic, filed_as, give, given, hand_in, person, tries, waits_for,
};
use crate::support::gateway::Gateway;
use crate::support::sandbox::Sandbox;

/// Nobody's password.
const WRONG: &str = "wrong-horse-staple";

/// Sends what waits for a person, where it cannot go.
fn stays(gateway: &Gateway, id: &str) {
    assert_eq!(gateway.order(&format!("/v1/submissions/{id}/retry")).status, 200);
    waits_for(gateway, id, "HUB_PASSWORD_NEEDED");
}

/// How many documents the hub has filed as that user.
fn filed(hub: &Sandbox, user_id: &str) -> usize {
    let facts = hub.facts();
    facts["accepted"].as_array().unwrap().iter().filter(|one| one["user_id"] == user_id).count()
}

#[test]
fn a_document_stays_with_the_account_that_handed_it_in() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let (clerk, doctor) = (person(&lan, "tanaka", "clerk"), person(&lan, "sato", "doctor"));
    // The clerk names the doctor's user id, and takes it away again.
    given(&clerk, PARTNER, WRONG);
    let clerks = hand_in(&clerk, "the clerk's");
    waits_for(&lan.gateway, &clerks, "HUB_PASSWORD_REFUSED");
    assert_eq!(clerk.ask("DELETE", "/v1/session/hub", None).status, 200);
    given(&doctor, PARTNER, &hub.password(PARTNER));
    let doctors = hand_in(&doctor, "the doctor's");
    assert_eq!(filed_as(&hub, &lan.gateway, &doctors), PARTNER);
    stays(&lan.gateway, &clerks);
    assert_eq!(lan.gateway.submission(&clerks)["sent_as"], json!({ "who": "person", "user": "tanaka" }));
    assert_eq!(filed(&hub, PARTNER), 1);
    // It goes as the clerk, once there is such a user; and the doctor's log-in is as it was.
    given(&clerk, LOCUM, &hub.password(LOCUM));
    assert_eq!(filed_as(&hub, &lan.gateway, &clerks), LOCUM);
    let another = hand_in(&doctor, "another of the doctor's");
    assert_eq!(filed_as(&hub, &lan.gateway, &another), PARTNER);
    assert_eq!(tries(&hub, PARTNER), (2, 1));
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn a_mistyped_user_id_is_put_right_also_after_it_was_taken_away() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let sato = person(&lan, "sato", "doctor");
    given(&sato, "clinic-partnr", &hub.password(PARTNER));
    let id = hand_in(&sato, "under a mistyped user id");
    waits_for(&lan.gateway, &id, "HUB_PASSWORD_REFUSED");
    assert_eq!(sato.ask("DELETE", "/v1/session/hub", None).status, 200);
    given(&sato, PARTNER, &hub.password(PARTNER));
    assert_eq!(filed_as(&hub, &lan.gateway, &id), PARTNER);
    assert_eq!(lan.gateway.submission(&id)["sent_as"], json!({ "who": "person", "user": "sato" }));
}

#[test]
fn guesses_at_a_user_of_somebody_elses_lock_nobody_out_at_the_hub() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let (clerk, doctor) = (person(&lan, "tanaka", "clerk"), person(&lan, "sato", "doctor"));
    for guess in ["first-guess-1", "second-guess-2"] {
        given(&clerk, PARTNER, guess);
        let id = hand_in(&clerk, guess);
        waits_for(&lan.gateway, &id, "HUB_PASSWORD_REFUSED");
    }
    given(&clerk, PARTNER, "third-guess-3");
    let third = hand_in(&clerk, "the third");
    let waiting = waits_for(&lan.gateway, &third, "HUB_LOGIN_CAUTIOUS");
    assert!(waiting["eta"].is_string(), "{waiting}");
    assert_eq!(tries(&hub, PARTNER), (2, 2), "the hub would have locked it");
    // Whose it is waits, too, unless somebody sends it otherwise; the hub has locked nobody out.
    assert_eq!(clerk.ask("DELETE", "/v1/session/hub", None).status, 200);
    given(&doctor, PARTNER, &hub.password(PARTNER));
    let doctors = hand_in(&doctor, "the doctor's");
    waits_for(&lan.gateway, &doctors, "HUB_LOGIN_CAUTIOUS");
    assert_eq!(lan.gateway.order(&format!("/v1/submissions/{doctors}/as-facility")).status, 200);
    assert_eq!(filed_as(&hub, &lan.gateway, &doctors), FACILITY_USER);
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn what_is_being_sent_or_asked_about_stays_under_the_user_it_went_out_as() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let sato = person(&lan, "sato", "doctor");
    let user = |id: &str| {
        let id = id.replace('-', "");
        lan.gateway.sql(&format!("SELECT hub_user FROM submission WHERE lower(hex(id)) = '{id}'")).remove(0)
    };
    given(&sato, PARTNER, &hub.password(PARTNER));
    filed_as(&hub, &lan.gateway, &hand_in(&sato, "so that there is a log-in"));
    // It has arrived, its answer is lost, and the hub cannot be asked.
    hub.fault(json!({ "on": "opinions", "kind": "cut_after_effect" }));
    hub.fault(json!({ "on": "lookup", "kind": "cut_before_effect", "times": 0 }));
    let there = hand_in(&sato, "at the hub, though nobody knows");
    lan.gateway.reaches(&there, "unknown", PATIENCE);
    given(&sato, LOCUM, &hub.password(LOCUM));
    assert_eq!(user(&there), PARTNER, "the hub may have it as this one");
    hub.clear_faults();
    assert_eq!(filed_as(&hub, &lan.gateway, &there), PARTNER);
    assert_eq!(user(&there), PARTNER);
    // What the hub has never seen goes again, as whom the person is by then.
    hub.fault(json!({ "on": "opinions", "kind": "cut_before_effect" }));
    hub.fault(json!({ "on": "lookup", "kind": "cut_before_effect", "times": 0 }));
    let lost = hand_in(&sato, "not at the hub");
    lan.gateway.reaches(&lost, "unknown", PATIENCE);
    given(&sato, PARTNER, &hub.password(PARTNER));
    assert_eq!(user(&lost), LOCUM);
    hub.clear_faults();
    assert_eq!(filed_as(&hub, &lan.gateway, &lost), PARTNER);
}

#[test]
fn what_the_hub_may_have_is_held_under_the_user_it_went_out_as() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let sato = person(&lan, "sato", "doctor");
    given(&sato, PARTNER, &hub.password(PARTNER));
    filed_as(&hub, &lan.gateway, &hand_in(&sato, "so that there is a log-in"));
    hub.fault(json!([
        { "on": "opinions", "kind": "cut_after_effect" },
        { "on": "lookup", "kind": "not_offered", "times": 0 },
    ]));
    let there = hand_in(&sato, "at the hub, and the hub cannot be asked");
    let held = lan.gateway.reaches(&there, "held", PATIENCE);
    assert_eq!(held["reason"]["code"], "OUTCOME_UNASKABLE", "{held}");
    let users = || {
        let id = there.replace('-', "");
        lan.gateway
            .sql(&format!("SELECT hub_user || ' of ' || hub_account FROM submission WHERE lower(hex(id)) = '{id}'"))
    };
    given(&sato, LOCUM, &hub.password(LOCUM));
    assert_eq!(users(), ["clinic-partner of sato"]);
    choose(&lan.gateway, "kept", "off");
    assert_eq!(users(), ["clinic-partner of sato"]);
    assert_eq!(lan.gateway.submission(&there)["sent_as"], json!({ "who": "person", "user": "sato" }));
}

#[test]
fn a_log_in_serves_nobody_who_has_another_password() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let (sato, suzuki) = (person(&lan, "sato", "doctor"), person(&lan, "suzuki", "doctor"));
    given(&sato, PARTNER, &hub.password(PARTNER));
    let id = hand_in(&sato, "with the right password");
    assert_eq!(filed_as(&hub, &lan.gateway, &id), PARTNER);
    lan.run(&["staff", "hub", "sato", "--none"]);
    given(&suzuki, PARTNER, WRONG);
    let id = hand_in(&suzuki, "with a wrong one");
    waits_for(&lan.gateway, &id, "HUB_PASSWORD_REFUSED");
    // Nor the person, whose own token was got with another one.
    given(&suzuki, PARTNER, &hub.password(PARTNER));
    assert_eq!(filed_as(&hub, &lan.gateway, &id), PARTNER);
    given(&suzuki, PARTNER, "yet-another-staple");
    let last = hand_in(&suzuki, "with another wrong one");
    waits_for(&lan.gateway, &last, "HUB_PASSWORD_REFUSED");
    assert_eq!((filed(&hub, PARTNER), tries(&hub, PARTNER)), (2, (4, 2)));
}

#[test]
fn what_was_asked_about_when_the_choice_changed_says_that_it_went_as_the_facility() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let sato = person(&lan, "sato", "doctor");
    given(&sato, PARTNER, &hub.password(PARTNER));
    hub.fault(json!([
        { "on": "opinions", "kind": "cut_before_effect" },
        { "on": "lookup", "kind": "cut_before_effect", "times": 0 },
    ]));
    let id = hand_in(&sato, "nobody knows");
    lan.gateway.reaches(&id, "unknown", PATIENCE);
    choose(&lan.gateway, "kept", "off");
    assert_eq!(lan.gateway.submission(&id)["sent_as"]["who"], "person");
    hub.clear_faults();
    assert_eq!(lan.gateway.order(&format!("/v1/submissions/{id}/retry")).status, 200);
    assert_eq!(filed_as(&hub, &lan.gateway, &id), FACILITY_USER);
    assert_eq!(lan.gateway.submission(&id)["sent_as"], json!({ "who": "facility", "user": null }));
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn a_user_id_that_looks_like_anothers_is_taken_and_who_hands_nothing_in_has_none() {
    let hub = Sandbox::start();
    let lan = clinic(&hub, "kept");
    let (sato, suzuki) = (person(&lan, "sato", "doctor"), person(&lan, "suzuki", "doctor"));
    given(&sato, PARTNER, &hub.password(PARTNER));
    for taken in ["Clinic-Partner", "ｃｌｉｎｉｃ－ｐａｒｔｎｅｒ", "CLINIC-DOCTOR"] {
        give(&suzuki, taken, WRONG).refused(409, "HUB_USER_TAKEN");
    }
    for role in ["administrator", "vendor"] {
        give(&person(&lan, role, role), LOCUM, WRONG).refused(403, "AUTH_FORBIDDEN");
    }
    given(&sato, PARTNER, &hub.password(PARTNER));
}
