//! The trail of acts: lines of text, each holding the hash of the one before. What a line says is not known here.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError, Write, facts, open, select};
use crate::model::hex;

/// What stands for the hash before the first line.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Writes a line from its number and the hash of the line before.
type LineWriter = Arc<dyn Fn(i64, &str) -> String + Send + Sync>;

/// A line to be added. Its number and the hash of the line before are known only inside the transaction that adds it, so that
/// nothing can come between.
#[derive(Clone)]
pub struct TrailLine {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Writes the line, without its end, from its number and the hash before, in hexadecimal.
    pub write: LineWriter,
}

/// Writes the line of something that was forgotten, from its facility and its id.
pub type Forgotten = Arc<dyn Fn(&str, &[u8]) -> TrailLine + Send + Sync>;

/// A line as stored.
#[derive(Clone, Debug, FromRow)]
pub struct TrailRow {
    /// Its number, from 1 without a gap.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The line without its end.
    pub record: String,
}

/// Adds lines at the end, in order; perhaps together with a fact.
pub struct AppendTrail {
    /// The lines.
    pub lines: Vec<TrailLine>,
    /// Name and value of a fact that is set with them.
    pub fact: Option<(&'static str, String)>,
}

impl Write for AppendTrail {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        append(tx, &self.lines).await?;
        match &self.fact {
            Some((name, value)) => facts::set(tx, name, value).await,
            None => Ok(()),
        }
    }
}

/// Adds lines inside somebody's transaction.
pub(super) async fn append(tx: &mut SqliteConnection, lines: &[TrailLine]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    // As octets: a damaged record must be found by whoever verifies, not keep the box from taking documents.
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, CAST(record AS BLOB) FROM trail ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *tx)
            .await?;
    let (mut seq, mut previous) = match last {
        Some((seq, record)) => (seq, hash(&record)),
        None => (0, NOTHING.to_owned()),
    };
    for line in lines {
        seq += 1;
        let record = (line.write)(seq, &previous);
        previous = hash(record.as_bytes());
        let insert = sqlx::query("INSERT INTO trail (seq, at, record) VALUES (?, ?, ?)");
        insert.bind(seq).bind(line.at).bind(record).execute(&mut *tx).await?;
    }
    Ok(())
}

fn hash(record: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, record).as_ref())
}

/// An event, with what the trail has to know of it.
#[derive(Clone, Debug, FromRow)]
pub struct ToldEvent {
    /// Position in the log.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Facility number.
    pub facility: String,
    /// The submission it is about.
    pub submission: Option<Vec<u8>>,
    /// For example `submission.delivered`.
    pub kind: String,
    /// JSON without person data.
    pub data: String,
}

impl Store {
    /// Events after `after` of the kinds that are the box's own acts, of every facility, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn acts_after(&self, after: i64, limit: u16) -> Result<Vec<ToldEvent>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT seq, at, facility, submission, kind, data FROM event WHERE seq > ? AND kind IN \
             ('submission.delivered', 'submission.returned', 'careplan.received', 'careplan.gone') ORDER BY seq LIMIT ?",
        );
        Ok(rows.bind(after).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// Lines after `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn trail_after(&self, after: i64, limit: u16) -> Result<Vec<TrailRow>, StoreError> {
        after_in(&self.readers, after, limit).await
    }

    /// The newest line.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn trail_newest(&self) -> Result<Option<TrailRow>, StoreError> {
        newest_in(&self.readers).await
    }
}

async fn after_in(readers: &SqlitePool, after: i64, limit: u16) -> Result<Vec<TrailRow>, StoreError> {
    let rows = sqlx::query_as("SELECT seq, at, record FROM trail WHERE seq > ? ORDER BY seq LIMIT ?");
    Ok(rows.bind(after).bind(i64::from(limit)).fetch_all(readers).await?)
}

async fn newest_in(readers: &SqlitePool) -> Result<Option<TrailRow>, StoreError> {
    let row = sqlx::query_as("SELECT seq, at, record FROM trail ORDER BY seq DESC LIMIT 1");
    Ok(row.fetch_optional(readers).await?)
}

/// A submission, as an inspector may know it.
#[derive(Clone, Debug, FromRow)]
pub struct SentRow {
    /// The submission.
    pub id: Vec<u8>,
    /// Handed in together under this id.
    pub batch: Option<Vec<u8>>,
    /// `opinion`, `identification` or `care_plan`.
    pub kind: String,
    /// Facility number.
    pub facility: String,
    /// `delivered` and so on.
    pub state: String,
    /// A catalogue code.
    pub reason: Option<String>,
    /// Milliseconds since 1970.
    pub accepted_at: i64,
    /// Milliseconds since 1970.
    pub first_sent_at: Option<i64>,
    /// Milliseconds since 1970.
    pub changed_at: i64,
    /// SHA-256 of the octets that go to the hub.
    pub body_hash: Vec<u8>,
    /// JSON: receipt or refusal.
    pub result: Option<String>,
}

