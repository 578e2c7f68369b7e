//! The gateway's parts for the health report, and systemd's status line.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::cards::CardHealth;
use super::lan::Lan;
use super::link::HubLink;
use crate::api::HealthSource;
use crate::clock::Clock;
use crate::exchange;
use crate::fault::Code;
use crate::inbox::{self, Inbox};
use crate::outbox::{Health, HealthStatus, Outbox, StateName};
use crate::terminal::Terminals;

/// Where the report comes from.
pub(super) struct Parts {
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) link: Arc<HubLink>,
    pub(super) exchange: Option<watch::Receiver<exchange::Health>>,
    pub(super) cards: CardHealth,
    pub(super) lan: Arc<Lan>,
    pub(super) terminals: Terminals,
    pub(super) clock: Clock,
}

impl HealthSource for Parts {
    fn health(&self) -> BoxFuture<'_, Vec<(&'static str, Health)>> {
        Box::pin(async {
            let mut parts = self.outbox.health().await;
            for (name, health) in &mut parts {
                if *name == "hub" {
                    self.judge_hub(health);
                }
            }
            parts.push(("inbox", self.inbox()));
            parts.extend(self.exchange.as_ref().map(|health| ("exchange", exchange(*health.borrow()))));
            parts.push(("certificate", self.certificate()));
            parts.extend(self.cards.report().map(|health| ("cards", health)));
            parts.extend(self.lan.health().map(|health| ("lan", health)));
            parts.extend(self.copied().await.map(|health| ("terminals", health)));
            parts.extend(self.clock.is_wrong().then(|| ("clock", degraded(Code::ClockWrong))));
            parts
        })
    }
}

impl Parts {
    /// The link knows standing obstacles before the outbox has met them.
    fn judge_hub(&self, health: &mut Health) {
        let (blocked, last_answer) = match self.link.status() {
            Ok(status) => (status.blocked.map(|(code, _)| code), status.last_answer),
            Err(code) => (Some(code), None),
        };
        health.last_proof = health.last_proof.max(last_answer);
        if let Some(code) = blocked.or(health.reason) {
            *health = Health { status: HealthStatus::Degraded, reason: Some(code), last_proof: health.last_proof };
        }
    }

    /// Told only while there is something to be done.
    async fn copied(&self) -> Option<Health> {
        match self.terminals.copied().await {
            Ok(0) => None,
            Ok(_) => Some(degraded(Code::TerminalCopied)),
            Err(error) => Some(degraded(error.code())),
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

    fn certificate(&self) -> Health {
        let now = self.clock.now();
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

fn days(until: jiff::Timestamp, now: jiff::Timestamp) -> i64 {
    (until.as_second() - now.as_second()) / 86_400
}

/// One line for `systemctl status`.
pub(super) fn status_line(counts: &[(StateName, u64)]) -> String {
    let of = |state| counts.iter().find(|(name, _)| *name == state).map_or(0, |(_, count)| *count);
    let waiting = of(StateName::Queued) + of(StateName::Sending) + of(StateName::Unknown);
    let (held, delivered) = (of(StateName::Held), of(StateName::Delivered));
    format!("受付中 待ち{waiting} 保留{held} 済み{delivered} / waiting {waiting}, held {held}, delivered {delivered}")
}
