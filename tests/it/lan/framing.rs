//! Requests that two servers would take for different ones: each is refused, and its connection is closed.

use super::kit::{Office, answers};

/// What a smuggler wants to have answered.
const SECOND: &str = "GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: yes\r\n\r\n";

#[test]
fn framing_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let office = Office::open();
    let head = "POST /v1/opinions HTTP/1.1\r\nHost: localhost\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let length = SECOND.len();
    let cases = [
        ("length and chunks", format!("{head}Content-Length: {length}\r\n{chunked}\r\n0\r\n\r\n{SECOND}")),
        ("chunks and length", format!("{head}{chunked}Content-Length: 5\r\n\r\n0\r\n\r\n{SECOND}")),
        ("two lengths", format!("{head}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{SECOND}")),
        ("a list of lengths", format!("{head}Content-Length: 0, {length}\r\n\r\n{SECOND}")),
        ("a length with a sign", format!("{head}Content-Length: +0\r\n\r\n{SECOND}")),
        ("a length below zero", format!("{head}Content-Length: -1\r\n\r\n{SECOND}")),
        ("a length of spaces", format!("{head}Content-Length: 0 0\r\n\r\n{SECOND}")),
        ("an enormous length", format!("{head}Content-Length: 18446744073709551616\r\n\r\n{SECOND}")),
        ("chunks not last", format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SECOND}")),
        ("chunks twice", format!("{head}{chunked}{chunked}\r\n0\r\n\r\n{SECOND}")),
        ("other encodings", format!("{head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{SECOND}")),
        ("a misspelt encoding", format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SECOND}")),
        ("an encoding with a tab", format!("{head}Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n{SECOND}")),
        ("a space before the colon", format!("{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SECOND}")),
        ("a folded header", format!("{head}X: a\r\n {chunked}\r\n{SECOND}")),
        (
            "a header that begins with a space",
            format!("POST /v1/opinions HTTP/1.1\r\n {chunked}Host: localhost\r\n\r\n{SECOND}"),
        ),
        // A bare line feed ends a line, as RFC 9112 allows; what it hides is seen.
        (
            "a length behind a line feed",
            format!("{head}X: a\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{SECOND}"),
        ),
        (
            "chunks behind a line feed",
            format!("{head}X: a\n{chunked}Content-Length: {length}\r\n\r\n0\r\n\r\n{SECOND}"),
        ),
        ("a bare carriage return", format!("{head}X: a\rContent-Length: 0\r\n\r\n{SECOND}")),
        ("a null", format!("{head}X: a\0b\r\nContent-Length: 0\r\n\r\n{SECOND}")),
        ("a chunk size with a sign", format!("{head}{chunked}\r\n+0\r\n\r\n{SECOND}")),
        ("a chunk size with 0x", format!("{head}{chunked}\r\n0x0\r\n\r\n{SECOND}")),
        ("a chunk size too large", format!("{head}{chunked}\r\nfffffffffffffffff\r\n\r\n{SECOND}")),
        ("a chunk with a bare line feed", format!("{head}{chunked}\r\n1\na\r\n0\r\n\r\n{SECOND}")),
        ("a chunk that is longer than it says", format!("{head}{chunked}\r\n1\r\nab\r\n0\r\n\r\n{SECOND}")),
        ("a chunk extension with a line feed", format!("{head}{chunked}\r\n1;a\nb\r\na\r\n0\r\n\r\n{SECOND}")),
        ("an absurd version", "POST /v1/opinions HTTP/1.2\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_owned()),
        (
            "chunks in HTTP/1.0",
            format!("POST /v1/opinions HTTP/1.0\r\nHost: localhost\r\n{chunked}\r\n0\r\n\r\n{SECOND}"),
        ),
        (
            "two spaces in the line",
            "POST  /v1/opinions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        ("HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (
            "chunks where no body belongs",
            format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n{chunked}\r\n0\r\n\r\n"),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, request) in &cases {
        for (port, all) in [("LAN", office.raw(request)), ("loopback", office.raw_loopback(request))] {
            let (count, status) = answers(&all);
            // No answer at all is a refusal, too: what cannot be a request need not be answered.
            if count > 1 || !(status == 0 || (400..500).contains(&status)) {
                wrong.push(format!("{what} on {port}: {count} answers, the first {status}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What hyper reads as RFC 9112 allows, and in one way alone: nobody stands before or behind this box who could read it in another, every
/// connection is one client's, and what is judged is what is read.
#[test]
fn what_is_read_leniently_is_read_in_one_way() {
    let office = Office::open();
    let length = SECOND.len();
    let post = "POST /v1/opinions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let get = "GET /v1/health HTTP/1.1\nHost: localhost\nConnection: close\n";
    let cases = [
        // The second request is the first one's body, by either length.
        (
            "the same length twice",
            format!("{post}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{SECOND}"),
            401,
        ),
        ("bare line feeds", format!("{get}\n"), 200),
        ("a header behind a bare line feed is one", format!("{get}X: a\nOrigin: https://other.example\n\n"), 403),
        ("an empty line of line feeds ends the head", format!("{get}\n{SECOND}"), 200),
    ];
    for (what, request, expected) in &cases {
        for (port, all) in [("LAN", office.raw(request)), ("loopback", office.raw_loopback(request))] {
            assert_eq!(answers(&all), (1, *expected), "{what} on {port}: {all}");
        }
    }
}

#[test]
fn a_head_without_end_is_refused_in_bounded_memory() {
    let office = Office::open();
    let endless = format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: {}", "a".repeat(200 << 10));
    let (count, status) = answers(&office.raw(&endless));
    assert!(count <= 1 && (status == 0 || status == 431 || status == 400), "{status}");
    let many: String = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
    let (_, status) = answers(&office.raw(&format!("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")));
    assert!(status == 431 || status == 400, "{status}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(70 << 10));
    let (_, status) = answers(&office.raw(&long));
    assert!(status == 0 || (400..=431).contains(&status), "{status}");
}
