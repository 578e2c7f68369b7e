//! Paired terminals, and the windows in which one may pair. No secret stands here, only hashes.

use sqlx::{FromRow, SqliteConnection};

use super::{AddKey, KeyRow, Store, StoreError, Write};

const TERMINAL: &str = "id, facility, label, kind, rights, person, secret, paired_at, paired_from, paired_by, last_used_at, last_from, \
     reopened_at, revoked_at, serial, copied_at";
const PAIRING: &str =
    "id, facility, label, kind, rights, person, networks, code, opened_by, opened_at, ends_at, wrong, used_at";

/// A terminal as stored. Times are milliseconds since 1970.
#[derive(Clone, Debug, FromRow)]
pub struct TerminalRow {
    /// Its public name.
    pub id: String,
    /// Facility number.
    pub facility: String,
    /// What the administrator calls it.
    pub label: String,
    /// `software` or `browser`.
    pub kind: String,
    /// Names of rights, separated by commas.
    pub rights: String,
    /// The account it is bound to.
    pub person: Option<String>,
    /// SHA-256 of a browser's cookie.
    pub secret: Option<Vec<u8>>,
    /// When it was paired.
    pub paired_at: i64,
    /// From which address.
    pub paired_from: String,
    /// Who opened the window.
    pub paired_by: String,
    /// When it was last used, to the hour.
    pub last_used_at: Option<i64>,
    /// From which address.
    pub last_from: Option<String>,
    /// When it was last opened again.
    pub reopened_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// The serial number of its newest certificate.
    pub serial: Option<Vec<u8>>,
    /// When it was found that its certificate had been copied.
    pub copied_at: Option<i64>,
}

/// A window as stored. Times are milliseconds since 1970.
#[derive(Clone, Debug, FromRow)]
pub struct PairingRow {
    /// Its public name.
    pub id: String,
    /// Facility number.
    pub facility: String,
    /// What the terminal will be called.
    pub label: String,
    /// `software`, `browser` or `key`.
    pub kind: String,
    /// Names of rights, separated by commas.
    pub rights: String,
    /// The account the terminal will be bound to.
    pub person: Option<String>,
    /// Of kind `key`: networks in CIDR form, separated by commas.
    pub networks: String,
    /// The keyed hash of its code.
    pub code: Vec<u8>,
    /// Who opened it.
    pub opened_by: String,
    /// When.
    pub opened_at: i64,
    /// When it is over.
    pub ends_at: i64,
    /// Wrong codes while it was open.
    pub wrong: i64,
    /// When its code was used.
    pub used_at: Option<i64>,
}

/// Opens a window, and forgets those that were over before `forget_before`.
pub struct OpenPairing {
    /// The window.
    pub row: PairingRow,
    /// Milliseconds since 1970.
    pub forget_before: i64,
}

impl Write for OpenPairing {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let forget = sqlx::query("DELETE FROM pairing WHERE ends_at < ?").bind(self.forget_before);
        forget.execute(&mut *tx).await?;
        let row = &self.row;
        sqlx::query(
            "INSERT INTO pairing (id, facility, label, kind, rights, person, networks, code, opened_by, opened_at, ends_at, wrong) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        )
        .bind(&row.id)
        .bind(&row.facility)
        .bind(&row.label)
        .bind(&row.kind)
        .bind(&row.rights)
        .bind(&row.person)
        .bind(&row.networks)
        .bind(&row.code)
        .bind(&row.opened_by)
        .bind(row.opened_at)
        .bind(row.ends_at)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Counts a wrong code against every window that is open.
pub struct WrongCode {
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for WrongCode {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let count = sqlx::query("UPDATE pairing SET wrong = wrong + 1 WHERE used_at IS NULL AND ends_at > ?");
        count.bind(self.at).execute(tx).await?;
        Ok(())
    }
}

/// What came of a window.
pub enum Paired {
    /// A terminal.
    Terminal(TerminalRow),
    /// A key.
    Key(KeyRow),
}

/// Uses a window up and adds what came of it, together. Tells whether the window was unused.
pub struct UsePairing {
    /// The window.
    pub id: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What came of it.
    pub paired: Paired,
}

impl Write for UsePairing {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let used = sqlx::query("UPDATE pairing SET used_at = ? WHERE id = ? AND used_at IS NULL AND ends_at > ?");
        let used = used.bind(self.at).bind(&self.id).bind(self.at).execute(&mut *tx).await?;
        if used.rows_affected() == 0 {
            return Ok(false);
        }
        match &self.paired {
            Paired::Terminal(row) => add(row, tx).await?,
            Paired::Key(row) => AddKey(row.clone()).apply(tx).await?,
        }
        Ok(true)
    }
}

async fn add(row: &TerminalRow, tx: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO terminal (id, facility, label, kind, rights, person, secret, paired_at, paired_from, paired_by, serial) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.id)
    .bind(&row.facility)
    .bind(&row.label)
    .bind(&row.kind)
    .bind(&row.rights)
    .bind(&row.person)
    .bind(&row.secret)
    .bind(row.paired_at)
    .bind(&row.paired_from)
    .bind(&row.paired_by)
    .bind(&row.serial)
    .execute(tx)
    .await?;
    Ok(())
}

/// Shuts a window of a facility. Tells whether there is one of that id.
pub struct ShutPairing {
    /// The window.
    pub id: String,
    /// Facility number.
    pub facility: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for ShutPairing {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let shut = sqlx::query("UPDATE pairing SET ends_at = min(ends_at, ?) WHERE id = ? AND facility = ?");
        let shut = shut.bind(self.at).bind(&self.id).bind(&self.facility).execute(tx).await?;
        Ok(shut.rows_affected() > 0)
    }
}

