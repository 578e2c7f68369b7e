//! The staff: accounts, roles and log-ins.
//!
//! ```text
//!            log_in                    idle 30 min · 12 h · log-out · another log-in at the terminal
//!  nobody ───────────▶ logged in ──────────────────────────────────────────────────────────────────▶ nobody
//!                          │         password changed · suspended · role changed · last day over
//!                          ▼
//!              a one-time password has to be changed first
//! ```
//!
//! Invariants: a password exists in clear only while it is compared; nobody can lock anybody out from elsewhere; an answer tells
//! nobody whether an account exists; whoever has left or is suspended is nobody, from the next request on; a session is worth
//! nothing at another terminal than its own; names are sealed in the store and stand in no log; a password for the hub is kept sealed or
//! not at all, and goes nowhere but to the hub.

mod account;
mod error;
mod hub_login;
pub mod lockout;
pub mod password;
pub mod role;
mod session;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;

pub use account::{Account, Change, Name, NewAccount, User, place as name_place};
pub use error::PeopleError;
pub use hub_login::{HubAccount, HubDoor, HubLogin, TryGiven, hub_password_place};
pub use role::Role;
pub use session::{IDLE, LONGEST, LoggedIn, Session};

use crate::clock::{Clock, day_in_japan};
use crate::credential::seal::Keyring;
use crate::store::{SetFact, StaffRow, Store, StoreError};
use hub_login::HubLogins;
use lockout::Lockout;
use password::Hasher;

/// Under which the newest day is remembered, for a box that wakes up in 1970.
const DAY: &str = "people.day";

/// The staff of every facility of the box; cheap to clone.
#[derive(Clone)]
pub struct People(Arc<Inner>);

struct Inner {
    store: Store,
    names: Arc<Keyring>,
    clock: Clock,
    hasher: Hasher,
    lockout: Mutex<Lockout>,
    /// Terminals at which a password is looked at: one at a time each, so that none has all the places of those who wait.
    trying: Mutex<BTreeSet<String>>,
    hub: Mutex<HubLogins>,
    /// The day that had surely come when what cannot be taken back was last done.
    come: Mutex<Option<Date>>,
    told: Told,
}

/// Told the ids of the terminals and keys that acted for somebody who may not go on: what runs there has to end. The store says so by
/// then.
pub type Told = Arc<dyn Fn(&[String]) + Send + Sync>;

impl People {
    /// The staff kept in `store`, their names sealed with `names`.
    #[must_use]
    pub fn new(store: Store, names: Arc<Keyring>, clock: Clock, told: Told) -> Self {
        let (hasher, lockout, hub) = (Hasher::new(), Mutex::default(), Mutex::default());
        let trying = Mutex::default();
        Self(Arc::new(Inner { store, names, clock, hasher, lockout, trying, hub, come: Mutex::default(), told }))
    }

    /// The role of somebody to whom a key or a terminal is bound; `None` when there is no such account, or it may not come in.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn role(&self, facility: &str, user: &str) -> Result<Option<Role>, PeopleError> {
        let Some(row) = self.0.store.staff(facility, user).await? else { return Ok(None) };
        if !self.may_come(&row).await? {
            return Ok(None);
        }
        Ok(Role::parse(&row.role))
    }

    /// Notes the day, and tells of those whose last day is over since `seen`; the day that is seen from here on. To be asked
    /// every few seconds.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn turn_of_day(&self, seen: Option<Date>) -> Result<Option<Date>, PeopleError> {
        let today = self.0.clock.latest_day_in_japan();
        // The day that has surely come often comes a moment after midnight: what the hub tells is cut to seconds.
        let come = self.0.clock.has_been().map_or(today, day_in_japan);
        let done = *self.0.come.lock().unwrap_or_else(PoisonError::into_inner) == come;
        if today.is_none() || today == seen && done {
            return Ok(seen);
        }
        if let Some(today) = today {
            // A clock that is ahead for a moment keeps leavers out for that moment. What cannot be taken back waits for a day that has
            // surely come; a box that never heard the hub has only its own clock.
            if let Some(come) = come {
                self.0.store.write(SetFact { name: DAY.to_owned(), value: come.to_string() }).await?;
            }
            for row in self.0.store.leaving_staff().await? {
                let over = account::has_left(&row, Some(today));
                if account::has_left(&row, come) {
                    self.wipe_hub_password(&row.facility, &row.user).await?;
                }
                if over && seen.is_none_or(|seen| !account::has_left(&row, Some(seen))) {
                    tracing::info!(user = %row.user, facility = %row.facility, "the last day is over; the account is shut");
                    (self.0.told)(&self.0.store.acting_for(&row.facility, &row.user).await?);
                }
            }
        }
        *self.0.come.lock().unwrap_or_else(PoisonError::into_inner) = come;
        Ok(today)
    }

    /// Whether somebody may come in at all.
    async fn may_come(&self, row: &StaffRow) -> Result<bool, StoreError> {
        Ok(!row.suspended && (row.leaves_on.is_none() || !account::has_left(row, self.today().await?)))
    }

    /// The day in Japan; while the clock cannot be right, the newest day that was seen.
    async fn today(&self) -> Result<Option<Date>, StoreError> {
        match self.0.clock.latest_day_in_japan() {
            Some(today) => Ok(Some(today)),
            None => Ok(self.0.store.fact(DAY).await?.and_then(|day| day.parse().ok())),
        }
    }
}
