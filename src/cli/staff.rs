//! `engawa admin init` and `engawa staff`: over the socket when a gateway runs, on the store itself when none does.

use http::Method;
use serde_json::{Value, json};

use super::client::{self, NoAnswer};
use super::output::{chain, complain, say, say_json, text_of};
use super::staff_arguments::{AdminOrder, StaffOrder};
use super::{Exit, Site, on_this_thread};
use crate::gateway;
use crate::people::Role;

pub(super) fn admin(site: &Site, AdminOrder::Init { user, name, json }: AdminOrder) -> Exit {
    on_this_thread(async {
        match first_administrator(site, user, name).await {
            Ok(First::Made(account)) => {
                if json {
                    say_json(&account);
                } else {
                    say(&with_password(&account));
                }
                Exit::Ok
            }
            Ok(First::There { .. }) => {
                complain(
                    "管理者はもういます。追加は engawa staff add、パスワードを忘れたときは engawa staff password で。\n\
                     There is an administrator already. Add others with engawa staff add; for a forgotten password use engawa staff password.",
                );
                Exit::Failed
            }
            Err(refusal) => refusal.report(json),
        }
    })
}

/// What became of the first administrator.
pub(super) enum First {
    /// The account, with its one-time password.
    Made(Value),
    /// There is one; `waiting`: a user among them who has never logged in.
    There { waiting: Option<String> },
}

/// Makes the first administrator, if there is none.
pub(super) async fn first_administrator(site: &Site, user: String, name: String) -> Result<First, Refusal> {
    let accounts = obey(site, &gateway::StaffOrder::List).await?;
    let mut administrators = administrators(&accounts).peekable();
    if administrators.peek().is_some() {
        let waits = |item: &&Value| item.get("one_time").and_then(Value::as_bool) == Some(true);
        return Ok(First::There { waiting: administrators.find(waits).map(|item| text_of(item, "user")) });
    }
    let order = gateway::StaffOrder::Add { user, name, role: Role::Administrator, leaves_on: None, hub_user: None };
    obey(site, &order).await.map(First::Made)
}

pub(super) fn staff(site: &Site, order: StaffOrder) -> Exit {
    use gateway::StaffOrder as To;
    let (order, json) = match order {
        StaffOrder::Add { user, name, role, leaves_on, hub_user, json } => {
            (To::Add { user, name, role: role.into(), leaves_on, hub_user }, json)
        }
        StaffOrder::Hub { user, id, none: _, json } => (To::Hub { user, hub_user: id }, json),
        StaffOrder::List { json } => (To::List, json),
        StaffOrder::Suspend { user, undo, json } => (To::Suspend { user, suspended: !undo }, json),
        StaffOrder::HubTry { user, logged_in_at_hub: _, json } => return on_this_thread(hub_try(site, &user, json)),
        StaffOrder::Password { user, json } => (To::Password { user }, json),
    };
    on_this_thread(report(site, order, json))
}

/// Through the gateway alone: it knows what it has sent to the hub, and what waits for it.
async fn hub_try(site: &Site, user: &str, json: bool) -> Exit {
    let path = format!("/v1/staff/{}/hub-try", client::escaped(user));
    match client::ask(site, Method::POST, &path, Some(&json!({ "logged_in_at_hub": true }))).await {
        Ok(answer) if !answer.status.is_success() => client::refused(&answer, json),
        Ok(answer) => {
            if json {
                say_json(&answer.body);
            } else {
                say(&tried(&answer.body));
            }
            Exit::Ok
        }
        Err(error) => error.report(),
    }
}

async fn report(site: &Site, order: gateway::StaffOrder, json: bool) -> Exit {
    match obey(site, &order).await {
        Ok(answer) => {
            if json {
                say_json(&answer);
            } else {
                say(&readable(&order, &answer));
            }
            Exit::Ok
        }
        Err(refusal) => refusal.report(json),
    }
}

/// Why an order was not obeyed.
pub(super) enum Refusal {
    Refused(client::Answer),
    NoAnswer(NoAnswer),
    Offline(gateway::StartError),
}

impl Refusal {
    /// Why, in Japanese and in English.
    pub(super) fn sentences(&self) -> (String, String) {
        match self {
            Self::Refused(answer) => (text_of(&answer.body, "detail"), text_of(&answer.body, "detail_en")),
            Self::NoAnswer(error) => (chain(error), chain(error)),
            Self::Offline(error) => (error.code.ja().to_owned(), error.code.en().to_owned()),
        }
    }

    fn report(&self, json: bool) -> Exit {
        match self {
            Self::Refused(answer) => client::refused(answer, json),
            Self::NoAnswer(error) => error.report(),
            Self::Offline(error) => {
                complain(&format!("{}\n{}\n{}\n  ({})", error.code, error.code.ja(), error.code.en(), chain(error)));
                Exit::Failed
            }
        }
    }
}

