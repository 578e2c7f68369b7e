//! Whether this box may send at all. A box that was restored, and one whose work another has taken over, take documents and send
//! none until a person has decided.
//!
//! After an absence (it was off, or without the hub) a box may have been replaced by one that was restored from its backup. So what it
//! accepted before is asked about by key before it is sent. That the hub knows the key of something which this box has never sent tells
//! that another box has the same secret. Which of the two goes on is told by the time of the receipt: older than this box's acceptance,
//! it is that of a box before this one, whose document was handed in again; later, another box works beside this one.
//!
//! The bar and its end are facts of the box: what one facility's outbox finds out stops all, and one word of a person frees all. So
//! the fact is read again before anything is sent. When the hub was heard last is the facility's: each has a line of its own.
//!
//! Whatever the hub answers first after an absence ends it. So that the absence is not forgotten with it, the time until which things
//! are in doubt is on stable storage before it is noted that the hub was heard.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::view::OutboxError;
use super::{Inner, Outbox};
use crate::fault::Code;
use crate::hub::Outcome;
use crate::store::{Row, SetFact, StoreError, fact_name};

/// The fact of the box that names why nothing is sent; empty or absent: nothing is in the way.
pub const BARRED: &str = "outbox.barred";
/// The fact of the facility that holds when the hub was heard last, in milliseconds since 1970; behind by at most [`NOTE_EVERY`].
const HEARD: &str = "outbox.heard";
/// The fact of the facility that holds until when what was accepted is asked about before it is sent, in milliseconds since 1970.
const DOUBT: &str = "outbox.doubt";
/// The fact of the box that holds when a person confirmed last that it sends, in milliseconds since 1970.
const CONFIRMED: &str = "outbox.confirmed";
/// Without the hub for longer, another box may have been put in this one's place.
pub const ABSENCE: Duration = Duration::from_secs(3600);
/// When the hub was heard last has not been read from the store.
pub(super) const UNREAD: i64 = i64::MIN;
const NOTE_EVERY: Duration = Duration::from_secs(600);
/// So long after a person's word, what comes in may be what a box before this one had sent: software hands in again what it has no
/// answer for, people what they cannot find.
const AFTERMATH: Duration = Duration::from_secs(30 * 24 * 3600);
/// How far the hub's time and this box's may differ when the hub's answers tell its time, to the second and as late as they came.
const SURE: Duration = Duration::from_secs(5);
/// The same when they do not.
const UNSURE: Duration = Duration::from_secs(600);

/// What is known of the fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// Nothing yet: the store has not been read.
    Unread,
    /// Nothing is sent.
    Closed(Code),
    /// Nothing is in the way.
    Open,
}

impl Inner {
    /// Whether something may be sent, by the fact as it is at this moment.
    pub(super) async fn may_send(&self) -> Result<bool, OutboxError> {
        if self.bar_owed.load(Ordering::SeqCst) {
            self.write_bar(Code::EpochOld).await?;
        }
        self.write_doubt().await?;
        let said = self.bar_said.load(Ordering::SeqCst);
        let known = self.store.fact(BARRED).await?.filter(|name| !name.is_empty());
        // A word that this version does not know was written for a reason.
        let bar = known.map_or(Bar::Open, |name| Bar::Closed(Code::parse(&name).unwrap_or(Code::RestoredUnconfirmed)));
        let before = *self.bar.borrow();
        // Also where nothing seems to have changed: another facility's outbox may have been barred and freed since the last look.
        let confirmed = self.read_confirmed().await?;
        if bar != before {
            if before == Bar::Unread {
                self.recall_heard().await?;
            }
            // A person has decided, at another facility's outbox: what another box may have sent meanwhile is asked about once more.
            if matches!((before, bar), (Bar::Closed(_), Bar::Open)) {
                self.doubt.fetch_max(confirmed, Ordering::SeqCst);
            }
            let taken = self.bar.send_if_modified(|known| {
                let current = self.bar_said.load(Ordering::SeqCst) == said;
                *known = if current { bar } else { *known };
                current
            });
            if let Bar::Closed(code) = bar
                && taken
            {
                tracing::warn!(facility = %self.facility, %code, "outbox: nothing is sent: {}", code.en());
            }
        }
        Ok(*self.bar.borrow() == Bar::Open)
    }

    async fn read_confirmed(&self) -> Result<i64, StoreError> {
        let known = self.confirmed.load(Ordering::SeqCst);
        let read = self.store.fact(CONFIRMED).await?.and_then(|text| text.parse().ok()).unwrap_or(i64::MIN);
        // What was confirmed here during the reading goes before what was read.
        Ok(self
            .confirmed
            .compare_exchange(known, read, Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|now| now, |_| read))
    }

