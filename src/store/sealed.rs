//! What lies sealed under which master key, and the sealing of it anew.
//!
//! A sealed note begins with the length of its key's id and the id itself: 16 hexadecimal digits.

use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError, Write};

const FINISHED: &str = "state IN ('delivered', 'returned', 'cancelled', 'on_paper')";

/// What of the database needs one master key.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct KeyUse {
    /// The key.
    pub key_id: String,
    /// Documents under it, sent and received.
    pub documents: i64,
    /// Other sealed columns under it: notes, outcomes, names, passwords.
    pub records: i64,
    /// When the youngest of those that have ended did, milliseconds since 1970.
    pub ended_at: Option<i64>,
    /// How many of them have not ended, or end with no time.
    pub endless: i64,
}

/// One line of the count: the key of each row, whether it is a document, when what it is of ended.
fn counted() -> String {
    let submission = format!("CASE WHEN {FINISHED} THEN changed_at END");
    let mut parts = vec![
        format!("SELECT key_id, 1 AS document, {submission} AS ended FROM submission"),
        "SELECT key_id, 1, opened_at FROM received WHERE key_id IS NOT NULL".to_owned(),
    ];
    let notes = [
        ("note", "submission", submission.as_str()),
        ("outcome", "submission", submission.as_str()),
        ("progress_reason", "submission", submission.as_str()),
        ("reason", "stray_change", "at"),
        ("name", "staff", "NULL"),
        ("hub_password", "staff", "NULL"),
        ("files", "taken", "NULL"),
        ("told", "taken", "NULL"),
    ];
    let note = |(column, table, ended): (&str, &str, &str)| {
        format!("SELECT CAST(substr({column}, 2, 16) AS TEXT), 0, {ended} FROM {table} WHERE {column} IS NOT NULL")
    };
    parts.extend(notes.map(note));
    format!(
        "SELECT key_id, sum(document) AS documents, sum(1 - document) AS records, max(ended) AS ended_at, \
         sum(ended IS NULL) AS endless FROM ({}) GROUP BY key_id",
        parts.join(" UNION ALL ")
    )
}

/// Columns that outlive the documents of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongLived {
    /// A name of the staff; its place is facility and user.
    StaffName,
    /// A password of the staff at the hub; its place is facility, user and hub user.
    StaffHubPassword,
    /// The reason of news that no receipt fits yet; its place is kind, receipt number and facility.
    StrayReason,
    /// Names of files taken from a folder; its place is the claim.
    TakenFiles,
    /// What was told of them; its place is the claim.
    TakenTold,
}

impl LongLived {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::StaffName, Self::StaffHubPassword, Self::StrayReason, Self::TakenFiles, Self::TakenTold];

    /// Table, column, and the columns of the place.
    const fn names(self) -> (&'static str, &'static str, [&'static str; 3]) {
        match self {
            Self::StaffName => ("staff", "name", ["facility", "user", "''"]),
            Self::StaffHubPassword => ("staff", "hub_password", ["facility", "user", "coalesce(hub_user, '')"]),
            Self::StrayReason => ("stray_change", "reason", ["kind", "receipt_number", "facility"]),
            Self::TakenFiles => ("taken", "files", ["hex(claim)", "''", "''"]),
            Self::TakenTold => ("taken", "told", ["hex(claim)", "''", "''"]),
        }
    }
}

/// A sealed column, and where it stands.
#[derive(Clone, Debug, FromRow)]
pub struct SealedNote {
    /// Its place, see [`LongLived`]; a claim in hexadecimal digits.
    pub one: String,
    /// The second part of its place.
    pub two: String,
    /// The third part of its place.
    pub three: String,
    /// As it is.
    pub sealed: Vec<u8>,
}

/// Puts a note that was sealed anew in place of the old one. Tells whether the old one was still there.
pub struct Rewrap {
    /// Which column.
    pub column: LongLived,
    /// Where, and the old note.
    pub note: SealedNote,
    /// The new one.
    pub sealed: Vec<u8>,
}

impl Write for Rewrap {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let (table, column, [one, two, three]) = self.column.names();
        let update =
            format!("UPDATE {table} SET {column} = ? WHERE {one} = ? AND {two} = ? AND {three} = ? AND {column} = ?");
        // Names of our own; what comes from outside is bound.
        let done = sqlx::query(sqlx::AssertSqlSafe(update))
            .bind(&self.sealed)
            .bind(&self.note.one)
            .bind(&self.note.two)
            .bind(&self.note.three)
            .bind(&self.note.sealed)
            .execute(tx)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

impl Store {
    /// What of the database needs which master key. Looks at every row.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(counted())).fetch_all(&self.readers).await?)
    }

    /// Some of the notes of that column that lie under another key than `current`, after the first `skip` ones.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn under_other_keys(
        &self,
        column: LongLived,
        current: &str,
        skip: u32,
    ) -> Result<Vec<SealedNote>, StoreError> {
        let (table, name, [one, two, three]) = column.names();
        let select = format!(
            "SELECT {one} AS one, {two} AS two, {three} AS three, {name} AS sealed FROM {table} \
             WHERE {name} IS NOT NULL AND CAST(substr({name}, 2, 16) AS TEXT) <> ? ORDER BY 1, 2 LIMIT 64 OFFSET ?"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(select)).bind(current).bind(skip).fetch_all(&self.readers).await?)
    }
}
