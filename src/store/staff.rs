//! Accounts of the staff, and who is logged in where.

use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError, Write, hub_users};
use crate::model::hub_user::HubUser;

pub(super) const COLUMNS: &str = "facility, user, name, role, password, one_time, password_at, created_at, leaves_on, suspended, last_login_at, \
     hub_user, hub_password";

/// Keys and terminals that act for one person.
const BOUND: &str = "SELECT id FROM api_key WHERE facility = ?1 AND person = ?2 AND revoked_at IS NULL \
                     UNION SELECT id FROM terminal WHERE facility = ?1 AND person = ?2 AND revoked_at IS NULL";

/// An account as stored.
#[derive(Clone, Debug, FromRow)]
pub struct StaffRow {
    /// Facility number.
    pub facility: String,
    /// What is typed at log-in.
    pub user: String,
    /// The person's name, sealed.
    pub name: Vec<u8>,
    /// The name of the role.
    pub role: String,
    /// argon2id, as a PHC string.
    pub password: String,
    /// The password has to be changed at log-in.
    pub one_time: bool,
    /// When the password was set, milliseconds since 1970.
    pub password_at: i64,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// The last day, in days since 1970.
    pub leaves_on: Option<i64>,
    /// Shut by an administrator.
    pub suspended: bool,
    /// Milliseconds since 1970.
    pub last_login_at: Option<i64>,
    /// The person's own user id at the hub.
    pub hub_user: Option<String>,
    /// Its password, sealed; `None`: asked for, or not given.
    pub hub_password: Option<Vec<u8>>,
}

/// A log-in as stored.
#[derive(Clone, Debug, FromRow)]
pub struct SessionRow {
    /// SHA-256 of the cookie.
    pub secret: Vec<u8>,
    /// Facility number.
    pub facility: String,
    /// The account.
    pub user: String,
    /// The terminal that it belongs to.
    pub terminal: String,
    /// Milliseconds since 1970.
    pub begun_at: i64,
    /// Milliseconds since 1970, to the minute.
    pub used_at: i64,
}

/// Adds an account.
pub struct AddStaff(pub StaffRow);

/// What became of an [`AddStaff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was added.
    Yes,
    /// The facility has one of that user already.
    UserTaken,
    /// The user id at the hub is another account's.
    HubUserTaken,
}

impl Write for AddStaff {
    type Output = Added;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Added, StoreError> {
        let Self(row) = self;
        if let Some(id) = &row.hub_user
            && hub_users::is_anothers(tx, &row.facility, &row.user, &HubUser::stored(id.clone())).await?
        {
            return Ok(Added::HubUserTaken);
        }
        let insert = format!(
            "INSERT INTO staff ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        );
        // Text of our own; what comes from outside is bound.
        let done = sqlx::query(sqlx::AssertSqlSafe(insert))
            .bind(&row.facility)
            .bind(&row.user)
            .bind(&row.name)
            .bind(&row.role)
            .bind(&row.password)
            .bind(row.one_time)
            .bind(row.password_at)
            .bind(row.created_at)
            .bind(row.leaves_on)
            .bind(row.suspended)
            .bind(row.last_login_at)
            .bind(&row.hub_user)
            .bind(&row.hub_password)
            .execute(tx)
            .await?;
        Ok(if done.rows_affected() > 0 { Added::Yes } else { Added::UserTaken })
    }
}

/// Changes what is not `None`. Tells the ids of the terminals and keys that acted for the person, where that ended; `None` if there is no
/// such account.
pub struct ChangeStaff {
    /// Facility number.
    pub facility: String,
    /// The account.
    pub user: String,
    /// The name, sealed.
    pub name: Option<Vec<u8>>,
    /// The name of the role.
    pub role: Option<String>,
    /// The last day, in days since 1970; `Some(None)` takes it away.
    pub leaves_on: Option<Option<i64>>,
    /// Whether it is shut.
    pub suspended: Option<bool>,
    /// The account's sessions end, and its password for the hub is wiped: what the person may do has changed.
    pub end_sessions: bool,
}

impl Write for ChangeStaff {
    type Output = Option<Vec<String>>;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Option<Vec<String>>, StoreError> {
        let done = sqlx::query(
            "UPDATE staff SET name = coalesce(?, name), role = coalesce(?, role), suspended = coalesce(?, suspended), \
             leaves_on = CASE WHEN ? THEN ? ELSE leaves_on END, hub_password = CASE WHEN ? THEN NULL ELSE hub_password END \
             WHERE facility = ? AND user = ?",
        )
        .bind(&self.name)
        .bind(&self.role)
        .bind(self.suspended)
        .bind(self.leaves_on.is_some())
        .bind(self.leaves_on.flatten())
        .bind(self.end_sessions)
        .bind(&self.facility)
        .bind(&self.user)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let mut ended = Vec::new();
        if self.end_sessions {
            ended = end_sessions(tx, &self.facility, &self.user).await?;
            ended.extend(bound(tx, &self.facility, &self.user).await?);
        }
        Ok(Some(ended))
    }
}

/// Sets a password and ends the account's sessions. Tells the terminals at which one ended; `None` if there is no such account, or its
/// password is another one by then.
pub struct SetPassword {
    /// Facility number.
    pub facility: String,
    /// The account.
    pub user: String,
    /// argon2id, as a PHC string.
    pub password: String,
    /// It has to be changed at log-in.
    pub one_time: bool,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The password that is replaced has to be this one: of two changes at once one counts.
    pub instead_of: Option<String>,
    /// The session that goes on, under a new secret.
    pub session: Option<SessionRow>,
}

impl Write for SetPassword {
    type Output = Option<Vec<String>>;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Option<Vec<String>>, StoreError> {
        let done = sqlx::query(
            "UPDATE staff SET password = ?, one_time = ?, password_at = ? \
             WHERE facility = ? AND user = ? AND password = coalesce(?, password)",
        )
        .bind(&self.password)
        .bind(self.one_time)
        .bind(self.at)
        .bind(&self.facility)
        .bind(&self.user)
        .bind(&self.instead_of)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let ended = end_sessions(tx, &self.facility, &self.user).await?;
        if let Some(session) = &self.session {
            insert(tx, session).await?;
        }
        Ok(Some(ended))
    }
}

/// Begins a session in place of any other at that terminal. Tells whether it did: `false` if the password is another one by then.
pub struct BeginSession {
    /// The session.
    pub session: SessionRow,
    /// The password that was shown to be known, as a PHC string.
    pub password: String,
    /// Sessions begun before this are over, milliseconds since 1970.
    pub ended_before: i64,
}

impl Write for BeginSession {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let Self { session, password, ended_before } = self;
        let done = sqlx::query("UPDATE staff SET last_login_at = ? WHERE facility = ? AND user = ? AND password = ?")
            .bind(session.begun_at)
            .bind(&session.facility)
            .bind(&session.user)
            .bind(password)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let over = sqlx::query("DELETE FROM session WHERE terminal = ? OR begun_at < ?");
        over.bind(&session.terminal).bind(ended_before).execute(&mut *tx).await?;
        insert(tx, session).await?;
        Ok(true)
    }
}

