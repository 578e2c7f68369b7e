//! What a browser can be made to send: names that lead here by somebody else's word, pages from elsewhere, odd paths.

use super::kit::{Office, answers};

/// A request by hand, closed after its answer.
fn asking(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

#[test]
fn a_request_that_is_not_for_this_box_is_turned_away() {
    let office = Office::open();
    let get = "GET /v1/health";
    let cases = [
        (get, "Host: evil.example\r\n", 421),
        (get, "Host: 203.0.113.7\r\n", 421),
        (get, "Host: localhost.evil.example\r\n", 421),
        (get, "Host: evil.example\r\nX-Forwarded-Host: localhost\r\n", 421),
        (get, "Host: localhost\r\nX-Forwarded-Host: evil.example\r\n", 200),
        (get, "Host: localhost\r\nHost: evil.example\r\n", 400),
        (get, "Host: localhost\r\nHost: localhost\r\n", 400),
        (get, "Host: localhost@evil.example\r\n", 400),
        (get, "Host: evil.example@localhost\r\n", 400),
        (get, "Host: localhost, evil.example\r\n", 400),
        (get, "Host: \r\n", 400),
        (get, "", 400),
        (get, "Host: LOCALHOST.:8471\r\n", 200),
        (get, "Host: 127.0.0.1\r\n", 200),
        (get, "Host: [::1]:1\r\n", 200),
        ("GET https://evil.example/v1/health", "Host: localhost\r\n", 421),
        ("GET https://evil.example/v1/health", "Host: evil.example\r\n", 421),
        ("GET https://localhost/v1/health", "Host: evil.example\r\n", 421),
        ("GET https://localhost/v1/health", "Host: localhost\r\n", 200),
        ("CONNECT evil.example:443", "Host: localhost\r\n", 421),
    ];
    for (line, headers, status) in cases {
        let request = asking(line, headers);
        for answer in [office.raw(&request), office.raw_loopback(&request)] {
            assert_eq!(answers(&answer), (1, status), "{line} {headers:?}: {answer}");
            assert!(status != 421 || answer.contains("HOST_UNKNOWN"), "{answer}");
        }
    }
    assert_eq!(office.curl("/v1/health", &["-H", "Host: rebound.example"]).code(), "HOST_UNKNOWN");
    let mut unix = std::os::unix::net::UnixStream::connect(office.gateway.socket()).unwrap();
    std::io::Write::write_all(&mut unix, asking(get, "Host: anything\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut unix, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "no browser comes by the socket: {answer}");
}

#[test]
fn pages_from_elsewhere_are_turned_away_unless_they_are_listed() {
    let office = Office::with(&[("origins", "[\"https://karte.example:8443\"]")]);
    let own = format!("Origin: https://{}", office.lan);
    let post = |headers: &[&str]| {
        let mut arguments = vec!["-X", "POST", "-d", "{}", "-H", "Content-Type: text/plain"];
        arguments.extend(headers.iter().flat_map(|header| ["-H", *header]));
        office.curl("/v1/opinions", &arguments)
    };
    for origin in
        ["https://evil.example", "null", "https://karte.example", "http://karte.example:8443", "https://localhost"]
    {
        let refused = post(&[&format!("Origin: {origin}")]);
        assert_eq!((refused.status, refused.code()), (403, "ORIGIN_FOREIGN".to_owned()), "{origin}");
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    assert_eq!(post(&["Origin: https://evil.example", &own]).code(), "ORIGIN_FOREIGN", "said twice");
    assert_eq!(post(&[&format!("Origin: http://{}", office.lan)]).code(), "ORIGIN_FOREIGN", "another scheme");
    assert_eq!(post(&[&own]).code(), "AUTH_MISSING");
    assert_eq!(post(&[]).code(), "AUTH_MISSING", "a program says no origin");
    assert_eq!(post(&["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]).code(), "ORIGIN_FOREIGN");
    let visit = office.curl("/v1/health", &["-H", "Sec-Fetch-Site: cross-site", "-H", "Sec-Fetch-Mode: navigate"]);
    assert_eq!(visit.status, 200);

    let listed = post(&["Origin: https://karte.example:8443"]);
    assert_eq!(listed.code(), "AUTH_MISSING");
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://karte.example:8443"));
    assert_eq!(listed.header("access-control-allow-credentials"), None);
    assert!(listed.header("vary").unwrap().contains("origin"));
    // What a handler says of its own stays beside what is said of every answer.
    let page = office.curl("/openapi.json", &["-H", "Origin: https://karte.example:8443"]);
    let vary: Vec<_> = page.head.lines().filter_map(|line| line.strip_prefix("vary: ")).collect();
    assert_eq!((page.status, vary), (200, vec!["accept-encoding", "origin"]));
    assert_eq!(page.header("cross-origin-resource-policy"), None);
    let preflight = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let asked = ["-X", "OPTIONS", "-H", &origin, "-H", "Access-Control-Request-Method: POST"];
        office.curl("/v1/opinions", &asked)
    };
    let allowed = preflight("https://karte.example:8443");
    assert_eq!(allowed.status, 204);
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("authorization"));
    let refused = preflight("https://evil.example");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    assert_eq!(refused.header("access-control-allow-methods"), None);

    // The loopback port is as near to a browser on the box as the LAN's is.
    let loopback = office.gateway.address();
    let cross = |origin: &str| {
        let headers = format!("Host: {loopback}\r\nOrigin: {origin}\r\nContent-Length: 0\r\n");
        answers(&office.raw_loopback(&asking("POST /v1/opinions", &headers))).1
    };
    assert_eq!(cross("https://evil.example"), 403);
    assert_eq!(cross(&format!("http://{loopback}")), 401);
    assert_eq!(cross("https://karte.example:8443"), 401);
}

#[test]
fn no_way_of_writing_a_path_leads_past_the_door() {
    let office = Office::open();
    let host = "Host: localhost\r\n";
    for path in [
        "//v1/keys",
        "/v1//keys",
        "/v1/health/../keys",
        "/v1/health/%2e%2e/keys",
        "/v1/%2e%2e/v1/keys",
        "/v1/health/..%2fkeys",
        "/v1/health%2f..%2fkeys",
        "/v1/health/..;/keys",
        "/./v1/keys",
        "/v1/keys/.",
        "/V1/KEYS",
        "/v1/keys/",
        "/%76%31/%6b%65%79%73",
        "/v1/keys%00",
        "/v1/keys%20",
        "/v1\\keys",
        "/v1/submissions/..%2f..%2fkeys",
        "/v1/opinions/%2e%2e",
        "*",
    ] {
        let (count, status) = answers(&office.raw(&asking(&format!("GET {path}"), host)));
        assert!(count == 1 && [400, 401, 404, 405].contains(&status), "{path}: {status}");
    }
    for method in ["TRACE", "CONNECT", "PROPFIND", "get"] {
        let (count, status) = answers(&office.raw(&asking(&format!("{method} /v1/keys"), host)));
        assert!(count == 1 && (400..500).contains(&status), "{method}: {status}");
    }
}
