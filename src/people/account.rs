//! Accounts: made, changed and listed by an administrator.

use std::fmt;

use aws_lc_rs::digest;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::{People, PeopleError, Role, password};
use crate::model::hub_user::HubUser;
use crate::store::{AddStaff, Added, ChangeStaff, SetPassword, StaffRow};

const EPOCH: Date = date(1970, 1, 1);
/// Signs of a user.
const LONGEST_USER: usize = 32;
/// Signs of a name.
const LONGEST_NAME: usize = 64;

/// What is typed at log-in: 2 to 32 of `a-z 0-9 . _ -`, a letter first. It stands in the trail and in logs; it is not a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct User(String);

impl User {
    /// Reads a user; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        let long = (2..=LONGEST_USER).contains(&text.len());
        (first && plain && long).then(|| Self(text.to_owned()))
    }

    /// The user as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person's name, 1 to 64 signs. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Name(Zeroizing<String>);

impl Name {
    /// Reads a name; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let signs = text.chars().count();
        let plain = !text.trim().is_empty() && signs <= LONGEST_NAME && !text.contains(char::is_control);
        plain.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The name, to be shown to whoever may see it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(…)")
    }
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// See [`User`].
    pub user: User,
    /// The person's name.
    pub name: Name,
    /// What the person is.
    pub role: Role,
    /// The last day.
    pub leaves_on: Option<Date>,
    /// The user id at the hub.
    pub hub_user: Option<HubUser>,
}

/// What is to change.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The person's name.
    pub name: Option<Name>,
    /// What the person is.
    pub role: Option<Role>,
    /// The last day; `Some(None)` takes it away.
    pub leaves_on: Option<Option<Date>>,
    /// Whether the account is shut.
    pub suspended: Option<bool>,
    /// The user id at the hub; `Some(None)` takes it away.
    pub hub_user: Option<Option<HubUser>>,
}

/// An account, without its password.
#[derive(Clone, Debug)]
pub struct Account {
    /// What is typed at log-in.
    pub user: String,
    /// The person's name.
    pub name: Name,
    /// What the person is.
    pub role: Role,
    /// The password is a one-time password.
    pub one_time: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last day.
    pub leaves_on: Option<Date>,
    /// Shut by an administrator.
    pub suspended: bool,
    /// Whether the person may come in today.
    pub active: bool,
    /// When somebody last logged in with it.
    pub last_login_at: Option<Timestamp>,
    /// The user id at the hub.
    pub hub_user: Option<HubUser>,
}

/// Whether the last day is over. While the day is not known, whoever has a last day has left: nobody comes back by stopping the
/// clock.
pub(super) fn has_left(row: &StaffRow, today: Option<Date>) -> bool {
    let Some(last) = row.leaves_on else { return false };
    today.is_none_or(|today| days(today) > last)
}

fn days(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() / 24
}

fn date_of(days: i64) -> Option<Date> {
    EPOCH.checked_add(i32::try_from(days).ok()?.days()).ok()
}

/// What a sealed name belongs to, so that it opens nowhere else.
#[must_use]
pub fn place(facility: &str, user: &str) -> [u8; 16] {
    let hash = digest::digest(&digest::SHA256, format!("engawa staff v1\n{facility}\n{user}").as_bytes());
    let mut place = [0; 16];
    place.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    place
}

impl People {
    /// Makes an account; its one-time password is shown once.
    ///
    /// # Errors
    /// [`PeopleError::Taken`], [`PeopleError::HubUserTaken`], [`PeopleError::Busy`], [`PeopleError::Store`].
    pub async fn add(&self, facility: &str, new: NewAccount) -> Result<(Account, Zeroizing<String>), PeopleError> {
        self.nobodys_own(facility, new.hub_user.as_ref())?;
        let one_time = password::one_time()?;
        let now = self.0.clock.latest().as_millisecond();
        let row = StaffRow {
            facility: facility.to_owned(),
            user: new.user.as_str().to_owned(),
            name: self.sealed(facility, new.user.as_str(), &new.name)?,
            role: new.role.name().to_owned(),
            password: self.0.hasher.hash(one_time.clone()).await?,
            one_time: true,
            password_at: now,
            created_at: now,
            leaves_on: new.leaves_on.map(days),
            suspended: false,
            last_login_at: None,
            hub_user: new.hub_user.map(|id| id.reveal().to_owned()),
            hub_password: None,
        };
        match self.0.store.write(AddStaff(row)).await? {
            Added::Yes => {}
            Added::UserTaken => return Err(PeopleError::Taken),
            Added::HubUserTaken => return Err(PeopleError::HubUserTaken),
        }
        Ok((self.account(facility, new.user.as_str()).await?, one_time))
    }

