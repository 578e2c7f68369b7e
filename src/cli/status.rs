//! `engawa status`.

use http::{Method, StatusCode};
use serde_json::Value;

use super::output::{self, sentences, text_of};
use super::{Exit, Site, client, on_this_thread};

pub(super) fn run(site: &Site, json: bool) -> Exit {
    on_this_thread(async {
        match client::ask(site, Method::GET, "/v1/health", None).await {
            Ok(mut answer) if matches!(answer.status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => {
                let readers = readers(site).await;
                if let (Some(readers), Some(whole)) = (&readers, answer.body.as_object_mut()) {
                    whole.insert("readers".to_owned(), readers.clone());
                }
                output::answer(json, &answer.body, || {
                    readable(&answer.body) + &readers.as_ref().map_or_else(String::new, readable_readers)
                });
                if answer.status == StatusCode::OK { Exit::Ok } else { Exit::Failed }
            }
            Ok(answer) => client::refused(&answer, json),
            Err(error) => error.report(),
        }
    })
}

/// The card readers. A gateway that does not tell of them keeps nobody from the rest.
async fn readers(site: &Site) -> Option<Value> {
    let answer = client::ask(site, Method::GET, "/v1/readers", None).await.ok()?;
    let items = answer.body.get("items").filter(|items| answer.status == StatusCode::OK && items.is_array());
    items.cloned()
}

fn readable_readers(readers: &Value) -> String {
    let mut text = String::new();
    for reader in readers.as_array().into_iter().flatten() {
        let (state, card) = (text_of(reader, "state"), text_of(reader, "card"));
        let card = match card.as_str() {
            "present" => "カードあり / card",
            "mute" => "カードが答えない / mute card",
            _ => "",
        };
        let used = match text_of(reader, "in_use").as_str() {
            "self" | "other" => "使用中 / in use",
            _ => "",
        };
        let shown = [text_of(reader, "name"), word(&state).to_owned(), card.to_owned(), used.to_owned()];
        let shown: Vec<_> = shown.into_iter().filter(|part| !part.is_empty()).collect();
        text.push_str(&format!("reader  {}\n", shown.join("  ")));
        let reason = reader.get("reason").unwrap_or(&Value::Null);
        text.push_str(&sentences(reason.as_str().unwrap_or(&text_of(reason, "code"))));
    }
    text
}

fn readable(health: &Value) -> String {
    let mut text = format!("engawa: {}\n", word(&text_of(health, "status")));
    let several = facilities_of(health);
    let of_facility = |name: &str| several.iter().any(|(_, facility)| facility["parts"].get(name).is_some());
    let of_box = parts(health).into_iter().filter(|(name, _)| !of_facility(name));
    text.push_str(&listed(of_box));
    text + &facilities(&several)
}

fn listed<'v>(parts: impl IntoIterator<Item = (&'v str, &'v Value)>) -> String {
    let mut text = String::new();
    for (name, part) in parts {
        let status = text_of(part, "status");
        let status = word(&status);
        text.push_str(&format!("{name:<12} {status:<24} {}\n", last_proof(part)));
        text.push_str(&sentences(&text_of(part, "reason")));
    }
    text
}

/// The facilities by number, where there are several.
fn facilities_of(health: &Value) -> Vec<(&String, &Value)> {
    let facilities = health.get("facilities").and_then(Value::as_object).filter(|facilities| facilities.len() > 1);
    facilities.into_iter().flatten().collect()
}

fn facilities(several: &[(&String, &Value)]) -> String {
    let mut text = String::new();
    for (number, facility) in several {
        let (status, waiting) = (text_of(facility, "status"), text_of(facility, "waiting"));
        let status = word(&status);
        let waiting = match waiting.as_str() {
            "-" => "待ちの件数は不明 / how many are waiting is not known".to_owned(),
            waiting => format!("待ち {waiting}件 / {waiting} waiting"),
        };
        text.push_str(&format!("\n{number}  {status}  {waiting}\n"));
        text.push_str(&sentences(&text_of(facility, "reason")));
        text.push_str(&listed(parts(facility)));
    }
    text
}

/// The parts, whether reported as a map by name or as a list with names.
fn parts(health: &Value) -> Vec<(&str, &Value)> {
    match health.get("parts") {
        Some(Value::Object(parts)) => parts.iter().map(|(name, part)| (name.as_str(), part)).collect(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| Some((part.get("name")?.as_str()?, part))).collect()
        }
        _ => Vec::new(),
    }
}

fn last_proof(part: &Value) -> String {
    match text_of(part, "last_proof").as_str() {
        "-" => String::new(),
        at => format!("最後に働いた時刻 / last proof of work: {at}"),
    }
}

fn word(status: &str) -> &str {
    match status {
        "ok" => "正常 / ok",
        "degraded" => "一部に支障 / degraded",
        "failed" => "停止 / failed",
        "absent" => "ない / absent",
        other => other,
    }
}
