//! The database as of one moment, for a backup; and what is changed in one before another box begins with it.

use std::path::Path;

use sqlx::Connection as _;

use super::{Store, StoreError, TrailLine, facts, open, trail};

impl Store {
    /// Writes the database as of this moment into `target`, which must not exist, while all else goes on. What is deleted is not
    /// in it. Memory does not grow with the database; the file system needs room for a second one.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; what was written of it is left for the caller to remove.
    pub async fn copy_into(&self, target: &Path) -> Result<(), StoreError> {
        let mut connection = open::again(&self.file).await?;
        let target = target.to_string_lossy().into_owned();
        let copied = sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await;
        let _ = connection.close().await;
        copied?;
        Ok(())
    }

    /// Octets of the database, an upper bound of what a copy needs.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn octets(&self) -> Result<u64, StoreError> {
        let pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let octets: i64 = sqlx::query_scalar(pages).fetch_one(&self.readers).await?;
        Ok(u64::try_from(octets).unwrap_or(0))
    }
}

/// With what another box begins.
pub struct Restart {
    /// Facts that are set.
    pub facts: Vec<(String, String)>,
    /// When the backup was made, milliseconds since 1970: the box that it is of may have sent anything from then on.
    pub made_at: i64,
    /// Milliseconds since 1970.
    pub now: i64,
    /// What the trail says of it.
    pub record: Option<TrailLine>,
}

/// What had not ended may have been sent by the box of which this is a copy, under the same key: the hub is asked first. What it
/// may see twice without harm is as it was. `doubtful` keeps it from going on paper before the hub has said that it does not have it.
const ASK_FIRST: &str = "\
    UPDATE submission SET state = 'unknown', reason = 'OUTCOME_UNKNOWN', wait_until = ?2, pause = 0, strikes = 0, \
    first_sent_at = coalesce(first_sent_at, ?1), doubtful = 1, changed_at = ?2 \
    WHERE kind <> 'identification' AND state IN ('queued', 'sending', 'unknown', 'held')";

/// Numbers of events that were told after the backup are not told again with another meaning.
const OTHER_BOX: &str = "\
    DELETE FROM session; DELETE FROM pairing; UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = 'event'";

/// Makes the copied database in `file` that of another box, all or nothing, and brings it up to date. Who was logged in, and the
/// windows for pairing, were the other box's. Returns how many submissions the hub is asked about.
///
/// # Errors
/// [`StoreError`] when it is no database of engawa, or a newer one.
pub async fn restart(file: &Path, with: &Restart) -> Result<u64, StoreError> {
    let mut connection = open::writer(file).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let asked = sqlx::query(ASK_FIRST).bind(with.made_at).bind(with.now).execute(&mut *tx).await?.rows_affected();
    sqlx::raw_sql(OTHER_BOX).execute(&mut *tx).await?;
    for (name, value) in &with.facts {
        facts::set(&mut tx, name, value).await?;
    }
    trail::append(&mut tx, with.record.as_slice()).await?;
    tx.commit().await?;
    // One file, without a log beside it.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    connection.close().await?;
    Ok(asked)
}

/// A fact of a database that is not in use.
///
/// # Errors
/// [`StoreError`] when it is no database of engawa, or a newer one.
pub async fn fact_of(file: &Path, name: &str) -> Result<Option<String>, StoreError> {
    let mut connection = open::writer(file).await?;
    let value =
        sqlx::query_scalar("SELECT value FROM fact WHERE name = ?").bind(name).fetch_optional(&mut connection).await?;
    connection.close().await?;
    Ok(value)
}
