//! The sealed bodies, in pieces: neither taking in nor sending a document holds it in memory whole.

use sqlx::SqliteConnection;

use super::{Store, StoreError, Write};

/// Keeps one piece of a document that is still being received.
pub struct PutPiece {
    /// The document.
    pub body: [u8; 16],
    /// Who receives it.
    pub facility: String,
    /// Position, from 0.
    pub n: u32,
    /// Sealed bytes.
    pub sealed: Vec<u8>,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for PutPiece {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.n == 0 {
            sqlx::query("INSERT INTO spool (body, facility, started_at) VALUES (?, ?, ?)")
                .bind(self.body.as_slice())
                .bind(&self.facility)
                .bind(self.at)
                .execute(&mut *tx)
                .await?;
        }
        insert(tx, &self.body, self.n, &self.sealed).await
    }
}

pub(super) async fn insert(tx: &mut SqliteConnection, body: &[u8], n: u32, sealed: &[u8]) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO piece (body, n, sealed) VALUES (?, ?, ?)")
        .bind(body)
        .bind(i64::from(n))
        .bind(sealed)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets documents whose reception ended without acceptance.
pub struct DropSpool {
    /// The documents.
    pub bodies: Vec<Vec<u8>>,
}

impl Write for DropSpool {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let spooled = "DELETE FROM piece WHERE body IN (SELECT body FROM spool WHERE body = ?)";
        let mut pieces = 0;
        for body in &self.bodies {
            pieces += sqlx::query(spooled).bind(body).execute(&mut *tx).await?.rows_affected();
            sqlx::query("DELETE FROM spool WHERE body = ?").bind(body).execute(&mut *tx).await?;
        }
        Ok(pieces)
    }
}

impl Store {
    /// Documents whose reception by a facility has begun and not ended; and those that nobody receives any more.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn spooled(&self, facility: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let bodies = sqlx::query_scalar("SELECT body FROM spool WHERE facility IN (?, '')");
        Ok(bodies.bind(facility).fetch_all(&self.readers).await?)
    }

    /// Octets of the database file that are free for new documents.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn free_inside(&self) -> Result<u64, StoreError> {
        let pages: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&self.readers).await?;
        let size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&self.readers).await?;
        Ok(u64::try_from(pages.saturating_mul(size)).unwrap_or(0))
    }

    /// One sealed piece of a body.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn piece(&self, body: &[u8], n: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = sqlx::query_scalar("SELECT sealed FROM piece WHERE body = ? AND n = ?");
        Ok(sealed.bind(body).bind(i64::from(n)).fetch_optional(&self.readers).await?)
    }
}
