//! `kept`: the password is there also after a restart.

use serde_json::json;

use super::clinic::{
    FACILITY_USER, LOCUM, PARTNER, bound_key, choose, clinic, delivered, filed_as, give, given, hand_in, nowhere, own,
    part, person, tries, waits_for,
};
use crate::support::gateway::{opinion, submission};
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// Nobody's password.
const WRONG: &str = "wrong-horse-staple";

#[test]
fn two_persons_and_software_are_three_users_and_a_wrong_password_stops_one() {
    let hub = Sandbox::start();
    let (partner, locum) = (hub.password(PARTNER), hub.password(LOCUM));
    let mut lan = clinic(&hub, "kept");
    let (sato, suzuki) = (person(&lan, "sato", "doctor"), person(&lan, "suzuki", "doctor"));
    assert_eq!(own(&sato)["user_id"], json!(null));
    given(&sato, PARTNER, &partner);
    // One user id is one person's, and never the facility's.
    give(&suzuki, PARTNER, &partner).refused(409, "HUB_USER_TAKEN");
    give(&suzuki, FACILITY_USER, &hub.password(FACILITY_USER)).refused(409, "HUB_USER_TAKEN");
    given(&suzuki, LOCUM, WRONG);
    // At a key that is bound to the person it is the person as well.
    let key = bound_key(&lan.gateway, "suzuki");
    let answer =
        lan.gateway.ask(&submission(&opinion("held up"), "held up").header("authorization", &format!("Bearer {key}")));
    assert_eq!(answer.status, 202, "{answer:?}");
    let stopped = answer.json()["id"].as_str().unwrap().to_owned();
    let waiting = waits_for(&lan.gateway, &stopped, "HUB_PASSWORD_REFUSED");
    assert_eq!(waiting["sent_as"], json!({ "who": "person", "user": "suzuki" }));
    assert_eq!(waiting["eta"], json!(null), "nobody can say");
    let another = hand_in(&suzuki, "another of suzuki's");
    waits_for(&lan.gateway, &another, "HUB_PASSWORD_REFUSED");
    assert_eq!(own(&suzuki)["warning"]["code"], "HUB_PASSWORD_REFUSED");

    let persons = hand_in(&sato, "sato's");
    let softwares = lan.gateway.accepted(&opinion("software's"), "software's");
    assert_eq!(filed_as(&hub, &lan.gateway, &persons), PARTNER);
    assert_eq!(filed_as(&hub, &lan.gateway, &softwares), FACILITY_USER);
    assert_eq!(lan.gateway.submission(&softwares)["sent_as"], json!({ "who": "facility", "user": null }));
    assert_eq!((own(&sato)["job_kind"].clone(), own(&sato)["warning"].clone()), (json!("doctor"), json!(null)));
    // One person's trouble is nobody else's, and somebody is told.
    assert_eq!(part(&lan.gateway, "hub"), ("ok".to_owned(), None));
    assert_eq!(part(&lan.gateway, "staff_logins"), ("degraded".to_owned(), Some("HUB_PASSWORD_REFUSED".to_owned())));

    // What was refused once is known after a restart too; what was kept is there.
    let (sato, suzuki) = ((sato.terminal, sato.session), (suzuki.terminal, suzuki.session));
    lan.gateway.restart();
    let log_line = "engawa: listening to the LAN address=";
    let port = until("the LAN's address", super::clinic::PATIENCE, || {
        let log = lan.gateway.present_log();
        log.split(log_line)
            .nth(1)
            .map(|rest| rest.split_whitespace().next().unwrap().rsplit(':').next().unwrap().to_owned())
    });
    lan.url = format!("https://localhost:{port}");
    let browser = |(terminal, session)| crate::people::browser::Browser { lan: &lan, terminal, session };
    let (sato, suzuki) = (browser(sato), browser(suzuki));
    let later = hand_in(&sato, "after the restart");
    assert_eq!(filed_as(&hub, &lan.gateway, &later), PARTNER);
    let third = hand_in(&suzuki, "suzuki's third");
    waits_for(&lan.gateway, &third, "HUB_PASSWORD_REFUSED");
    assert_eq!(tries(&hub, LOCUM), (1, 1), "a refused password is never sent again");
    nowhere(&lan.gateway, &[&partner, WRONG], &[PARTNER, LOCUM]);

    // The right one: everything of suzuki's goes at once.
    given(&suzuki, LOCUM, &locum);
    for id in [&stopped, &another, &third] {
        assert_eq!(filed_as(&hub, &lan.gateway, id), LOCUM);
    }
    assert_eq!(tries(&hub, LOCUM), (2, 1));
    assert_eq!(part(&lan.gateway, "staff_logins"), ("ok".to_owned(), None));
    nowhere(&lan.gateway, &[&partner, &locum, WRONG], &[PARTNER, LOCUM]);

    // Passwords that may not be kept any longer are wiped, and everything goes as the facility.
    choose(&lan.gateway, "kept", "asked");
    assert_eq!(own(&sato)["password"], false);
    let waiting = hand_in(&suzuki, "without a password");
    waits_for(&lan.gateway, &waiting, "HUB_PASSWORD_NEEDED");
    choose(&lan.gateway, "asked", "off");
    assert_eq!(filed_as(&hub, &lan.gateway, &waiting), FACILITY_USER);
    give(&sato, PARTNER, &partner).refused(409, "HUB_STAFF_LOGIN_OFF");
    let plain = hand_in(&sato, "as everybody");
    delivered(&lan.gateway, &plain);
    assert_eq!(filed_as(&hub, &lan.gateway, &plain), FACILITY_USER);
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}