    /// One account.
    ///
    /// # Errors
    /// [`PeopleError::Absent`], [`PeopleError::Store`], [`PeopleError::Seal`].
    pub async fn account(&self, facility: &str, user: &str) -> Result<Account, PeopleError> {
        let row = self.0.store.staff(facility, user).await?.ok_or(PeopleError::Absent)?;
        let active = self.may_come(&row).await?;
        self.read(row, active)
    }

    /// The accounts of a facility, by user. One that cannot be read is left out and told of in the log.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn accounts(&self, facility: &str) -> Result<Vec<Account>, PeopleError> {
        let mut accounts = Vec::new();
        for row in self.0.store.all_staff(facility).await? {
            let (active, user) = (self.may_come(&row).await?, row.user.clone());
            match self.read(row, active) {
                Ok(account) => accounts.push(account),
                Err(error) => tracing::warn!(%user, %error, code = %error.code(), "an account is left out"),
            }
        }
        Ok(accounts)
    }

    /// Changes an account. Who is suspended, has left or is given another role is logged out, everywhere and at once.
    ///
    /// # Errors
    /// [`PeopleError::Absent`], [`PeopleError::HubUserTaken`], [`PeopleError::Store`].
    pub async fn change(&self, facility: &str, user: &str, change: Change) -> Result<Account, PeopleError> {
        let before = self.account(facility, user).await?;
        // The same one again keeps its password.
        if let Some(hub_user) = change.hub_user.filter(|id| *id != before.hub_user) {
            self.set_hub_user(facility, user, hub_user, None).await?;
        }
        let name = change.name.map(|name| self.sealed(facility, user, &name)).transpose()?;
        let leaves_on = change.leaves_on.map(|last| last.map(days));
        let over = match (leaves_on.flatten(), self.today().await?) {
            (Some(last), Some(today)) => last < days(today),
            (last, None) => last.is_some(),
            (None, _) => false,
        };
        let shut = change.suspended == Some(true) || over;
        let end_sessions = shut || change.role.is_some_and(|role| role != before.role);
        let write = ChangeStaff {
            facility: facility.to_owned(),
            user: user.to_owned(),
            name,
            role: change.role.map(|role| role.name().to_owned()),
            leaves_on,
            suspended: change.suspended,
            end_sessions,
        };
        let ended = self.0.store.write(write).await?.ok_or(PeopleError::Absent)?;
        if end_sessions {
            self.forget_asked(facility, user);
            (self.0.told)(&ended);
        }
        self.account(facility, user).await
    }

    /// A new one-time password in place of a forgotten one; who is logged in is logged out.
    ///
    /// # Errors
    /// [`PeopleError::Absent`], [`PeopleError::Busy`], [`PeopleError::Store`].
    pub async fn reset_password(
        &self,
        facility: &str,
        user: &str,
    ) -> Result<(Account, Zeroizing<String>), PeopleError> {
        self.account(facility, user).await?;
        let one_time = password::one_time()?;
        let write = SetPassword {
            facility: facility.to_owned(),
            user: user.to_owned(),
            password: self.0.hasher.hash(one_time.clone()).await?,
            one_time: true,
            at: self.0.clock.latest().as_millisecond(),
            instead_of: None,
            session: None,
        };
        let ended = self.0.store.write(write).await?.ok_or(PeopleError::Absent)?;
        (self.0.told)(&ended);
        self.tries(|tries| tries.pardon(facility, user));
        Ok((self.account(facility, user).await?, one_time))
    }

    /// Whether anybody may administer the facility from a browser.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn has_administrator(&self, facility: &str) -> Result<bool, PeopleError> {
        let accounts = self.accounts(facility).await?;
        Ok(accounts.iter().any(|account| account.active && account.role == Role::Administrator))
    }

    fn sealed(&self, facility: &str, user: &str, name: &Name) -> Result<Vec<u8>, PeopleError> {
        Ok(self.0.names.seal_note(place(facility, user), name.reveal().as_bytes())?)
    }

    fn read(&self, row: StaffRow, active: bool) -> Result<Account, PeopleError> {
        use crate::credential::seal::SealError::Damaged;
        let name = self.0.names.open_note(place(&row.facility, &row.user), &row.name)?;
        let name = std::str::from_utf8(&name).ok().and_then(Name::parse).ok_or(Damaged)?;
        let time = |at: i64| Timestamp::from_millisecond(at).map_err(|_| Damaged);
        Ok(Account {
            name,
            role: Role::parse(&row.role).ok_or(Damaged)?,
            one_time: row.one_time,
            created_at: time(row.created_at)?,
            leaves_on: row.leaves_on.map(|last| date_of(last).ok_or(Damaged)).transpose()?,
            suspended: row.suspended,
            active,
            last_login_at: row.last_login_at.map(time).transpose()?,
            hub_user: row.hub_user.map(HubUser::stored),
            user: row.user,
        })
    }
}
