//! What other offices sent. A unit's pieces stand in `piece` under its id.

use sqlx::{FromRow, SqliteConnection};

use super::{Forgotten, NewEvent, Store, StoreError, Write, events, facts, pieces, trail};

/// A received unit as stored.
#[derive(Clone, Debug, FromRow)]
pub struct ReceivedRow {
    /// Order of announcement.
    pub seq: i64,
    /// The box's own id for it.
    pub id: Vec<u8>,
    /// Whom it was sent to.
    pub facility: String,
    /// The hub's name for it.
    pub hub_id: String,
    /// Who sent it.
    pub from_facility: String,
    /// The sender's receipt.
    pub receipt_number: String,
    /// By the hub's clock, milliseconds since 1970.
    pub sent_at: i64,
    /// `announced`, `kept` or `gone`.
    pub state: String,
    /// A catalogue code.
    pub reason: Option<String>,
    /// The last back-off in milliseconds.
    pub pause: i64,
    /// Milliseconds since 1970.
    pub kept_at: Option<i64>,
    /// SHA-256 of the unit.
    pub body_hash: Option<Vec<u8>>,
    /// Its length in octets.
    pub body_length: Option<i64>,
    /// Master key that sealed it.
    pub key_id: Option<String>,
    /// Salt of its data key.
    pub salt: Option<Vec<u8>>,
    /// JSON without person data.
    pub about: Option<String>,
    /// What the hub was told: `none`, `downloaded` or `opened`.
    pub acknowledged: String,
    /// When a person looked, milliseconds since 1970.
    pub opened_at: Option<i64>,
    /// When its files were put into the folder, milliseconds since 1970.
    pub placed_at: Option<i64>,
}

/// The columns of [`ReceivedRow`], for SELECT lists.
macro_rules! received_columns {
    () => {
        "seq, id, facility, hub_id, from_facility, receipt_number, sent_at, state, reason, pause, kept_at, body_hash, \
         body_length, key_id, salt, about, acknowledged, opened_at, placed_at"
    };
}

/// A unit that the hub has for the facility.
#[derive(Clone, Debug)]
pub struct NewArrival {
    /// Under which it is to be kept.
    pub id: [u8; 16],
    /// The hub's name for it.
    pub hub_id: String,
    /// Who sent it.
    pub from_facility: String,
    /// As the hub names it.
    pub hub_kind: String,
    /// The sender's receipt.
    pub receipt_number: String,
    /// By the hub's clock, milliseconds since 1970.
    pub sent_at: i64,
}

/// Takes in a page of the hub's list and moves its cursor, together. What is known already, or was and is forgotten, stays as it is;
/// what was gone and is listed again is there to be fetched again.
pub struct Announce {
    /// Whom the units were sent to.
    pub facility: String,
    /// In the hub's order.
    pub items: Vec<NewArrival>,
    /// Fact that holds the cursor.
    pub cursor_name: String,
    /// Where to go on.
    pub cursor: String,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl Write for Announce {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        const INSERT: &str = "INSERT INTO received (id, facility, hub_id, from_facility, hub_kind, receipt_number, sent_at, \
             announced_at, state) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'announced' \
             WHERE NOT EXISTS (SELECT 1 FROM received_forgotten WHERE facility = ?2 AND hub_id = ?3) \
             ON CONFLICT (facility, hub_id) DO UPDATE SET state = 'announced', reason = NULL, wait_until = NULL, pause = 0, \
             announced_at = excluded.announced_at, opened_at = NULL, opened_by = NULL WHERE received.state = 'gone'";
        let mut new = 0;
        for item in &self.items {
            let done = sqlx::query(INSERT)
                .bind(item.id.as_slice())
                .bind(&self.facility)
                .bind(&item.hub_id)
                .bind(&item.from_facility)
                .bind(&item.hub_kind)
                .bind(&item.receipt_number)
                .bind(item.sent_at)
                .bind(self.now)
                .execute(&mut *tx)
                .await?;
            new += done.rows_affected();
        }
        facts::set(tx, &self.cursor_name, &self.cursor).await?;
        Ok(new)
    }
}

/// A unit as it is to be kept.
pub struct NewUnitBody {
    /// Sealed pieces in order.
    pub pieces: Vec<Vec<u8>>,
    /// SHA-256 of the unit.
    pub hash: [u8; 32],
    /// Its length in octets.
    pub length: i64,
    /// Master key that sealed it.
    pub key_id: String,
    /// Salt of its data key.
    pub salt: Vec<u8>,
}

/// Keeps an announced unit and tells of it, together.
pub struct KeepUnit {
    /// The received unit.
    pub id: [u8; 16],
    /// Its content.
    pub body: NewUnitBody,
    /// JSON without person data.
    pub about: Option<String>,
    /// Why its files cannot be made: a catalogue code.
    pub reason: Option<&'static str>,
    /// Milliseconds since 1970.
    pub now: i64,
    /// The event that tells of it.
    pub event: NewEvent,
}

