//! Every row of the hub link's failure table: what was seen → what the outbox is told.

use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{
    HubError, LineFault, LookupOutcome, Outcome, Receipt, Refusal, Reply, Scope, Seen, Trouble, change_page, classify,
    delivery, lookup,
};
use jiff::Timestamp;
use jiff::civil::date;
use uuid::Uuid;

const HTML: &str = "<!DOCTYPE html><html><body>メンテナンス中</body></html>";
const ACCEPTED: &str =
    r#"{"result":"ok","data":{"receipt_number":"R1","accepted_at":"2026-11-22T09:00:00+09:00"},"trace_id":"t"}"#;

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn seen(status: u16, retry_after: Option<&str>, body: &str) -> Seen {
    let (retry_after, body) = (retry_after.map(str::to_owned), body.to_owned().into());
    Seen::Answered { status, retry_after, date: None, body, request_whole: true }
}

fn error(code: &str) -> String {
    format!(r#"{{"result":"error","errors":[{{"code":"{code}","message":"秘","field":"/opinion/x"}}],"trace_id":"t"}}"#)
}

/// What an [`Outcome`] comes to, without its details.
#[derive(Debug, PartialEq)]
enum Row {
    Accepted,
    Refused(Code),
    NotLive,
    NotDelivered(Code, Scope),
    Unknown(Code, Scope),
}

fn row(seen: &Seen) -> Row {
    match delivery(seen, now()) {
        Outcome::Accepted(_) => Row::Accepted,
        Outcome::Refused(refusal) => Row::Refused(refusal.code),
        Outcome::NotLive { .. } => Row::NotLive,
        Outcome::NotDelivered(trouble) => Row::NotDelivered(trouble.code, trouble.scope),
        Outcome::Unknown(trouble) => Row::Unknown(trouble.code, trouble.scope),
    }
}

#[test]
fn line_faults() {
    use Row::{NotDelivered, Unknown};
    let before = |fault| [Seen::NoConnection(fault), Seen::Unsent(fault)];
    for (fault, code, scope) in [
        (LineFault::Unreachable, Code::HubUnreachable, Scope::Hub),
        (LineFault::TimedOut, Code::HubTimeout, Scope::Hub),
        (LineFault::Cut, Code::HubUnreachable, Scope::Hub),
        (LineFault::Untrusted, Code::HubServerUntrusted, Scope::Operator),
        (LineFault::NotYetTrusted, Code::HubServerUntrusted, Scope::Hub),
        (LineFault::OwnCertificateRefused, Code::HubCertificateWrongKind, Scope::Operator),
        (LineFault::OwnCertificateExpired, Code::CertificateExpired, Scope::Operator),
    ] {
        for seen in before(fault) {
            assert_eq!(row(&seen), NotDelivered(code, scope), "{seen:?}");
        }
    }
    for (fault, code) in [
        (LineFault::Cut, Code::HubUnreachable),
        (LineFault::TimedOut, Code::HubTimeout),
        (LineFault::TooLarge, Code::HubNonsense),
        (LineFault::Untrusted, Code::HubUnreachable),
        (LineFault::NotYetTrusted, Code::HubUnreachable),
    ] {
        assert_eq!(row(&Seen::Lost(fault)), Unknown(code, Scope::Item), "{fault:?}");
    }
    // TLS 1.3 tells the client late, but tells it for certain that nothing was processed.
    let refused = Seen::Lost(LineFault::OwnCertificateRefused);
    assert_eq!(row(&refused), NotDelivered(Code::HubCertificateWrongKind, Scope::Operator));
    assert_eq!(row(&Seen::Damaged), NotDelivered(Code::SubmissionDamaged, Scope::Item));
}

#[test]
fn envelopes_decide_whatever_the_status() {
    use Row::{NotDelivered, NotLive, Refused, Unknown};
    let rows = [
        ("E1001", NotDelivered(Code::HubCertificateWrongKind, Scope::Operator)),
        ("E1002", NotDelivered(Code::HubLoginRefused, Scope::Operator)),
        ("E1003", NotDelivered(Code::HubAccountLocked, Scope::Hub)),
        ("E1004", NotDelivered(Code::HubTrouble, Scope::Item)),
        ("E2000", NotDelivered(Code::HubNotOffered, Scope::Operator)),
        ("E2101", Refused(Code::HubRefused)),
        ("E2120", Refused(Code::HubRefused)),
        ("E2999", Refused(Code::HubRefused)),
        ("E3001", Refused(Code::HubNotPermitted)),
        ("E3002", Refused(Code::HubNoConsent)),
        ("E3003", NotLive),
        ("E3004", Refused(Code::HubRecipientAbsent)),
        ("E3005", Unknown(Code::HubNonsense, Scope::Item)),
        ("E4040", Unknown(Code::HubNonsense, Scope::Item)),
        ("E21", Unknown(Code::HubNonsense, Scope::Item)),
        ("X9001", Unknown(Code::HubNonsense, Scope::Item)),
        ("E9001", NotDelivered(Code::HubTrouble, Scope::Hub)),
    ];
    for (code, expected) in rows {
        for status in [200, 400, 401, 403, 404, 500] {
            assert_eq!(row(&seen(status, None, &error(code))), expected, "{code} with {status}");
        }
    }
    for status in [200, 201, 500, 503] {
        assert_eq!(row(&seen(status, None, ACCEPTED)), Row::Accepted, "{status}");
    }
    assert_eq!(row(&seen(429, None, &error("E9001"))), NotDelivered(Code::HubBusy, Scope::Hub));
    assert_eq!(row(&seen(503, None, &error("E9001"))), NotDelivered(Code::HubTrouble, Scope::Hub));
    assert_eq!(row(&seen(503, Some("7"), &error("E9001"))), NotDelivered(Code::HubBusy, Scope::Hub));
    assert_eq!(row(&seen(503, None, &error("E7777"))), NotDelivered(Code::HubTrouble, Scope::Hub));
}

#[test]
fn what_is_not_the_envelope_is_never_a_success() {
    use Row::{NotDelivered, Unknown};
    for (status, body, code) in [
        (200, HTML, Code::HubNonsense),
        (502, HTML, Code::HubNonsense),
        (200, "", Code::HubNonsense),
        (404, HTML, Code::HubNonsense),
        (413, "", Code::HubNonsense),
        (500, "", Code::HubTrouble),
        (503, HTML, Code::HubTrouble),
        (504, HTML, Code::HubTrouble),
        (200, &ACCEPTED[..40], Code::HubNonsense),
        (200, "[]", Code::HubNonsense),
        (200, r#"{"status":"success","value":1}"#, Code::HubNonsense),
        (200, r#"{"result":"ok"}"#, Code::HubNonsense),
        (200, r#"{"result":"error","errors":[]}"#, Code::HubNonsense),
        (200, r#"{"result":"error","errors":[{"message":"x"}]}"#, Code::HubNonsense),
        (200, r#"{"result":"ok","data":{},"errors":[{"code":"E2101"}]}"#, Code::HubNonsense),
        (200, r#"{"result":"ok","data":{"accepted_at":"2026-11-22T09:00:00+09:00"}}"#, Code::HubNonsense),
        (200, r#"{"result":"ok","data":{"receipt_number":1,"accepted_at":"x"}}"#, Code::HubNonsense),
        (
            200,
            r#"{"result":"ok","data":{"receipt_number":"","accepted_at":"2026-11-22T09:00:00Z"}}"#,
            Code::HubNonsense,
        ),
    ] {
        assert_eq!(row(&seen(status, None, body)), Unknown(code, Scope::Item), "{status} {body}");
    }
    for body in [HTML, ""] {
        assert_eq!(row(&seen(429, None, body)), NotDelivered(Code::HubBusy, Scope::Hub), "{body}");
    }
}

#[test]
fn an_answer_before_the_requests_end() {
    let early = |status, body: &str| Seen::Answered {
        status,
        retry_after: None,
        date: None,
        body: body.to_owned().into(),
        request_whole: false,
    };
    assert_eq!(row(&early(413, HTML)), Row::NotDelivered(Code::HubNonsense, Scope::Item));
    assert_eq!(row(&early(200, &error("E2101"))), Row::Refused(Code::HubRefused));
    assert_eq!(row(&early(200, ACCEPTED)), Row::NotDelivered(Code::HubNonsense, Scope::Item));
}

#[test]
fn several_errors_are_final_only_when_all_are() {
    let several = |codes: &[&str]| {
        let errors: Vec<_> = codes.iter().map(|code| format!(r#"{{"code":"{code}"}}"#)).collect();
        row(&seen(200, None, &format!(r#"{{"result":"error","errors":[{}]}}"#, errors.join(","))))
    };
    assert_eq!(several(&["E2101", "E2120"]), Row::Refused(Code::HubRefused));
    assert_eq!(several(&["E2101", "E3002"]), Row::Refused(Code::HubNoConsent));
    assert_eq!(several(&["E2101", "E9001"]), Row::NotDelivered(Code::HubTrouble, Scope::Hub));
    assert_eq!(several(&["E2101", "E3003"]), Row::NotLive);
    assert_eq!(several(&["E9001", "E1002"]), Row::NotDelivered(Code::HubLoginRefused, Scope::Operator));
    assert_eq!(several(&["E2101", "E5000"]), Row::Unknown(Code::HubNonsense, Scope::Item));
}

#[test]
fn details_are_carried_and_the_hubs_message_is_not() {
    let accepted_at = now();
    assert_eq!(
        delivery(&seen(200, None, ACCEPTED), now()),
        Outcome::Accepted(Receipt { number: "R1".to_owned(), accepted_at, trace_id: Some("t".to_owned()) })
    );
    let field = Some("/opinion/x".to_owned());
    let errors = vec![HubError { code: "E2101".to_owned(), field }];
    let refusal = Refusal { code: Code::HubRefused, errors, trace_id: Some("t".to_owned()) };
    let refused = delivery(&seen(200, None, &error("E2101")), now());
    assert_eq!(refused, Outcome::Refused(refusal));
    assert!(!format!("{refused:?}").contains('秘'));

    let live = r#"{"result":"error","errors":[{"code":"E3003","live_from":"2027-04-01"}],"trace_id":"t"}"#;
    let live_from = Some(date(2027, 4, 1));
    let not_live = Outcome::NotLive { live_from, trace_id: Some("t".to_owned()) };
    assert_eq!(delivery(&seen(200, None, live), now()), not_live);
    let beside = r#"{"result":"error","errors":[{"code":"E3003"}],"data":{"live_from":"2027-04-01"},"trace_id":"t"}"#;
    assert_eq!(delivery(&seen(200, None, beside), now()), not_live);
}

#[test]
fn pauses_are_kept_between_a_second_and_a_day() {
    let pause = |value: &str| match classify(&seen(503, Some(value), &error("E9001")), now()) {
        Reply::Without(Trouble { retry_after, .. }) => retry_after.map(|pause| pause.as_secs()),
        other => panic!("{other:?}"),
    };
    assert_eq!(pause("0"), Some(1));
    assert_eq!(pause("120"), Some(120));
    assert_eq!(pause("99999999999"), Some(24 * 3600));
    assert_eq!(pause("Sun, 22 Nov 2026 00:05:00 GMT"), Some(300));
    assert_eq!(pause("Sun, 22 Nov 2020 00:05:00 GMT"), Some(1));
    assert_eq!(pause("soon"), None);
    assert_eq!(pause("-5"), None);
}

#[test]
fn an_account_lock_has_an_end() {
    let until = |named: &str| {
        let body = format!(r#"{{"result":"error","errors":[{{"code":"E1003"{named}}}]}}"#);
        match classify(&seen(403, None, &body), now()) {
            Reply::Without(Trouble { code: Code::HubAccountLocked, until, .. }) => until.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let half_an_hour = now() + Duration::from_secs(1800);
    assert_eq!(until(r#","locked_until":"2026-11-22T10:00:00+09:00""#), "2026-11-22T01:00:00Z".parse().unwrap());
    assert_eq!(until(""), half_an_hour);
    assert_eq!(until(r#","locked_until":"2020-01-01T00:00:00Z""#), half_an_hour);
}

#[test]
fn look_ups() {
    let key = Uuid::from_u128(7);
    let ask = |status, body: &str| lookup(&seen(status, None, body), key, now());
    let found = |outcome: &str, rest: &str, key: Uuid| {
        format!(r#"{{"result":"ok","data":{{"idempotency_key":"{key}","outcome":"{outcome}",{rest}}},"trace_id":"t"}}"#)
    };
    let receipt = r#""receipt_number":"R1","accepted_at":"2026-11-22T09:00:00+09:00""#;
    assert!(
        matches!(ask(200, &found("accepted", receipt, key)), LookupOutcome::Accepted(found) if found.number == "R1")
    );
    let errors = r#""errors":[{"code":"E3002","field":"/insured_number"}]"#;
    let refused = ask(200, &found("refused", errors, key));
    assert!(matches!(refused, LookupOutcome::Refused(refusal) if refusal.code == Code::HubNoConsent));

    for status in [200, 404] {
        assert_eq!(ask(status, &error("E4040")), LookupOutcome::Unseen);
        assert_eq!(ask(status, &error("E2000")), LookupOutcome::NotOffered);
    }
    for (senseless, scope) in [
        (found("accepted", receipt, Uuid::from_u128(8)), Scope::Item),
        (found("perhaps", receipt, key), Scope::Item),
        (found("refused", r#""errors":[]"#, key), Scope::Item),
        (found("refused", r#""errors":[{"code":"E9001"}]"#, key), Scope::Item),
        (HTML.to_owned(), Scope::Hub),
    ] {
        let outcome = ask(200, &senseless);
        assert!(
            matches!(&outcome, LookupOutcome::Trouble(trouble)
                if trouble.code == Code::HubNonsense && trouble.scope == scope),
            "{senseless}: {outcome:?}"
        );
    }
    // A proxy's 404 is not the hub saying that it has never seen the key.
    assert!(matches!(ask(404, HTML), LookupOutcome::Trouble(_)));
}

#[test]
fn pages_of_changes() {
    let page = |body: &str| change_page(&seen(200, None, body), now());
    let body = r#"{"result":"ok","data":{"items":[
        {"receipt_number":"R1","state":"returned","at":"2026-11-22T09:00:00+09:00","reason":"押印なし"},
        {"receipt_number":"R2","state":"eaten","at":"2026-11-22T09:00:00+09:00"},
        {"receipt_number":"R3","state":"accepted","at":"2026-11-22T09:00:00+09:00"}],"next_cursor":"c"}}"#;
    let read = page(body).unwrap().unwrap();
    let numbers: Vec<_> = read.items.iter().map(|change| change.receipt_number.as_str()).collect();
    assert_eq!((numbers, read.next_cursor.as_str(), read.restarted), (vec!["R1", "R3"], "c", false));
    assert_eq!(read.items[0].reason.as_deref(), Some("押印なし"));

    assert_eq!(page(&error("E4040")), Ok(None));
    assert_eq!(page(&error("E9001")).unwrap_err().code, Code::HubTrouble);
    assert_eq!(page(r#"{"result":"ok","data":{"items":[]}}"#).unwrap_err().code, Code::HubNonsense);
    assert_eq!(page(HTML).unwrap_err().scope, Scope::Hub);
}
