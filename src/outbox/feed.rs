//! The hub's feeds of changes: what became of opinions at the municipality, and of care plans at the offices they went to.
//! News and cursor are committed together; a feed read again tells nothing twice.
//!
//! Each feed has its own cursor, rhythm and note of failure, so that none hinders another. A hub that does not offer a feed, or
//! not to this facility, is not at fault: whoever sends there is told so when sending, and nobody else needs the feed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::dispatch::Stop;
use super::view::OutboxError;
use super::{Inner, Kind};
use crate::credential::seal::Keyring;
use crate::fault::{Code, crash};
use crate::hub::{Change, ChangePage, HubPort, MunicipalState, RecipientState, Trouble};
use crate::store::{ApplyChanges, ChangeRow, Row, StoreError, fact_name};
use crate::telemetry::Metric;

/// Shortly after a delivery its addressee's answer is likely: the feed is read soon, then ever less often.
const SOON: Duration = Duration::from_secs(1);
/// Pages read in one go; a feed whose cursor never stands still is left alone until the next time.
const PAGES: u32 = 50;

/// One feed.
trait Feed: 'static {
    /// What it is about.
    const KIND: Kind;
    /// Fact of the facility that holds the cursor.
    const CURSOR: &'static str;
    /// The event that tells of each change.
    const EVENT: &'static str;
    /// How far an addressee is.
    type State: Copy + Send + Sync;

    fn page<H: HubPort>(
        hub: &H,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<ChangePage<Self::State>, Trouble>> + Send;

    fn name(state: Self::State) -> &'static str;
}

enum Opinions {}

impl Feed for Opinions {
    const KIND: Kind = Kind::Opinion;
    const CURSOR: &'static str = "feed.opinions.cursor";
    const EVENT: &'static str = "submission.municipality";
    type State = MunicipalState;

    async fn page<H: HubPort>(hub: &H, cursor: Option<String>) -> Result<ChangePage, Trouble> {
        hub.changes(cursor).await
    }

    fn name(state: MunicipalState) -> &'static str {
        state.as_str()
    }
}

enum CarePlans {}

impl Feed for CarePlans {
    const KIND: Kind = Kind::CarePlan;
    const CURSOR: &'static str = "feed.careplans.cursor";
    const EVENT: &'static str = "submission.recipient";
    type State = RecipientState;

    async fn page<H: HubPort>(hub: &H, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        hub.care_plan_changes(cursor).await
    }

    fn name(state: RecipientState) -> &'static str {
        state.as_str()
    }
}

/// When a feed is read next.
struct Rhythm {
    pause: Duration,
    /// Monotonic time.
    due: Duration,
}

/// Reads the feeds until told to stop. A read under way is given up at once: nothing of it has been taken in.
pub(super) async fn run<H: HubPort>(inner: Arc<Inner>, hub: Arc<H>, stop: watch::Receiver<Stop>) {
    tokio::join!(
        follow::<Opinions, H>(&inner, hub.as_ref(), stop.clone()),
        follow::<CarePlans, H>(&inner, hub.as_ref(), stop.clone()),
    );
}

