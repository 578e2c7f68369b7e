//! Accounts before the first start, or while the service is stopped: on the store itself, under the state directory's lock.

use std::sync::Arc;

use serde_json::{Value, json};

use super::keys::own_directory;
use super::{StartError, open_state};
use crate::audit::{Draft, Trail};
use crate::clock::Clock;
use crate::config::Config;
use crate::fault::Code;
use crate::model::hub_user::HubUser;
use crate::people::{Account, Change, Name, NewAccount, People, PeopleError, Role, User};

/// What `engawa admin` and `engawa staff` want of the store when no gateway runs.
#[derive(Clone, Debug)]
pub enum StaffOrder {
    /// Make an account.
    Add {
        /// What is typed at log-in.
        user: String,
        /// The person's name.
        name: String,
        /// What the person is.
        role: Role,
        /// The last day.
        leaves_on: Option<jiff::civil::Date>,
        /// The user id at the hub.
        hub_user: Option<String>,
    },
    /// Name the user id at the hub, or take it away.
    Hub {
        /// What is typed at log-in.
        user: String,
        /// The user id at the hub.
        hub_user: Option<String>,
    },
    /// All accounts.
    List,
    /// Shut or open one.
    Suspend {
        /// What is typed at log-in.
        user: String,
        /// Whether it is to be shut.
        suspended: bool,
    },
    /// Give a new one-time password.
    Password {
        /// What is typed at log-in.
        user: String,
    },
}

/// Obeys `order` on the store itself; answers as `/v1/staff` would.
///
/// # Errors
/// `STATE_LOCKED` while a gateway runs, `STATE_OWNER` when the state belongs to another user, and whatever the store says.
pub async fn staff_offline(settings: &Config, order: StaffOrder) -> Result<Value, StartError> {
    own_directory(&settings.state.directory)?;
    let state = open_state(settings, Clock::system()).await?;
    let people = People::new(state.store.clone(), state.keys.clone(), state.clock.clone(), Arc::new(|_| ()));
    let recorded = match &order {
        StaffOrder::Add { user, .. } => Some(("staff.add", user.clone())),
        StaffOrder::Hub { user, .. } | StaffOrder::Suspend { user, .. } => Some(("staff.change", user.clone())),
        StaffOrder::Password { user } => Some(("staff.password", user.clone())),
        StaffOrder::List => None,
    };
    let mut answer = match taken_by_the_facility(&order, settings) {
        true => Err(Code::HubUserTaken.into()),
        false => obey(&people, &settings.facility.number, order).await,
    };
    if let (Ok(_), Some((act, user))) = (&answer, recorded) {
        let act = Draft::local(&settings.facility.number, act).done(state.clock.now(), format!("staff:{user}"));
        if let Err(error) = Trail::new(state.store.clone()).record(vec![act]).await {
            answer = Err(StartError { code: Code::TrailUnavailable, source: Some(Box::new(error)) });
        }
    }
    drop((people, state.store));
    state.task.finished().await;
    answer
}

/// The facility's own user is nobody's.
fn taken_by_the_facility(order: &StaffOrder, settings: &Config) -> bool {
    let named = match order {
        StaffOrder::Add { hub_user, .. } | StaffOrder::Hub { hub_user, .. } => hub_user.as_deref(),
        StaffOrder::List | StaffOrder::Suspend { .. } | StaffOrder::Password { .. } => None,
    };
    let (named, own) = (named.and_then(HubUser::parse), HubUser::parse(&settings.hub.user_id));
    named.zip(own).is_some_and(|(named, own)| named.is_like(&own))
}

async fn obey(people: &People, facility: &str, order: StaffOrder) -> Result<Value, StartError> {
    match order {
        StaffOrder::Add { user, name, role, leaves_on, hub_user } => {
            let hub_user = hub_user.map(HubUser::stored);
            let user = User::parse(&user).ok_or(Code::RequestMalformed)?;
            let name = Name::parse(&name).ok_or(Code::RequestMalformed)?;
            let (account, password) =
                people.add(facility, NewAccount { user, name, role, leaves_on, hub_user }).await?;
            Ok(with_password(&account, &password))
        }
        StaffOrder::List => {
            Ok(json!({ "items": people.accounts(facility).await?.iter().map(view).collect::<Vec<_>>() }))
        }
        StaffOrder::Hub { user, hub_user } => {
            let change = Change { hub_user: Some(hub_user.map(HubUser::stored)), ..Change::default() };
            Ok(view(&people.change(facility, &user, change).await?))
        }
        StaffOrder::Suspend { user, suspended } => {
            let change = Change { suspended: Some(suspended), ..Change::default() };
            Ok(view(&people.change(facility, &user, change).await?))
        }
        StaffOrder::Password { user } => {
            let (account, password) = people.reset_password(facility, &user).await?;
            Ok(with_password(&account, &password))
        }
    }
}

fn with_password(account: &Account, password: &str) -> Value {
    let mut answer = view(account);
    answer["one_time_password"] = Value::from(password);
    answer
}

fn view(account: &Account) -> Value {
    json!({
        "user": account.user,
        "name": account.name.reveal(),
        "role": account.role,
        "active": account.active,
        "suspended": account.suspended,
        "leaves_on": account.leaves_on,
        "one_time": account.one_time,
        "created_at": account.created_at,
        "last_login_at": account.last_login_at,
        "hub_user": account.hub_user.as_ref().map(HubUser::reveal),
    })
}

impl From<PeopleError> for StartError {
    fn from(error: PeopleError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}
