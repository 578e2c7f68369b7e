//! What the outbox and its callers read. Every query walks an index and has a limit: memory does not grow with the queue.

use std::collections::BTreeMap;

use sqlx::FromRow;
use sqlx::sqlite::SqlitePool;

use super::rows::row_columns;
use super::{Row, Store, StoreError};

/// The next submission of a facility's lane that may be sent.
#[derive(Clone, Debug, FromRow)]
pub struct Head {
    /// The submission.
    pub id: Vec<u8>,
    /// Facility and sender.
    pub lane: String,
    /// Days since 1970.
    pub due: i64,
    /// Order of acceptance.
    pub seq: i64,
}

/// A submission whose waiting time is over.
#[derive(Clone, Debug, FromRow)]
pub struct Ripe {
    /// The submission.
    pub id: Vec<u8>,
    /// `opinion`, `identification` or `care_plan`.
    pub kind: String,
    /// Counts the hub's keys.
    pub generation: i64,
    /// Under which the hub gets it first; `None`: its id.
    pub hub_key: Option<Vec<u8>>,
}

/// Of which a submission may still be sent.
const UNFINISHED: [&str; 4] = ["queued", "sending", "unknown", "held"];

/// Which submissions to list.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Facility number.
    pub facility: String,
    /// Only this state.
    pub state: Option<&'static str>,
    /// Only this kind.
    pub kind: Option<&'static str>,
    /// Only those accepted before this one.
    pub before: i64,
    /// At most so many.
    pub limit: u16,
}

