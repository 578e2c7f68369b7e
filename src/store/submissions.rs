//! Acceptance, transitions and retention of submissions.

use std::sync::Arc;

use sqlx::SqliteConnection;

use super::rows::row_columns;
use super::{
    Columns, Forgotten, NewEvent, NewSubmission, Row, StoreError, TrailLine, Write, events, hub_users, queues, trail,
};
use crate::order;

/// Accepts a document: its row, its last piece and its first event, all or nothing.
pub struct Accept {
    /// The submission.
    pub new: NewSubmission,
    /// Position and sealed bytes of the last piece; earlier pieces were kept while it arrived.
    pub last_piece: (u32, Vec<u8>),
    /// State and reason it starts in.
    pub start: (&'static str, &'static str),
    /// The event that tells of it.
    pub event: NewEvent,
    /// What the trail says of it.
    pub record: Option<TrailLine>,
}

/// What became of an [`Accept`].
#[derive(Debug)]
pub enum Accepted {
    /// It is a new submission.
    New,
    /// The key had been used: here is the earlier submission.
    Earlier(Box<Row>),
    /// Under other keys: a unit of this kind has this place in this queue already, and went or goes its way. Here it is.
    Twice(Box<Row>),
}

impl Write for Accept {
    type Output = Accepted;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Accepted, StoreError> {
        if !self.take_in(tx).await? {
            let earlier = by_key(tx, &self.new.facility, &self.new.idempotency_key).await?;
            return earlier.map(|row| Accepted::Earlier(Box::new(row))).ok_or(StoreError::Busy);
        }
        if let Some(queue) = &self.new.queue {
            queues::settle(tx, &self.new.facility, queue).await?;
        }
        trail::append(tx, self.record.as_slice()).await?;
        Ok(Accepted::New)
    }
}

/// Accepts what is handed in together: all of it, or nothing when one of the keys has been used, or one of the units is there.
pub struct AcceptBatch(pub Vec<Accept>);

impl Write for AcceptBatch {
    type Output = Accepted;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Accepted, StoreError> {
        // Any of them: the retention forgets rows one by one, and not the first one last.
        for Accept { new, .. } in &self.0 {
            if let Some(row) = by_key(tx, &new.facility, &new.idempotency_key).await? {
                return Ok(Accepted::Earlier(Box::new(row)));
            }
        }
        for Accept { new, .. } in &self.0 {
            if let Some(row) = the_same(tx, new).await? {
                return Ok(Accepted::Twice(Box::new(row)));
            }
        }
        for one in &self.0 {
            if !one.take_in(tx).await? {
                return Err(StoreError::Statement(sqlx::Error::Protocol("a key stands twice in a batch".to_owned())));
            }
        }
        let queues = order::set(self.0.iter().filter_map(Accept::queue));
        for (facility, queue) in queues {
            queues::settle(tx, facility, queue).await?;
        }
        for one in &self.0 {
            trail::append(tx, one.record.as_slice()).await?;
        }
        Ok(Accepted::New)
    }
}

/// The three rows of an acceptance in one go, as each errand to SQLite's thread costs more than a row. When the key had
/// been used, the first statement changes nothing and so neither do the others.
const ACCEPT: &str = "\
    INSERT INTO submission (id, kind, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, key_id, \
      salt, note, insurer, accepted_at, due, state, reason, changed_at, batch, queue, place, about, hub_key, head, hub_user, \
      hub_account) \
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
      ON CONFLICT (facility, idempotency_key) DO NOTHING; \
    INSERT INTO piece (body, n, sealed) SELECT ?, ?, ? WHERE changes() = 1; \
    INSERT INTO event (at, facility, submission, kind, data) SELECT ?, ?, ?, ?, ? WHERE changes() = 1";

impl Accept {
    /// Facility and queue.
    fn queue(&self) -> Option<(&str, &str)> {
        self.new.queue.as_deref().map(|queue| (self.new.facility.as_str(), queue))
    }

    /// Row, last piece and event; false when the key has been used.
    async fn take_in(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        if !self.insert(tx).await? {
            return Ok(false);
        }
        if self.last_piece.0 > 0 {
            self.whole(tx).await?;
            sqlx::query("DELETE FROM spool WHERE body = ?").bind(self.new.id.as_slice()).execute(tx).await?;
        }
        Ok(true)
    }

