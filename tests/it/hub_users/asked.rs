//! `asked`: the password is in memory, as long as the session lives.

use serde_json::json;

use super::clinic::{
    FACILITY_USER, PARTNER, again, bound_key, clinic, filed_as, given, hand_in, nowhere, own, person, tries, waits_for,
};
use crate::support::gateway::{Setup, opinion, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;

#[test]
fn a_log_out_forgets_the_password_and_giving_it_sends_what_waits() {
    let hub = Sandbox::start();
    let password = hub.password(PARTNER);
    let lan = clinic(&hub, "asked");
    let mut sato = person(&lan, "sato", "doctor");
    lan.run(&["staff", "hub", "sato", PARTNER]);
    let without = hand_in(&sato, "before it was given");
    let waiting = waits_for(&lan.gateway, &without, "HUB_PASSWORD_NEEDED");
    assert!(waiting["next_step"]["en"].as_str().unwrap().contains("gives user id and password"), "{waiting}");
    let softwares = lan.gateway.accepted(&opinion("software's"), "software's");
    assert_eq!(filed_as(&hub, &lan.gateway, &softwares), FACILITY_USER);
    assert_eq!(tries(&hub, PARTNER), (0, 0));

    given(&sato, PARTNER, &password);
    assert_eq!(filed_as(&hub, &lan.gateway, &without), PARTNER);
    sato.ask("DELETE", "/v1/session", None);
    again(&mut sato, "sato");
    assert_eq!((own(&sato)["user_id"].clone(), own(&sato)["password"].clone()), (json!(PARTNER), json!(false)));
    let later = hand_in(&sato, "after the log-out");
    waits_for(&lan.gateway, &later, "HUB_PASSWORD_NEEDED");
    given(&sato, PARTNER, &password);
    assert_eq!(filed_as(&hub, &lan.gateway, &later), PARTNER);
    nowhere(&lan.gateway, &[&password], &[PARTNER]);

    // Taking it away: what comes next goes as the facility.
    let hub_view = sato.ask("DELETE", "/v1/session/hub", None);
    assert_eq!((hub_view.status, &hub_view.json()["hub"]["user_id"]), (200, &json!(null)), "{hub_view:?}");
    let plain = hand_in(&sato, "as the facility");
    assert_eq!(filed_as(&hub, &lan.gateway, &plain), FACILITY_USER);
    let trail = lan.run(&["audit", "list", "--last", "100"]);
    for act in ["session.hub", "session.hub_forget"] {
        assert!(trail.lines().any(|line| line.contains(act) && line.contains("sato")), "{act}: {trail}");
    }
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn a_restart_forgets_the_password_and_an_administrator_decides_about_a_leaver() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).set("hub.staff_login", "\"asked\"").start();
    let account = json!({ "user": "sato", "name": "霧凪", "role": "doctor", "hub_user": PARTNER });
    assert_eq!(gateway.ask(&Ask::new("POST", "/v1/staff").json(&account)).status, 201);
    let taken = json!({ "user": "suzuki", "name": "霧凪", "role": "doctor", "hub_user": PARTNER });
    assert_eq!(gateway.ask(&Ask::new("POST", "/v1/staff").json(&taken)).code(), "HUB_USER_TAKEN");
    let key = bound_key(&gateway, "sato");
    let bearer = format!("Bearer {key}");
    let post = |gateway: &crate::support::gateway::Gateway, name: &str| {
        let answer = gateway.ask(&submission(&opinion(name), name).header("authorization", &bearer));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (post(&gateway, "one"), post(&gateway, "two"));
    waits_for(&gateway, &first, "HUB_PASSWORD_NEEDED");
    gateway.restart();
    waits_for(&gateway, &second, "HUB_PASSWORD_NEEDED");
    let suspended = gateway.ask(&Ask::new("PATCH", "/v1/staff/sato").json(&json!({ "suspended": true })));
    assert_eq!(suspended.status, 200, "{suspended:?}");
    // Whoever may send and withdraw may not decide as whom it goes.
    let clerk = gateway.key("desk");
    let path = format!("/v1/submissions/{first}/as-facility");
    let refused = gateway.ask(&Ask::new("POST", &path).header("authorization", &format!("Bearer {clerk}")));
    assert_eq!((refused.status, refused.code().as_str()), (403, "AUTH_FORBIDDEN"));
    let sent = gateway.run(&["queue", "as-facility", &first]);
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(filed_as(&hub, &gateway, &first), FACILITY_USER);
    assert_eq!(gateway.submission(&first)["sent_as"]["who"], "facility");
    assert_eq!(gateway.order(&format!("/v1/submissions/{second}/cancel")).status, 200);
    let trail = String::from_utf8(gateway.run(&["audit", "list", "--last", "50"]).stdout).unwrap();
    let line = trail.lines().find(|line| line.contains("submission.as_facility") && line.contains(&first));
    assert!(line.is_some(), "{trail}");
    assert_eq!(tries(&hub, PARTNER), (0, 0));
    assert!(gateway.errors().is_empty(), "{:?}", gateway.errors());
}
