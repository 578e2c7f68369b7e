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
use crate::hub::{Change, HubPort, Trouble};
use crate::store::{ApplyChanges, ChangeRow, Row, StoreError};
use crate::telemetry::Metric;

const CURSOR: &str = "feed.opinions.cursor";
/// Shortly after a delivery the municipality's answer is likely: the feed is read soon, then ever less often.
const SOON: Duration = Duration::from_secs(1);
/// Pages read in one go; a feed whose cursor never stands still is left alone until the next time.
const PAGES: u32 = 50;

/// When the feed is read next.
struct Rhythm {
    pause: Duration,
    /// Monotonic time.
    due: Duration,
}

/// Reads the feed until told to stop. A read under way is given up at once: nothing of it has been taken in.
pub(super) async fn run<H: HubPort>(inner: Arc<Inner>, hub: Arc<H>, mut stop: watch::Receiver<Stop>) {
    let mut rhythm = Rhythm { pause: SOON, due: inner.clock.elapsed() + SOON };
    while *stop.borrow() == Stop::Run {
        let wait = rhythm.due.saturating_sub(inner.clock.elapsed());
        tokio::select! {
            biased;
            _ = stop.changed() => continue,
            () = inner.delivered.notified() => {
                rhythm.pause = SOON;
                rhythm.due = rhythm.due.min(inner.clock.elapsed() + SOON);
                continue;
            }
            () = tokio::time::sleep(wait) => {}
        }
        let result = tokio::select! {
            biased;
            _ = stop.changed() => continue,
            result = read(&inner, hub.as_ref()) => result,
        };
        let asked = told(&inner, &result);
        rhythm.next(&inner, matches!(result, Ok(1..)), asked);
    }
}

impl Rhythm {
    /// Soon after news, else ever less often, never before the hub wishes, and not in step with a thousand other boxes.
    fn next(&mut self, inner: &Inner, news: bool, asked: Option<Duration>) {
        self.pause = if news { SOON } else { (self.pause * 2).min(inner.config().poll_changes) };
        let jittered = self.pause.mul_f64(rand::random_range(0.75..1.25));
        self.due = inner.clock.elapsed().saturating_add(jittered.max(asked.unwrap_or_default()));
    }
}

/// Notes how a reading went; returns how long the hub wishes to be left alone.
fn told(inner: &Inner, result: &Result<u64, Failure>) -> Option<Duration> {
    let failed = result.as_ref().err().map(|failure| failure.code);
    let before = inner.pulse.borrow().feed_failed;
    inner.pulse.send_modify(|pulse| pulse.feed_failed = failed);
    match failed {
        Some(code) if before != failed => {
            tracing::warn!(%code, "outbox: the feed of changes cannot be read: {}", code.en());
        }
        None if before.is_some() => tracing::info!("outbox: the feed of changes is read again"),
        _ => {}
    }
    result.as_ref().err().and_then(|failure| failure.asked)
}

/// Why the feed was not read.
struct Failure {
    code: Code,
    asked: Option<Duration>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), asked: None }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self { code: trouble.code, asked: trouble.retry_after }
    }
}

/// Reads page after page until there is nothing new; returns how much was news.
async fn read<H: HubPort>(inner: &Inner, hub: &H) -> Result<u64, Failure> {
    let mut news = 0;
    for _ in 0..PAGES {
        let cursor = inner.store.fact(CURSOR).await?;
        let page = hub.changes(cursor.clone()).await?;
        let now = inner.clock.now();
        inner.pulse.send_modify(|pulse| pulse.hub_answered = Some(now));
        line_is_back(inner);
        crash::point("outbox.changes_read");
        let last = page.items.is_empty() || cursor.as_deref() == Some(page.next_cursor.as_str());
        if page.items.is_empty() && cursor.as_deref() == Some(page.next_cursor.as_str()) {
            return Ok(news);
        }
        let items = page.items.iter().map(|change| row(&inner.keys, change)).collect::<Result<_, _>>();
        let items = items.map_err(|error: OutboxError| Failure { code: error.code, asked: None })?;
        let apply = ApplyChanges {
            kind: super::Kind::Opinion.as_str(),
            event: "submission.municipality",
            items,
            cursor_name: CURSOR,
            cursor: page.next_cursor,
            now: now.as_millisecond(),
        };
        let told = inner.store.write(apply).await?;
        Metric::Events.add(&[("kind", "submission.municipality")], told);
        news += told;
        if last {
            break;
        }
    }
    Ok(news)
}

/// The feed was read: a circuit that opened because the hub could not be reached need not wait out its pause. One that the
/// hub itself asked for, or an operator has to end, is left alone.
fn line_is_back(inner: &Inner) {
    let line = |code| matches!(code, Code::HubUnreachable | Code::HubTimeout);
    if inner.outlook.borrow().ways.all().filter_map(|way| way.blocked).any(line) {
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
