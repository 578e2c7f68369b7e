//! The hub's feed of changes: what became of delivered opinions at the municipality. News and cursor are committed
//! together; a feed read again tells nothing twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Inner;
use super::dispatch::Stop;
use super::view::OutboxError;
use crate::credential::seal::Keyring;
use crate::fault::{Code, crash};
use crate::hub::{Change, HubPort};
use crate::store::{ApplyChanges, ChangeRow, Row};
use crate::telemetry::Metric;

const CURSOR: &str = "feed.opinions.cursor";
/// Shortly after a delivery the municipality's answer is likely: the feed is read soon, then ever less often.
const SOON: Duration = Duration::from_secs(1);

/// Reads the feed until told to stop.
pub(super) async fn run<H: HubPort>(inner: Arc<Inner>, hub: Arc<H>, mut stop: watch::Receiver<Stop>) {
    let mut pause = SOON;
    while *stop.borrow() == Stop::Run {
        tokio::select! {
            biased;
            _ = stop.changed() => continue,
            () = inner.delivered.notified() => {
                pause = SOON;
                continue;
            }
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(inner.config().poll_changes);
        match read(&inner, hub.as_ref()).await {
            Ok(0) => {}
            Ok(_) => pause = SOON,
            Err(error) => tracing::debug!(code = %error.code, "outbox: the feed of changes was not read"),
        }
    }
}

/// Reads page after page until there is nothing new; returns how much was news.
async fn read<H: HubPort>(inner: &Inner, hub: &H) -> Result<u64, OutboxError> {
    let mut news = 0;
    loop {
        let cursor = inner.store.fact(CURSOR).await?;
        let page = hub.changes(cursor.clone()).await.map_err(|trouble| OutboxError::from(trouble.code))?;
        let now = inner.clock.now();
        inner.pulse.send_modify(|pulse| {
            pulse.feed = Some(now);
            pulse.hub_answered = Some(now);
        });
        line_is_back(inner);
        crash::point("outbox.changes_read");
        let last = page.items.is_empty() || cursor.as_deref() == Some(page.next_cursor.as_str());
        if page.items.is_empty() && cursor.as_deref() == Some(page.next_cursor.as_str()) {
            return Ok(news);
        }
        let items = page.items.iter().map(|change| row(&inner.keys, change)).collect::<Result<_, _>>()?;
        let apply = ApplyChanges { items, cursor_name: CURSOR, cursor: page.next_cursor, now: now.as_millisecond() };
        let told = inner.store.write(apply).await?;
        Metric::Events.add(&[("kind", "submission.municipality")], told);
        news += told;
        if last {
            return Ok(news);
        }
    }
}

/// The feed was read: a circuit that opened because the hub could not be reached need not wait out its pause. One that the
/// hub itself asked for, or an operator has to end, is left alone.
fn line_is_back(inner: &Inner) {
    if matches!(inner.outlook.borrow().blocked, Some(Code::HubUnreachable | Code::HubTimeout)) {
        inner.reconsider.notify_one();
    }
}

fn row(keys: &Keyring, change: &Change) -> Result<ChangeRow, OutboxError> {
    let seal = |reason: &String| keys.seal_note(document(&change.receipt_number), reason.as_bytes());
    Ok(ChangeRow {
        receipt_number: change.receipt_number.clone(),
        state: change.state.as_str(),
        at: change.at.as_millisecond(),
        reason: change.reason.as_ref().map(seal).transpose()?,
    })
}

/// Opens the municipality's reason of a row.
pub(super) fn open_reason(keys: &Keyring, row: &Row, sealed: &[u8]) -> Option<String> {
    let receipt = row.columns.receipt_number.as_deref()?;
    let text = keys.open_note(document(receipt), sealed).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

/// News may come before its submission is known, so its seal is bound to the receipt number.
fn document(receipt_number: &str) -> [u8; 16] {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, receipt_number.as_bytes());
    let mut document = [0; 16];
    document.copy_from_slice(&hash.as_ref()[..16]);
    document
}
