//! Staff accounts and their lock: three failures, thirty minutes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Event, Hub, HubError};
use crate::cli::Failure;
use crate::world::World;

const ALLOWED: u32 = 3;
const LOCK: SignedDuration = SignedDuration::from_mins(30);

/// An account and its run of failures.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) facility: String,
    pub(crate) job_kind: String,
    password: String,
    pub(crate) failures: u32,
    pub(crate) locked_until: Option<Timestamp>,
    /// Logins tried since the hub was started, right or wrong.
    pub(crate) attempts: u64,
    /// Logins with a wrong password since the hub was started.
    pub(crate) wrong: u64,
}

impl Account {
    pub(super) fn put(&mut self, failures: u32, locked_until: Option<Timestamp>, password: Option<String>) {
        self.failures = failures;
        self.locked_until = locked_until;
        if let Some(password) = password {
            self.password = password;
        }
    }
}

/// What the control API may do to an account.
#[derive(Debug)]
pub(crate) enum Tamper {
    Lock(SignedDuration),
    Unlock,
    Password(String),
}

pub(super) fn all(world: &World) -> BTreeMap<String, Account> {
    let one = |a: &crate::world::Account| Account {
        facility: a.facility.clone(),
        job_kind: a.job_kind.clone(),
        password: a.password.clone(),
        failures: 0,
        locked_until: None,
        attempts: 0,
        wrong: 0,
    };
    world.accounts.iter().map(|a| (a.user_id.clone(), one(a))).collect()
}

impl Hub {
    /// Checks a password; `refuse` makes it wrong whatever it is. The account is named by user id and has to belong to the
    /// certificate's facility: to anybody else it does not exist.
    pub(crate) fn check_password(
        &mut self,
        facility: &str,
        user_id: &str,
        password: &str,
        refuse: bool,
        now: Timestamp,
    ) -> Result<Result<(), HubError>, Failure> {
        let wrong = || HubError::new("E1002", "ユーザIDまたはパスワードが違います");
        let Some(account) = self.accounts.get_mut(user_id).filter(|a| a.facility == facility) else {
            return Ok(Err(wrong()));
        };
        account.attempts += 1;
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(HubError::locked(until)));
        }
        let right = account.password == password && !refuse;
        account.wrong += u64::from(!right);
        let failures = if right { 0 } else { account.failures + 1 };
        let locked_until = (failures >= ALLOWED).then(|| now.saturating_add(LOCK).unwrap_or(Timestamp::MAX));
        let unchanged = failures == account.failures && account.locked_until.is_none();
        if !unchanged {
            let failures = if locked_until.is_some() { 0 } else { failures };
            self.commit(Event::Account { user_id: user_id.to_owned(), failures, locked_until, password: None })?;
        }
        Ok(match locked_until {
            _ if right => Ok(()),
            Some(until) => Err(HubError::locked(until)),
            None => Err(wrong()),
        })
    }

    /// Locks, unlocks or gives another password; false if there is no such account.
    pub(crate) fn tamper(&mut self, user_id: &str, what: Tamper, now: Timestamp) -> Result<bool, Failure> {
        let Some(account) = self.accounts.get(user_id) else { return Ok(false) };
        let (locked_until, password) = match what {
            Tamper::Lock(span) => (Some(now.saturating_add(span).unwrap_or(Timestamp::MAX)), None),
            Tamper::Unlock => (None, None),
            Tamper::Password(password) => (account.locked_until, Some(password)),
        };
        self.commit(Event::Account { user_id: user_id.to_owned(), failures: 0, locked_until, password })?;
        Ok(true)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&String, &Account)> {
        self.accounts.iter()
    }

    pub(crate) fn job_kind(&self, user_id: &str) -> &str {
        self.accounts.get(user_id).map_or("", |a| a.job_kind.as_str())
    }
}
