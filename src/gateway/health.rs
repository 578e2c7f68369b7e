//! The gateway's parts for the health report, and systemd's status line.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::cards::CardHealth;
use super::desk::Desk;
use super::lan::Lan;
use super::link::HubLink;
use crate::api::{FacilityHealth, HealthSource, Report};
use crate::clock::Clock;
use crate::exchange;
use crate::fault::Code;
use crate::hub::LoginState;
use crate::inbox::{self, Inbox};
use crate::order;
use crate::outbox::{Health, HealthStatus, Outbox, StateName};
use crate::people::People;
use crate::store::Store;
use crate::terminal::{TerminalError, Terminals};

/// How long a report may be told again, unless something was committed: whoever asks hundreds of times in a second hears what one look found.
const LOOKED_FOR: Duration = Duration::from_millis(100);

/// The health report.
pub(super) struct Looks {
    parts: Parts,
    last: ArcSwapOption<Look>,
}

/// One look at all parts.
struct Look {
    commits: u64,
    at: Duration,
    report: Arc<Report>,
}

impl Looks {
    pub(super) fn at(parts: Parts) -> Self {
        Self { parts, last: ArcSwapOption::empty() }
    }
}

impl HealthSource for Looks {
    fn health(&self) -> BoxFuture<'_, Arc<Report>> {
        // Both are taken before the look: what happens meanwhile is seen by the next.
        let (commits, at) = (self.parts.store.commits(), self.parts.clock.elapsed());
        if let Some(last) = &*self.last.load()
            && last.commits == commits
            && at.saturating_sub(last.at) < LOOKED_FOR
        {
            return Box::pin(ready(Arc::clone(&last.report)));
        }
        Box::pin(async move {
            let report = Arc::new(self.parts.look().await);
            self.last.store(Some(Arc::new(Look { commits, at, report: Arc::clone(&report) })));
            report
        })
    }
}

/// Where the report comes from.
pub(super) struct Parts {
    pub(super) facilities: Vec<Facility>,
    pub(super) store: Store,
    pub(super) cards: CardHealth,
    pub(super) lan: Arc<Lan>,
    pub(super) terminals: Terminals,
    pub(super) clock: Clock,
}

/// Where the report on one facility comes from.
pub(super) struct Facility {
    number: String,
    outbox: Outbox,
    inbox: Inbox,
    link: Arc<HubLink>,
    exchange: Option<watch::Receiver<exchange::Health>>,
    people: People,
}

impl Parts {
    async fn look(&self) -> Report {
        // A database that cannot be read is named by the outbox; that nothing waits is not known then.
        let waiting = self.store.facilities_waiting().await.ok();
        let waiting = waiting.map(order::map);
        let count = |number: &str| {
            let counts = waiting.as_ref()?;
            Some(counts.get(number).and_then(|count| u64::try_from(*count).ok()).unwrap_or(0))
        };
        let (mut parts, mut facilities) = (Vec::new(), Vec::new());
        let copied = self.terminals.copied().await;
        for facility in &self.facilities {
            let mut own = facility.health(self.clock.now()).await;
            own.extend(terminals(&copied, &facility.number).map(|health| ("terminals", health)));
            // There is one disk; every outbox looks at it.
            let disk: Vec<_> = own.extract_if(.., |(name, _)| *name == "storage").collect();
            if parts.is_empty() {
                parts = disk;
            }
            let number = facility.number.clone();
            facilities.push(FacilityHealth { waiting: count(&number), number, gone: false, parts: own });
        }
        let served = |number: &str| self.facilities.iter().any(|facility| facility.number == number);
        for number in waiting.iter().flat_map(BTreeMap::keys).filter(|number| !served(number)) {
            let (number, waiting) = (number.clone(), count(number));
            facilities.push(FacilityHealth { waiting, number, gone: true, parts: Vec::new() });
        }
        parts.extend(self.cards.report().map(|health| ("cards", health)));
        parts.extend(self.lan.health().map(|health| ("lan", health)));
        parts.extend(self.clock.is_wrong().then(|| ("clock", degraded(Code::ClockWrong))));
        Report { parts, facilities }
    }
}

/// A facility's terminals, from the facilities of which one was copied. Told only while there is something to be done.
fn terminals(copied: &Result<Vec<String>, TerminalError>, facility: &str) -> Option<Health> {
    match copied {
        Ok(copied) => copied.iter().any(|own| own == facility).then(|| degraded(Code::TerminalCopied)),
        Err(error) => Some(degraded(error.code())),
    }
}