    /// Nothing is acknowledged whose earlier pieces are not all there.
    async fn whole(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM piece WHERE body = ?")
            .bind(self.new.id.as_slice())
            .fetch_one(tx)
            .await?;
        if kept == i64::from(self.last_piece.0) + 1 {
            return Ok(());
        }
        Err(StoreError::Statement(sqlx::Error::Protocol("pieces of the document are missing".to_owned())))
    }

    async fn insert(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let (new, (n, sealed), event) = (&self.new, &self.last_piece, &self.event);
        let done = sqlx::query(ACCEPT)
            .bind(new.id.as_slice())
            .bind(new.kind)
            .bind(&new.facility)
            .bind(&new.sender)
            .bind(format!("{}/{}", new.facility, new.sender))
            .bind(new.idempotency_key.as_slice())
            .bind(new.request_hash.as_slice())
            .bind(new.body_hash.as_slice())
            .bind(new.body_length)
            .bind(&new.key_id)
            .bind(&new.salt)
            .bind(&new.note)
            .bind(&new.insurer)
            .bind(new.accepted_at)
            .bind(new.due)
            .bind(self.start.0)
            .bind(self.start.1)
            .bind(new.accepted_at)
            .bind(new.batch.as_ref().map(<[u8; 16]>::as_slice))
            .bind(&new.queue)
            .bind(&new.place)
            .bind(&new.about)
            .bind(new.hub_key.as_ref().map(<[u8; 16]>::as_slice))
            .bind(new.queue.is_none())
            .bind(new.hub_user.as_ref().map(|member| member.id.reveal()))
            .bind(new.hub_user.as_ref().map(|member| &member.account))
            .bind(new.id.as_slice())
            .bind(i64::from(*n))
            .bind(sealed)
            .bind(event.at)
            .bind(&event.facility)
            .bind(event.submission.as_ref().map(<[u8; 16]>::as_slice))
            .bind(event.kind)
            .bind(&event.data)
            .execute(tx)
            .await?;
        match done.rows_affected() {
            0 => Ok(false),
            3 => Ok(true),
            _ => Err(StoreError::Busy),
        }
    }
}

async fn by_key(tx: &mut SqliteConnection, facility: &str, key: &[u8; 32]) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query_as(concat!(
        "SELECT ",
        row_columns!(),
        " FROM submission WHERE facility = ? AND idempotency_key = ?"
    ));
    Ok(row.bind(facility).bind(key.as_slice()).fetch_optional(tx).await?)
}

/// What a facility handed in of the same kind at the same place of the same queue, unless it was withdrawn or refused.
async fn the_same(tx: &mut SqliteConnection, new: &NewSubmission) -> Result<Option<Row>, StoreError> {
    let (Some(queue), Some(place), Some(unit)) = (&new.queue, &new.place, unit_of(new.about.as_deref())) else {
        return Ok(None);
    };
    let rows = sqlx::query_as(concat!(
        "SELECT ",
        row_columns!(),
        " FROM submission INDEXED BY submission_place WHERE queue = ? AND place = ? AND facility = ? \
         AND state NOT IN ('cancelled', 'returned') ORDER BY seq"
    ));
    let rows: Vec<Row> = rows.bind(queue).bind(place).bind(&new.facility).fetch_all(tx).await?;
    Ok(rows.into_iter().find(|row| unit_of(row.about.as_deref()).as_ref() == Some(&unit)))
}

fn unit_of(about: Option<&str>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct About {
        unit: String,
    }
    serde_json::from_slice::<About>(about?.as_bytes()).ok().map(|about| about.unit)
}

/// What a rule made of a row.
pub enum Verdict<T> {
    /// New columns, the event that tells of them, and what the caller learns.
    Change(Box<(Columns, NewEvent, T)>),
    /// Nothing changes; the caller learns this.
    Leave(T),
}

/// The rule of a transition: pure, and perhaps called twice.
pub type Rule<T> = Arc<dyn Fn(&Row) -> Verdict<T> + Send + Sync>;

/// Moves one submission: reads its row, applies a rule, writes the result and its event, in one transaction.
pub struct Transit<T> {
    /// The submission.
    pub id: [u8; 16],
    /// What is to become of it.
    pub rule: Rule<T>,
    /// What the trail says of it, if it changes.
    pub record: Option<TrailLine>,
}

