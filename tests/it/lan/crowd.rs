//! Thousands of connections from one address, while another is answered.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::kit::{HERE, OTHER, Office, PATIENCE, answers};
use crate::support::until;

const ASK: &[u8] = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn answered(office: &Office, from: std::net::IpAddr) -> bool {
    let Ok(mut stream) = office.tls(from, None) else { return false };
    let mut answer = String::new();
    stream.write_all(ASK).is_ok() && {
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200")
    }
}

#[test]
fn thousands_of_slow_connections_from_one_address_keep_no_other_waiting() {
    let office = Office::with(&[("max_connections", "70")]);
    let slow = |office: &Office| -> TcpStream {
        let mut stream = office.tcp(HERE).unwrap();
        // The beginning of a handshake that never goes on.
        let _ = stream.write_all(&[0x16, 0x03, 0x01]);
        stream
    };
    // The kernel shakes hands before the box looks, so those that are held show only by not being closed.
    let held: Vec<_> = (0..64).map(|_| slow(&office)).collect();
    until("the address to be full", PATIENCE, || (!answered(&office, HERE)).then_some(()));
    for round in 0..3000 {
        let refused = slow(&office).read(&mut [0]);
        assert!(!matches!(refused, Ok(1)), "a word to connection {round}: {refused:?}");
        if round % 300 == 0 {
            assert!(answered(&office, OTHER), "another address in round {round}");
        }
    }
    // A third address takes the seats that are left. Who has none yet gets one all the same: of those who have the most.
    let third = std::net::IpAddr::from([127, 0, 0, 3]);
    let more: Vec<_> = (0..20).map(|_| office.tcp(third).unwrap()).collect();
    for round in 0..20 {
        assert!(answered(&office, OTHER), "another address in round {round} with all seats taken");
    }
    drop(more);
    // A handshake has its time; nobody has to let go for the address to be heard again.
    until("the address to be answered again", PATIENCE, || answered(&office, HERE).then_some(()));
    drop(held);
}

#[test]
fn whoever_sends_codes_slowly_keeps_nobody_else_from_pairing_or_from_the_pages() {
    let office = Office::open();
    let window = office.gateway.run(&["terminal", "pair", "受付", "--kind", "key", "--rights", "read", "--json"]);
    let window: serde_json::Value = serde_json::from_slice(&window.stdout).unwrap();
    let slow = |from: std::net::IpAddr| {
        let mut stream = office.tls(from, None).unwrap();
        let head =
            "POST /v1/pair HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"{\"code\":").unwrap();
        stream.flush().unwrap();
        stream
    };
    // An address has one turn, however many connections: a second one is told so while the first goes on.
    let mut first = slow(HERE);
    let busy = |office: &Office| {
        let answer = office.raw(
            "POST /v1/pair HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        );
        (answers(&answer).1 == 503).then_some(())
    };
    until("the turn to be taken", PATIENCE, || busy(&office));
    let mut held: Vec<_> = (0..20).map(|_| slow(HERE)).collect();
    held.extend((10..50).map(|last| slow(std::net::IpAddr::from([127, 0, 0, last]))));
    let from = ["--interface", "127.0.0.2"];
    for page in ["/", "/pair", "/login", "/engawa.css", "/engawa.js"] {
        assert_eq!(office.curl(page, &from).status, 200, "{page}");
        assert_eq!(office.curl(page, &[]).status, 200, "{page} to the same address");
    }
    let code = serde_json::json!({ "code": window["code"] }).to_string();
    let json = ["--interface", "127.0.0.2", "-H", "Content-Type: application/json", "--data-binary", &code];
    let paired = office.curl("/v1/pair", &json);
    assert_eq!((paired.status, &paired.json()["kind"]), (201, &"key".into()), "{paired:?}");
    // The whole request has its time, after which the address has its turn again.
    let mut answer = String::new();
    let _ = first.read_to_string(&mut answer);
    assert_eq!(answers(&answer), (1, 408), "{answer}");
    until("the turn to be free", PATIENCE, || busy(&office).is_none().then_some(()));
    drop(held);
}
