//! What comes in from other offices, and the folders: built from the settings.

use std::sync::Arc;

use tokio::sync::watch;

use super::DAY;
use super::link::HubLink;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::CertificateKind;
use crate::credential::seal::Keyring;
use crate::exchange;
use crate::host;
use crate::inbox::{self, Inbox};
use crate::model::careplan::lint;
use crate::outbox::Outbox;
use crate::store::Store;

/// Whether the facility is a clinic or hospital, by its certificate; no, where that cannot be read.
pub(super) fn is_clinic(settings: &Config) -> bool {
    super::load_certificate(settings).is_ok_and(|certificate| matches!(certificate.kind(), CertificateKind::Iryo))
}

/// Starts the inbox.
pub(super) fn inbox(
    settings: &Config,
    (store, keys): &(Store, Arc<Keyring>),
    link: &Arc<HubLink>,
    clock: &Clock,
    stop: watch::Receiver<bool>,
) -> (Inbox, inbox::Tasks) {
    let directory = settings.state.directory.clone();
    let config = inbox::Config {
        free_space: Arc::new(move || host::free_space(&directory).ok()),
        min_free: settings.state.min_free,
        facility: settings.facility.number.clone(),
        poll: settings.hub.poll_changes,
        retention: DAY * u32::from(settings.state.retention_days),
        clinic: is_clinic(settings),
    };
    Inbox::start(store.clone(), keys.clone(), link.clone(), config, clock.clone(), stop)
}

/// Starts the folders, where the settings name one.
pub(super) fn exchange(
    settings: &Config,
    lint: &Arc<lint::Settings>,
    (outbox, inbox, (store, keys)): (&Outbox, &Inbox, &(Store, Arc<Keyring>)),
    clock: &Clock,
    stop: watch::Receiver<bool>,
) -> Option<exchange::Tasks> {
    let config = exchange::Config {
        directory: settings.exchange.directory.clone()?,
        facility: settings.facility.number.clone(),
        settle: settings.exchange.settle,
        look: settings.exchange.look,
        patience: settings.exchange.patience,
        lint: lint.clone(),
    };
    Some(exchange::start(outbox.clone(), inbox.clone(), store.clone(), keys.clone(), config, clock.clone(), stop))
}
