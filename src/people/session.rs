//! Log-ins: one person at one browser, for a while.

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use aws_lc_rs::{digest, rand};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::lockout::Lockout;
use super::{People, PeopleError, Role, User, password};
use crate::model::hex;
use crate::store::{BeginSession, EndSession, SessionRow, SetPassword, StaffRow, TouchSession};

/// How long a session lasts at most.
pub const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// How long it lasts without a request.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// How long a one-time password opens an account.
const ONE_TIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How fine "last used" is. Finer would mean a disk write for every request.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// By so much a clock may be set back without ending what was begun before.
const SET_BACK: Duration = Duration::from_secs(5 * 60);
const SECRET_BYTES: usize = 32;
/// Under what tries with something that is no user are counted.
const NO_USER: &str = "?";

/// What the browser is given: 256 random bits in hexadecimal. Its `Debug` does not show it.
pub struct Session(Zeroizing<String>);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

impl Session {
    fn generate() -> Result<Self, PeopleError> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        rand::fill(secret.as_mut()).map_err(|_| PeopleError::Hash)?;
        Ok(Self(Zeroizing::new(hex(secret.as_ref()))))
    }

    /// The value of the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What the store keeps of a cookie. A fast hash: the cookie is 256 random bits.
fn hashed(cookie: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, cookie.as_bytes()).as_ref().to_vec()
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The account.
    pub user: String,
    /// What the person is.
    pub role: Role,
    /// The password has to be changed before anything else.
    pub one_time: bool,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

impl People {
    /// Lets somebody in at the terminal of that id. Any other session at it ends.
    ///
    /// # Errors
    /// [`PeopleError::Refused`], [`PeopleError::Locked`], [`PeopleError::Busy`], [`PeopleError::Store`].
    pub async fn log_in(
        &self,
        facility: &str,
        terminal: &str,
        user: &str,
        password: Zeroizing<String>,
    ) -> Result<(Session, LoggedIn), PeopleError> {
        let row = self.proven(facility, terminal, user, password).await?;
        let role = Role::parse(&row.role).ok_or(PeopleError::Refused)?;
        let (session, stored) = self.new_session(&row, terminal)?;
        let ended_before = stored.begun_at.saturating_sub(milliseconds(LONGEST));
        let known = LoggedIn { user: row.user, role, one_time: row.one_time, ends_at: ends(stored.begun_at) };
        self.forget_asked_at(terminal);
        let begin = BeginSession { session: stored, password: row.password, ended_before };
        if !self.0.store.write(begin).await? {
            return Err(PeopleError::Refused);
        }
        // What somebody else left open at this terminal is not the next one's.
        (self.0.told)(&[terminal.to_owned()]);
        Ok((session, known))
    }

