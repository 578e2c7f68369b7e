//! `engawa master-key`: over the socket when a gateway runs, on the state directory itself when none does.

use http::Method;
use serde_json::{Value, json};

use super::arguments::MasterKeyOrder as Order;
use super::client::{self, NoAnswer};
use super::output::{answer, complain, say, text_of};
use super::{Exit, Site, backup, on_this_thread};
use crate::gateway::{self, MasterKeyDone, MasterKeyOrder};
use crate::host;
use crate::vault::Standing;

pub(super) fn run(site: &Site, order: &Order) -> Exit {
    // Without a gateway the master keys pass through this process.
    if let Err(error) = host::core_dumps_off() {
        complain(&format!("core dump: {error}"));
    }
    let (method, path, offline, json) = match order {
        Order::Status { json } => (Method::GET, "/v1/master-key", MasterKeyOrder::Show, *json),
        Order::Rotate { json } => (Method::POST, "/v1/master-key/rotation", MasterKeyOrder::Rotate, *json),
        Order::Retire { json } => (Method::POST, "/v1/master-key/retirement", MasterKeyOrder::Retire, *json),
        Order::InitToken => return on_this_thread(init_token(site)),
    };
    on_this_thread(async move {
        match client::ask(site, method, path, None).await {
            Ok(found) if found.status.is_success() => {
                answer(json, &found.body, || told(offline, &found.body));
                Exit::Ok
            }
            Ok(refusal) => client::refused(&refusal, json),
            Err(NoAnswer::Absent { .. } | NoAnswer::NoSocket) => {
                match gateway::master_key_offline(site, offline).await {
                    Ok(done) => {
                        let done = as_json(done);
                        answer(json, &done, || told(offline, &done));
                        Exit::Ok
                    }
                    Err(error) => backup::failed(&error),
                }
            }
            Err(error) => error.report(),
        }
    })
}

async fn init_token(site: &Site) -> Exit {
    if site.state.master_key_token.is_none() {
        complain(
            "先に設定 state.master_key_token と state.master_key_pin_file を書いてください。 / Write state.master_key_token and state.master_key_pin_file first.",
        );
        return Exit::Usage;
    }
    match gateway::master_key_offline(site, MasterKeyOrder::InitToken).await {
        Ok(_) => {
            say(
                "鍵のファイルはトークンで包まれました。以前の平文はディスクに残っていることがあります。起動してから engawa master-key rotate を行ってください。\n\
                 The key file is wrapped by the token. The former text may still be found on the disk: start engawa, then run `engawa master-key rotate`.",
            );
            Exit::Ok
        }
        Err(error) => backup::failed(&error),
    }
}

fn as_json(done: MasterKeyDone) -> Value {
    match done {
        MasterKeyDone::Rotated(id) => json!({ "id": id }),
        MasterKeyDone::Retired(ids) => json!({ "retired": ids }),
        MasterKeyDone::Standing(Standing { path, source, keys }) => {
            let key = |key: crate::vault::KeyStanding| {
                json!({
                    "id": key.id,
                    "seals": key.seals,
                    "documents": key.documents,
                    "records": key.records,
                    "needed_until": key.needed_until,
                    "unneeded": key.unneeded,
                })
            };
            json!({ "source": source, "path": path, "keys": keys.into_iter().map(key).collect::<Vec<_>>() })
        }
        MasterKeyDone::Wrapped => json!({}),
    }
}

fn told(order: MasterKeyOrder, body: &Value) -> String {
    match order {
        MasterKeyOrder::Show | MasterKeyOrder::InitToken => table(body),
        MasterKeyOrder::Rotate => format!(
            "新しい鍵 {id} で保存します。古い鍵は、その鍵の文書の保存期間が終わるまで要ります。バックアップを取り直してください。\n\
             {id} seals from here on. The old keys are needed until the documents under them are forgotten. Make a new backup.",
            id = text_of(body, "id")
        ),
        MasterKeyOrder::Retire => {
            let ids = body.get("retired").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let ids: Vec<_> = ids.iter().filter_map(Value::as_str).collect();
            match ids.as_slice() {
                [] => "古い鍵はありません。 / There are no old keys.".to_owned(),
                ids => format!("外しました / Taken out: {}", ids.join(" ")),
            }
        }
    }
}

fn table(body: &Value) -> String {
    let mut text = format!("{}: {}\n", text_of(body, "source"), text_of(body, "path"));
    for key in body.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let number = |member: &str| key.get(member).and_then(Value::as_u64).unwrap_or_default();
        let is = |member: &str| key.get(member).and_then(Value::as_bool).unwrap_or_default();
        let (documents, records) = (number("documents"), number("records"));
        let until = key.get("needed_until").and_then(Value::as_str);
        let role = match (is("seals"), is("unneeded"), until) {
            (true, ..) => "使用中 / seals".to_owned(),
            (_, true, _) => "外せます / can be taken out".to_owned(),
            (_, _, Some(until)) => format!("{until} まで必要 / needed until {until}"),
            _ => "まだ必要 / needed".to_owned(),
        };
        let id = text_of(key, "id");
        text.push_str(&format!(
            "{id}  文書{documents} 記録{records} / {documents} documents, {records} records  {role}\n"
        ));
    }
    text
}
