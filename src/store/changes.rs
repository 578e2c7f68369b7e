//! What became of delivered submissions at their addressees: the municipality's news of opinions, other offices' of care
//! plans.
//!
//! News may overtake the receipt it speaks of (the hub files an opinion, its answer is lost, the feed tells of it): such
//! news is kept as a stray and adopted when the receipt becomes known, so the feed's cursor can move on in the same
//! transaction.

use serde_json::{Map, Value};
use sqlx::SqliteConnection;

use super::{Columns, NewEvent, Row, StoreError, Write, events, facts};

/// One piece of news.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// The receipt it speaks of.
    pub receipt_number: String,
    /// `received`, `forwarded`, `accepted` or `returned` of an opinion; `delivered`, `downloaded` or `opened` of a care plan.
    pub state: &'static str,
    /// By the hub's clock, milliseconds since 1970.
    pub at: i64,
    /// Sealed free text.
    pub reason: Option<Vec<u8>>,
}

/// Takes in a page of a feed and moves its cursor, together.
pub struct ApplyChanges {
    /// Whose feed: what it tells is of this facility's submissions alone.
    pub facility: String,
    /// What the feed is about. A receipt number is a name among submissions of one kind.
    pub kind: &'static str,
    /// The event that tells of each.
    pub event: &'static str,
    /// The news, in the feed's order.
    pub items: Vec<ChangeRow>,
    /// Fact that holds the cursor.
    pub cursor_name: String,
    /// Where to go on.
    pub cursor: String,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl Write for ApplyChanges {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let mut told = 0;
        for item in &self.items {
            told += u64::from(take_in(tx, self, item).await?);
        }
        facts::set(tx, &self.cursor_name, &self.cursor).await?;
        Ok(told)
    }
}

#[derive(sqlx::FromRow)]
struct Known {
    seq: i64,
    id: Vec<u8>,
    facility: String,
    kind: String,
    batch: Option<Vec<u8>>,
    about: Option<String>,
}

async fn take_in(tx: &mut SqliteConnection, feed: &ApplyChanges, item: &ChangeRow) -> Result<bool, StoreError> {
    let known: Option<Known> = sqlx::query_as(
        "SELECT seq, id, facility, kind, batch, about FROM submission INDEXED BY submission_receipt \
         WHERE facility = ? AND receipt_number = ? AND kind = ?",
    )
    .bind(&feed.facility)
    .bind(&item.receipt_number)
    .bind(feed.kind)
    .fetch_optional(&mut *tx)
    .await?;
    match known {
        Some(known) => record(tx, &known, item.state, item.at, item.reason.as_deref(), (feed.event, feed.now)).await,
        None => {
            sqlx::query(
                "INSERT INTO stray_change (facility, kind, receipt_number, state, at, reason) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (facility, kind, receipt_number) DO UPDATE SET state = excluded.state, at = excluded.at, \
                 reason = excluded.reason WHERE excluded.at >= at AND state <> 'opened' \
                 AND NOT (state = 'downloaded' AND excluded.state = 'delivered')",
            )
            .bind(&feed.facility)
            .bind(feed.kind)
            .bind(&item.receipt_number)
            .bind(item.state)
            .bind(item.at)
            .bind(&item.reason)
            .execute(tx)
            .await?;
            Ok(false)
        }
    }
}

/// Records the news unless it is older than, or the same as, what is known; a feed read again tells nothing twice. What an
/// office has downloaded is not taken back.
async fn record(
    tx: &mut SqliteConnection,
    known: &Known,
    state: &str,
    at: i64,
    reason: Option<&[u8]>,
    (told, now): (&'static str, i64),
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE submission SET progress = ?1, progress_at = ?2, progress_reason = ?3 WHERE seq = ?4 \
         AND (progress IS NULL OR (progress NOT IN ('accepted', 'returned', 'opened') AND progress <> ?1 AND progress_at <= ?2 \
         AND NOT (progress = 'downloaded' AND ?1 = 'delivered')))",
    )
    .bind(state)
    .bind(at)
    .bind(reason)
    .bind(known.seq)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let mut data = Map::from_iter([
        ("kind".to_owned(), Value::from(known.kind.as_str())),
        ("state".to_owned(), Value::from(state)),
    ]);
    events::tell_plan(&mut data, known.about.as_deref(), known.batch.as_deref());
    let event = NewEvent {
        at: now,
        facility: known.facility.clone(),
        submission: known.id.as_slice().try_into().ok(),
        kind: told,
        data: Value::Object(data).to_string(),
    };
    events::insert(tx, &event).await?;
    Ok(true)
}

#[derive(sqlx::FromRow)]
struct Stray {
    state: String,
    at: i64,
    reason: Option<Vec<u8>>,
}

/// Gives a submission that has just learnt its receipt number the news that came before.
pub(super) async fn adopt_stray(
    tx: &mut SqliteConnection,
    row: &Row,
    columns: &Columns,
    event: &NewEvent,
) -> Result<(), StoreError> {
    const TAKE: &str = "DELETE FROM stray_change WHERE facility = ? AND kind = ? AND receipt_number = ? \
                        RETURNING state, at, reason";
    let Some(receipt) = &columns.receipt_number else { return Ok(()) };
    let stray: Option<Stray> =
        sqlx::query_as(TAKE).bind(&row.facility).bind(&row.kind).bind(receipt).fetch_optional(&mut *tx).await?;
    let Some(stray) = stray else { return Ok(()) };
    let told = if row.kind == "care_plan" { "submission.recipient" } else { "submission.municipality" };
    let (id, facility, kind) = (row.id.clone(), row.facility.clone(), row.kind.clone());
    let known = Known { seq: row.seq, id, facility, kind, batch: row.batch.clone(), about: row.about.clone() };
    record(tx, &known, &stray.state, stray.at, stray.reason.as_deref(), (told, event.at)).await?;
    Ok(())
}
