//! What `engawa-sandbox help faults` prints.

use std::fmt::Write as _;

use super::Kind;
use crate::rules;
use crate::wire::Operation;

/// Every kind, in the order of the reference.
const KINDS: [Kind; 33] = [
    Kind::Refuse,
    Kind::Delay,
    Kind::CutBeforeEffect,
    Kind::CutMidRequest,
    Kind::CutAfterEffect,
    Kind::CutMidAnswer,
    Kind::AnswerTwice,
    Kind::Status400,
    Kind::Status401,
    Kind::Status403,
    Kind::Status404,
    Kind::Status429,
    Kind::Status500,
    Kind::Status503,
    Kind::Html200,
    Kind::Html502,
    Kind::WrongJson,
    Kind::TruncatedJson,
    Kind::WrongType,
    Kind::SlowBody,
    Kind::CloseIdle,
    Kind::LockAccount,
    Kind::RefusePassword,
    Kind::ExpireTokens,
    Kind::ExpiredCursor,
    Kind::NotOffered,
    Kind::Drop,
    Kind::Stall,
    Kind::RefuseClient,
    Kind::ServerCertificateExpired,
    Kind::ServerCertificateForeign,
    Kind::ServerCertificateWrongName,
    Kind::ServerCertificateNotYetValid,
];

/// Every member of a fault but `on` and `kind`.
const MEMBERS: [(&str, &str); 16] = [
    ("times", "calls it meets: default 1, 0 until cleared"),
    ("after", "matching calls that pass first"),
    ("key", "only this idempotency key"),
    ("facility", "only this facility's number"),
    ("effect", "whether the call is carried out all the same (true, false)"),
    (
        "delay_ms",
        "machine time to wait once the request is read and counted; the effect comes even if the client has gone",
    ),
    ("status", "another HTTP status, where the fault answers by itself"),
    ("retry_after", "status_…: Retry-After as text, seconds or a date"),
    ("body", "status_…: envelope (E9001), empty or html"),
    ("bytes", "cut_mid_request, cut_mid_answer, truncated_json: after so many; slow_body: so many a step"),
    ("interval_ms", "slow_body: between two steps"),
    ("code", "refuse: the code, default E9001"),
    ("field", "refuse: a JSON pointer"),
    ("message", "refuse: the sentence"),
    ("live_from", "refuse with E3003: a date"),
    ("locked_until", "refuse with E1003: a time"),
];

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from("A FAULT\n  {\"on\":…,\"kind\":…} and, as wished:\n");
    // Writing to a String cannot fail.
    for (name, says) in MEMBERS {
        let _ = writeln!(page, "  {name:<14}{says}");
    }
    let _ = writeln!(page, "\nON\n  {}\n  * for all, or a path that begins with /", Operation::NAMES.join(" "));
    page.push_str("\nKIND (effect: whether the call is carried out, unless the member \"effect\" says otherwise)\n");
    for kind in KINDS {
        let effect = match kind {
            _ if kind.is_about_connecting() => "       ",
            _ if kind.is_about_the_answer() => "effect ",
            _ => "none   ",
        };
        let _ = writeln!(page, "  {:<34}{effect}{}", name(kind), kind.says());
    }
    page.push_str("\nCODES\n");
    for (code, says) in rules::CODES {
        let _ = writeln!(page, "  {code}  {says}");
    }
    page
}

fn name(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Kind {
    fn says(self) -> &'static str {
        match self {
            Self::Refuse => "an error of the envelope; final ones on writes are remembered under the key",
            Self::Delay => "waits delay_ms, then goes on as usual",
            Self::CutBeforeEffect => "reads the request, drops the connection",
            Self::CutMidRequest => "drops the connection after `bytes` (1) of the request's body",
            Self::CutAfterEffect => "the answer is lost",
            Self::CutMidAnswer => "head and `bytes` (or half) of the body, then drops the connection",
            Self::AnswerTwice => "the answer's bytes twice",
            Self::Status400
            | Self::Status401
            | Self::Status403
            | Self::Status404
            | Self::Status429
            | Self::Status500
            | Self::Status503 => "that status; body and retry_after by choice",
            Self::Html200 | Self::Html502 => "a proxy's page with that status",
            Self::WrongJson => "200 and JSON, but no envelope",
            Self::TruncatedJson => "half of the JSON (or `bytes`), well framed",
            Self::WrongType => "`data` lacks its first member",
            Self::SlowBody => "`bytes` (8) every `interval_ms` (50)",
            Self::CloseIdle => "answers, then closes the connection without a word",
            Self::LockAccount => "login: locks the account that asks for half an hour",
            Self::RefusePassword => "login: wrong, whatever it is; counts towards the lock",
            Self::ExpireTokens => "forgets all access tokens first",
            Self::ExpiredCursor => "E4040",
            Self::NotOffered => "404 with E2000, and no capability while it waits",
            Self::Drop => "connect: closes before the handshake",
            Self::Stall => "connect: takes the connection and says nothing",
            Self::RefuseClient => "connect: refuses the client's certificate in the handshake",
            Self::ServerCertificateExpired => "connect: an expired server certificate",
            Self::ServerCertificateForeign => "connect: one of another CA",
            Self::ServerCertificateWrongName => "connect: one for another name",
            Self::ServerCertificateNotYetValid => "connect: one of the future",
        }
    }
}
