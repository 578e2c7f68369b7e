//! `engawa queue`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::arguments::{OneSubmission, QueueOrder, StateArgument};
use super::client::{self, NoAnswer};
use super::output::{self, sentences, text_of};
use super::{Exit, Site, on_this_thread};

/// The largest page the endpoint gives.
const PAGE: u32 = 200;

pub(super) fn run(site: &Site, order: QueueOrder) -> Exit {
    on_this_thread(async {
        match order {
            QueueOrder::List { state, limit, json } => list(site, state, limit, json).await,
            QueueOrder::Show(one) => act(site, Method::GET, &format!("/v1/submissions/{}", one.id), &one).await,
            QueueOrder::Cancel(one) => {
                act(site, Method::POST, &format!("/v1/submissions/{}/cancel", one.id), &one).await
            }
            QueueOrder::Paper(one) => act(site, Method::POST, &format!("/v1/submissions/{}/paper", one.id), &one).await,
            QueueOrder::AsFacility(one) => {
                act(site, Method::POST, &format!("/v1/submissions/{}/as-facility", one.id), &one).await
            }
            QueueOrder::Retry(one) => act(site, Method::POST, &format!("/v1/submissions/{}/retry", one.id), &one).await,
        }
        .unwrap_or_else(|error| error.report())
    })
}

async fn act(site: &Site, method: Method, path: &str, one: &OneSubmission) -> Result<Exit, NoAnswer> {
    let answer = client::ask(site, method, path, None).await?;
    if !answer.status.is_success() {
        return Ok(client::refused(&answer, one.json));
    }
    output::answer(one.json, &answer.body, || detail(&answer.body));
    Ok(Exit::Ok)
}

async fn list(site: &Site, state: Option<StateArgument>, limit: u32, json: bool) -> Result<Exit, NoAnswer> {
    let mut items: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let missing = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        let path = page_path(state, missing.min(PAGE), cursor.as_deref());
        let mut answer = client::ask(site, Method::GET, &path, None).await?;
        if answer.status != StatusCode::OK {
            return Ok(client::refused(&answer, json));
        }
        if let Some(Value::Array(page)) = answer.body.get_mut("items").map(Value::take) {
            items.extend(page.into_iter().map(impersonal));
        }
        cursor = answer.body.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || items.len() >= limit as usize {
            break;
        }
    }
    let more = cursor.is_some();
    output::answer(json, &json!({ "items": items, "more": more }), || table(&items, more));
    Ok(Exit::Ok)
}

/// Without the municipality's sentence, which may name the person: lists end up in terminals, tickets and mails. `queue show`
/// tells it.
fn impersonal(mut item: Value) -> Value {
    if let Some(Value::Object(municipality)) = item.get_mut("municipality") {
        municipality.remove("reason");
    }
    item
}

fn page_path(state: Option<StateArgument>, limit: u32, cursor: Option<&str>) -> String {
    let mut path = format!("/v1/submissions?limit={limit}");
    if let Some(state) = state {
        path.push_str(&format!("&state={}", state.name()));
    }
    if let Some(cursor) = cursor {
        path.push_str(&format!("&cursor={}", client::escaped(cursor)));
    }
    path
}

fn table(items: &[Value], more: bool) -> String {
    if items.is_empty() {
        return "文書はありません。 / Nothing there.".to_owned();
    }
    let mut text = format!(
        "{:<36}  {:<22} {:<24} 種類・宛先・予定・理由 / kind, to, ETA, reason\n",
        "id", "状態 / state", "受付 / accepted"
    );
    for item in items {
        let (state, reason) = (text_of(item, "state"), reason_code(item));
        let (accepted, eta) = (text_of(item, "accepted_at"), text_of(item, "eta"));
        let state = word(&state);
        let (kind, to) = (kind(item), recipient(item));
        let rest: Vec<&str> = [kind, &to, &eta, &reason].into_iter().filter(|part| !part.is_empty()).collect();
        text.push_str(&format!("{}  {state:<22} {accepted:<24} {}\n", text_of(item, "id"), rest.join("  ")));
    }
    if more {
        text.push_str("続きがあります（--limit） / There is more (--limit).\n");
    }
    text
}