impl Store {
    /// The submission of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn submission(&self, id: &[u8]) -> Result<Option<Row>, StoreError> {
        let row = sqlx::query_as(concat!("SELECT ", row_columns!(), " FROM submission WHERE id = ?"));
        Ok(row.bind(id).fetch_optional(&self.readers).await?)
    }

    /// The submission that a facility made under a key, given as its keyed hash.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn submission_by_key(&self, facility: &str, key: &[u8; 32]) -> Result<Option<Row>, StoreError> {
        let row = sqlx::query_as(concat!(
            "SELECT ",
            row_columns!(),
            " FROM submission WHERE facility = ? AND idempotency_key = ?"
        ));
        Ok(row.bind(facility).bind(key.as_slice()).fetch_optional(&self.readers).await?)
    }

    /// Submissions of a facility, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn list(&self, filter: &ListFilter) -> Result<Vec<Row>, StoreError> {
        let rows = match (filter.state, filter.kind) {
            (Some(state), Some(kind)) => sqlx::query_as(concat!(
                "SELECT ",
                row_columns!(),
                " FROM submission WHERE facility = ? AND state = ? AND kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            ))
            .bind(&filter.facility)
            .bind(state)
            .bind(kind),
            (Some(state), None) => sqlx::query_as(concat!(
                "SELECT ",
                row_columns!(),
                " FROM submission WHERE facility = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            ))
            .bind(&filter.facility)
            .bind(state),
            (None, Some(kind)) => sqlx::query_as(concat!(
                "SELECT ",
                row_columns!(),
                " FROM submission WHERE facility = ? AND kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            ))
            .bind(&filter.facility)
            .bind(kind),
            (None, None) => sqlx::query_as(concat!(
                "SELECT ",
                row_columns!(),
                " FROM submission WHERE facility = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            ))
            .bind(&filter.facility),
        };
        Ok(rows.bind(filter.before).bind(i64::from(filter.limit)).fetch_all(&self.readers).await?)
    }

    /// For each lane of a facility, its `per_lane` most urgent queued submissions of a kind that may go at `now`; of each queue,
    /// only its head. A waiting time further away than `horizon` comes from a clock that was set back and does not count.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn heads(
        &self,
        facility: &str,
        kind: &'static str,
        now: i64,
        horizon: i64,
        per_lane: u16,
    ) -> Result<Vec<Head>, StoreError> {
        // `0` follows `/`, which stands behind the facility in its lanes.
        let lanes: Vec<String> = sqlx::query_scalar(
            "WITH RECURSIVE lanes (lane) AS ( \
               SELECT min(lane) FROM submission INDEXED BY submission_lane \
                 WHERE state = 'queued' AND head = 1 AND kind = ?1 AND lane > ?2 || '/' AND lane < ?2 || '0' \
               UNION ALL \
               SELECT (SELECT min(lane) FROM submission INDEXED BY submission_lane \
                 WHERE state = 'queued' AND head = 1 AND kind = ?1 AND lane > lanes.lane AND lane < ?2 || '0') \
               FROM lanes WHERE lanes.lane IS NOT NULL) \
             SELECT lane FROM lanes WHERE lane IS NOT NULL",
        )
        .bind(kind)
        .bind(facility)
        .fetch_all(&self.readers)
        .await?;
        let mut heads = Vec::new();
        for lane in lanes {
            let mut of_lane: Vec<Head> = sqlx::query_as(
                "SELECT id, lane, due, seq FROM submission INDEXED BY submission_lane \
                 WHERE state = 'queued' AND head = 1 AND kind = ?5 AND lane = ?1 \
                 AND (wait_until IS NULL OR wait_until <= ?2 OR wait_until > ?3 OR failed_at > ?2) \
                 ORDER BY due, seq LIMIT ?4",
            )
            .bind(lane)
            .bind(now)
            .bind(now.saturating_add(horizon))
            .bind(i64::from(per_lane))
            .bind(kind)
            .fetch_all(&self.readers)
            .await?;
            heads.append(&mut of_lane);
        }
        Ok(heads)
    }

    /// Submissions of a facility in `state` whose waiting time is over at `now`, or lies further away than `horizon` (a clock set
    /// back).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn ripe(
        &self,
        facility: &str,
        state: &'static str,
        now: i64,
        horizon: i64,
        limit: u16,
    ) -> Result<Vec<Ripe>, StoreError> {
        let ids = sqlx::query_as(
            "SELECT id, kind, generation, hub_key FROM submission INDEXED BY submission_wake \
             WHERE facility = ?5 AND state = ?1 AND wait_until <= ?2 \
             UNION ALL SELECT id, kind, generation, hub_key FROM submission INDEXED BY submission_wake \
             WHERE facility = ?5 AND state = ?1 AND wait_until > ?3 LIMIT ?4",
        );
        let ids = ids.bind(state).bind(now).bind(now.saturating_add(horizon)).bind(i64::from(limit)).bind(facility);
        Ok(ids.fetch_all(&self.readers).await?)
    }

    /// Submissions of a facility that are marked as being sent, a few at a time.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn sending(&self, facility: &str, limit: u16) -> Result<Vec<Vec<u8>>, StoreError> {
        let ids = sqlx::query_scalar(
            "SELECT id FROM submission INDEXED BY submission_sending WHERE facility = ? AND state = 'sending' LIMIT ?",
        );
        Ok(ids.bind(facility).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// The next time after `now` at which a waiting submission of a facility becomes ripe.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn next_wake(&self, facility: &str, now: i64) -> Result<Option<i64>, StoreError> {
        const NEXT: &str = "SELECT min(wait_until) FROM submission INDEXED BY submission_wake \
                            WHERE facility = ? AND state = ? AND wait_until > ?";
        let mut next: Option<i64> = None;
        for state in ["queued", "unknown", "held"] {
            let wake = sqlx::query_scalar(NEXT).bind(facility).bind(state).bind(now);
            let wake: Option<i64> = wake.fetch_one(&self.readers).await?;
            next = next.into_iter().chain(wake).min();
        }
        Ok(next)
    }

    /// The earliest time, past or to come, at which a submission of a facility in this state becomes ripe.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn first_wait(&self, facility: &str, state: &'static str) -> Result<Option<i64>, StoreError> {
        let first = sqlx::query_scalar(
            "SELECT min(wait_until) FROM submission INDEXED BY submission_wake \
             WHERE facility = ? AND state = ? AND wait_until IS NOT NULL",
        );
        Ok(first.bind(facility).bind(state).fetch_one(&self.readers).await?)
    }

    /// How many submissions of a facility there are in each state.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn counts(&self, facility: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let all = self.count().await?.into_iter();
        Ok(all.filter(|(of, ..)| of == facility).map(|(_, state, count)| (state, count)).collect())
    }

    /// How many submissions of all facilities together there are in each state, also of those that are not in the settings.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn counts_of_box(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let mut states = BTreeMap::new();
        for (_, state, count) in self.count().await? {
            *states.entry(state).or_insert(0) += count;
        }
        Ok(states.into_iter().collect())
    }

    /// The same by facility and state.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn counts_by_facility(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        self.count().await
    }

    /// Facilities of which something has not ended, be they in the settings or not, and how many submissions each.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn facilities_waiting(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(unfinished(self.count().await?))
    }

    /// By facility and state. Counted anew only when something has been committed since.
    async fn count(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        self.known.counted.get(self.commits(), count_in(&self.readers)).await
    }

    /// How many queued submissions of its kind and lane, of each queue only its head, go before one with this due date and order, at most `cap`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn ahead(&self, kind: &str, lane: &str, due: i64, seq: i64, cap: i64) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM submission INDEXED BY submission_lane \
             WHERE state = 'queued' AND head = 1 AND kind = ?5 AND lane = ?1 AND (due, seq) < (?2, ?3) LIMIT ?4)",
        );
        Ok(count.bind(lane).bind(due).bind(seq).bind(cap).bind(kind).fetch_one(&self.readers).await?)
    }

    /// Submissions of a facility whose kind or state cannot be what was written.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn unparsable(&self, facility: &str, limit: u16) -> Result<Vec<Vec<u8>>, StoreError> {
        let ids = sqlx::query_scalar(
            "SELECT id FROM submission INDEXED BY submission_odd WHERE facility = ? \
             AND (kind NOT IN ('opinion', 'identification', 'care_plan') OR state NOT IN \
             ('queued', 'sending', 'unknown', 'held', 'delivered', 'returned', 'cancelled', 'on_paper')) LIMIT ?",
        );
        Ok(ids.bind(facility).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// When a facility's oldest submission that has not left was accepted, milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn oldest_waiting(&self, facility: &str) -> Result<Option<i64>, StoreError> {
        let oldest = async {
            let oldest = sqlx::query_scalar(
                "SELECT accepted_at FROM submission WHERE seq = (SELECT min(seq) FROM submission INDEXED BY submission_list \
                 WHERE facility = ? AND state = 'queued')",
            );
            Ok(oldest.bind(facility).fetch_optional(&self.readers).await?)
        };
        self.known.oldest.of(facility).get(self.commits(), oldest).await
    }

    /// When the finished submission of a facility that will be forgotten first was finished, milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn oldest_finished(&self, facility: &str) -> Result<Option<i64>, StoreError> {
        let oldest = sqlx::query_scalar(
            "SELECT min(changed_at) FROM submission INDEXED BY submission_old WHERE facility = ? \
             AND state IN ('delivered', 'returned', 'cancelled', 'on_paper')",
        );
        Ok(oldest.bind(facility).fetch_one(&self.readers).await?)
    }

    /// Reads one page of the database: proof that it can be read, at most a quarter of a second old.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let page = async {
            let _: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&self.readers).await?;
            Ok(())
        };
        self.known.proven(page).await
    }
}

/// By facility and state.
pub(super) async fn count_in(readers: &SqlitePool) -> Result<Vec<(String, String, i64)>, StoreError> {
    let counting = sqlx::query_as(
        "SELECT facility, state, count(*) FROM submission INDEXED BY submission_list GROUP BY facility, state",
    );
    Ok(counting.fetch_all(readers).await?)
}

/// How many have not ended, by facility.
pub(super) fn unfinished(states: Vec<(String, String, i64)>) -> Vec<(String, i64)> {
    let mut waiting = BTreeMap::new();
    for (facility, _, count) in states.into_iter().filter(|(_, state, _)| UNFINISHED.contains(&state.as_str())) {
        *waiting.entry(facility).or_insert(0) += count;
    }
    waiting.into_iter().collect()
}