    /// Who is logged in by that cookie at that terminal; `None`: nobody, and the cookie is worth nothing.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn person(&self, facility: &str, terminal: &str, cookie: &str) -> Result<Option<LoggedIn>, PeopleError> {
        if cookie.len() != 2 * SECRET_BYTES {
            return Ok(None);
        }
        let Some(session) = self.0.store.session(&hashed(cookie)).await? else { return Ok(None) };
        if session.terminal != terminal || session.facility != facility {
            tracing::warn!(terminal, user = %session.user, "a session's cookie came from another terminal");
            return Ok(None);
        }
        let known = self.lives(&session).await?;
        if known.is_some() {
            self.note_use(&session);
        }
        Ok(known)
    }

    /// Whether that person is still logged in at that terminal: what lasts asks this from time to time.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn stands(&self, facility: &str, terminal: &str, user: &str) -> Result<bool, PeopleError> {
        match self.0.store.session_at(terminal).await? {
            Some(session) if session.facility == facility && session.user == user => {
                Ok(self.lives(&session).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Logs out whoever is logged in at that terminal.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn log_out(&self, terminal: &str) -> Result<(), PeopleError> {
        self.forget_asked_at(terminal);
        self.0.store.write(EndSession { terminal: terminal.to_owned() }).await?;
        (self.0.told)(&[terminal.to_owned()]);
        Ok(())
    }

    /// The own password in place of the present one. Every session of the person ends; the one at this terminal goes on under
    /// another cookie.
    ///
    /// # Errors
    /// [`PeopleError::Weak`], [`PeopleError::Refused`], [`PeopleError::Locked`], [`PeopleError::Busy`], [`PeopleError::Store`].
    pub async fn change_password(
        &self,
        facility: &str,
        terminal: &str,
        user: &str,
        (present, new): (Zeroizing<String>, Zeroizing<String>),
    ) -> Result<(Session, LoggedIn), PeopleError> {
        password::judge(&new, user).map_err(PeopleError::Weak)?;
        if *present == *new {
            return Err(PeopleError::Weak(password::Weakness::Same));
        }
        let row = self.proven(facility, terminal, user, present).await?;
        let role = Role::parse(&row.role).ok_or(PeopleError::Refused)?;
        let (session, stored) = self.new_session(&row, terminal)?;
        let known = LoggedIn { user: row.user.clone(), role, one_time: false, ends_at: ends(stored.begun_at) };
        let write = SetPassword {
            facility: facility.to_owned(),
            user: row.user,
            password: self.0.hasher.hash(new).await?,
            one_time: false,
            at: stored.begun_at,
            instead_of: Some(row.password),
            session: Some(stored),
        };
        let ended = self.0.store.write(write).await?.ok_or(PeopleError::Refused)?;
        (self.0.told)(&ended);
        Ok((session, known))
    }

    /// The account whose password that is, if it may come in. An account that is not there costs the same time.
    async fn proven(
        &self,
        facility: &str,
        terminal: &str,
        user: &str,
        password: Zeroizing<String>,
    ) -> Result<StaffRow, PeopleError> {
        let user = User::parse(user);
        let counted = user.as_ref().map_or(NO_USER, User::as_str);
        let _turn = self.turn(terminal)?;
        self.tries(|tries| tries.begin(self.0.clock.elapsed(), terminal, counted))
            .map_err(|wait| PeopleError::Locked { wait })?;
        let row = match &user {
            Some(user) => self.0.store.staff(facility, user.as_str()).await?,
            None => None,
        };
        let stored = row.as_ref().map(|row| row.password.clone());
        let fits = self.0.hasher.is(password, stored).await;
        if matches!(fits, Err(PeopleError::Busy)) {
            self.tries(|tries| tries.undo(terminal, counted));
        }
        let row = row.filter(|_| matches!(fits, Ok(true)));
        fits?;
        let row = row.ok_or(PeopleError::Refused)?;
        // One that was made while the clock was ahead would be good for as long as the clock was wrong. A clock that was never set says
        // nothing.
        let age = self.0.clock.latest().as_millisecond().saturating_sub(row.password_at);
        let least = self.0.clock.latest_day_in_japan().map_or(i64::MIN, |_| -milliseconds(SET_BACK));
        let fresh = (least..milliseconds(ONE_TIME)).contains(&age);
        let open = self.may_come(&row).await? && (!row.one_time || fresh);
        if !open {
            // Counted like a wrong password: nobody is to learn the password of an account that is shut.
            return Err(PeopleError::Refused);
        }
        self.tries(|tries| tries.right(terminal, counted));
        Ok(row)
    }

    fn new_session(&self, row: &StaffRow, terminal: &str) -> Result<(Session, SessionRow), PeopleError> {
        let session = Session::generate()?;
        let now = self.0.clock.latest().as_millisecond();
        let stored = SessionRow {
            secret: hashed(session.reveal()),
            facility: row.facility.clone(),
            user: row.user.clone(),
            terminal: terminal.to_owned(),
            begun_at: now,
            used_at: now,
        };
        Ok((session, stored))
    }

    /// Whose session it is, if it is not over and the person may come in.
    async fn lives(&self, session: &SessionRow) -> Result<Option<LoggedIn>, PeopleError> {
        let now = self.0.clock.latest().as_millisecond();
        let within = |since: i64, limit| {
            let age = now.saturating_sub(since);
            (-milliseconds(SET_BACK)..milliseconds(limit)).contains(&age)
        };
        if !within(session.begun_at, LONGEST) || !within(session.used_at, IDLE) {
            return Ok(None);
        }
        let Some(row) = self.0.store.staff(&session.facility, &session.user).await? else { return Ok(None) };
        let Some(role) = Role::parse(&row.role) else { return Ok(None) };
        if !self.may_come(&row).await? {
            return Ok(None);
        }
        Ok(Some(LoggedIn { user: row.user, role, one_time: row.one_time, ends_at: ends(session.begun_at) }))
    }

    /// Beside the request, and at most once a minute.
    fn note_use(&self, session: &SessionRow) {
        let at = self.0.clock.latest().as_millisecond();
        if at.saturating_sub(session.used_at) >= milliseconds(TOUCH_EVERY) {
            self.0.store.write_later(TouchSession { secret: session.secret.clone(), at });
        }
    }

    /// The terminal's turn to have a password looked at; it ends when dropped.
    fn turn(&self, terminal: &str) -> Result<Turn<'_>, PeopleError> {
        let fresh = self.0.trying.lock().unwrap_or_else(PoisonError::into_inner).insert(terminal.to_owned());
        if fresh { Ok(Turn { people: self, terminal: terminal.to_owned() }) } else { Err(PeopleError::Busy) }
    }

    pub(super) fn tries<T>(&self, work: impl FnOnce(&mut Lockout) -> T) -> T {
        work(&mut self.0.lockout.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Turn<'p> {
    people: &'p People,
    terminal: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.people.0.trying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.terminal);
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn ends(begun_at: i64) -> Timestamp {
    Timestamp::from_millisecond(begun_at.saturating_add(milliseconds(LONGEST))).unwrap_or(Timestamp::MAX)
}
