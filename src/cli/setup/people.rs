//! The first administrator, and the window for the first terminal.

use http::Method;
use serde_json::{Value, json};

use super::Said;
use super::answers::{Administrator, Terminal};
use super::layout::Layout;
use super::service::Service;
use super::step::Outcome;
use crate::cli::output::text_of;
use crate::cli::staff::{First, first_administrator};
use crate::cli::{Site, client};

/// Makes the administrator; the account with its one-time password, when it was made here.
pub(super) async fn administrator(
    site: &Site,
    layout: &Layout,
    service: Service,
    wanted: Option<&Administrator>,
) -> (Outcome, Option<Value>) {
    let Some(Administrator { user, name }) = wanted else {
        let said = Said::new(
            "答えにないので作りません。あとで: engawa admin init",
            "Not answered, so none is made. Later: engawa admin init",
        );
        return (Outcome::skipped(said), None);
    };
    if layout.on_box && service == Service::Down {
        let said = Said::new("engawa が動いてから: engawa admin init", "Once engawa runs: engawa admin init");
        return (Outcome::failed(said), None);
    }
    match first_administrator(site, user.clone(), name.clone()).await {
        Ok(First::Made(account)) => (
            Outcome::done(
                format!("管理者 {user} を作りました。一回限りのパスワードは終わりに一度だけ表示します。"),
                format!("The administrator {user} is made. The one-time password is shown at the end, once."),
            ),
            Some(account),
        ),
        Ok(First::There { waiting: None }) => (Outcome::unchanged("管理者はもういます。", "There is one."), None),
        Ok(First::There { waiting: Some(user) }) => (
            Outcome::unchanged(
                format!(
                    "管理者 {user} がいますが、まだログインしていません。パスワードが分からないとき: engawa staff password {user}"
                ),
                format!(
                    "{user} is there and has never logged in. Should the password be lost: engawa staff password {user}"
                ),
            ),
            None,
        ),
        Err(refusal) => {
            let (ja, en) = refusal.sentences();
            (
                Outcome::failed(Said::new(
                    format!("{ja} あとで: engawa admin init"),
                    format!("{en} Later: engawa admin init"),
                )),
                None,
            )
        }
    }
}

/// Opens a window for the first terminal; the window with its code, when it was opened.
pub(super) async fn pairing(site: &Site, service: Service, wanted: &Terminal) -> (Outcome, Option<Value>) {
    let skipped = |ja: &str, en: &str| (Outcome::skipped(Said::new(ja, en)), None);
    if site.lan.listen.is_empty() {
        return skipped(
            "ほかの機器からは受けません（lan.listen が空）。",
            "Other machines are not let in (lan.listen is empty).",
        );
    }
    if service != Service::Runs {
        return skipped("engawa が動いてから: engawa terminal pair", "Once engawa runs: engawa terminal pair");
    }
    match terminals(site).await {
        Some(0) => open(site, wanted).await,
        Some(_) => (Outcome::unchanged("ペアリングした端末があります。", "A terminal is paired."), None),
        None => (Outcome::failed(Said::new("端末の一覧を読めません。", "The terminals cannot be listed.")), None),
    }
}

async fn terminals(site: &Site) -> Option<usize> {
    Some(items(&get(site, "/v1/terminals").await?).filter(|item| text_of(item, "state") != "revoked").count())
}

async fn get(site: &Site, path: &str) -> Option<Value> {
    let answer = client::ask(site, Method::GET, path, None).await.ok()?;
    answer.status.is_success().then_some(answer.body)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("items").and_then(Value::as_array).into_iter().flatten()
}

async fn open(site: &Site, Terminal { name, kind, rights }: &Terminal) -> (Outcome, Option<Value>) {
    // The code of an earlier run is on an earlier sheet: one window is enough.
    for window in
        get(site, "/v1/pairing").await.iter().flat_map(items).filter(|window| text_of(window, "label") == *name)
    {
        let path = format!("/v1/pairing/{}", client::escaped(&text_of(window, "id")));
        let _ = client::ask(site, Method::DELETE, &path, None).await;
    }
    let body = json!({ "label": name, "rights": rights, "kind": kind });
    match client::ask(site, Method::POST, "/v1/pairing", Some(&body)).await {
        Ok(answer) if answer.status.is_success() => (
            Outcome::done(
                format!("端末「{name}」の窓口を10分開けました。"),
                format!("A window for the terminal {name} is open for ten minutes."),
            ),
            Some(answer.body),
        ),
        Ok(answer) => {
            let said = Said::new(text_of(&answer.body, "detail"), text_of(&answer.body, "detail_en"));
            (Outcome::failed(said), None)
        }
        Err(error) => {
            let why = crate::cli::output::chain(&error);
            (Outcome::failed(Said::new(why.clone(), why)), None)
        }
    }
}
