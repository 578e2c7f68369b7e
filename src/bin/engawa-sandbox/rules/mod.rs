//! What the hub asks of an opinion ([`check`]) and of a care plan ([`careplan`]). All errors are found at once; each says where, as a JSON pointer into the body.
//! [`CODES`] says what each code means.

mod attachments;
pub(crate) mod careplan;
mod charset;
pub(crate) mod example;
mod items;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::hub::HubError;

/// The largest body, in bytes.
pub(crate) const LIMIT: usize = 20 * 1024 * 1024;
/// A hub does not list errors without end.
const MOST: usize = 50;

/// The codes of this hub. Those of the profile that it never gives by itself can be ordered with `refuse`.
pub(crate) const CODES: [(&str, &str); 25] = [
    ("E1001", "certificate of the wrong kind, or of nobody (403)"),
    ("E1002", "unknown user id or wrong password (401)"),
    ("E1003", "account locked, with locked_until (403)"),
    ("E1004", "token expired, or of another certificate (401)"),
    ("E2000", "not offered (404)"),
    ("E2001", "not JSON, or not an object"),
    ("E2002", "the key was used with another body"),
    ("E2003", "Idempotency-Key missing or no UUID"),
    ("E2004", "body over 20 MiB"),
    ("E2101", "member missing"),
    ("E2102", "malformed"),
    ("E2103", "unknown insurer"),
    ("E2104", "unknown form version"),
    ("E2105", "unknown member"),
    ("E2106", "the form contradicts the envelope"),
    ("E2107", "a table that the care plan standard does not have"),
    ("E2110", "attachment: hash"),
    ("E2111", "attachment: type"),
    ("E2112", "attachment: base64"),
    ("E2120", "character outside JIS X 0213"),
    (
        "E3001",
        "this service or job kind may not: opinions are filed by a clinic's doctor, care plans are for care offices only",
    ),
    ("E3002", "no consent (only by refuse)"),
    ("E3003", "insurer not live yet, with live_from"),
    ("E3004", "the recipient does not take part, or not with this service kind"),
    ("E4040", "unknown key, id or cursor (404)"),
];

const MEMBERS: [&str; 7] =
    ["insurer_number", "insured_number", "request_number", "form_version", "opinion", "attachments", "signature"];

/// Checks a body; empty if there is nothing to say against it. Whether the insurer is live is the hub's to say.
pub(crate) fn check(body: &Value) -> Vec<HubError> {
    let mut errors = Vec::new();
    let Some(body) = body.as_object() else {
        return vec![HubError::new("E2001", "JSONのオブジェクトではありません")];
    };
    unknown_members(body, &MEMBERS, "", &mut errors);
    numbers(body, &mut errors);
    if let Some(opinion) = object(body, "opinion", &mut errors) {
        items::check(opinion, &mut errors);
        contradictions(body, opinion, &mut errors);
    }
    attachments::check(body.get("attachments"), &mut errors);
    signature(body.get("signature"), &mut errors);
    charset::check(body, &mut errors);
    errors.truncate(MOST);
    errors
}

fn numbers(body: &Map<String, Value>, errors: &mut Vec<HubError>) {
    if let Some(number) = text(body, "insurer_number", "", errors) {
        expect(number.len() == 6 && digits(number), "/insurer_number", "6桁の数字", errors);
    }
    if let Some(number) = text(body, "insured_number", "", errors) {
        let rest = number.strip_prefix('H').filter(|r| r.len() == 9).unwrap_or(number);
        expect(number.len() == 10 && digits(rest), "/insured_number", "10桁の数字", errors);
    }
    if let Some(number) = text(body, "request_number", "", errors) {
        expect((1..=20).contains(&number.chars().count()), "/request_number", "1〜20文字", errors);
    }
    if let Some(version) = text(body, "form_version", "", errors)
        && !items::versions().any(|known| known == version)
    {
        errors.push(HubError::new("E2104", "様式の版が不明です").at("/form_version"));
    }
}

/// Absent means unsigned; whose signature it is, this hub does not ask.
fn signature(value: Option<&Value>, errors: &mut Vec<HubError>) {
    let Some(value) = value else { return };
    let sound = value.as_str().is_some_and(|text| !text.is_empty() && STANDARD.decode(text).is_ok());
    expect(sound, "/signature", "base64の文字列", errors);
}

/// The form repeats some of the envelope; where it does, it says the same.
fn contradictions(body: &Map<String, Value>, opinion: &Map<String, Value>, errors: &mut Vec<HubError>) {
    for name in ["insurer_number", "insured_number", "request_number", "form_version"] {
        if opinion.get(name).is_some_and(|inner| Some(inner) != body.get(name)) {
            errors.push(HubError::new("E2106", "外側の項目と一致しません").at(format!("/opinion/{name}")));
        }
    }
}

/// A member that has to be a string.
pub(crate) fn text<'a>(
    body: &'a Map<String, Value>,
    name: &str,
    under: &str,
    errors: &mut Vec<HubError>,
) -> Option<&'a str> {
    let value = present(body, name, under, errors)?;
    let text = value.as_str();
    if text.is_none() {
        errors.push(malformed(format!("{under}/{name}"), "文字列"));
    }
    text
}

fn object<'a>(body: &'a Map<String, Value>, name: &str, errors: &mut Vec<HubError>) -> Option<&'a Map<String, Value>> {
    let value = present(body, name, "", errors)?;
    let object = value.as_object().filter(|o| !o.is_empty());
    if object.is_none() {
        errors.push(malformed(format!("/{name}"), "空でないオブジェクト"));
    }
    object
}

fn present<'a>(body: &'a Map<String, Value>, name: &str, under: &str, errors: &mut Vec<HubError>) -> Option<&'a Value> {
    let value = body.get(name);
    if value.is_none() {
        errors.push(HubError::new("E2101", "必須の項目がありません").at(format!("{under}/{name}")));
    }
    value
}

fn unknown_members(body: &Map<String, Value>, known: &[&str], under: &str, errors: &mut Vec<HubError>) {
    for name in body.keys().filter(|name| !known.contains(&name.as_str())) {
        errors.push(HubError::new("E2105", "不明な項目です").at(format!("{under}/{name}")));
    }
}

fn expect(met: bool, field: &str, shape: &str, errors: &mut Vec<HubError>) {
    if !met {
        errors.push(malformed(field.to_owned(), shape));
    }
}

/// A member's name inside a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn malformed(field: String, shape: &str) -> HubError {
    HubError::new("E2102", format!("形式が正しくありません（{shape}）")).at(field)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
