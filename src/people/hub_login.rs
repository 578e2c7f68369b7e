//! The staff's own users at the hub: whose they are, and where their passwords are.
//!
//! A kept password is sealed for its account and user id; one that is asked for lies in memory, for as long as the session lives in
//! which it was given. Either leaves this room only towards the hub.

use std::collections::HashMap;
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::session::LONGEST;
use super::{People, PeopleError, Role};
use crate::credential::Secret;
use crate::fault::Code;
use crate::hub::{AnotherTry, MemberStatus, Tried};
use crate::model::hub_user::{HubMember, HubUser, StaffLogin};
use crate::store::{HubUserSet, SetHubUser, StaffRow, StoreError, WipeHubPasswords};

/// Facility and account.
type Who = (String, String);

/// What is known of the staff's log-ins at the hub beside the store.
#[derive(Default)]
pub(super) struct HubLogins {
    facilities: HashMap<String, Choice>,
    /// Not held: the link to the hub asks the staff for their passwords, and each would keep the other, and the store, for ever.
    doors: HashMap<String, Weak<dyn HubDoor>>,
    asked: HashMap<Who, Asked>,
    /// What the hub said last, by facility and user id.
    said: HashMap<(String, HubUser), MemberStatus>,
}

/// What a facility has chosen.
#[derive(Clone)]
struct Choice {
    mode: StaffLogin,
    /// The facility's own user, which is nobody's.
    own: Option<HubUser>,
}

struct Asked {
    hub_user: HubUser,
    password: Secret,
    /// The terminal at whose session it was given.
    terminal: String,
    /// Monotonic time.
    until: Duration,
}

/// Where a facility's log-ins at the hub are remembered.
pub trait HubDoor: Send + Sync {
    /// Lets one password more be sent for that user id, or says why that cannot be. `password`: the one that is there.
    fn another_try<'a>(&'a self, hub_user: &'a HubUser, password: Option<Secret>)
    -> BoxFuture<'a, Result<Tried, Code>>;
}

/// What an order for another try came to.
#[derive(Clone, Copy, Debug)]
pub struct TryGiven {
    /// Whether passwords that the hub refused stood in the way.
    pub given: bool,
    /// Whether a password is wanted first: none is there, or the hub refused the one that is.
    pub needs_password: bool,
    /// No password is sent before, where that is known.
    pub waits_until: Option<Timestamp>,
}

/// As whom something goes out.
pub enum HubLogin {
    /// As the facility's user.
    Facility,
    /// As the person, whose password this is.
    Person(Secret),
    /// As the person, whose password is not there.
    Missing,
    /// As the person, whose user id is another account's by now.
    Anothers,
}

/// An account's user at the hub, as the person may see it.
#[derive(Clone, Debug)]
pub struct HubAccount {
    /// What the facility has chosen.
    pub mode: StaffLogin,
    /// The user id.
    pub user: Option<HubUser>,
    /// Whether its password is there.
    pub password: bool,
    /// What the hub said last, since the start.
    pub said: MemberStatus,
    /// `HUB_ROLE_DIFFERS`, if the hub's job kind is none of the role's.
    pub warning: Option<Code>,
}