    /// What is known from before this start, and what the time since then says.
    async fn recall_heard(&self) -> Result<(), OutboxError> {
        let doubt = self.store.fact(&fact_name(DOUBT, &self.facility)).await?.and_then(|text| text.parse().ok());
        self.doubt.fetch_max(doubt.unwrap_or(0), Ordering::SeqCst);
        let name = fact_name(HEARD, &self.facility);
        let now = self.clock.now().as_millisecond();
        let heard = match self.store.fact(&name).await?.and_then(|text| text.parse().ok()) {
            Some(heard) => heard,
            // A new facility, of which there is no backup yet.
            None => {
                self.store.write(SetFact { name, value: now.to_string() }).await?;
                now
            }
        };
        self.judge_absence(heard, now);
        self.heard.store(heard, Ordering::SeqCst);
        self.write_doubt().await?;
        Ok(())
    }

    /// A clock that was set is no proof of presence.
    fn judge_absence(&self, heard: i64, now: i64) {
        if heard != UNREAD && heard.abs_diff(now) > milliseconds(ABSENCE).unsigned_abs() {
            self.doubt.fetch_max(now, Ordering::SeqCst);
        }
    }

    /// When the hub was heard last, as far as it is known.
    fn last_heard(&self) -> i64 {
        let answered = self.pulse.borrow().hub_answered.map(|at| at.as_millisecond());
        answered.unwrap_or_else(|| self.heard.load(Ordering::SeqCst))
    }

    /// The hub answered, whatever it was asked: that may end an absence.
    pub(super) fn hub_answered(&self, now: Timestamp) {
        self.judge_absence(self.last_heard(), now.as_millisecond());
        self.pulse.send_modify(|pulse| pulse.hub_answered = Some(now));
    }

    /// Puts on stable storage what of the doubt is not there yet.
    async fn write_doubt(&self) -> Result<(), StoreError> {
        // One at a time, so that an earlier time is not written over a later one.
        let mut noted = self.doubt_noted.lock().await;
        let doubt = self.doubt.load(Ordering::SeqCst);
        if doubt > *noted {
            let name = fact_name(DOUBT, &self.facility);
            self.store.write(SetFact { name, value: doubt.to_string() }).await?;
            *noted = doubt;
        }
        Ok(())
    }

    /// What is said of the bar here goes before what was read of it before.
    fn say(&self, bar: Bar) {
        self.bar_said.fetch_add(1, Ordering::SeqCst);
        self.bar.send_replace(bar);
    }

    /// Whether something that keeps documents from going twice is not on stable storage yet.
    pub(super) fn owes(&self) -> bool {
        let noted = self.doubt_noted.try_lock();
        self.bar_owed.load(Ordering::SeqCst) || noted.is_ok_and(|noted| self.doubt.load(Ordering::SeqCst) > *noted)
    }

    async fn write_bar(&self, code: Code) -> Result<(), StoreError> {
        self.store.write(SetFact { name: BARRED.to_owned(), value: code.name().to_owned() }).await?;
        self.bar_owed.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Why nothing is sent.
    pub(super) fn barred(&self) -> Option<Code> {
        match *self.bar.borrow() {
            Bar::Closed(code) => Some(code),
            Bar::Unread | Bar::Open => None,
        }
    }

    /// Whether the hub has to be asked before this one is sent.
    pub(super) fn ask_first(&self, row: &Row, now: Timestamp) -> bool {
        self.judge_absence(self.last_heard(), now.as_millisecond());
        row.accepted_at <= self.doubt.load(Ordering::SeqCst) || self.in_aftermath(row)
    }

    /// Whether it came in when documents of a box before this one are handed in again.
    fn in_aftermath(&self, row: &Row) -> bool {
        let confirmed = self.confirmed.load(Ordering::SeqCst);
        confirmed != i64::MIN && row.accepted_at <= confirmed.saturating_add(milliseconds(AFTERMATH))
    }

    /// Everything accepted until now is asked about before it is sent.
    pub(super) async fn doubt_all(&self) {
        self.doubt.fetch_max(self.clock.now().as_millisecond(), Ordering::SeqCst);
        if let Err(error) = self.write_doubt().await {
            tracing::warn!(code = %error.code(), "outbox: a doubt could not be recorded; it is tried again before anything is sent");
        }
    }

    /// The hub got something that this box had not sent after this box had accepted it: another box works beside it.
    pub(super) async fn taken_over(&self, id: Uuid) {
        let code = Code::EpochOld;
        tracing::error!(submission = %id, %code, "outbox: the hub has what only this box could have sent: {}", code.en());
        self.bar_owed.store(true, Ordering::SeqCst);
        self.say(Bar::Closed(code));
        if let Err(error) = self.write_bar(code).await {
            tracing::error!(code = %error.code(), "outbox: that could not be recorded; it is tried again before anything is sent");
        }
    }

    /// Notes from time to time that the hub is there.
    pub(super) async fn note_heard(&self) {
        let Some(at) = self.pulse.borrow().hub_answered.map(|at| at.as_millisecond()) else { return };
        let every = NOTE_EVERY.as_millis();
        let heard = self.heard.load(Ordering::SeqCst);
        if heard == UNREAD || u128::from(at.abs_diff(heard)) < every {
            return;
        }
        if self.write_doubt().await.is_err() {
            return;
        }
        let name = fact_name(HEARD, &self.facility);
        if self.store.write(SetFact { name, value: at.to_string() }).await.is_ok() {
            self.heard.store(at, Ordering::SeqCst);
        }
    }
}

/// What a box knows of something that it is about to send.
#[derive(Clone, Copy)]
pub(super) struct Own {
    /// This box has never given it to the hub, and nobody has decided since it was accepted that copies of it do not matter.
    alone: bool,
    /// Milliseconds since 1970.
    accepted_at: i64,
    aftermath: bool,
}

impl Own {
    pub(super) fn of(inner: &Inner, row: &Row) -> Self {
        // A try that ended before it began is not counted, so this is its first.
        let first = row.columns.attempts == 1 && row.columns.generation == 0 && !row.columns.doubtful;
        let alone = first && row.accepted_at > inner.confirmed.load(Ordering::SeqCst);
        Self { alone, accepted_at: row.accepted_at, aftermath: inner.in_aftermath(row) }
    }