async fn follow<F: Feed, H: HubPort>(inner: &Inner, hub: &H, mut stop: watch::Receiver<Stop>) {
    let mut rhythm = Rhythm { pause: SOON, due: inner.clock.elapsed() + SOON };
    while *stop.borrow() == Stop::Run {
        let wait = rhythm.due.saturating_sub(inner.clock.elapsed());
        tokio::select! {
            biased;
            _ = stop.changed() => continue,
            () = inner.delivered.of(F::KIND).notified() => {
                rhythm.pause = SOON;
                rhythm.due = rhythm.due.min(inner.clock.elapsed() + SOON);
                continue;
            }
            () = tokio::time::sleep(wait) => {}
        }
        let result = tokio::select! {
            biased;
            _ = stop.changed() => continue,
            result = read::<F, H>(inner, hub) => result,
        };
        let asked = told::<F>(inner, &result);
        rhythm.next(inner, matches!(result, Ok(1..)), asked);
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
fn told<F: Feed>(inner: &Inner, result: &Result<u64, Failure>) -> Option<Duration> {
    let failed =
        result.as_ref().err().map(|failure| failure.code).filter(|code| !is_nobodys::<F>(*code, inner.config().clinic));
    let mut before = None;
    inner.pulse.send_modify(|pulse| before = std::mem::replace(pulse.feed_failed.of_mut(F::KIND), failed));
    let feed = F::KIND.as_str();
    match failed {
        Some(code) if before != failed => {
            tracing::warn!(feed, %code, "outbox: a feed of changes cannot be read: {}", code.en());
        }
        None if before.is_some() => tracing::info!(feed, "outbox: a feed of changes is read again"),
        _ => {}
    }
    result.as_ref().err().and_then(|failure| failure.asked)
}

/// Whether a hub without this feed, or without it for a facility of this kind, is all that is the matter. A care office that may not
/// read what became of its care plans has a user id of the wrong job kind.
fn is_nobodys<F: Feed>(code: Code, clinic: bool) -> bool {
    match code {
        Code::HubNotOffered => true,
        Code::HubNotPermitted => clinic || F::KIND != Kind::CarePlan,
        _ => false,
    }
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
async fn read<F: Feed, H: HubPort>(inner: &Inner, hub: &H) -> Result<u64, Failure> {
    let mut news = 0;
    let cursor_name = fact_name(F::CURSOR, &inner.facility);
    for _ in 0..PAGES {
        let cursor = inner.store.fact(&cursor_name).await?;
        let page = F::page(hub, cursor.clone()).await?;
        let now = inner.clock.now();
        inner.hub_answered(now);
        line_is_back(inner);
        crash::point("outbox.changes_read");
        let last = page.items.is_empty() || cursor.as_deref() == Some(page.next_cursor.as_str());
        if page.items.is_empty() && cursor.as_deref() == Some(page.next_cursor.as_str()) {
            return Ok(news);
        }
        let items = page.items.iter().map(|change| row::<F>(&inner.keys, change)).collect::<Result<_, _>>();
        let items = items.map_err(|error: OutboxError| Failure { code: error.code, asked: None })?;
        let apply = ApplyChanges {
            facility: inner.facility.to_string(),
            kind: F::KIND.as_str(),
            event: F::EVENT,
            items,
            cursor_name: cursor_name.clone(),
            cursor: page.next_cursor,
            now: now.as_millisecond(),
        };
        let told = inner.store.write(apply).await?;
        Metric::Events.add(&[("kind", F::EVENT)], told);
        news += told;
        if last {
            break;
        }
    }
    Ok(news)
}

/// A feed was read: a circuit that opened because the hub could not be reached need not wait out its pause. One that the
/// hub itself asked for, or an operator has to end, is left alone.
fn line_is_back(inner: &Inner) {
    let line = |code| matches!(code, Code::HubUnreachable | Code::HubTimeout);
    if inner.outlook.borrow().ways.all().filter_map(|way| way.blocked).any(line) {
        inner.reconsider.notify_one();
    }
}

fn row<F: Feed>(keys: &Keyring, change: &Change<F::State>) -> Result<ChangeRow, OutboxError> {
    let seal = |reason: &String| keys.seal_note(document(&change.receipt_number), reason.as_bytes());
    Ok(ChangeRow {
        receipt_number: change.receipt_number.clone(),
        state: F::name(change.state),
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

/// What the reason in news of a receipt is bound to. News may come before its submission is known, so that is the receipt number.
#[must_use]
pub fn document(receipt_number: &str) -> [u8; 16] {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, receipt_number.as_bytes());
    let mut document = [0; 16];
    document.copy_from_slice(&hash.as_ref()[..16]);
    document
}