impl People {
    fn logins<T>(&self, work: impl FnOnce(&mut HubLogins) -> T) -> T {
        work(&mut self.0.hub.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mode(&self, facility: &str) -> StaffLogin {
        self.logins(|logins| logins.facilities.get(facility).map(|choice| choice.mode)).unwrap_or_default()
    }

    /// A facility's choice, at the start and whenever the settings were read; `own`: the facility's user. What the choice does not
    /// allow to be kept is wiped.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn choose_staff_login(
        &self,
        facility: &str,
        mode: StaffLogin,
        own: Option<HubUser>,
    ) -> Result<(), PeopleError> {
        self.logins(|logins| {
            logins.facilities.insert(facility.to_owned(), Choice { mode, own });
            if mode != StaffLogin::Asked {
                logins.asked.retain(|(of, _), _| of != facility);
            }
        });
        if mode != StaffLogin::Kept {
            self.0.store.write(WipeHubPasswords { facility: facility.to_owned(), user: None }).await?;
        }
        Ok(())
    }

    /// Where the log-ins of a facility's staff are remembered.
    pub fn hub_door(&self, facility: &str, door: Weak<dyn HubDoor>) {
        self.logins(|logins| logins.doors.insert(facility.to_owned(), door));
    }

    /// Lets one password more be sent to the hub for an account whose wrong ones of the day are used up. Whoever orders it knows that the
    /// person has logged in at the hub itself since.
    ///
    /// # Errors
    /// [`PeopleError::StaffLoginOff`], [`PeopleError::Absent`], [`PeopleError::TrySpent`], [`PeopleError::Hub`],
    /// [`PeopleError::Store`], [`PeopleError::Seal`].
    pub async fn another_try(&self, facility: &str, user: &str) -> Result<TryGiven, PeopleError> {
        let row = self.0.store.staff(facility, user).await?.ok_or(PeopleError::Absent)?;
        let door = self.logins(|logins| logins.doors.get(facility).and_then(Weak::upgrade));
        let door = door.filter(|_| self.mode(facility) != StaffLogin::Off).ok_or(PeopleError::StaffLoginOff)?;
        let Some(id) = row.hub_user.clone().map(HubUser::stored) else {
            return Ok(TryGiven { given: false, needs_password: true, waits_until: None });
        };
        let password = self.password(&row, &id).await?;
        let missing = password.is_none();
        let Tried { order, refused, waits_until } = door.another_try(&id, password).await.map_err(PeopleError::Hub)?;
        let needs_password = missing || refused;
        match order {
            AnotherTry::Spent { until } => {
                let wait = until.duration_since(self.0.clock.now());
                Err(PeopleError::TrySpent { wait: wait.unsigned_abs() })
            }
            AnotherTry::NotNeeded => Ok(TryGiven { given: false, needs_password, waits_until }),
            AnotherTry::Given => {
                self.logins(|logins| {
                    if let Some(said) = logins.said.get_mut(&(facility.to_owned(), id)) {
                        said.trouble = None;
                    }
                });
                Ok(TryGiven { given: true, needs_password, waits_until })
            }
        }
    }

    /// As whom something goes out that a person hands in; `None`: as the facility's user.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn hub_user(&self, facility: &str, user: &str) -> Result<Option<HubMember>, PeopleError> {
        if self.mode(facility) == StaffLogin::Off {
            return Ok(None);
        }
        let row = self.0.store.staff(facility, user).await?;
        Ok(row.and_then(|row| HubMember::stored(Some(row.user), row.hub_user)))
    }

    /// How to log in as somebody: as the account that handed something in, and only while the user id is that account's.
    ///
    /// # Errors
    /// [`PeopleError::Store`], [`PeopleError::Seal`].
    pub async fn hub_login(&self, facility: &str, account: &str, hub_user: &HubUser) -> Result<HubLogin, PeopleError> {
        if self.mode(facility) == StaffLogin::Off {
            return Ok(HubLogin::Facility);
        }
        let owner = self.0.store.staff_at_hub(facility, hub_user.reveal()).await?;
        let Some(row) = owner else { return Ok(HubLogin::Missing) };
        if row.user != account {
            return Ok(HubLogin::Anothers);
        }
        let password = self.password(&row, hub_user).await?;
        Ok(password.map_or(HubLogin::Missing, HubLogin::Person))
    }

    async fn password(&self, row: &StaffRow, hub_user: &HubUser) -> Result<Option<Secret>, PeopleError> {
        if !self.may_come(row).await? {
            return Ok(None);
        }
        match self.mode(&row.facility) {
            StaffLogin::Off => Ok(None),
            StaffLogin::Kept => {
                row.hub_password.as_deref().map(|sealed| self.opened(row, hub_user, sealed)).transpose()
            }
            StaffLogin::Asked => {
                let who = (row.facility.clone(), row.user.clone());
                let now = self.0.clock.elapsed();
                let given = self.logins(|logins| {
                    let asked = logins.asked.get(&who).filter(|asked| asked.until > now && asked.hub_user == *hub_user);
                    asked.map(|asked| (asked.terminal.clone(), asked.password.clone()))
                });
                let Some((terminal, password)) = given else { return Ok(None) };
                Ok(self.stands(&row.facility, &terminal, &row.user).await?.then_some(password))
            }
        }
    }

