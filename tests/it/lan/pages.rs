//! The pages for people: what they are made of, how they are guarded, and the way through them as their script goes it.

use serde_json::json;

use super::kit::Office;

const PAGES: [&str; 3] = ["/", "/pair", "/login"];

#[test]
fn pages_take_nothing_from_elsewhere_and_put_nothing_into_an_address() {
    let office = Office::open();
    for path in PAGES {
        let page = office.curl(path, &[]);
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split("; ").any(|own| own == directive), "{directive}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in
            [("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")]
        {
            assert_eq!(page.header(name), Some(value), "{path} {name}");
        }
        let html = &page.body;
        assert!(html.starts_with("<!doctype html>\n<html lang=\"ja\">") && html.contains("lang=\"en\""), "{path}");
        assert!(
            html.contains("name=\"viewport\"") && html.contains("aria-live=\"polite\"") && html.contains("<noscript>"),
            "{path}"
        );
        for foreign in ["http:", "https:", "//", "style=", "<style", "onclick", "<img", "<iframe"] {
            assert!(!html.contains(foreign), "{foreign} in {path}");
        }
        assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/engawa.js\" defer></script>").count());
        // Without its script a form must not put what somebody typed into an address.
        assert_eq!(html.matches("<form").count(), html.matches("method=\"post\"").count(), "{path}");
        for (at, _) in html.match_indices("<input id=\"") {
            let id = html[at + 11..].split('"').next().unwrap();
            let hidden = html[at..].split('>').next().unwrap().contains(" hidden");
            assert!(hidden || html.contains(&format!("<label for=\"{id}\">")), "no label for {id} in {path}");
        }
    }
    // Each is asked for once: an address may not ask very often.
    let script = office.curl("/engawa.js", &[]).body;
    let pages = PAGES.map(|path| office.curl(path, &[]).body);
    for (at, _) in script.match_indices("by(\"") {
        let id = script[at + 4..].split('"').next().unwrap();
        assert!(pages.iter().any(|page| page.contains(&format!("id=\"{id}\""))), "{id} stands on no page");
    }
    for (path, kind) in [("/engawa.css", "text/css; charset=utf-8"), ("/engawa.js", "text/javascript; charset=utf-8")] {
        let file = office.curl(path, &[]);
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)));
        for foreign in ["http:", "innerHTML", "eval(", "localStorage", "@import", "url("] {
            assert!(!file.body.contains(foreign), "{foreign} in {path}");
        }
    }
    // What a form sends whose script does not run is refused, and done to nobody.
    let window = office.gateway.run(&["terminal", "pair", "受付", "--kind", "browser", "--json"]);
    let window: serde_json::Value = serde_json::from_slice(&window.stdout).unwrap();
    let code = window["code"].as_str().unwrap();
    let plain = office.curl("/v1/pair", &["--data-urlencode", &format!("code={code}")]);
    assert_eq!(plain.status, 415, "{plain:?}");
    assert_eq!(office.curl(&format!("/pair?code={code}"), &[]).status, 400, "a code in an address is none");
    assert!(!office.gateway.log().contains(code));
}

/// The calls of engawa.js in their order: unknown, paired, logged in with a one-time password, changed, known, out.
#[test]
fn a_person_gets_through_the_pages() {
    let office = Office::open();
    let run = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&office.gateway.run(arguments).stdout).unwrap()
    };
    let origin = format!("Origin: https://{}", office.lan);
    let mut cookies = String::new();
    let mut ask = |method: &str, path: &str, body: Option<serde_json::Value>| {
        let body = body.map(|body| body.to_string());
        let shows = format!("Cookie: {cookies}");
        let mut words = vec!["-X", method, "-H", &origin, "-H", &shows, "-H", "Sec-Fetch-Site: same-origin"];
        if let Some(body) = &body {
            words.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
        }
        let reply = office.curl(path, &words);
        if let Some(cookie) = reply.header("set-cookie") {
            let (pair, _) = cookie.split_once(';').unwrap();
            let (name, _) = pair.split_once('=').unwrap();
            let others = cookies.split("; ").filter(|own| !own.is_empty() && !own.starts_with(name));
            cookies = others.chain([pair]).collect::<Vec<_>>().join("; ");
        }
        reply
    };
    assert_eq!(ask("GET", "/v1/session", None).code(), "AUTH_MISSING");
    let window = run(&["terminal", "pair", "受付1", "--kind", "browser", "--rights", "submit,read", "--json"]);
    let words: Vec<_> = window["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let paired = ask("POST", "/v1/pair", Some(json!({ "code": words.join("　") })));
    assert_eq!(
        (paired.status, &paired.json()["kind"], &paired.json()["label"]),
        (201, &"browser".into(), &"受付1".into())
    );
    assert_eq!(ask("GET", "/v1/session", None).code(), "LOGIN_REQUIRED");
    let made = run(&["staff", "add", "sato", "--name", "佐藤", "--role", "clerk", "--json"]);
    let one_time = made["one_time_password"].as_str().unwrap();
    let known = ask("POST", "/v1/session", Some(json!({ "user": "sato", "password": one_time })));
    assert_eq!((known.status, &known.json()["one_time"]), (200, &true.into()), "{known:?}");
    let change = json!({ "password": one_time, "new_password": "short" });
    let weak = ask("POST", "/v1/session/password", Some(change));
    let place = &weak.json()["errors"][0];
    assert!(weak.status == 422 && place["detail"].is_string() && place["detail_en"].is_string(), "{weak:?}");
    let change = json!({ "password": one_time, "new_password": "tulip bridge oven" });
    assert_eq!(ask("POST", "/v1/session/password", Some(change)).status, 200);
    let known = ask("GET", "/v1/session", None).json();
    assert_eq!((&known["name"], &known["terminal"]), (&"佐藤".into(), &"受付1".into()), "{known}");
    assert_eq!(known["rights"], json!(["submit", "read"]));
    assert_eq!(ask("DELETE", "/v1/session", None).status, 204);
    assert_eq!(ask("GET", "/v1/session", None).code(), "LOGIN_REQUIRED");
}
