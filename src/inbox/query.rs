//! What callers ask of the inbox.

use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::view::{Files, Filter, Health, HealthStatus, InboxError, Received, Standing};
use super::{Inbox, Inner, Pulse, fetch, files};
use crate::credential::seal::SealError;
use crate::fault::Code;
use crate::store::{NewEvent, OpenUnit, ReceivedFilter, ReceivedRow};
use crate::task;
use crate::telemetry::Metric;
use crate::vault::{self, Kept, VaultError};

/// A task that has not turned for so long is stuck; it turns every ten seconds at least.
const STILL: Duration = Duration::from_secs(60);

impl Inbox {
    /// Received units of a facility, oldest first. One whose row does not parse says so (`SUBMISSION_DAMAGED`): somebody has to
    /// know of it.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn list(&self, facility: &str, filter: &Filter) -> Result<Vec<Received>, InboxError> {
        let query = ReceivedFilter {
            facility: facility.to_owned(),
            unopened: filter.unopened,
            after: filter.after,
            limit: filter.limit.clamp(1, 200),
        };
        let rows = self.inner.store.received_list(&query).await?;
        Ok(rows.iter().map(|row| Received::read(row).unwrap_or_else(|_| Received::damaged(row))).collect())
    }

    /// One received unit of a facility.
    ///
    /// # Errors
    /// `SUBMISSION_DAMAGED` when its row does not parse, or the store's failure.
    pub async fn received(&self, facility: &str, id: Uuid) -> Result<Option<Received>, InboxError> {
        let row = self.inner.store.received(facility, id.as_bytes()).await?;
        row.map(|row| Received::read(&row)).transpose()
    }

    /// The unit's JSON, as the hub gave it. `None`: there is none of that id, or it is not here.
    ///
    /// # Errors
    /// `SUBMISSION_DAMAGED`, `MASTER_KEY_MISSING`, or the store's failure.
    pub async fn unit(&self, facility: &str, id: Uuid) -> Result<Option<Zeroizing<Vec<u8>>>, InboxError> {
        match self.inner.store.received(facility, id.as_bytes()).await? {
            Some(row) if row.state == Standing::Kept.as_str() => self.inner.read(&row).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The unit's CSV files. `None` as of [`Inbox::unit`].
    ///
    /// # Errors
    /// `CAREPLAN_UNREADABLE` when it is no unit of the standard; otherwise as [`Inbox::unit`].
    pub async fn files(&self, facility: &str, id: Uuid) -> Result<Option<Files>, InboxError> {
        let Some(unit) = self.unit(facility, id).await? else { return Ok(None) };
        let made = task::aside(move || files::files(&unit)).await;
        Ok(Some(made.ok().flatten().ok_or(Code::CareplanUnreadable)?))
    }

    /// A person has looked; the sender is told. The first who looked is the one that counts. `by` is the id of a key. `None`:
    /// there is none of that id.
    ///
    /// # Errors
    /// `SUBMISSION_STATE` while it is not here yet; otherwise the store's failure.
    pub async fn opened(&self, facility: &str, id: Uuid, by: &str) -> Result<Option<Received>, InboxError> {
        const EVENT: &str = "careplan.opened";
        let Some(received) = self.received(facility, id).await? else { return Ok(None) };
        if received.standing == Standing::Announced {
            return Err(Code::SubmissionState.into());
        }
        let now = self.inner.clock.now().as_millisecond();
        let data = fetch::event_data(id, &received.from_facility, received.about.as_ref(), received.reason);
        let event = NewEvent { at: now, facility: facility.to_owned(), submission: None, kind: EVENT, data };
        let open = OpenUnit { id: id.into_bytes(), by: by.to_owned(), now, event };
        if self.inner.store.write(open).await? {
            Metric::Events.count(&[("kind", EVENT)]);
            self.inner.tell_changed();
            self.inner.nudge.notify_one();
        }
        self.received(facility, id).await
    }

    /// Whether the task's heart beats.
    #[must_use]
    pub fn alive(&self) -> bool {
        let beat = self.inner.pulse.borrow().heart;
        beat.is_none_or(|at| self.inner.clock.elapsed().saturating_sub(at) < STILL)
    }

    /// How it does. A hub that has no care plans, or none for a facility of this kind, is no fault; a unit that does not come for a
    /// day is one.
    #[must_use]
    pub fn health(&self) -> Health {
        let Pulse { failing, full, overdue, hub_answered: last_proof, .. } = *self.inner.pulse.borrow();
        let failing = failing.filter(|code| !self.inner.config.is_none_of_ours(*code));
        let reason = failing.or_else(|| full.then_some(Code::StorageFull)).or(overdue);
        let (status, reason) = match reason {
            _ if !self.alive() => (HealthStatus::Failed, Some(Code::GatewayInternal)),
            Some(code) => (HealthStatus::Degraded, Some(code)),
            None => (HealthStatus::Ok, None),
        };
        Health { status, reason, last_proof }
    }
}

impl Inner {
    async fn read(&self, row: &ReceivedRow) -> Result<Zeroizing<Vec<u8>>, InboxError> {
        let (Some(key_id), Some(salt), Some(length), Some(sha256)) =
            (row.key_id.as_deref(), row.salt.as_deref(), row.body_length, row.body_hash.as_deref())
        else {
            return Err(Code::SubmissionDamaged.into());
        };
        let kept = Kept { id: &row.id, key_id, salt, length, sha256 };
        vault::read_whole(&self.store, &self.keys, kept).await.map_err(|error| {
            let code = match &error {
                VaultError::Seal(SealError::UnknownKey(_)) => Code::MasterKeyMissing,
                VaultError::Seal(_) | VaultError::Damaged(_) => Code::SubmissionDamaged,
                VaultError::Unread(_) => Code::StorageBroken,
            };
            InboxError { code, source: Some(Box::new(error)) }
        })
    }
}