    fn opened(&self, row: &StaffRow, hub_user: &HubUser, sealed: &[u8]) -> Result<Secret, PeopleError> {
        let opened = self.0.names.open_note(hub_password_place(&row.facility, &row.user, hub_user.reveal()), sealed)?;
        Ok(Secret::from(opened))
    }

    /// Somebody who is logged in at a terminal gives user id and password.
    ///
    /// # Errors
    /// [`PeopleError::StaffLoginOff`], [`PeopleError::HubUserTaken`], [`PeopleError::Absent`], [`PeopleError::Store`],
    /// [`PeopleError::Seal`].
    pub async fn give_hub_password(
        &self,
        (facility, terminal, user): (&str, &str, &str),
        hub_user: HubUser,
        password: Zeroizing<String>,
    ) -> Result<(), PeopleError> {
        let mode = self.mode(facility);
        let sealed = match mode {
            StaffLogin::Off => return Err(PeopleError::StaffLoginOff),
            StaffLogin::Asked => None,
            StaffLogin::Kept => Some(
                self.0.names.seal_note(hub_password_place(facility, user, hub_user.reveal()), password.as_bytes())?,
            ),
        };
        self.set_hub_user(facility, user, Some(hub_user.clone()), sealed).await?;
        if mode == StaffLogin::Asked {
            let until = self.0.clock.elapsed().saturating_add(LONGEST);
            let (password, terminal) = (Secret::from(password.as_str()), terminal.to_owned());
            let asked = Asked { hub_user, password, terminal, until };
            self.logins(|logins| {
                // The choice may have changed meanwhile.
                if logins.facilities.get(facility).is_some_and(|choice| choice.mode == StaffLogin::Asked) {
                    logins.asked.insert((facility.to_owned(), user.to_owned()), asked);
                }
            });
        }
        Ok(())
    }

    /// Names an account's user id at the hub, or takes it away. Whatever password there was is gone.
    ///
    /// # Errors
    /// [`PeopleError::HubUserTaken`], [`PeopleError::Absent`], [`PeopleError::Store`].
    pub async fn set_hub_user(
        &self,
        facility: &str,
        user: &str,
        hub_user: Option<HubUser>,
        sealed: Option<Vec<u8>>,
    ) -> Result<(), PeopleError> {
        self.nobodys_own(facility, hub_user.as_ref())?;
        let write = SetHubUser {
            facility: facility.to_owned(),
            user: user.to_owned(),
            hub_user: hub_user.as_ref().map(|id| id.reveal().to_owned()),
            hub_password: sealed,
        };
        match self.0.store.write(write).await? {
            HubUserSet::Yes => {}
            HubUserSet::Absent => return Err(PeopleError::Absent),
            HubUserSet::Taken => return Err(PeopleError::HubUserTaken),
        }
        self.forget_asked(facility, user);
        if let Some(id) = hub_user {
            // What was said of the password before says nothing of this one.
            self.logins(|logins| logins.said.remove(&(facility.to_owned(), id)));
        }
        Ok(())
    }

    /// Whether a user id may be a person's.
    pub(super) fn nobodys_own(&self, facility: &str, hub_user: Option<&HubUser>) -> Result<(), PeopleError> {
        let own = self.logins(|logins| logins.facilities.get(facility).and_then(|choice| choice.own.clone()));
        match (own, hub_user) {
            (Some(own), Some(id)) if own.is_like(id) => Err(PeopleError::HubUserTaken),
            _ => Ok(()),
        }
    }

    pub(super) fn forget_asked(&self, facility: &str, user: &str) {
        self.logins(|logins| logins.asked.remove(&(facility.to_owned(), user.to_owned())));
    }

    /// A session ended: what was given there is forgotten.
    pub(super) fn forget_asked_at(&self, terminal: &str) {
        self.logins(|logins| logins.asked.retain(|_, asked| asked.terminal != terminal));
    }