impl Write for KeepUnit {
    /// False when it was not waiting to be kept.
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        let body = &self.body;
        let done = sqlx::query(
            "UPDATE received SET state = 'kept', reason = ?, wait_until = NULL, pause = 0, kept_at = ?, body_hash = ?, \
             body_length = ?, key_id = ?, salt = ?, about = ? WHERE id = ? AND state = 'announced'",
        )
        .bind(self.reason)
        .bind(self.now)
        .bind(body.hash.as_slice())
        .bind(body.length)
        .bind(&body.key_id)
        .bind(&body.salt)
        .bind(&self.about)
        .bind(self.id.as_slice())
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        for (n, sealed) in (0..).zip(&body.pieces) {
            pieces::insert(tx, &self.id, n, sealed).await?;
        }
        events::insert(tx, &self.event).await?;
        Ok(true)
    }
}

/// Notes that the hub no longer has an announced unit, and tells of it, together.
pub struct UnitGone {
    /// The received unit.
    pub id: [u8; 16],
    /// A catalogue code.
    pub reason: &'static str,
    /// The event that tells of it.
    pub event: NewEvent,
}

impl Write for UnitGone {
    /// False when it was not waiting to be kept.
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        const GONE: &str = "UPDATE received SET state = 'gone', reason = ?, wait_until = NULL, pause = 0 \
                            WHERE id = ? AND state = 'announced'";
        let done = sqlx::query(GONE).bind(self.reason).bind(self.id.as_slice()).execute(&mut *tx).await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        events::insert(tx, &self.event).await?;
        Ok(true)
    }
}

/// Puts off what is to be done next with a received unit.
pub struct PostponeUnit {
    /// The received unit.
    pub id: [u8; 16],
    /// Why it is not here yet; of a unit that is here, and without a reason, what stands there stays.
    pub reason: Option<&'static str>,
    /// Milliseconds since 1970.
    pub wait_until: i64,
    /// Milliseconds.
    pub pause: i64,
}

impl Write for PostponeUnit {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE received SET wait_until = ?, pause = ?, \
             reason = CASE state WHEN 'announced' THEN coalesce(?, reason) ELSE reason END WHERE id = ?",
        )
        .bind(self.wait_until)
        .bind(self.pause)
        .bind(self.reason)
        .bind(self.id.as_slice())
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Notes what the hub has been told of a received unit.
pub struct Acknowledged {
    /// The received unit.
    pub id: [u8; 16],
    /// `downloaded` or `opened`.
    pub what: &'static str,
}

impl Write for Acknowledged {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("UPDATE received SET acknowledged = ?, wait_until = NULL, pause = 0 WHERE id = ?")
            .bind(self.what)
            .bind(self.id.as_slice())
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Notes that a person has looked, and tells of it, together. Only the first time counts.
pub struct OpenUnit {
    /// The received unit.
    pub id: [u8; 16],
    /// Who looked: the id of a key.
    pub by: String,
    /// Milliseconds since 1970.
    pub now: i64,
    /// The event that tells of it.
    pub event: NewEvent,
}

impl Write for OpenUnit {
    /// False when a person had looked before, or it is not here.
    type Output = bool;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        const OPEN: &str = "UPDATE received SET opened_at = ?, opened_by = ?, wait_until = NULL, pause = 0 \
                            WHERE id = ? AND opened_at IS NULL AND state IN ('kept', 'gone')";
        let done = sqlx::query(OPEN).bind(self.now).bind(&self.by).bind(self.id.as_slice()).execute(&mut *tx).await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        events::insert(tx, &self.event).await?;
        Ok(true)
    }
}

/// Forgets a facility's units that a person opened before the end of the retention: at most a hundred, and at most so many octets. That they were
/// here stays known: the hub may list them again.
pub struct PruneReceived {
    /// Whose they are; its events of what was received are forgotten as well.
    pub facility: String,
    /// Milliseconds since 1970.
    pub before: i64,
    /// A transaction ends when it has deleted so much.
    pub octets: i64,
    /// What the trail says of each.
    pub told: Option<Forgotten>,
}

