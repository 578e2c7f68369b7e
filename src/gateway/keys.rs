//! API keys before the first start, or while the service is stopped: on the store itself, under the state directory's lock.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{StartError, open_state};
use crate::audit::{Draft, Trail};
use crate::clock::Clock;
use crate::config::Config;
use crate::fault::Code;
use crate::order;
use crate::people::People;
use crate::terminal::{KeyError, KeyId, KeyRecord, Keys, NewKey, Right};

/// Under whom systemd/engawa.service runs.
const SERVICE_USER: &str = "engawa";

/// What `engawa key` wants of the store when no gateway runs.
#[derive(Clone, Debug)]
pub enum KeyOrder {
    /// Make a key.
    Add {
        /// What the administrator calls it.
        label: String,
        /// What its holder may do.
        rights: Vec<Right>,
        /// Where alone it is taken; empty: anywhere.
        networks: Vec<IpNet>,
        /// The account to which it is bound.
        person: Option<String>,
        /// From when on it is refused.
        expires_at: Option<Timestamp>,
    },
    /// All keys.
    List,
    /// Revoke one for good.
    Revoke {
        /// Its public part.
        id: String,
    },
}

/// Obeys `order` on the store itself; answers as `/v1/keys` would. `whole`: keys of every facility are listed and revoked, else only those
/// of the one in `settings`.
///
/// # Errors
/// `STATE_LOCKED` while a gateway runs, `STATE_OWNER` when the state belongs to another user, and whatever the store says.
pub async fn keys_offline(settings: &Config, whole: bool, order: KeyOrder) -> Result<Value, StartError> {
    own_directory(&settings.state.directory)?;
    let state = open_state(settings, Clock::system()).await?;
    let keys = Keys::new(state.store.clone(), state.clock.clone());
    let act = match order {
        KeyOrder::Add { .. } => "key.add",
        KeyOrder::Revoke { .. } => "key.revoke",
        KeyOrder::List => "",
    };
    let id = if let KeyOrder::Revoke { id } = &order { Some(id.clone()) } else { None };
    let people = People::new(state.store.clone(), state.keys.clone(), state.clock.clone(), Arc::new(|_| ()));
    let mut answer = match of_the_staff(&people, &settings.facility.number, &order).await {
        Ok(()) => obey(&keys, (settings, whole), order).await,
        Err(error) => Err(error),
    };
    if let Ok(done) = answer.as_ref().map(|done| done["id"].as_str().map(str::to_owned).or(id))
        && !act.is_empty()
    {
        let on = done.map(|id| format!("key:{id}")).unwrap_or_default();
        let act = Draft::local(&settings.facility.number, act).done(state.clock.now(), on);
        if let Err(error) = Trail::new(state.store.clone()).record(vec![act]).await {
            answer = Err(StartError { code: Code::TrailUnavailable, source: Some(Box::new(error)) });
        }
    }
    drop((keys, people, state.store));
    state.task.finished().await;
    answer
}

/// Files that this user would make in somebody else's state directory could not be opened by the service.
pub(super) fn own_directory(directory: &Path) -> Result<(), StartError> {
    let own = nix::unistd::geteuid();
    let service = nix::unistd::User::from_name(SERVICE_USER).ok().flatten();
    match std::fs::metadata(directory) {
        Ok(found) if found.uid() == own.as_raw() => Ok(()),
        Ok(_) => Err(Code::StateOwner.into()),
        // Made here, it would be this user's, and the service could not enter it.
        Err(_) if service.is_some_and(|service| service.uid != own) => Err(Code::StateOwner.into()),
        Err(_) => Ok(()),
    }
}

/// A key whose account is not there would be refused wherever it is shown.
#[derive(Debug, thiserror::Error)]
#[error("there is no account of that name, or it is suspended or has left; see `engawa staff list`")]
struct NotStaff;

async fn of_the_staff(people: &People, facility: &str, order: &KeyOrder) -> Result<(), StartError> {
    let KeyOrder::Add { person: Some(user), .. } = order else { return Ok(()) };
    match people.role(facility, user).await? {
        Some(_) => Ok(()),
        None => Err(StartError { code: Code::RequestMalformed, source: Some(Box::new(NotStaff)) }),
    }
}

async fn obey(keys: &Keys, (settings, whole): (&Config, bool), order: KeyOrder) -> Result<Value, StartError> {
    let facility = &settings.facility.number;
    match order {
        KeyOrder::Add { label, rights, networks, person, expires_at } => {
            let facility = facility.clone();
            let new = NewKey { label, facility, rights: order::set(rights), networks, person, expires_at };
            let (key, record) = keys.add(new).await?;
            let mut answer = view(&record);
            answer["key"] = Value::from(key.reveal().as_str());
            Ok(answer)
        }
        KeyOrder::List => {
            let all = keys.list().await?;
            let own = all.iter().filter(|record| whole || record.facility == *facility);
            Ok(json!({ "items": own.map(view).collect::<Vec<_>>() }))
        }
        KeyOrder::Revoke { id } => {
            keys.revoke((!whole).then_some(facility.as_str()), &KeyId::parse(&id).ok_or(Code::RequestNotFound)?)
                .await?;
            Ok(json!({}))
        }
    }
}

fn view(record: &KeyRecord) -> Value {
    json!({
        "id": record.id.as_str(),
        "label": record.label,
        "facility": record.facility,
        "rights": record.rights,
        "created_at": record.created_at,
        "last_used_at": record.last_used_at,
        "revoked_at": record.revoked_at,
        "networks": record.networks,
        "person": record.person,
        "expires_at": record.expires_at,
    })
}

impl From<KeyError> for StartError {
    fn from(error: KeyError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}