    /// Whether a password that was asked for is in memory.
    #[must_use]
    pub fn holds_passwords(&self) -> bool {
        self.logins(|logins| !logins.asked.is_empty())
    }

    /// Wipes what was asked for in sessions that are over. To be called every few seconds.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn forget_what_was_asked(&self) -> Result<(), PeopleError> {
        let now = self.0.clock.elapsed();
        let given: Vec<(Who, String)> = self.logins(|logins| {
            logins.asked.retain(|_, asked| asked.until > now);
            logins.asked.iter().map(|(who, asked)| (who.clone(), asked.terminal.clone())).collect()
        });
        for ((facility, user), terminal) in given {
            if !self.stands(&facility, &terminal, &user).await? {
                self.forget_asked(&facility, &user);
            }
        }
        Ok(())
    }

    /// The last day is over: no password stays.
    pub(super) async fn wipe_hub_password(&self, facility: &str, user: &str) -> Result<(), StoreError> {
        self.forget_asked(facility, user);
        let write = WipeHubPasswords { facility: facility.to_owned(), user: Some(user.to_owned()) };
        self.0.store.write(write).await?;
        Ok(())
    }

    /// What the hub said of somebody.
    pub fn note_hub(&self, facility: &str, hub_user: &HubUser, said: MemberStatus) {
        self.logins(|logins| logins.said.insert((facility.to_owned(), hub_user.clone()), said));
    }

    /// An account's user at the hub.
    ///
    /// # Errors
    /// [`PeopleError::Absent`], [`PeopleError::Store`], [`PeopleError::Seal`].
    pub async fn hub_account(&self, facility: &str, user: &str) -> Result<HubAccount, PeopleError> {
        let row = self.0.store.staff(facility, user).await?.ok_or(PeopleError::Absent)?;
        let hub_user = row.hub_user.clone().map(HubUser::stored);
        let (mut password, mut said) = (false, MemberStatus::default());
        if let Some(id) = &hub_user {
            password = self.password(&row, id).await?.is_some();
            said = self.said(facility, id);
        }
        let warning = differs(&row, &said).then_some(Code::HubRoleDiffers);
        Ok(HubAccount { mode: self.mode(facility), user: hub_user, password, said, warning })
    }

    fn said(&self, facility: &str, hub_user: &HubUser) -> MemberStatus {
        self.logins(|logins| logins.said.get(&(facility.to_owned(), hub_user.clone())).cloned()).unwrap_or_default()
    }

    /// How the log-ins of a facility's staff are: `None` where nobody has any; else what there is to say, if anything.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn hub_health(&self, facility: &str) -> Result<Option<Option<Code>>, PeopleError> {
        if self.mode(facility) == StaffLogin::Off {
            return Ok(None);
        }
        let now = self.0.clock.now();
        let mut worst = None;
        for row in self.0.store.all_staff(facility).await? {
            let Some(id) = row.hub_user.clone().map(HubUser::stored) else { continue };
            let said = self.said(facility, &id);
            let trouble = said.trouble.filter(|(_, until)| until.is_none_or(|until: Timestamp| until > now));
            match trouble {
                Some((code, _)) if code != Code::HubPasswordNeeded => return Ok(Some(Some(code))),
                _ if differs(&row, &said) => worst = Some(Code::HubRoleDiffers),
                _ => {}
            }
        }
        Ok(Some(worst))
    }
}

/// Whether the hub knows somebody under a job kind that is none of the role's.
fn differs(row: &StaffRow, said: &MemberStatus) -> bool {
    let Some(job_kind) = &said.job_kind else { return false };
    Role::parse(&row.role).is_none_or(|role| !role.job_kinds().contains(&job_kind.as_str()))
}

/// What a sealed password of the staff belongs to, so that it opens nowhere else.
#[must_use]
pub fn hub_password_place(facility: &str, user: &str, hub_user: &str) -> [u8; 16] {
    let of = format!("engawa hub password v1\n{facility}\n{user}\n{hub_user}");
    let hash = digest::digest(&digest::SHA256, of.as_bytes());
    let mut place = [0; 16];
    place.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    place
}
