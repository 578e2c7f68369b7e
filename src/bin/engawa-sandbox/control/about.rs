//! What `engawa-sandbox help control` prints after its commands.

use std::fmt::Write as _;

/// Every call of the control API: method and path, body, what it does.
const CALLS: [(&str, &str, &str); 19] = [
    (
        "GET /control/status",
        "",
        "totals, clock, calls, requests at work, connections (also by certificate), login attempts, faults",
    ),
    ("GET /control/facts[?key=UUID]", "", "what was filed, and every key with how often it was seen"),
    ("GET /control/faults", "", "faults that wait"),
    ("POST /control/faults", "a fault or a list", "appends; see: engawa-sandbox help faults"),
    ("DELETE /control/faults", "", "clears all, the random ones too"),
    ("DELETE /control/faults/ID", "", "clears one"),
    (
        "POST /control/random",
        r#"{"seed","rate","kinds"?,"on"?,"retry_after"?,"delay_ms"?}"#,
        "random faults; rate 0 ends them",
    ),
    ("POST /control/clock", r#"{"advance":"36h"} {"set":TIME} {"reset":true}"#, "moves the hub's clock"),
    (
        "POST /control/municipal",
        r#"{"receipt_number","state","reason"?}"#,
        "state: received forwarded accepted returned",
    ),
    ("POST /control/municipalities/NUMBER", r#"{"state","live_from"?,"name"?}"#, "changes or adds an insurer"),
    ("POST /control/facilities/NUMBER", r#"{"takes_part":true}"#, "an office joins the hub or leaves it"),
    ("POST /control/requests", "a request as in world.json", "another 作成依頼書"),
    (
        "POST /control/accounts/USER",
        r#"{"lock":true} {"lock":"2h"} {"unlock":true} {"password":"…"}"#,
        "an account's lock or password",
    ),
    ("POST /control/cards/SERIAL", r#"{"revoked":true}"#, "revokes a card's certificate, or takes it back"),
    ("POST /control/tokens", r#"{"expire":"access"} {"expire":"all"}"#, "forgets tokens"),
    ("POST /control/cursors", r#"{"expire":"all"}"#, "every cursor given so far is E4040"),
    ("POST /control/connections", r#"{"close":"idle"} {"close":"all"}"#, "closes without a word"),
    ("POST /control/power", r#"{"up":false}"#, "cuts connections and refuses new ones; returns when it is so"),
    ("POST /control/power", r#"{"up":true}"#, "takes connections again"),
];

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from("THE CONTROL API (plain HTTP on loopback; its port stands in DIR/sandbox.json)\n");
    for (call, body, says) in CALLS {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "  {call} {body}\n      {says}");
    }
    page.push_str("  Bodies are JSON. A refused order is 400 or 404 with {\"error\"}. Spans: 1500ms, 90s, 36h, 60d.\n");
    page
}
