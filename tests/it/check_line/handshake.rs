//! From the connection to the end of the handshake.

use serde_json::json;

use super::servers::{Blind, Certificate, Pki, Tls};
use super::{Office, at, expect};
use crate::support::sandbox::Sandbox;

#[test]
fn a_closed_port() {
    let office = Office::new();
    office.hub.down();
    office.expect("hub.tcp", 94, "fail", "lan_vendor");
}

#[test]
fn our_certificate_is_of_another_authority() {
    let office = Office::with(|setup, hub| {
        let foreign = hub.facility("foreign");
        setup.secret("certificate.p12", std::fs::read(&foreign.p12).unwrap());
        setup.secret("passphrase", std::fs::read(&foreign.p12_passphrase).unwrap());
        setup
    });
    office.expect("hub.tls", 67, "fail", "issuer");
    assert_eq!(office.logins(), 0);
}

#[test]
fn our_certificate_is_refused_by_an_alert() {
    let office = Office::new();
    office.hub.fault(json!({"on": "connect", "kind": "refuse_client", "times": 0}));
    office.expect("hub.tls", 67, "fail", "issuer");
}

#[test]
fn the_hubs_certificate_has_expired() {
    let office = Office::new();
    office.hub.fault(json!({"on": "connect", "kind": "server_certificate_expired", "times": 0}));
    let found = office.expect("hub.tls", 111, "fail", "hub");
    assert!(found["detail_en"].as_str().unwrap().contains("the box's clock says 2"), "{found}");
}

#[test]
fn the_hubs_certificate_has_not_begun_and_the_clocks_agree() {
    let office = Office::new();
    office.hub.fault(json!({"on": "connect", "kind": "server_certificate_not_yet_valid", "times": 0}));
    office.expect("hub.tls", 118, "fail", "hub");
}

#[test]
fn the_certificate_at_the_other_end_is_of_another_name() {
    let office = Office::new();
    office.hub.fault(json!({"on": "connect", "kind": "server_certificate_wrong_name", "times": 0}));
    let found = office.expect("hub.tls", 113, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains("not-this-hub.invalid"), "{found}");
}

#[test]
fn a_connection_that_is_cut_in_the_handshake() {
    let office = Office::new();
    office.hub.fault(json!({"on": "connect", "kind": "drop", "times": 0}));
    office.expect("hub.tls", 117, "fail", "line");
}

#[test]
fn a_device_in_between_opens_the_connection() {
    let (hub, firewall) = (Sandbox::start(), Pki::new("架空ファイアウォール CA"));
    let server = Tls::start(&firewall, Certificate::Good, &[]);
    let found = expect(&at(&hub, &server.url(), None), "hub.tls", 110, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains("架空ファイアウォール CA"), "{found}");
}

#[test]
fn a_device_in_between_with_an_old_certificate_is_still_a_device_in_between() {
    let (hub, firewall) = (Sandbox::start(), Pki::new("firewall"));
    let server = Tls::start(&firewall, Certificate::Of2020, &[]);
    expect(&at(&hub, &server.url(), None), "hub.tls", 110, "fail", "lan_vendor");
}

#[test]
fn a_device_in_between_lets_old_tls_through_only() {
    let (hub, pki) = (Sandbox::start(), Pki::new("the hub's own"));
    let server = Tls::start(&pki, Certificate::Good, &["-tls1_2"]);
    expect(&at(&hub, &server.url(), Some(pki.ca())), "hub.tls", 114, "fail", "lan_vendor");
}

#[test]
fn a_port_that_speaks_something_else() {
    let (hub, server) = (Sandbox::start(), Blind::saying("HTTP/1.1 400 Bad Request\r\n\r\nlog in first"));
    expect(&at(&hub, &server.url(), None), "hub.tls", 116, "fail", "lan_vendor");
}

#[test]
fn a_device_in_between_ends_the_handshake_by_an_alert() {
    let hub = Sandbox::start();
    // access_denied and unexpected_message, in records of their own.
    for alert in ["\x15\x03\x03\x00\x02\x02\x31", "\x15\x03\x03\x00\x02\x02\x0a"] {
        let server = Blind::saying(alert);
        expect(&at(&hub, &server.url(), None), "hub.tls", 114, "fail", "lan_vendor");
    }
}

#[test]
fn a_port_that_takes_connections_and_says_nothing() {
    let (hub, server) = (Sandbox::start(), Blind::mute());
    expect(&at(&hub, &server.url(), None), "hub.tls", 115, "fail", "line");
}

#[test]
fn the_hubs_clock_is_far_from_ours() {
    let (hub, pki) = (Sandbox::start(), Pki::new("the hub's own"));
    let server = Tls::start(&pki, Certificate::Good, &["-HTTP"]);
    server.answers("Sat, 01 Jan 2028 00:00:00 GMT");
    let found = expect(&at(&hub, &server.url(), Some(pki.ca())), "clock", 22, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains("2028-01-01T00:00:00Z"), "{found}");
}

#[test]
fn the_hubs_clock_is_a_little_apart() {
    let (hub, pki) = (Sandbox::start(), Pki::new("the hub's own"));
    let server = Tls::start(&pki, Certificate::Good, &["-HTTP"]);
    server.answers(&super::servers::minutes_ago(10));
    expect(&at(&hub, &server.url(), Some(pki.ca())), "clock", 23, "warn", "lan_vendor");
}

#[test]
fn a_certificate_out_of_its_time_is_the_clocks_fault_when_the_hub_lives_in_that_time() {
    let (hub, pki) = (Sandbox::start(), Pki::new("the hub's own"));
    let server = Tls::start(&pki, Certificate::Of2020, &["-HTTP"]);
    server.answers("Wed, 01 Jul 2020 00:00:00 GMT");
    expect(&at(&hub, &server.url(), Some(pki.ca())), "clock", 22, "fail", "lan_vendor");
}