impl Write for PruneReceived {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        const OLD: &str = "SELECT id, coalesce(body_length, 0) FROM received INDEXED BY received_old \
                           WHERE facility = ? AND opened_at < ? ORDER BY opened_at LIMIT 100";
        let old = sqlx::query_as(OLD).bind(&self.facility).bind(self.before);
        let old: Vec<(Vec<u8>, i64)> = old.fetch_all(&mut *tx).await?;
        // They are about no submission, so nothing else forgets them.
        const EVENTS: &str = "DELETE FROM event WHERE facility = ? AND at < ? AND submission IS NULL \
                              AND kind IN ('careplan.received', 'careplan.opened', 'careplan.gone')";
        sqlx::query(EVENTS).bind(&self.facility).bind(self.before).execute(&mut *tx).await?;
        let (mut gone, mut octets) = (0, 0);
        for (id, length) in &old {
            for statement in [
                "INSERT OR IGNORE INTO received_forgotten SELECT facility, hub_id FROM received WHERE id = ? AND state = 'kept'",
                "DELETE FROM piece WHERE body = ?",
                "DELETE FROM placement WHERE received = ?",
                "DELETE FROM received WHERE id = ?",
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
        Ok(gone)
    }
}

/// Which received units to list.
#[derive(Clone, Debug)]
pub struct ReceivedFilter {
    /// Whom they were sent to.
    pub facility: String,
    /// Only those that nobody has opened.
    pub unopened: bool,
    /// Only those announced after this one.
    pub after: i64,
    /// At most so many.
    pub limit: u16,
}

/// What is to be done next: to fetch a unit, or to tell the hub of one. The index `received_todo` has these very words.
macro_rules! unfinished {
    () => {
        "(state = 'announced' OR state = 'kept' AND (acknowledged = 'none' OR acknowledged = 'downloaded' AND \
         opened_at IS NOT NULL))"
    };
}

impl Store {
    /// One received unit.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received(&self, facility: &str, id: &[u8]) -> Result<Option<ReceivedRow>, StoreError> {
        let row =
            sqlx::query_as(concat!("SELECT ", received_columns!(), " FROM received WHERE id = ? AND facility = ?"));
        Ok(row.bind(id).bind(facility).fetch_optional(&self.readers).await?)
    }

    /// Received units of a facility, in the order of announcement.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received_list(&self, filter: &ReceivedFilter) -> Result<Vec<ReceivedRow>, StoreError> {
        let rows = sqlx::query_as(if filter.unopened {
            concat!(
                "SELECT ",
                received_columns!(),
                " FROM received WHERE facility = ? AND opened_at IS NULL AND seq > ? ORDER BY seq LIMIT ?"
            )
        } else {
            concat!(
                "SELECT ",
                received_columns!(),
                " FROM received WHERE facility = ? AND seq > ? ORDER BY seq LIMIT ?"
            )
        });
        let rows = rows.bind(&filter.facility).bind(filter.after).bind(i64::from(filter.limit));
        Ok(rows.fetch_all(&self.readers).await?)
    }

    /// The received unit with which something is to be done at `now`: what failed least goes first, then what was announced first.
    /// A waiting time beyond `horizon` comes from a clock that was set back and does not count. Without `fetch`, none that
    /// would have to be fetched.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received_ready(
        &self,
        facility: &str,
        now: i64,
        horizon: i64,
        fetch: bool,
    ) -> Result<Option<ReceivedRow>, StoreError> {
        let row = sqlx::query_as(concat!(
            "SELECT ",
            received_columns!(),
            " FROM received WHERE facility = ?1 AND ",
            unfinished!(),
            " AND (wait_until IS NULL OR wait_until <= ?2 OR wait_until > ?3) AND (?4 OR state <> 'announced') \
             ORDER BY pause, seq LIMIT 1"
        ));
        Ok(row.bind(facility).bind(now).bind(horizon).bind(fetch).fetch_optional(&self.readers).await?)
    }

    /// When something is to be done with a received unit next; `None` when there is nothing to do. `fetch` as of
    /// [`Store::received_ready`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received_wake(&self, facility: &str, fetch: bool) -> Result<Option<i64>, StoreError> {
        let at = sqlx::query_scalar(concat!(
            "SELECT min(coalesce(wait_until, 0)) FROM received WHERE facility = ?1 AND ",
            unfinished!(),
            " AND (?2 OR state <> 'announced')"
        ));
        Ok(at.bind(facility).bind(fetch).fetch_one(&self.readers).await?)
    }

    /// How many units that the hub told a facility of nobody has opened, be they here or not, and since when the oldest of them is known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received_unopened(&self, facility: &str) -> Result<(i64, Option<i64>), StoreError> {
        let counted = async {
            let counted = sqlx::query_as(
                "SELECT count(*), min(coalesce(kept_at, announced_at)) FROM received INDEXED BY received_unopened \
                 WHERE facility = ? AND opened_at IS NULL",
            );
            Ok(counted.bind(facility).fetch_one(&self.readers).await?)
        };
        self.known.unopened.of(facility).get(self.commits(), counted).await
    }

    /// The unit that has been waited for longest: since when, and why it is not here, where that is known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn received_awaited(&self, facility: &str) -> Result<Option<(i64, Option<String>)>, StoreError> {
        let oldest = async {
            let oldest = sqlx::query_as(
                "SELECT announced_at, reason FROM received WHERE facility = ? AND state = 'announced' ORDER BY announced_at LIMIT 1",
            );
            Ok(oldest.bind(facility).fetch_optional(&self.readers).await?)
        };
        self.known.awaited.of(facility).get(self.commits(), oldest).await
    }
}
