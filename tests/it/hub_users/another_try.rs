//! Wrong passwords of the day are used up, and an administrator lets one more be sent: never so many that the hub locks the account.

use engawa::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::clinic::{
    FACILITY_USER, LOCUM, PARTNER, PATIENCE, delivered, filed_as, given, hand_in, part, person, tries, waits_for,
};
use crate::people::browser::Browser;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::terminals::house::Lan;

/// A clinic that takes the hub to count wrong passwords for so many seconds.
fn counting(hub: &Sandbox, window_s: &str) -> Lan {
    Lan::start_with(hub, |setup| setup.set("hub.staff_login", "\"kept\"").set("hub.login_window_s", window_s))
}

/// A wrong password that the hub refuses; what waits for another.
fn refused(lan: &Lan, sato: &Browser<'_>, wrong: &str) -> String {
    given(sato, PARTNER, wrong);
    let id = hand_in(sato, wrong);
    waits_for(&lan.gateway, &id, "HUB_PASSWORD_REFUSED");
    id
}

/// Two wrong passwords that the hub refuses, and a third that waits.
fn used_up(lan: &Lan, sato: &Browser<'_>, third: &str) -> (String, Value) {
    for wrong in ["first-mistype-1", "second-mistype-2"] {
        refused(lan, sato, wrong);
    }
    given(sato, PARTNER, third);
    let id = hand_in(sato, "the third");
    let waiting = waits_for(&lan.gateway, &id, "HUB_LOGIN_CAUTIOUS");
    (id, waiting)
}

fn order(gateway: &Gateway, user: &str) -> Answer {
    let said = json!({ "logged_in_at_hub": true });
    gateway.ask(&Ask::new("POST", &format!("/v1/staff/{user}/hub-try")).json(&said))
}

/// The person logs in at the hub by other means, which begins the hub's count anew.
fn logged_in_there(hub: &Sandbox) {
    hub.post(&format!("accounts/{PARTNER}"), json!({ "unlock": true }));
}

fn is_locked(hub: &Sandbox) -> bool {
    !hub.status()["accounts"][PARTNER]["locked_until"].is_null()
}

