//! What has to be done from time to time: sweeping what an interrupted reception left, setting aside rows that do not
//! parse, forgetting what has reached the end of its retention and tokens that have expired, proving a store that failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::dispatch::Stop;
use super::view::{OutboxError, StateName};
use super::{Forgetting, Inner, identification, record};
use crate::fault::Code;
use crate::store::{Columns, Look, Lull, NewEvent, Row, SetFact, Transit, Verdict, tell_plan};
use crate::telemetry::{self, Metric};

const TICK: Duration = Duration::from_secs(10);
/// Ticks between two looks at the retention.
const HOURLY: u32 = 360;
/// Expired tokens taken out in one tick.
const FEW: u16 = 64;

/// Keeps house until told to stop.
pub(super) async fn run(inner: Arc<Inner>, mut stop: watch::Receiver<Stop>) {
    let mut tick: u32 = 0;
    let mut no_token = Lull::default();
    while *stop.borrow() == Stop::Run {
        if inner.store.writer_status().failing.is_some() {
            // Only a write shows that the disk takes writes again.
            let value = inner.clock.now().to_string();
            let _ = inner.store.write(SetFact { name: "store.proof".into(), value }).await;
        }
        if tick.is_multiple_of(HOURLY)
            && let Err(error) = forget(&inner, &stop, tick > 0).await
        {
            tracing::warn!(code = %error.code, "outbox: retention could not be applied");
        }
        if tick.is_multiple_of(HOURLY)
            && let Err(error) = drop_leftovers(&inner).await
        {
            tracing::warn!(code = %error.code, "outbox: leftovers could not be swept");
        }
        if let Err(error) = drop_tokens(&inner, &mut no_token).await {
            tracing::warn!(code = %error.code, "outbox: expired tokens could not be taken out");
        }
        inner.note_heard().await;
        report_counts(&inner).await;
        tick = tick.wrapping_add(1);
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(inner.clock.until_beat(TICK)) => {}
        }
    }
}

/// Takes out tokens that have expired.
async fn drop_tokens(inner: &Inner, none: &mut Lull) -> Result<(), OutboxError> {
    let look = Look::begin(&inner.store, &inner.clock);
    if none.lasts(look) {
        return Ok(());
    }
    none.end();
    let expired = (inner.clock.now(), FEW);
    identification::forget_tokens(&inner.store, &inner.keys, &inner.facility, expired).await?;
    let next = inner.store.first_wait(&inner.facility, StateName::Delivered.as_str()).await?;
    // What is ripe and was left waits for a key.
    if next.is_none_or(|at| at > expired.0.as_millisecond()) {
        none.found_nothing(look, next);
    }
    Ok(())
}

/// Before the facility receives anything, every piece spooled for it is a leftover of an interrupted reception.
pub(super) async fn sweep(inner: &Inner) -> Result<(), OutboxError> {
    drop_leftovers(inner).await?;
    for id in inner.store.unparsable(&inner.facility, 100).await? {
        let id = Uuid::from_slice(&id).map_err(|_| Code::SubmissionDamaged)?;
        tracing::error!(submission = %id, code = %Code::SubmissionDamaged, "outbox: a row does not parse and was set aside");
        set_aside(inner, id).await?;
    }
    Ok(())
}

/// Drops what interrupted receptions left; what comes in for another facility is none of it.
async fn drop_leftovers(inner: &Inner) -> Result<(), OutboxError> {
    let pieces = forgetting(inner).leftovers(|id| inner.incoming().contains(&id)).await?;
    if pieces > 0 {
        tracing::info!(pieces, "outbox: leftovers of interrupted receptions swept");
    }
    Ok(())
}

fn forgetting(inner: &Inner) -> Forgetting<'_> {
    Forgetting { store: &inner.store, clock: &inner.clock, facility: &inner.facility }
}

async fn forget(inner: &Inner, stop: &watch::Receiver<Stop>, forward: bool) -> Result<(), OutboxError> {
    forgetting(inner).ended(inner.config().retention, forward, || *stop.borrow() == Stop::Run).await?;
    Ok(())
}

/// Whose outbox ever reports them, the counts are those of every facility of the box, also of one that nobody serves.
async fn report_counts(inner: &Inner) {
    if let Ok(counts) = inner.store.counts_by_facility().await {
        let mut by_label: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for (number, state, count) in &counts {
            *by_label.entry((telemetry::facility(number), state)).or_default() += count;
        }
        // What there is nothing of any more is nothing, and not what it was last.
        for facility in telemetry::facilities() {
            for state in StateName::ALL {
                let count = by_label.get(&(facility, state.as_str())).copied().unwrap_or(0);
                Metric::Submissions.set(&[("facility", facility), ("state", state.as_str())], count as f64);
            }
            let oldest = inner.store.oldest_waiting(facility).await.ok().flatten();
            let age = oldest.map_or(0, |at| inner.clock.now().as_millisecond().saturating_sub(at) / 1000);
            Metric::OldestQueued.set(&[("facility", facility)], age as f64);
        }
    }
    if let Some(free) = (inner.guard.free_space)() {
        Metric::StorageFree.set(&[], free as f64);
    }
}

/// Holds a row whose columns do not parse, so that the rest goes on. Its document is kept as it is.
pub(super) async fn set_aside(inner: &Inner, id: Uuid) -> Result<(), OutboxError> {
    let now = inner.clock.now();
    let rule = Arc::new(move |row: &Row| {
        let key = record::first_key(&row.id, row.hub_key.as_deref());
        if record::read(&row.kind, &row.columns).is_ok() && key.is_ok() {
            return Verdict::Leave(());
        }
        let columns = Columns {
            state: StateName::Held.as_str().to_owned(),
            reason: Some(Code::SubmissionDamaged.name().to_owned()),
            wait_until: None,
            pause: 0,
            attempts: row.columns.attempts.clamp(0, i64::from(u32::MAX)),
            strikes: 0,
            first_sent_at: row.columns.first_sent_at,
            failed_at: None,
            receipt_number: row.columns.receipt_number.clone(),
            result: None,
            outcome: row.columns.outcome.clone(),
            changed_at: row.columns.changed_at,
            generation: row.columns.generation.clamp(0, i64::from(u32::MAX)),
            doubtful: row.columns.doubtful || row.columns.first_sent_at.is_some(),
        };
        if columns == row.columns {
            return Verdict::Leave(());
        }
        let columns = Columns { changed_at: now.as_millisecond(), ..columns };
        let mut data =
            serde_json::json!({ "kind": row.kind, "state": "held", "reason": Code::SubmissionDamaged.name() });
        if let Some(data) = data.as_object_mut() {
            tell_plan(data, row.about.as_deref(), row.batch.as_deref());
        }
        let event = NewEvent {
            at: now.as_millisecond(),
            facility: row.facility.clone(),
            submission: row.id.as_slice().try_into().ok(),
            kind: StateName::Held.event_kind(),
            data: data.to_string(),
        };
        Verdict::Change(Box::new((columns, event, ())))
    });
    inner.store.write(Transit { id: id.into_bytes(), rule, record: None }).await?;
    Ok(())
}
