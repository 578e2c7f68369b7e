//! SIGHUP: what can change at once changes, and the rest is said plainly.

use super::{House, cards, log_level};
use crate::config::{Config, Loaded, SecretRef};
use crate::telemetry;

/// Reads the settings again and compares them with those the process started with. With a mistake in them, everything stays
/// as it was.
pub(super) async fn reload(started: &Loaded, house: &House, telemetry: &telemetry::Handle) {
    let new = match Config::load(&started.base) {
        Ok(new) => new,
        Err(problems) => {
            for problem in &problems {
                tracing::error!(place = %problem.place, key = problem.key, "reload refused: {}", problem.en);
            }
            return;
        }
    };
    let changes = started.changes(&new);
    for key in &changes.need_restart {
        tracing::warn!(key, "reload: this setting changes at the next start");
    }
    if telemetry.set_level(log_level(new.config.log.level)).is_err() {
        tracing::warn!("reload: the log level stays as it was");
    }
    house.cards.reconfigure(&cards::config(&new.config));
    house.lan.reconfigure(&new.config.lan);
    house.card_health.expect(new.config.cards.readers);
    house.gone.reconfigure(new.config.state.retention_days);
    let credentials = new
        .facilities()
        .flat_map(|settings| [Some(&settings.hub.password_file), settings.hub.certificate_passphrase_file.as_ref()]);
    if credentials.flatten().any(|place| matches!(place, SecretRef::Credential(_))) {
        tracing::warn!("reload: systemd hands credentials over at start only; a changed one needs a restart");
    }
    for desk in &house.desks {
        // Settings of another number are another facility's; they are taken up at the next start.
        let settings = new.facility(&desk.facility);
        if let Some(settings) = settings {
            desk.reload(settings);
            desk.staff_login(settings, &house.people).await;
        }
    }
    tracing::info!(changed = changes.reloadable.join(" "), "reloaded");
}
