//! Who gets through at all: TLS 1.3, the authority, networks; and what a stranger is told.

use super::kit::{HERE, OTHER, Office, PATIENCE, curl, s_client};
use crate::support::http::Ask;
use crate::support::until;

#[test]
fn the_box_is_reached_over_tls_13_by_its_own_authority_and_tells_strangers_next_to_nothing() {
    let office = Office::open();
    let health = office.curl("/v1/health", &["--tlsv1.3"]);
    assert_eq!((health.exit, health.status), (0, 200), "{health:?}");
    assert_eq!(health.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["status"]);
    // It would hold for every port of the machine's names, the loopback port of `localhost` among them, which speaks HTTP.
    assert_eq!(health.header("strict-transport-security"), None);
    assert_eq!(health.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(health.header("cache-control"), Some("no-store"));
    assert_eq!(health.header("access-control-allow-origin"), None);

    let host = nix::unistd::gethostname().unwrap().into_string().unwrap().to_ascii_lowercase();
    let host = host.split('.').next().unwrap();
    for name in [format!("{host}.local"), host.to_owned(), "localhost".to_owned()] {
        assert_eq!(office.curl_name(&name, "/v1/health").status, 200, "{name}");
    }

    let metrics = office.curl("/metrics", &[]);
    assert_eq!((metrics.status, metrics.code()), (401, "AUTH_MISSING".to_owned()));
    let key = format!("Authorization: Bearer {}", office.gateway.key("a"));
    let health = office.curl("/v1/health", &["-H", &key]).json();
    assert!(health["version"].is_string() && health["parts"]["lan"]["status"] == "ok", "{health}");
    assert_eq!(office.curl("/metrics", &["-H", &key]).status, 200);
    let wrong = office.curl("/v1/health", &["-H", "Authorization: Bearer engawa_000000000000_x"]);
    assert_eq!(wrong.json().as_object().unwrap().len(), 1, "a wrong key is a stranger's");
    let submit = serde_json::json!({ "label": "s", "rights": ["submit"] });
    let submit = office.gateway.ask(&Ask::new("POST", "/v1/keys").json(&submit)).json()["key"].clone();
    let submit = format!("Authorization: Bearer {}", submit.as_str().unwrap());
    assert_eq!(office.curl("/metrics", &["-H", &submit]).status, 403);
    // On the box itself nothing has changed.
    let local = Ask::new("GET", "/v1/health").over_tcp(office.gateway.address()).unwrap();
    assert!(local.json()["parts"].is_object());
    assert_eq!(Ask::new("GET", "/metrics").over_tcp(office.gateway.address()).unwrap().status, 200);
}

#[test]
fn tls_12_and_a_client_that_trusts_others_do_not_get_through() {
    let office = Office::open();
    let old = office.curl("/v1/health", &["--tls-max", "1.2"]);
    assert_eq!((old.exit, old.status), (35, 0), "{old:?}");
    let (through, said) = s_client(&office, &["-tls1_2"]);
    assert!(!through && said.contains("protocol version"), "{said}");
    let (through, said) = s_client(&office, &["-tls1_3", "-verify_return_error", "-brief"]);
    assert!(through && said.contains("TLSv1.3") && said.contains("Verification: OK"), "{said}");

    let elsewhere = tempfile::tempdir().unwrap();
    engawa::credential::Authority::open_or_make(elsewhere.path(), jiff::Timestamp::UNIX_EPOCH).unwrap();
    let other = curl(&elsewhere.path().join("authority.pem"), &office.url("/v1/health"), &[]);
    assert_eq!(other.exit, 60, "{other:?}");
    let plain = curl(&office.ca, &format!("http://{}/v1/health", office.lan), &[]);
    assert_eq!(plain.status, 0, "no word without TLS: {plain:?}");

    let said = office.gateway.run(&["lan", "ca", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let (_, chain) = s_client(&office, &["-showcerts"]);
    let last = chain.rfind("-----BEGIN CERTIFICATE-----").unwrap();
    let told_pem = told["certificate"].as_str().unwrap().trim();
    assert!(chain[last..].starts_with(told_pem), "the chain ends with the authority");
    assert_eq!(told["fingerprint"].as_str().unwrap().len(), 95);
}

#[test]
fn only_known_networks_are_answered_and_the_list_can_be_changed() {
    let office = Office::with(&[("networks", "[\"127.0.0.1/32\"]")]);
    let other = ["--interface", "127.0.0.2"];
    assert_eq!(office.curl("/v1/health", &[]).status, 200);
    let refused = office.curl("/v1/health", &other);
    assert!(refused.exit != 0 && refused.status == 0, "{refused:?}");
    // Not a single byte, not even of TLS.
    let mut stream = office.tcp(OTHER).unwrap();
    let mut byte = [0];
    let read = std::io::Read::read(&mut stream, &mut byte);
    assert!(!matches!(read, Ok(1)), "{read:?}");
    office.reload(|text| text.replace("127.0.0.1/32", "127.0.0.0/29"));
    until("the other address to be answered", PATIENCE, || {
        (office.curl("/v1/health", &other).status == 200).then_some(())
    });
    let key = office.gateway.key("metrics");
    let metrics = office.curl("/metrics", &["-H", &format!("Authorization: Bearer {key}")]).body;
    let line = metrics.lines().find(|line| line.starts_with("engawa_lan_refused_total{reason=\"network\"}"));
    assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    assert!(office.tls(HERE, None).is_ok());
}

#[test]
fn one_address_that_asks_too_often_is_told_to_wait_and_others_are_not() {
    let office = Office::with(&[("requests_per_second", "1")]);
    let ask = "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let all = office.raw(&format!("{ask}{ask}{ask}{last}"));
    assert_eq!(all.matches("HTTP/1.1 200").count(), 2, "{all}");
    let refused = all.split("HTTP/1.1 429").nth(1).unwrap();
    assert!(refused.to_ascii_lowercase().contains("retry-after: 1") && refused.contains("TOO_MANY_REQUESTS"), "{all}");
    assert_eq!(office.curl("/v1/health", &["--interface", "127.0.0.2"]).status, 200);
    // The loopback port and the socket know no such limit.
    for _ in 0..5 {
        assert_eq!(Ask::new("GET", "/v1/health").over_tcp(office.gateway.address()).unwrap().status, 200);
    }
    until("the address to be heard again", PATIENCE, || (office.curl("/v1/health", &[]).status == 200).then_some(()));
}