impl<T: Send + 'static> Write for Transit<T> {
    type Output = Option<T>;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Option<T>, StoreError> {
        let row: Option<Row> = sqlx::query_as(concat!("SELECT ", row_columns!(), " FROM submission WHERE id = ?"))
            .bind(self.id.as_slice())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        match (self.rule)(&row) {
            Verdict::Leave(learnt) => Ok(Some(learnt)),
            Verdict::Change(change) => {
                let (columns, event, learnt) = *change;
                update(tx, row.seq, &columns).await?;
                if row.hub_user.is_some() && matches!(row.columns.state.as_str(), "sending" | "unknown") {
                    hub_users::catch_up(tx, row.seq).await?;
                }
                if let Some(queue) = &row.queue {
                    queues::settle(tx, &row.facility, queue).await?;
                }
                events::insert(tx, &event).await?;
                trail::append(tx, self.record.as_slice()).await?;
                super::changes::adopt_stray(tx, &row, &columns, &event).await?;
                Ok(Some(learnt))
            }
        }
    }
}

async fn update(tx: &mut SqliteConnection, seq: i64, columns: &Columns) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE submission SET state = ?, reason = ?, wait_until = ?, pause = ?, attempts = ?, strikes = ?, \
         first_sent_at = ?, failed_at = ?, receipt_number = ?, result = ?, outcome = ?, changed_at = ?, generation = ?, \
         doubtful = ? WHERE seq = ?",
    )
    .bind(&columns.state)
    .bind(&columns.reason)
    .bind(columns.wait_until)
    .bind(columns.pause)
    .bind(columns.attempts)
    .bind(columns.strikes)
    .bind(columns.first_sent_at)
    .bind(columns.failed_at)
    .bind(&columns.receipt_number)
    .bind(&columns.result)
    .bind(&columns.outcome)
    .bind(columns.changed_at)
    .bind(columns.generation)
    .bind(columns.doubtful)
    .bind(seq)
    .execute(tx)
    .await?;
    Ok(())
}

/// Replaces what the hub told by a shorter form of the same, which needs no further look. It is no transition: no event tells
/// of it, and the retention goes on.
pub struct Reseal {
    /// The submission.
    pub id: [u8; 16],
    /// Sealed, as it was read.
    pub before: Vec<u8>,
    /// Sealed, as it shall be.
    pub after: Vec<u8>,
}

impl Write for Reseal {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE submission SET outcome = ?, wait_until = NULL WHERE id = ? AND state = 'delivered' AND outcome = ?",
        )
        .bind(&self.after)
        .bind(self.id.as_slice())
        .bind(&self.before)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Deletes a facility's finished submissions whose last change is older than the retention: at most a hundred, and at most so many
/// octets.
pub struct Prune {
    /// Facility number.
    pub facility: String,
    /// Milliseconds since 1970.
    pub before: i64,
    /// A transaction ends when it has deleted so much.
    pub octets: i64,
    /// What the trail says of each.
    pub told: Option<Forgotten>,
}

impl Write for Prune {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        const OLD: &str = "SELECT id, body_length FROM submission INDEXED BY submission_old WHERE facility = ? \
                           AND state IN ('delivered', 'returned', 'cancelled', 'on_paper') \
                           AND changed_at < ? ORDER BY changed_at LIMIT 100";
        let old = sqlx::query_as(OLD).bind(&self.facility).bind(self.before);
        let old: Vec<(Vec<u8>, i64)> = old.fetch_all(&mut *tx).await?;
        let (mut gone, mut octets) = (0, 0);
        for (id, length) in &old {
            for statement in [
                "DELETE FROM piece WHERE body = ?",
                "DELETE FROM event WHERE submission = ?",
                "DELETE FROM submission WHERE id = ?",
            ] {
                sqlx::query(statement).bind(id).execute(&mut *tx).await?;
            }
            if let Some(told) = &self.told {
                trail::append(tx, &[told(&self.facility, id)]).await?;
            }
            gone += 1;
            octets += length;
            if octets >= self.octets {
                break;
            }
        }
        let strays = sqlx::query("DELETE FROM stray_change WHERE facility = ? AND at < ?");
        strays.bind(&self.facility).bind(self.before).execute(tx).await?;
        Ok(gone)
    }
}
