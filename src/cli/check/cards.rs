//! The card readers: whether pcscd answers, which readers it has, and whether they are those that the settings speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::service::Service;
use super::{Check, Finding};
use crate::card::pcsc::{Look, look};
use crate::card::{CardState, ReaderName};
use crate::config::{self, Config};
use crate::order;

const SERVICE: &str = "pcscd";
const READER: &str = "reader";
/// A pcscd that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// No reader keeps anything else from working, so nothing here is a failure.
pub(super) fn examine(config: &Config, service: &Service) -> Vec<Check> {
    if !config.cards.enabled {
        let (ja, en) = ("カードリーダーは使わない設定です。", "Card readers are switched off by the settings.");
        return vec![Check::ok(SERVICE, ja, en)];
    }
    match look(PATIENCE) {
        Look::Readers(found) => readers(&found, &config.cards, &order::set(service.degraded_readers())),
        Look::Down => vec![Check::found(SERVICE, Finding::PcscdDown, "")],
        Look::Hung => vec![Check::found_as(
            SERVICE,
            Finding::PcscdHung,
            &format!("{}秒待ちました", PATIENCE.as_secs()),
            &format!("waited {} seconds", PATIENCE.as_secs()),
        )],
        Look::Refused => vec![Check::found(SERVICE, Finding::PcscdRefused, "")],
    }
}

fn readers(found: &BTreeMap<ReaderName, CardState>, cards: &config::Cards, stopped: &BTreeSet<&str>) -> Vec<Check> {
    let count = found.len();
    let answers = Check::ok(
        SERVICE,
        format!("pcscdは答えます。リーダーは{count}台です。"),
        format!("pcscd answers; {count} reader(s)."),
    );
    let mut checks = vec![answers];
    checks.extend((count < cards.readers).then(|| {
        let expected = cards.readers;
        let (ja, en) = (format!("設定では{expected}台、あるのは{count}台"), format!("{count} of {expected}"));
        Check::found_as(READER, Finding::ReaderMissing, &ja, &en)
    }));
    checks.extend(strangers(found, cards));
    checks.extend(found.iter().map(|(name, card)| reader(*card, stopped.contains(&*name.0)).about(name.0.clone())));
    checks
}

/// `stopped`: by the word of the running engawa, which uses it.
fn reader(card: CardState, stopped: bool) -> Check {
    match card {
        _ if stopped => Check::found(READER, Finding::ReaderDegraded, ""),
        CardState::Absent => Check::ok(READER, "カードはありません。", "There is no card on it."),
        CardState::Present => Check::ok(READER, "カードがあります。", "A card is on it."),
        CardState::Mute => Check::found(READER, Finding::ReaderMute, ""),
    }
}

/// Readers that the settings put beside a terminal and that are not there: unplugged, or misspelt.
fn strangers(found: &BTreeMap<ReaderName, CardState>, cards: &config::Cards) -> Vec<Check> {
    let named = order::set(cards.nearest.values().flatten());
    let missing = named.into_iter().filter(|name| !found.contains_key(&ReaderName((*name).clone())));
    missing.map(|name| Check::found(READER, Finding::ReaderUnknown, "cards.nearest").about(name.clone())).collect()
}