#[test]
fn an_administrator_lets_one_more_password_be_sent() {
    let hub = Sandbox::start();
    let lan = counting(&hub, "1");
    let sato = person(&lan, "sato", "doctor");
    let (third, waiting) = used_up(&lan, &sato, &hub.password(PARTNER));
    // Where the bar is told, so is the order.
    let advice = &waiting["next_step"];
    for language in ["ja", "en"] {
        assert!(advice[language].as_str().unwrap().contains("engawa staff hub-try"), "{waiting}");
    }
    assert_eq!(part(&lan.gateway, "staff_logins"), ("degraded".to_owned(), Some("HUB_LOGIN_CAUTIOUS".to_owned())));
    // Nothing happens before somebody has said what the order rests on.
    for unsaid in [json!({}), json!({ "logged_in_at_hub": false }), json!({ "logged_in_at_hub": true, "force": true })]
    {
        let answer = lan.gateway.ask(&Ask::new("POST", "/v1/staff/sato/hub-try").json(&unsaid));
        assert_eq!((answer.status, answer.code().as_str()), (400, "REQUEST_MALFORMED"), "{answer:?}");
    }
    assert!(!lan.gateway.run(&["staff", "hub-try", "sato"]).status.success());
    assert_eq!(order(&lan.gateway, "suzuki").status, 404);
    assert_eq!(sato.ask("POST", "/v1/staff/sato/hub-try", Some(&json!({ "logged_in_at_hub": true }))).status, 403);
    waits_for(&lan.gateway, &third, "HUB_LOGIN_CAUTIOUS");
    assert_eq!(tries(&hub, PARTNER), (2, 2));

    logged_in_there(&hub);
    let done = lan.gateway.run(&["staff", "hub-try", "sato", "--logged-in-at-hub"]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && said.contains("one more password"), "{said}");
    assert_eq!(filed_as(&hub, &lan.gateway, &third), PARTNER);
    assert_eq!(tries(&hub, PARTNER), (3, 2));
    assert_eq!(part(&lan.gateway, "staff_logins"), ("ok".to_owned(), None));
    let trail = String::from_utf8(lan.gateway.run(&["audit", "list", "--last", "1000"]).stdout).unwrap();
    assert!(trail.contains("staff.hub_try") && trail.contains("staff:sato"), "{trail}");
    // A log-in that succeeds has begun anew: the next order has nothing to do.
    let again = order(&lan.gateway, "sato");
    assert_eq!((again.status, again.json()["given"].as_bool()), (200, Some(false)), "{again:?}");
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

/// Nothing goes "at once" with a password that was refused, nor without one.
#[test]
fn an_order_says_that_a_password_is_wanted_first() {
    let hub = Sandbox::start();
    let lan = counting(&hub, "1");
    let sato = person(&lan, "sato", "doctor");
    let came = |answer: Answer| {
        let answer = answer.json();
        (answer["given"].clone(), answer["needs_password"].clone())
    };
    assert_eq!(came(order(&lan.gateway, "sato")), (json!(false), json!(true)), "no user id");
    let first = refused(&lan, &sato, "first-mistype-1");
    assert_eq!(came(order(&lan.gateway, "sato")), (json!(false), json!(true)), "refused");
    let second = refused(&lan, &sato, "second-mistype-2");
    logged_in_there(&hub);
    let attempts = |seen: &Value| seen["attempts"].as_u64().unwrap();
    let before = attempts(&lan.gateway.submission(&second));
    let done = lan.gateway.run(&["staff", "hub-try", "sato", "--logged-in-at-hub"]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("one more password") && said.contains("First the person gives the right one"), "{said}");
    until("the refused one to be looked at again", PATIENCE, || {
        let seen = waits_for(&lan.gateway, &second, "HUB_PASSWORD_REFUSED");
        (attempts(&seen) > before).then_some(())
    });
    assert_eq!(tries(&hub, PARTNER), (2, 2), "and not sent");
    given(&sato, PARTNER, &hub.password(PARTNER));
    delivered(&lan.gateway, &first);
    delivered(&lan.gateway, &second);
    assert_eq!(tries(&hub, PARTNER), (3, 2));
    assert_eq!(came(order(&lan.gateway, "sato")), (json!(false), json!(false)));
}

/// What is on its way with the password before is not left to wait for a day.
#[test]
fn a_password_that_is_given_while_another_is_tried_is_tried_next() {
    let hub = Sandbox::start();
    let lan = counting(&hub, "1");
    let sato = person(&lan, "sato", "doctor");
    until("the facility to be logged in", PATIENCE, || (tries(&hub, FACILITY_USER).0 > 0).then_some(()));
    hub.fault(json!({"on": "login", "kind": "delay", "delay_ms": 3000}));
    given(&sato, PARTNER, "first-mistype-1");
    let id = hand_in(&sato, "the first");
    until("the wrong one to be on its way", PATIENCE, || {
        (hub.control("GET", "/control/faults", None)["queue"][0]["met"] != 0).then_some(())
    });
    given(&sato, PARTNER, &hub.password(PARTNER));
    assert_eq!(filed_as(&hub, &lan.gateway, &id), PARTNER);
    assert_eq!(tries(&hub, PARTNER), (2, 1));
}

#[test]
fn no_order_cuts_short_what_a_lost_answer_makes_wait() {
    let hub = Sandbox::start();
    let lan = counting(&hub, "1800");
    let sato = person(&lan, "sato", "doctor");
    refused(&lan, &sato, "first-mistype-1");
    // The facility's own log-in, which reads the feeds, is not to meet the fault.
    until("the facility to be logged in", PATIENCE, || (tries(&hub, FACILITY_USER).0 > 0).then_some(()));
    hub.fault(json!({"on": "login", "kind": "cut_after_effect"}));
    given(&sato, PARTNER, "second-mistype-2");
    let id = hand_in(&sato, "the second");
    let waiting = waits_for(&lan.gateway, &id, "HUB_LOGIN_CAUTIOUS");
    let advice = waiting["next_step"]["en"].as_str().unwrap();
    assert!(advice.contains("Only where the hub refused two passwords"), "{advice}");
    let answer = order(&lan.gateway, "sato").json();
    assert_eq!((&answer["given"], &answer["needs_password"]), (&json!(false), &json!(false)), "{answer}");
    let from: Timestamp = answer["waits_until"].as_str().unwrap().parse().unwrap();
    assert!(from.duration_since(Clock::system().now()) <= SignedDuration::from_mins(30), "{answer}");
    assert_eq!(tries(&hub, PARTNER), (2, 2));
}

#[test]
fn one_more_is_one_a_day_also_after_a_kill() {
    let hub = Sandbox::start();
    let mut lan = counting(&hub, "1");
    {
        let sato = person(&lan, "sato", "doctor");
        let (third, _) = used_up(&lan, &sato, "third-mistype-3");
        logged_in_there(&hub);
        assert_eq!(order(&lan.gateway, "sato").json()["given"], true);
        // The hub has counted it before the box has it on record.
        waits_for(&lan.gateway, &third, "HUB_PASSWORD_REFUSED");
        assert_eq!(tries(&hub, PARTNER), (3, 3));
    }
    lan.gateway.kill9();
    lan.gateway.start();
    let again = order(&lan.gateway, "sato");
    assert_eq!((again.status, again.code().as_str()), (409, "HUB_TRY_SPENT"), "{again:?}");
    let wait: u64 = again.header("retry-after").unwrap().parse().unwrap();
    assert!((86_000..=86_401).contains(&wait), "{wait}");
    assert_eq!(tries(&hub, PARTNER), (3, 3));
    assert!(!is_locked(&hub));
}

#[test]
fn no_order_sends_more_within_the_time_the_hub_counts_for() {
    let hub = Sandbox::start();
    // As the sandbox does; shorter, and the third wrong password goes out while the hub still counts the first.
    let lan = counting(&hub, "1800");
    let sato = person(&lan, "sato", "doctor");
    let (third, waiting) = used_up(&lan, &sato, "third-mistype-3");
    let eta = |seen: &Value| seen["eta"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(eta(&waiting).duration_since(Clock::system().now()) > SignedDuration::from_hours(23), "{waiting}");
    // Somebody orders it though nobody has logged in at the hub: the third wrong one there would lock the account.
    let answer = order(&lan.gateway, "sato");
    assert_eq!((answer.status, answer.json()["given"].as_bool()), (200, Some(true)), "{answer:?}");
    let told = &answer.json()["waits_until"];
    let from: Timestamp = told.as_str().unwrap().parse().unwrap();
    let wait = from.duration_since(Clock::system().now());
    assert!(wait <= SignedDuration::from_mins(30) && wait > SignedDuration::from_mins(20), "{answer:?}");
    // Its own wait ends then, to the nanosecond. Its eta is when it is expected at the hub, behind the two before it; before it was tried that
    // is soon. A submission and its history are read one after the other, so both have to say so.
    let sooner = until("the third to wait for half an hour only", PATIENCE, || {
        let seen = lan.gateway.submission(&third);
        let last = seen["history"].as_array().unwrap().last().unwrap()["data"].clone();
        let waits = seen["reason"]["code"] == "HUB_LOGIN_CAUTIOUS" && last["wait_until"] == *told;
        (waits && eta(&seen) > from - SignedDuration::from_millis(1)).then_some(seen)
    });
    assert!(eta(&sooner).duration_since(from) < SignedDuration::from_mins(1), "{sooner}");
    assert_eq!(sooner["state"], "queued");
    assert_eq!(tries(&hub, PARTNER), (2, 2));
    assert!(!is_locked(&hub));
    // Another user id of the person's is another account at the hub.
    given(&sato, LOCUM, &hub.password(LOCUM));
    delivered(&lan.gateway, &third);
}
