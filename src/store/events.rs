//! The durable log of events: history of each submission and source of the event stream.

use serde_json::{Map, Value};
use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError};

/// An event to be written with the change it tells of.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Facility number.
    pub facility: String,
    /// The submission it is about.
    pub submission: Option<[u8; 16]>,
    /// For example `submission.delivered`.
    pub kind: &'static str,
    /// JSON without person data.
    pub data: String,
}

/// An event as stored.
#[derive(Clone, Debug, FromRow)]
pub struct EventRow {
    /// Position in the log; the id of the server-sent event.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The submission it is about.
    pub submission: Option<Vec<u8>>,
    /// For example `submission.delivered`.
    pub kind: String,
    /// JSON without person data.
    pub data: String,
}

/// Adds what may be told of a care plan to an event's data: which unit, its stamp and month, to whom, handed in with what.
pub fn tell_plan(data: &mut Map<String, Value>, about: Option<&str>, batch: Option<&[u8]>) {
    const TOLD: [&str; 4] = ["unit", "stamp", "month", "to_facility"];
    let about: Option<Map<String, Value>> = about.and_then(|about| serde_json::from_slice(about.as_bytes()).ok());
    let told = about.into_iter().flatten().filter(|(name, value)| TOLD.contains(&name.as_str()) && !value.is_null());
    data.extend(told);
    if let Some(batch) = batch.and_then(|batch| uuid::Uuid::from_slice(batch).ok()) {
        data.insert("batch".into(), batch.to_string().into());
    }
}

pub(super) async fn insert(tx: &mut SqliteConnection, event: &NewEvent) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO event (at, facility, submission, kind, data) VALUES (?, ?, ?, ?, ?)")
        .bind(event.at)
        .bind(&event.facility)
        .bind(event.submission.as_ref().map(<[u8; 16]>::as_slice))
        .bind(event.kind)
        .bind(&event.data)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn newest(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM event").fetch_one(connection).await?)
}

impl Store {
    /// Events of a facility after `after`, not older than `since` (milliseconds since 1970), oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn events_after(
        &self,
        facility: &str,
        after: i64,
        since: i64,
        limit: u16,
    ) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT seq, at, submission, kind, data FROM event \
             WHERE facility = ? AND seq > ? AND at >= ? ORDER BY seq LIMIT ?",
        )
        .bind(facility)
        .bind(after)
        .bind(since)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        Ok(rows)
    }

    /// First event of a facility that is not older than `since`, and its last one; zeros when there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn event_bounds(&self, facility: &str, since: i64) -> Result<(i64, i64), StoreError> {
        let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM event WHERE facility = ?")
            .bind(facility)
            .fetch_one(&self.readers)
            .await?;
        let oldest: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM event WHERE facility = ? AND at >= ? ORDER BY at LIMIT 1")
                .bind(facility)
                .bind(since)
                .fetch_optional(&self.readers)
                .await?;
        Ok((oldest.unwrap_or(newest), newest))
    }

    /// The history of one submission, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn history(&self, submission: &[u8], limit: u16) -> Result<Vec<EventRow>, StoreError> {
        let mut rows: Vec<EventRow> = sqlx::query_as(
            "SELECT seq, at, submission, kind, data FROM event WHERE submission = ? ORDER BY seq DESC LIMIT ?",
        )
        .bind(submission)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.reverse();
        Ok(rows)
    }
}
