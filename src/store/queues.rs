//! Queues, within which nothing overtakes: the flag `head` stands at the one row of a queue that may go. It is set in the
//! transaction of every change, so that finding what may go never walks through what waits. A queue is of one facility.

use sqlx::{FromRow, SqliteConnection};

use super::rows::row_columns;
use super::{Row, Store, StoreError};

#[derive(FromRow)]
struct Front {
    seq: i64,
    state: String,
}

/// Puts the flag of a queue where it belongs: at what is on its way, else at the unfinished row with the smallest place.
/// Only a head is ever on its way.
pub(super) async fn settle(tx: &mut SqliteConnection, facility: &str, queue: &str) -> Result<(), StoreError> {
    let flagged: Option<Front> = sqlx::query_as(
        "SELECT seq, state FROM submission INDEXED BY submission_head WHERE queue = ? AND facility = ? AND head = 1 LIMIT 1",
    )
    .bind(queue)
    .bind(facility)
    .fetch_optional(&mut *tx)
    .await?;
    if flagged.as_ref().is_some_and(|front| matches!(front.state.as_str(), "sending" | "unknown")) {
        return Ok(());
    }
    let first: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM submission INDEXED BY submission_queue WHERE queue = ? AND facility = ? \
         AND state IN ('queued', 'sending', 'unknown', 'held') ORDER BY place, seq LIMIT 1",
    )
    .bind(queue)
    .bind(facility)
    .fetch_optional(&mut *tx)
    .await?;
    if flagged.as_ref().map(|front| front.seq) == first {
        return Ok(());
    }
    if flagged.is_some() {
        let lower =
            "UPDATE submission INDEXED BY submission_head SET head = 0 WHERE queue = ? AND facility = ? AND head = 1";
        sqlx::query(lower).bind(queue).bind(facility).execute(&mut *tx).await?;
    }
    if let Some(first) = first {
        sqlx::query("UPDATE submission SET head = 1 WHERE seq = ?").bind(first).execute(tx).await?;
    }
    Ok(())
}

impl Store {
    /// The row of a facility's queue that goes before all others of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn queue_head(&self, facility: &str, queue: &str) -> Result<Option<Row>, StoreError> {
        let row = sqlx::query_as(concat!(
            "SELECT ",
            row_columns!(),
            " FROM submission INDEXED BY submission_head WHERE queue = ? AND facility = ? AND head = 1 LIMIT 1"
        ));
        Ok(row.bind(queue).bind(facility).fetch_optional(&self.readers).await?)
    }

    /// How many unfinished submissions of a facility's queue go before one with this place and order, at most `cap`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn ahead_in_queue(
        &self,
        facility: &str,
        queue: &str,
        place: &str,
        seq: i64,
        cap: i64,
    ) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM submission INDEXED BY submission_queue WHERE queue = ?1 AND facility = ?5 \
             AND state IN ('queued', 'sending', 'unknown', 'held') AND (place, seq) < (?2, ?3) LIMIT ?4)",
        );
        Ok(count.bind(queue).bind(place).bind(seq).bind(cap).bind(facility).fetch_one(&self.readers).await?)
    }

    /// What a facility handed in together, in that order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn batch(&self, facility: &str, batch: &[u8], limit: u16) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_as(concat!(
            "SELECT ",
            row_columns!(),
            " FROM submission INDEXED BY submission_batch WHERE batch = ? AND facility = ? ORDER BY seq LIMIT ?"
        ));
        Ok(rows.bind(batch).bind(facility).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }
}
