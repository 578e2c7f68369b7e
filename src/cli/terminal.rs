//! `engawa terminal`: pairs, lists, revokes and opens again, over the running gateway's socket.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use super::arguments::{OneTerminal, TerminalOrder};
use super::client;
use super::output::{answer, complain, text_of};
use super::{Exit, Site, on_this_thread};
use crate::terminal::{Kind, Right};

pub(super) fn run(site: &Site, order: TerminalOrder) -> Exit {
    match order {
        TerminalOrder::Pair { name, rights, kind, networks, person, qr, json } => {
            let rights: Vec<Right> = rights.into_iter().map(Right::from).collect();
            let (kind, networks) = (Kind::from(kind), json!(networks));
            let body = json!({ "label": name, "rights": rights, "kind": kind, "networks": networks, "person": person });
            ask(
                site,
                Method::POST,
                "/v1/pairing",
                Some(&body),
                |window| {
                    if let Some(path) = qr
                        && let Err(error) = picture(&path, &text_of(window, "qr_svg"))
                    {
                        complain(&format!(
                            "QRコードを書けません。 / Cannot write the QR code: {}: {error}",
                            path.display()
                        ));
                    }
                    answer(json, window, || paper(window));
                },
                json,
            )
        }
        TerminalOrder::List { json } => {
            ask(site, Method::GET, "/v1/terminals", None, |list| answer(json, list, || table(list)), json)
        }
        TerminalOrder::Revoke(OneTerminal { id, json }) => {
            let path = format!("/v1/terminals/{}", client::escaped(&id));
            let done = |_: &Value| answer(json, &json!({}), || format!("取り消しました / Revoked: {id}"));
            ask(site, Method::DELETE, &path, None, done, json)
        }
        TerminalOrder::Reopen(OneTerminal { id, json }) => {
            let path = format!("/v1/terminals/{}/reopen", client::escaped(&id));
            let done = |_: &Value| answer(json, &json!({}), || format!("開けました / Open again: {id}"));
            ask(site, Method::POST, &path, None, done, json)
        }
    }
}

fn ask(site: &Site, method: Method, path: &str, body: Option<&Value>, done: impl FnOnce(&Value), json: bool) -> Exit {
    on_this_thread(async {
        match client::ask(site, method, path, body).await {
            Ok(answer) if answer.status.is_success() => {
                done(&answer.body);
                Exit::Ok
            }
            Ok(answer) => client::refused(&answer, json),
            Err(error) => error.report(),
        }
    })
}

/// A picture of the code is as secret as the code.
fn picture(path: &Path, svg: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(svg.as_bytes())
}

/// A window's code, which is shown this once.
pub(super) fn paper(window: &Value) -> String {
    let words: Vec<&str> = strings(window, "words");
    format!(
        "コード / code:  {}\n言葉 / words:   {}\n{}\n{} まで、1台だけ。5回間違えた端末は10分間受け付けません。このコードは二度と表示されません。\n\
         For one terminal, until {}. An address that sends five wrong codes is refused for ten minutes. The code is not shown again.",
        text_of(window, "code"),
        words.join(" ・ "),
        text_of(window, "link"),
        text_of(window, "ends_at"),
        text_of(window, "ends_at"),
    )
}

fn table(list: &Value) -> String {
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return "端末はありません。engawa terminal pair でペアリングします。 / No terminals. Pair one with engawa terminal pair.".to_owned();
    }
    let line = |item: &Value| {
        let text = |member| text_of(item, member);
        let state = match text("state").as_str() {
            "dormant" => "  休眠 / dormant",
            "copied" => "  証明書の複製 / certificate copied",
            "revoked" => "  取消済み / revoked",
            _ => "",
        };
        let rights = strings(item, "rights").join(",");
        let (used, from) = (text("last_used_at"), text("last_from"));
        let (id, label, kind) = (text("id"), text("label"), text("kind"));
        format!("{id}  {label}  {kind}  [{rights}]  {used} {from}{state}\n")
    };
    items.iter().map(line).collect()
}

fn strings<'v>(value: &'v Value, member: &str) -> Vec<&'v str> {
    let items = value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}