fn detail(item: &Value) -> String {
    let state = text_of(item, "state");
    let mut text = format!("{}\n  状態 / state: {}\n", text_of(item, "id"), word(&state));
    if !kind(item).is_empty() {
        text.push_str(&format!("  種類 / kind: {}\n", kind(item)));
    }
    if let Some(plan) = plan(item) {
        let month = plan.get("month").and_then(Value::as_str).unwrap_or_default();
        let what = format!("{} {} {month}", text_of(plan, "unit"), text_of(plan, "stamp"));
        text.push_str(&format!("  ケアプラン / care plan: {}\n  宛先 / to: {}\n", what.trim_end(), recipient(item)));
    }
    for (label, member) in [
        ("受付 / accepted", "accepted_at"),
        ("期限 / due", "due"),
        ("予定 / expected", "eta"),
        ("試行 / attempts", "attempts"),
        ("SHA-256", "sha256"),
    ] {
        if item.get(member).is_some_and(|value| !value.is_null()) {
            text.push_str(&format!("  {label}: {}\n", text_of(item, member)));
        }
    }
    if let Some(receipt) = item.get("receipt").filter(|receipt| receipt.is_object()) {
        text.push_str(&format!("  受付番号 / hub receipt: {}\n", text_of(receipt, "number")));
    }
    if let Some(municipality) = item.get("municipality").filter(|municipality| municipality.is_object()) {
        let (state, at) = (text_of(municipality, "state"), text_of(municipality, "at"));
        text.push_str(&format!("  市町村 / municipality: {state} ({at})\n"));
    }
    if let Some(recipient) = item.get("recipient").filter(|recipient| recipient.is_object()) {
        let (state, at) = (text_of(recipient, "state"), text_of(recipient, "at"));
        text.push_str(&format!("  宛先の状況 / recipient: {} ({at})\n", progress(&state)));
    }
    if let Some(person) = item.get("sent_as").filter(|sent_as| text_of(sent_as, "who") == "person") {
        text.push_str(&format!("  送信者 / sent as: {}\n", text_of(person, "user")));
    }
    let reason = reason_code(item);
    if !reason.is_empty() {
        text.push_str(&format!("  理由 / reason: {reason}\n{}", sentences(&reason)));
    }
    if let Some(next) = item.get("next_step").filter(|next| next.is_object()) {
        text.push_str(&format!("  次に / next: {}\n  {}\n", text_of(next, "ja"), text_of(next, "en")));
    }
    text
}

/// What a care plan is and whom it goes to.
fn plan(item: &Value) -> Option<&Value> {
    item.get("care_plan").filter(|plan| plan.is_object())
}

/// The office that a care plan goes to; empty for everything else.
fn recipient(item: &Value) -> String {
    plan(item).map(|plan| text_of(plan, "to_facility")).unwrap_or_default()
}

fn kind(item: &Value) -> &str {
    match item.get("kind").and_then(Value::as_str) {
        Some("opinion") => "主治医意見書 / opinion",
        Some("identification") => "本人確認 / identification",
        Some("care_plan") => "ケアプラン / care plan",
        other => other.unwrap_or_default(),
    }
}

fn progress(state: &str) -> &str {
    match state {
        "delivered" => "基盤にあり / delivered",
        "downloaded" => "相手のシステムが受信 / downloaded",
        "opened" => "開封済み / opened",
        other => other,
    }
}

/// The reason's code, whether it stands bare or within an object.
fn reason_code(item: &Value) -> String {
    match item.get("reason") {
        Some(Value::String(code)) => code.clone(),
        Some(reason @ Value::Object(_)) => text_of(reason, "code"),
        _ => String::new(),
    }
}

fn word(state: &str) -> &str {
    match state {
        "queued" => "送信待ち / queued",
        "sending" => "送信中 / sending",
        "unknown" => "結果を照会中 / unknown",
        "held" => "取り置き / held",
        "delivered" => "送信済み / delivered",
        "returned" => "返戻 / returned",
        "cancelled" => "取消 / cancelled",
        "on_paper" => "紙で送付 / on paper",
        other => other,
    }
}
