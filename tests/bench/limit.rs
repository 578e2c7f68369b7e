//! What the disk and SQLite allow: the rows that the gateway wrote, written again straight into a fresh database of the
//! same schema and settings on the same file system, `batch` documents a commit, with nothing else to do.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, FromRow, SqliteConnection};
use tokio::time::Instant;

use crate::queue::open;

/// One document's rows, as the gateway stored them.
#[derive(FromRow)]
pub(crate) struct Stored {
    facility: String,
    sender: String,
    request_hash: Vec<u8>,
    body_hash: Vec<u8>,
    body_length: i64,
    key_id: String,
    salt: Vec<u8>,
    note: Vec<u8>,
    insurer: String,
    accepted_at: i64,
    due: i64,
    sealed: Vec<u8>,
    kind: String,
    data: String,
}

/// Rows of documents that fit in one piece.
pub(crate) async fn stored(database: &Path, limit: u16) -> Vec<Stored> {
    let mut connection = open(database).await;
    let rows = sqlx::query_as(
        "SELECT s.facility, sender, request_hash, body_hash, body_length, key_id, salt, note, insurer, accepted_at, due, \
         sealed, kind, data FROM submission s JOIN piece ON body = id JOIN event ON submission = id \
         WHERE kind = 'submission.queued' LIMIT ?",
    );
    rows.bind(limit).fetch_all(&mut connection).await.unwrap()
}

/// Documents a second, committed `batch` at a time.
pub(crate) async fn rate(directory: &Path, rows: &[Stored], batch: usize, time: Duration) -> f64 {
    let directory = tempfile::Builder::new().prefix("limit").tempdir_in(directory).unwrap();
    let mut connection = open(&directory.path().join("limit.db")).await;
    sqlx::raw_sql(include_str!("../../src/store/schema.sql")).execute(&mut connection).await.unwrap();
    let start = Instant::now();
    let mut written: u64 = 0;
    let mut next = rows.iter().cycle();
    while start.elapsed() < time {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for row in next.by_ref().take(batch) {
            write(&mut tx, row, written).await;
            written += 1;
        }
        tx.commit().await.unwrap();
    }
    let rate = written as f64 / start.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rate
}

async fn write(tx: &mut SqliteConnection, row: &Stored, n: u64) {
    // Ids that grow with time, as those of the gateway do.
    let id = uuid::Uuid::now_v7().into_bytes();
    sqlx::query(
        "INSERT INTO submission (id, kind, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, \
         key_id, salt, note, insurer, accepted_at, due, state, reason, changed_at) \
         VALUES (?1, 'opinion', ?2, ?3, ?2 || '/' || ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'queued', 'WAIT_TURN', ?12)",
    )
    .bind(id.as_slice())
    .bind(&row.facility)
    .bind(&row.sender)
    .bind(format!("{}-{n}", uuid::Uuid::new_v4()))
    .bind(&row.request_hash)
    .bind(&row.body_hash)
    .bind(row.body_length)
    .bind(&row.key_id)
    .bind(&row.salt)
    .bind(&row.note)
    .bind(&row.insurer)
    .bind(row.accepted_at)
    .bind(row.due)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query("INSERT INTO piece (body, n, sealed) VALUES (?, 0, ?)")
        .bind(id.as_slice())
        .bind(&row.sealed)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("INSERT INTO event (at, facility, submission, kind, data) VALUES (?, ?, ?, ?, ?)")
        .bind(row.accepted_at)
        .bind(&row.facility)
        .bind(id.as_slice())
        .bind(&row.kind)
        .bind(&row.data)
        .execute(tx)
        .await
        .unwrap();
}