    /// The hub knows the key: whether a box that works beside this one used it. `ahead`: the hub's time less the box's, in
    /// milliseconds, where it is known.
    pub(super) fn is_copied(self, found: &Outcome, ahead: Option<i64>) -> bool {
        match found {
            Outcome::Accepted(receipt) => self.alone && self.is_after(receipt.accepted_at, ahead),
            // A refusal tells no time.
            Outcome::Refused(_) => self.alone && !self.aftermath,
            _ => false,
        }
    }

    /// Whether the answer to its first sending is older than that sending: then another box has sent it. No proof, as nothing
    /// stands behind it but the times of the hub, but a reason to ask before more is sent.
    pub(super) fn is_answered_before(self, outcome: &Outcome, begun_at: Timestamp, ahead: Option<i64>) -> bool {
        let Outcome::Accepted(receipt) = outcome else { return false };
        let before = receipt.accepted_at.as_millisecond() < there(begun_at.as_millisecond(), ahead) - margin(ahead);
        self.alone && before && self.is_after(receipt.accepted_at, ahead)
    }

    fn is_after(self, receipt: Timestamp, ahead: Option<i64>) -> bool {
        receipt.as_millisecond() > there(self.accepted_at, ahead).saturating_add(margin(ahead))
    }
}

/// A time of this box by the hub's clock.
fn there(here: i64, ahead: Option<i64>) -> i64 {
    here.saturating_add(ahead.unwrap_or(0))
}

fn margin(ahead: Option<i64>) -> i64 {
    milliseconds(if ahead.is_some() { SURE } else { UNSURE })
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Outbox {
    /// Why this box sends nothing.
    #[must_use]
    pub fn barred(&self) -> Option<Code> {
        self.inner.barred()
    }

    /// A person has decided that this box sends although `code` stood against it: for every facility. The other outboxes find out
    /// before they send again, at the latest at their next turn.
    ///
    /// # Errors
    /// `CONFIRMATION_WRONG` when something else, or nothing, stands against it; the store's failure.
    pub async fn unbar(&self, code: Code) -> Result<(), OutboxError> {
        self.inner.may_send().await?;
        if self.inner.barred() != Some(code) {
            return Err(Code::ConfirmationWrong.into());
        }
        // What may have been sent by another in the meantime is asked about once more.
        let now = self.inner.clock.now().as_millisecond();
        self.inner.doubt.fetch_max(now, Ordering::SeqCst);
        self.inner.store.write(SetFact { name: CONFIRMED.to_owned(), value: now.to_string() }).await?;
        self.inner.confirmed.store(now, Ordering::SeqCst);
        self.inner.store.write(SetFact { name: BARRED.to_owned(), value: String::new() }).await?;
        self.inner.bar_owed.store(false, Ordering::SeqCst);
        self.inner.say(Bar::Open);
        tracing::warn!(%code, "outbox: a person has confirmed that this box sends");
        self.reconsider();
        Ok(())
    }
}
