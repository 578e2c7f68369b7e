//! API keys: their records, never their secrets.

use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError, Write};

/// A key as stored.
#[derive(Clone, Debug, FromRow)]
pub struct KeyRow {
    /// Its public part.
    pub id: String,
    /// What the administrator calls it.
    pub name: String,
    /// Facility number.
    pub facility: String,
    /// Names of rights, separated by commas.
    pub rights: String,
    /// SHA-256 of its secret.
    pub hash: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970, coarse.
    pub last_used_at: Option<i64>,
    /// Milliseconds since 1970.
    pub revoked_at: Option<i64>,
    /// Where alone it may be used: networks in CIDR form, separated by commas; empty: anywhere.
    pub networks: String,
    /// The account it is bound to.
    pub person: Option<String>,
    /// When it ends. Milliseconds since 1970.
    pub expires_at: Option<i64>,
}

const COLUMNS: &str =
    "id, name, facility, rights, hash, created_at, last_used_at, revoked_at, networks, person, expires_at";

/// Adds a key; fails if there is one of that id.
pub struct AddKey(pub KeyRow);

impl Write for AddKey {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let Self(row) = self;
        sqlx::query(
            "INSERT INTO api_key \
             (id, name, facility, rights, hash, created_at, last_used_at, revoked_at, networks, person, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&row.id)
        .bind(&row.name)
        .bind(&row.facility)
        .bind(&row.rights)
        .bind(&row.hash)
        .bind(row.created_at)
        .bind(row.last_used_at)
        .bind(row.revoked_at)
        .bind(&row.networks)
        .bind(&row.person)
        .bind(row.expires_at)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Marks a key revoked for good; the first mark stays. Tells whether there is a key of that id.
pub struct RevokeKey {
    /// Its public part.
    pub id: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for RevokeKey {
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?")
            .bind(self.at)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Notes that a key was used.
pub struct TouchKey {
    /// Its public part.
    pub id: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for TouchKey {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_key SET last_used_at = ? WHERE id = ?")
            .bind(self.at)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }
}

impl Store {
    /// The key of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM api_key WHERE id = ?")));
        Ok(row.bind(id).fetch_optional(&self.readers).await?)
    }

    /// All keys, oldest first. An administrator makes them one by one, so there are few.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let rows =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM api_key ORDER BY created_at, id")));
        Ok(rows.fetch_all(&self.readers).await?)
    }
}
