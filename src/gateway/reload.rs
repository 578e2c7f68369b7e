//! SIGHUP: what can change at once changes, and the rest is said plainly.

use super::{House, cards, log_level, logins, outbox_config};
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
    match outbox_config(&new.config) {
        Ok(config) => house.outbox.reconfigure(&config),
        Err(error) => tracing::error!(code = %error.code, "reload: the outbox stays as it was"),
    }
    house.inbox.reconfigure(new.config.hub.poll_changes);
    house.cards.reconfigure(&cards::config(&new.config));
    house.lan.reconfigure(&new.config.lan);
    house.card_health.expect(new.config.cards.readers);
    let credentials = [Some(&new.config.hub.password_file), new.config.hub.certificate_passphrase_file.as_ref()];
    if credentials.into_iter().flatten().any(|place| matches!(place, SecretRef::Credential(_))) {
        tracing::warn!("reload: systemd hands credentials over at start only; a changed one needs a restart");
    }
    // The files behind certificate and password are read again also when the settings name the same ones.
    house.link.reload(&new.config);
    logins::choose(&new.config, &house.people, &house.outbox).await;
    house.outbox.reconsider();
    house.inbox.reconsider();
    tracing::info!(changed = changes.reloadable.join(" "), "reloaded");
}