/// Revokes a terminal of a facility for good, with the sessions of people at it; the first mark stays. Tells whether there is one of that
/// id.
pub struct RevokeTerminal {
    /// The terminal.
    pub id: String,
    /// Facility number.
    pub facility: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for RevokeTerminal {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let revoke =
            sqlx::query("UPDATE terminal SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND facility = ?");
        let revoked = revoke.bind(self.at).bind(&self.id).bind(&self.facility).execute(&mut *tx).await?;
        if revoked.rows_affected() > 0 {
            sqlx::query("DELETE FROM session WHERE terminal = ?").bind(&self.id).execute(tx).await?;
        }
        Ok(revoked.rows_affected() > 0)
    }
}

/// Opens a terminal of a facility again that was not used for long. Tells whether there is one of that id that is neither revoked nor
/// copied.
pub struct ReopenTerminal {
    /// The terminal.
    pub id: String,
    /// Facility number.
    pub facility: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for ReopenTerminal {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let reopen = sqlx::query(
            "UPDATE terminal SET reopened_at = ? WHERE id = ? AND facility = ? AND revoked_at IS NULL AND copied_at IS NULL",
        );
        let reopened = reopen.bind(self.at).bind(&self.id).bind(&self.facility).execute(tx).await?;
        Ok(reopened.rows_affected() > 0)
    }
}

/// Notes that a terminal's certificate of the serial number `shown` was renewed into one of the serial number `issued`.
///
/// Good are: the newest one; the one before, when the answer with the newest was lost; and one that was passed over by such a repetition,
/// because of two answers the terminal may have kept the earlier one. Whoever shows another one has a copy, or was copied: the terminal is
/// shut, with the sessions of people at it.
pub struct RenewTerminal {
    /// The terminal.
    pub id: String,
    /// Of the certificate that was shown.
    pub shown: Vec<u8>,
    /// Of the certificate that is to be handed out.
    pub issued: Vec<u8>,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// What came of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewedAs {
    /// The new certificate is the newest one.
    Newest,
    /// The terminal's certificate was copied.
    Copied,
    /// There is no such terminal, or it is shut.
    Shut,
}

type Serials = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

impl Write for RenewTerminal {
    type Output = RenewedAs;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<RenewedAs, StoreError> {
        let known: Option<Serials> = sqlx::query_as(
            "SELECT serial, serial_before, serial_passed FROM terminal WHERE id = ? AND revoked_at IS NULL AND copied_at IS NULL",
        )
        .bind(&self.id)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((newest, before, passed)) = known else { return Ok(RenewedAs::Shut) };
        let shown = |known: &Option<Vec<u8>>| known.as_ref() == Some(&self.shown);
        // Paired before serial numbers were kept: what is shown is taken for the newest.
        if newest.is_none() || shown(&newest) || shown(&passed) {
            self.issue(tx, None).await?;
        } else if shown(&before) {
            self.issue(tx, newest).await?;
        } else {
            sqlx::query("UPDATE terminal SET copied_at = ? WHERE id = ?")
                .bind(self.at)
                .bind(&self.id)
                .execute(&mut *tx)
                .await?;
            sqlx::query("DELETE FROM session WHERE terminal = ?").bind(&self.id).execute(tx).await?;
            return Ok(RenewedAs::Copied);
        }
        Ok(RenewedAs::Newest)
    }
}

impl RenewTerminal {
    async fn issue(&self, tx: &mut SqliteConnection, passed: Option<Vec<u8>>) -> Result<(), StoreError> {
        sqlx::query("UPDATE terminal SET serial = ?, serial_before = ?, serial_passed = ? WHERE id = ?")
            .bind(&self.issued)
            .bind(&self.shown)
            .bind(passed)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Notes that a terminal was used.
pub struct TouchTerminal {
    /// The terminal.
    pub id: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// From which address.
    pub from: String,
}

impl Write for TouchTerminal {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let touch = sqlx::query("UPDATE terminal SET last_used_at = ?, last_from = ? WHERE id = ?");
        touch.bind(self.at).bind(&self.from).bind(&self.id).execute(tx).await?;
        Ok(())
    }
}

impl Store {
    /// The terminal of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn terminal(&self, id: &str) -> Result<Option<TerminalRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {TERMINAL} FROM terminal WHERE id = ?")));
        Ok(row.bind(id).fetch_optional(&self.readers).await?)
    }

    /// All terminals of a facility, oldest first, revoked ones too. An administrator pairs them one by one, so there are few.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn terminals(&self, facility: &str) -> Result<Vec<TerminalRow>, StoreError> {
        let rows = format!("SELECT {TERMINAL} FROM terminal WHERE facility = ? ORDER BY paired_at, id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(rows)).bind(facility).fetch_all(&self.readers).await?)
    }

    /// The facilities with a terminal whose certificate was copied and that nobody has revoked yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn facilities_copied(&self) -> Result<Vec<String>, StoreError> {
        let facilities = "SELECT DISTINCT facility FROM terminal WHERE copied_at IS NOT NULL AND revoked_at IS NULL";
        let read = async { Ok(sqlx::query_scalar(facilities).fetch_all(&self.readers).await?) };
        self.known.copied.get(self.commits(), read).await
    }

    /// Every window, of any facility, that is neither used nor over at `at`; worn out ones too.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn pairings(&self, at: i64) -> Result<Vec<PairingRow>, StoreError> {
        let rows =
            format!("SELECT {PAIRING} FROM pairing WHERE used_at IS NULL AND ends_at > ? ORDER BY opened_at, id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(rows)).bind(at).fetch_all(&self.readers).await?)
    }
}
