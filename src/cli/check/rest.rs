//! What is not on the way to the hub: the exchange folder, facilities that are gone, copied terminals, restored boxes, backups.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::service::Service;
use super::state::State;
use super::{Check, Finding};
use crate::config::Loaded;
use crate::fault::Code;
use crate::gateway;

/// A backup that is older would miss too much.
const BACKUP: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(super) fn examine(loaded: &Loaded, state: &State, service: &Service, now: Timestamp) -> Vec<Check> {
    let mut checks: Vec<Check> = exchange(loaded, service).into_iter().collect();
    if gateway::restore_unfinished(&loaded.config.state.directory) {
        checks.push(Check::found("restore", Finding::RestoreUnfinished, ""));
    }
    let Ok(peek) = &state.0 else { return checks };
    let mut gone: BTreeMap<&str, i64> = BTreeMap::new();
    for waiting in peek.waiting.iter().filter(|waiting| loaded.facility(&waiting.facility).is_none()) {
        *gone.entry(&waiting.facility).or_default() += waiting.count;
    }
    checks.extend(gone.into_iter().map(|(number, count)| {
        let (ja, en) = (format!("{count}件"), format!("{count} document(s)"));
        Check::found_as("facilities", Finding::FacilityGone, &ja, &en).of(number)
    }));
    checks.push(match peek.copied_terminals {
        0 => Check::ok("terminals", "証明書を複製された端末はありません。", "No terminal's certificate was copied."),
        copied => Check::found("terminals", Finding::TerminalCopied, &copied.to_string()),
    });
    checks.extend(state.barred().map(|code| match code {
        Code::EpochOld => Check::found("restore", Finding::EpochOld, ""),
        _ => Check::found("restore", Finding::RestoredUnconfirmed, ""),
    }));
    checks.extend(state.last_backup().map(|last| backup(last, now)));
    checks
}

fn exchange(loaded: &Loaded, service: &Service) -> Option<Check> {
    const NAME: &str = "exchange";
    let directory = loaded.config.exchange.directory.as_ref()?;
    let shown = directory.display();
    let trouble = match service {
        Service::Answers { .. } => service.reason(None, NAME).map(str::to_owned),
        // Not where it is missing: engawa makes it.
        _ => match std::fs::metadata(directory) {
            Ok(found) if !found.is_dir() => Some("not a directory".to_owned()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Some(error.to_string()),
            _ => None,
        },
    };
    Some(match trouble {
        Some(trouble) => Check::found(NAME, Finding::ExchangeFolder, &format!("{shown}: {trouble}")),
        None => Check::ok(NAME, format!("{shown} を使えます。"), format!("{shown} can be used.")),
    })
}

/// Said only where a recovery key shows that backups are meant to be made.
fn backup(last: Option<Timestamp>, now: Timestamp) -> Check {
    const NAME: &str = "backup";
    match last {
        Some(last) if now.duration_since(last) < BACKUP => {
            Check::ok(NAME, format!("前のバックアップ: {last:.0}"), format!("The last backup: {last:.0}."))
        }
        Some(last) => Check::found(NAME, Finding::BackupOld, &format!("{last:.0}")),
        None => Check::found_as(NAME, Finding::BackupOld, "まだ一度もない", "none yet"),
    }
}
