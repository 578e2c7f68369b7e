//! The sealed bodies, in pieces: neither taking in nor sending a document holds it in memory whole.

use sqlx::SqliteConnection;

use super::{Store, StoreError, Write};

/// Keeps one piece of a document that is still being received.
pub struct PutPiece {
    /// The document.
    pub body: [u8; 16],
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
            sqlx::query("INSERT INTO spool (body, started_at) VALUES (?, ?)")
                .bind(self.body.as_slice())
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
    /// One document, or all of them (at start, when nothing is being received).
    pub body: Option<[u8; 16]>,
}

impl Write for DropSpool {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let body = self.body.as_ref().map(<[u8; 16]>::as_slice);
        let gone =
            sqlx::query("DELETE FROM piece WHERE body IN (SELECT body FROM spool WHERE ?1 IS NULL OR body = ?1)")
                .bind(body)
                .execute(&mut *tx)
                .await?;
        sqlx::query("DELETE FROM spool WHERE ?1 IS NULL OR body = ?1").bind(body).execute(tx).await?;
        Ok(gone.rows_affected())
    }
}

impl Store {
    /// One sealed piece of a body.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn piece(&self, body: &[u8], n: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = sqlx::query_scalar("SELECT sealed FROM piece WHERE body = ? AND n = ?");
        Ok(sealed.bind(body).bind(i64::from(n)).fetch_optional(&self.readers).await?)
    }
}