impl Facility {
    pub(super) fn of(desk: &Desk, people: &People) -> Self {
        Self {
            number: desk.facility.clone(),
            outbox: desk.outbox.clone(),
            inbox: desk.inbox.clone(),
            link: Arc::clone(&desk.link),
            exchange: desk.exchange_health(),
            people: people.clone(),
        }
    }

    async fn health(&self, now: jiff::Timestamp) -> Vec<(&'static str, Health)> {
        let mut parts = self.outbox.health().await;
        for (name, health) in &mut parts {
            if *name == "hub" {
                self.judge_hub(health);
            }
        }
        parts.push(("inbox", self.inbox()));
        parts.extend(self.exchange.as_ref().map(|health| ("exchange", exchange(*health.borrow()))));
        parts.push(("certificate", self.certificate(now)));
        parts.extend(self.staff_logins().await.map(|health| ("staff_logins", health)));
        parts
    }

    /// The link knows standing obstacles before the outbox has met them.
    fn judge_hub(&self, health: &mut Health) {
        let (blocked, last_answer) = match self.link.status() {
            Ok(status) => {
                // What the hub answers before a login proves nothing of password and user.
                let proven = matches!(status.login, LoginState::LoggedIn { .. });
                (status.blocked.map(|(code, _)| code), status.last_answer.filter(|_| proven))
            }
            Err(code) => (Some(code), None),
        };
        health.last_proof = health.last_proof.max(last_answer);
        if let Some(code) = blocked.or(health.reason) {
            *health = Health { status: HealthStatus::Degraded, reason: Some(code), last_proof: health.last_proof };
        }
    }

    fn inbox(&self) -> Health {
        let inbox::Health { status, reason, last_proof } = self.inbox.health();
        let status = match status {
            inbox::HealthStatus::Ok => HealthStatus::Ok,
            inbox::HealthStatus::Degraded => HealthStatus::Degraded,
            inbox::HealthStatus::Failed => HealthStatus::Failed,
        };
        Health { status, reason, last_proof }
    }

    /// What keeps one person's documents is no trouble of the others', but somebody should look.
    async fn staff_logins(&self) -> Option<Health> {
        let reason = self.people.hub_health(&self.number).await.unwrap_or_else(|error| Some(Some(error.code())))?;
        let status = if reason.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
        Some(Health { status, reason, last_proof: None })
    }

    fn certificate(&self, now: jiff::Timestamp) -> Health {
        let status = self.link.status();
        // An answer of the hub is the proof that it took the certificate.
        let last_proof = status.as_ref().ok().and_then(|status| status.last_answer);
        match status {
            Err(code) => Health { status: HealthStatus::Degraded, reason: Some(code), last_proof: None },
            Ok(status) if status.certificate_expires <= now => {
                Health { status: HealthStatus::Degraded, reason: Some(Code::CertificateExpired), last_proof }
            }
            Ok(status) if days(status.certificate_expires, now) < crate::credential::EXPIRY_NOTICE_DAYS => {
                Health { status: HealthStatus::Degraded, reason: Some(Code::CertificateExpiring), last_proof }
            }
            Ok(_) => Health { status: HealthStatus::Ok, reason: None, last_proof },
        }
    }
}

const fn degraded(code: Code) -> Health {
    Health { status: HealthStatus::Degraded, reason: Some(code), last_proof: None }
}

/// A share that is not there keeps nothing else from working.
fn exchange(health: exchange::Health) -> Health {
    let status = if health.reason.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
    Health { status, reason: health.reason, last_proof: health.last_proof }
}

/// Whole days between two times.
pub(super) fn days(until: jiff::Timestamp, now: jiff::Timestamp) -> i64 {
    (until.as_second() - now.as_second()) / 86_400
}

/// One line for `systemctl status`, from the counts of every facility.
pub(super) fn status_line(counts: &[(StateName, u64)]) -> String {
    let of = |state| counts.iter().filter(|(name, _)| *name == state).map(|(_, count)| *count).sum::<u64>();
    let waiting = of(StateName::Queued) + of(StateName::Sending) + of(StateName::Unknown);
    let (held, delivered) = (of(StateName::Held), of(StateName::Delivered));
    format!("受付中 待ち{waiting} 保留{held} 済み{delivered} / waiting {waiting}, held {held}, delivered {delivered}")
}
