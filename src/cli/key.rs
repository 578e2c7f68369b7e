//! `engawa key`: over the socket when a gateway runs, on the store itself when none does.

use http::Method;
use serde_json::{Value, json};

use super::arguments::KeyOrder;
use super::client::{self, NoAnswer};
use super::output::{chain, complain, say, say_json, text_of};
use super::{Exit, Site, on_this_thread};
use crate::gateway;
use crate::terminal::Right;

pub(super) fn run(site: &Site, order: KeyOrder) -> Exit {
    let (order, json) = match order {
        KeyOrder::Add { name, rights, networks, person, expires_at, json } => {
            let rights = rights.into_iter().map(Right::from).collect();
            (gateway::KeyOrder::Add { label: name, rights, networks, person, expires_at }, json)
        }
        KeyOrder::List { json } => (gateway::KeyOrder::List, json),
        KeyOrder::Revoke { id, json } => (gateway::KeyOrder::Revoke { id }, json),
    };
    on_this_thread(async {
        match ask(site, &order).await {
            Ok(answer) if answer.status.is_success() => done(&order, &answer.body, json),
            Ok(answer) => client::refused(&answer, json),
            Err(NoAnswer::Absent { .. } | NoAnswer::NoSocket) => offline(site, order, json).await,
            Err(error) => error.report(),
        }
    })
}

async fn ask(site: &Site, order: &gateway::KeyOrder) -> Result<client::Answer, NoAnswer> {
    match order {
        gateway::KeyOrder::Add { label, rights, networks, person, expires_at } => {
            let mut body = json!({ "label": label, "rights": rights });
            if !networks.is_empty() {
                body["networks"] = json!(networks);
            }
            if let Some(user) = person {
                body["person"] = json!(user);
            }
            if let Some(end) = expires_at {
                body["expires_at"] = json!(end);
            }
            client::ask(site, Method::POST, "/v1/keys", Some(&body)).await
        }
        gateway::KeyOrder::List => client::ask(site, Method::GET, "/v1/keys", None).await,
        gateway::KeyOrder::Revoke { id } => {
            client::ask(site, Method::DELETE, &format!("/v1/keys/{}", client::escaped(id)), None).await
        }
    }
}

async fn offline(site: &Site, order: gateway::KeyOrder, json: bool) -> Exit {
    match gateway::keys_offline(site, !site.named, order.clone()).await {
        Ok(answer) => done(&order, &answer, json),
        Err(error) => {
            complain(&format!("{}\n{}\n{}\n  ({})", error.code, error.code.ja(), error.code.en(), chain(&error)));
            Exit::Failed
        }
    }
}

fn done(order: &gateway::KeyOrder, answer: &Value, json: bool) -> Exit {
    match order {
        _ if json => say_json(answer),
        gateway::KeyOrder::Add { .. } => say(&format!(
            "{}\nこのキーは二度と表示されません。ソフトに設定し、控えは安全な場所に。番号: {id}\n\
             This key is not shown again. Give it to the software and keep it safe. Its id: {id}",
            text_of(answer, "key"),
            id = text_of(answer, "id"),
        )),
        gateway::KeyOrder::List => say(&table(answer)),
        gateway::KeyOrder::Revoke { id } => say(&format!("取り消しました / Revoked: {id}")),
    }
    Exit::Ok
}

fn table(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return "キーはありません。engawa key add で作ります。 / No keys. Make one with engawa key add.".to_owned();
    }
    let mut text = String::new();
    for item in items {
        let revoked = match item.get("revoked_at") {
            Some(Value::String(at)) => format!("  取消済み / revoked {at}"),
            _ => String::new(),
        };
        let rights = item.get("rights").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let rights: Vec<&str> = rights.iter().filter_map(Value::as_str).collect();
        let networks = item.get("networks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let bound: Vec<&str> = networks
            .iter()
            .chain([item.get("person"), item.get("expires_at")].into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let bound = if bound.is_empty() { String::new() } else { format!("  ({})", bound.join(" ")) };
        let (id, label, facility) = (text_of(item, "id"), text_of(item, "label"), text_of(item, "facility"));
        text.push_str(&format!("{id}  {facility}  {label}  [{}]{bound}{revoked}\n", rights.join(",")));
    }
    text
}