/// Notes that a session was used.
pub struct TouchSession {
    /// SHA-256 of the cookie.
    pub secret: Vec<u8>,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for TouchSession {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let touch = sqlx::query("UPDATE session SET used_at = max(used_at, ?) WHERE secret = ?");
        touch.bind(self.at).bind(&self.secret).execute(tx).await?;
        Ok(())
    }
}

/// Ends the session at a terminal.
pub struct EndSession {
    /// The terminal.
    pub terminal: String,
}

impl Write for EndSession {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE terminal = ?").bind(&self.terminal).execute(tx).await?;
        Ok(())
    }
}

async fn end_sessions(tx: &mut SqliteConnection, facility: &str, user: &str) -> Result<Vec<String>, StoreError> {
    let end = sqlx::query_scalar("DELETE FROM session WHERE facility = ? AND user = ? RETURNING terminal");
    Ok(end.bind(facility).bind(user).fetch_all(tx).await?)
}

async fn bound(tx: &mut SqliteConnection, facility: &str, user: &str) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(BOUND).bind(facility).bind(user).fetch_all(tx).await?)
}

async fn insert(tx: &mut SqliteConnection, session: &SessionRow) -> Result<(), StoreError> {
    let insert = "INSERT INTO session (secret, facility, user, terminal, begun_at, used_at) VALUES (?, ?, ?, ?, ?, ?)";
    sqlx::query(insert)
        .bind(&session.secret)
        .bind(&session.facility)
        .bind(&session.user)
        .bind(&session.terminal)
        .bind(session.begun_at)
        .bind(session.used_at)
        .execute(tx)
        .await?;
    Ok(())
}

impl Store {
    /// One account.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn staff(&self, facility: &str, user: &str) -> Result<Option<StaffRow>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM staff WHERE facility = ? AND user = ?");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(select));
        Ok(row.bind(facility).bind(user).fetch_optional(&self.readers).await?)
    }

    /// All accounts of a facility, by user. An administrator makes them one by one, so there are few.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn all_staff(&self, facility: &str) -> Result<Vec<StaffRow>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM staff WHERE facility = ? ORDER BY user");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(select)).bind(facility).fetch_all(&self.readers).await?)
    }

    /// Of every facility, who has a last day.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn leaving_staff(&self) -> Result<Vec<StaffRow>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM staff WHERE leaves_on IS NOT NULL");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(select)).fetch_all(&self.readers).await?)
    }

    /// The ids of keys and terminals that act for one person, logged in or bound.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn acting_for(&self, facility: &str, user: &str) -> Result<Vec<String>, StoreError> {
        let select = format!("{BOUND} UNION SELECT terminal FROM session WHERE facility = ?1 AND user = ?2");
        let ids = sqlx::query_scalar(sqlx::AssertSqlSafe(select));
        Ok(ids.bind(facility).bind(user).fetch_all(&self.readers).await?)
    }

    /// The session of that cookie's hash.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn session(&self, secret: &[u8]) -> Result<Option<SessionRow>, StoreError> {
        let select = "SELECT secret, facility, user, terminal, begun_at, used_at FROM session WHERE secret = ?";
        Ok(sqlx::query_as(select).bind(secret).fetch_optional(&self.readers).await?)
    }

    /// The session at that terminal; there is one at most.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn session_at(&self, terminal: &str) -> Result<Option<SessionRow>, StoreError> {
        let select = "SELECT secret, facility, user, terminal, begun_at, used_at FROM session WHERE terminal = ? \
                      ORDER BY begun_at DESC LIMIT 1";
        Ok(sqlx::query_as(select).bind(terminal).fetch_optional(&self.readers).await?)
    }
}
