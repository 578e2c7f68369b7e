//! `engawa status`.

use http::{Method, StatusCode};
use serde_json::Value;

use super::output::{self, sentences, text_of};
use super::{Exit, client, on_this_thread};
use crate::config::Config;

pub(super) fn run(config: &Config, json: bool) -> Exit {
    on_this_thread(async {
        match client::ask(config, Method::GET, "/v1/health", None).await {
            Ok(answer) if matches!(answer.status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => {
                output::answer(json, &answer.body, || readable(&answer.body));
                if answer.status == StatusCode::OK { Exit::Ok } else { Exit::Failed }
            }
            Ok(answer) => client::refused(&answer, json),
            Err(error) => error.report(),
        }
    })
}

fn readable(health: &Value) -> String {
    let mut text = format!("engawa: {}\n", word(&text_of(health, "status")));
    for (name, part) in parts(health) {
        let status = text_of(part, "status");
        let status = word(&status);
        text.push_str(&format!("{name:<12} {status:<24} {}\n", last_proof(part)));
        text.push_str(&sentences(&text_of(part, "reason")));
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
        other => other,
    }
}
