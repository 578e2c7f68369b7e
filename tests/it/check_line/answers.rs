//! What a hub answers when it answers.

use serde_json::json;

use super::Office;

#[test]
fn a_box_that_is_well() {
    Office::new().expect_well();
}

#[test]
fn a_certificate_that_the_hub_has_no_use_for() {
    let office = Office::with(|setup, hub| {
        let unknown = hub.facility("unknown");
        setup.secret("certificate.p12", std::fs::read(&unknown.p12).unwrap());
        setup.secret("passphrase", std::fs::read(&unknown.p12_passphrase).unwrap());
        setup.set("facility.number", "\"9919999999\"")
    });
    office.expect("hub.login", 133, "fail", "issuer");
    assert_eq!(office.logins(), 0, "a password was shown for nothing");
}

#[test]
fn a_hub_in_trouble() {
    let office = Office::new();
    office.hub.fault(json!({"on": "capabilities", "kind": "status_503", "times": 0}));
    office.expect("hub.login", 135, "fail", "hub");
    assert_eq!(office.logins(), 0);
}

#[test]
fn a_busy_hub() {
    let office = Office::new();
    office.hub.fault(json!({"on": "capabilities", "kind": "status_429", "retry_after": "30", "times": 0}));
    office.expect("hub.login", 134, "warn", "hub");
}

#[test]
fn a_page_instead_of_an_answer() {
    let office = Office::new();
    office.hub.fault(json!({"on": "capabilities", "kind": "html_200", "times": 0}));
    office.expect("hub.login", 136, "fail", "lan_vendor");
    assert_eq!(office.logins(), 0, "a password was shown to a page");
}

#[test]
fn a_slow_hub() {
    let office = Office::with(|setup, _| setup.set("hub.request_timeout_s", "30"));
    office.hub.fault(json!({"on": "capabilities", "kind": "delay", "delay_ms": 5200}));
    office.expect("hub.login", 137, "warn", "hub");
}

#[test]
fn a_hub_that_says_nothing_after_the_handshake() {
    let office = Office::new();
    office.hub.fault(json!({"on": "capabilities", "kind": "delay", "delay_ms": 600_000, "times": 0}));
    office.expect("hub.login", 138, "fail", "hub");
    assert_eq!(office.logins(), 0);
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_an_answer() {
    let office = Office::new();
    office.hub.fault(json!({"on": "capabilities", "kind": "cut_mid_answer", "times": 0}));
    office.expect("hub.login", 117, "fail", "line");
}