async fn obey(site: &Site, order: &gateway::StaffOrder) -> Result<Value, Refusal> {
    match ask(site, order).await {
        Ok(answer) if answer.status.is_success() => Ok(answer.body),
        Ok(answer) => Err(Refusal::Refused(answer)),
        Err(NoAnswer::Absent { .. } | NoAnswer::NoSocket) => {
            gateway::staff_offline(site, order.clone()).await.map_err(Refusal::Offline)
        }
        Err(error) => Err(Refusal::NoAnswer(error)),
    }
}

async fn ask(site: &Site, order: &gateway::StaffOrder) -> Result<client::Answer, NoAnswer> {
    use gateway::StaffOrder as To;
    match order {
        To::Add { user, name, role, leaves_on, hub_user } => {
            let body =
                json!({ "user": user, "name": name, "role": role, "leaves_on": leaves_on, "hub_user": hub_user });
            client::ask(site, Method::POST, "/v1/staff", Some(&body)).await
        }
        To::List => client::ask(site, Method::GET, "/v1/staff", None).await,
        To::Hub { user, hub_user } => {
            let path = format!("/v1/staff/{}", client::escaped(user));
            client::ask(site, Method::PATCH, &path, Some(&json!({ "hub_user": hub_user }))).await
        }
        To::Suspend { user, suspended } => {
            let path = format!("/v1/staff/{}", client::escaped(user));
            client::ask(site, Method::PATCH, &path, Some(&json!({ "suspended": suspended }))).await
        }
        To::Password { user } => {
            let path = format!("/v1/staff/{}/password", client::escaped(user));
            client::ask(site, Method::POST, &path, None).await
        }
    }
}

fn items(answer: &Value) -> &[Value] {
    answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn administrators(answer: &Value) -> impl Iterator<Item = &Value> {
    items(answer).iter().filter(|item| {
        text_of(item, "role") == Role::Administrator.name() && item.get("active").and_then(Value::as_bool) == Some(true)
    })
}

/// A one-time password, which is shown this once.
pub(super) fn with_password(account: &Value) -> String {
    format!(
        "{password}\n利用者 {user} の一回限りのパスワードです。二度と表示されません。7日以内にログインし、自分のパスワードに変えてください。\n\
         The one-time password of {user}. It is not shown again. Log in within 7 days and change it to one of your own.",
        password = text_of(account, "one_time_password"),
        user = text_of(account, "user"),
    )
}

fn readable(order: &gateway::StaffOrder, answer: &Value) -> String {
    use gateway::StaffOrder as To;
    let user = text_of(answer, "user");
    match order {
        To::Add { .. } | To::Password { .. } => with_password(answer),
        To::List => table(answer),
        To::Hub { hub_user: Some(_), .. } => format!("登録しました / Noted: {user}"),
        To::Hub { .. } => format!("なくしました / Taken away: {user}"),
        To::Suspend { suspended: true, .. } => format!("止めました / Suspended: {user}"),
        To::Suspend { .. } => format!("再び使えます / Open again: {user}"),
    }
}

/// What came of another try.
fn tried(answer: &Value) -> String {
    let user = text_of(answer, "user");
    let given = answer.get("given").and_then(Value::as_bool) == Some(true);
    let needs_password = answer.get("needs_password").and_then(Value::as_bool) == Some(true);
    let wait = answer.get("waits_until").and_then(Value::as_str);
    let from =
        wait.map_or_else(String::new, |until| format!("\n{until} から送れます。 / It can be sent from {until}."));
    let come = match given {
        true => format!("{user}: もう一つだけパスワードを試します。\n{user}: one more password is sent."),
        false => format!(
            "{user}: 早められるものはありません。何も変えていません。\n\
             {user}: nothing can be cut short. Nothing was changed."
        ),
    };
    let give = match needs_password {
        true => {
            "\nまず本人がブラウザーで正しいものを入れてください。ここには無いか、基盤が拒んだものしかありません（拒まれたものは二度と送りません）。\n\
             First the person gives the right one at a browser: none is here, or only one that the hub refused, which is never sent again."
        }
        false => "",
    };
    format!("{come}{give}{from}")
}

fn table(answer: &Value) -> String {
    if items(answer).is_empty() {
        return "職員はいません。engawa admin init で最初の管理者を作ります。 / Nobody. Make the first administrator with engawa admin init."
            .to_owned();
    }
    let mut text = String::new();
    for item in items(answer) {
        let is = |member: &str| item.get(member).and_then(Value::as_bool) == Some(true);
        let role = Role::parse(&text_of(item, "role"));
        let role = role.map_or(String::new(), |role| format!("{} / {}", role.ja(), role.en()));
        let mut notes = String::new();
        if is("suspended") {
            notes.push_str("  停止中 / suspended");
        }
        if let Some(last) = item.get("leaves_on").and_then(Value::as_str) {
            notes.push_str(&format!("  {last} まで / until {last}"));
        }
        if is("one_time") {
            notes.push_str("  未ログイン / one-time password");
        }
        text.push_str(&format!("{}  {}  [{role}]{notes}\n", text_of(item, "user"), text_of(item, "name")));
    }
    text
}