/// A received unit, as an inspector may know it.
#[derive(Clone, Debug, FromRow)]
pub struct ArrivedRow {
    /// The box's own id for it.
    pub id: Vec<u8>,
    /// Facility number.
    pub facility: String,
    /// Who sent it.
    pub from_facility: String,
    /// The sender's receipt.
    pub receipt_number: String,
    /// By the hub's clock, milliseconds since 1970.
    pub sent_at: i64,
    /// `announced`, `kept` or `gone`.
    pub state: String,
    /// Milliseconds since 1970.
    pub kept_at: Option<i64>,
    /// SHA-256 of the unit.
    pub body_hash: Option<Vec<u8>>,
    /// When a person looked, milliseconds since 1970.
    pub opened_at: Option<i64>,
    /// What the hub was told.
    pub acknowledged: String,
}

/// The database of a box, running or not, only to be read.
pub struct TrailReader(SqlitePool);

impl TrailReader {
    /// Opens `engawa.db` in `directory`.
    ///
    /// # Errors
    /// [`StoreError`] when there is none, or it cannot be read.
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self(open::readers(&directory.join("engawa.db")).await?))
    }

    /// Lines after `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn after(&self, after: i64, limit: u16) -> Result<Vec<TrailRow>, StoreError> {
        after_in(&self.0, after, limit).await
    }

    /// The newest line.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn newest(&self) -> Result<Option<TrailRow>, StoreError> {
        newest_in(&self.0).await
    }

    /// The first and the last number of the lines whose time is in `[from, to)`, milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn span(&self, from: i64, to: i64) -> Result<Option<(i64, i64)>, StoreError> {
        let span: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT min(seq), max(seq) FROM trail WHERE at >= ? AND at < ?")
                .bind(from)
                .bind(to)
                .fetch_one(&self.0)
                .await?;
        Ok(span.0.zip(span.1))
    }

    /// Numbers of the lines of a facility next to those from `first` to `last`: the newest before them whose time is before `from` as well
    /// (milliseconds since 1970), and the oldest after them.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn around(
        &self,
        facility: &str,
        (first, last): (i64, i64),
        from: i64,
    ) -> Result<(Option<i64>, Option<i64>), StoreError> {
        // In the one form of a line a quotation mark inside of a text has a backslash before it.
        let member = format!("\"facility\":\"{facility}\"");
        let before =
            "SELECT seq FROM trail WHERE seq < ? AND at < ? AND instr(record, ?) > 0 ORDER BY seq DESC LIMIT 1";
        let before = sqlx::query_scalar(before).bind(first).bind(from).bind(&member).fetch_optional(&self.0).await?;
        let after = "SELECT seq FROM trail WHERE seq > ? AND instr(record, ?) > 0 ORDER BY seq LIMIT 1";
        let after = sqlx::query_scalar(after).bind(last).bind(&member).fetch_optional(&self.0).await?;
        Ok((before, after))
    }

    /// Submissions that came in or changed in `[from, to)`, milliseconds since 1970, after position `after`.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn sent(&self, from: i64, to: i64) -> Result<Vec<SentRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, batch, kind, facility, state, reason, accepted_at, first_sent_at, changed_at, body_hash, result \
             FROM submission WHERE accepted_at >= ?1 AND accepted_at < ?2 OR changed_at >= ?1 AND changed_at < ?2 \
             ORDER BY seq",
        );
        Ok(rows.bind(from).bind(to).fetch_all(&self.0).await?)
    }

    /// Units of other offices that came, or were opened, in `[from, to)`, milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn arrived(&self, from: i64, to: i64) -> Result<Vec<ArrivedRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, facility, from_facility, receipt_number, sent_at, state, kept_at, body_hash, opened_at, \
             acknowledged FROM received WHERE coalesce(kept_at, announced_at) >= ?1 AND coalesce(kept_at, announced_at) < ?2 \
             OR opened_at >= ?1 AND opened_at < ?2 ORDER BY seq",
        );
        Ok(rows.bind(from).bind(to).fetch_all(&self.0).await?)
    }

    /// Facilities of which a submission has not ended, be they in the settings or not, and how many each.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn facilities_waiting(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(select::unfinished(select::count_in(&self.0).await?))
    }

    /// Ends the connections.
    pub async fn close(self) {
        self.0.close().await;
    }
}
