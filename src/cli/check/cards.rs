//! The card readers: whether pcscd answers, which readers it has, and whether they are those that the settings speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Check;
use crate::card::pcsc::{Look, look};
use crate::card::{CardState, ReaderName};
use crate::config::{self, Config};
use crate::fault::Code;

const NAME: &str = "cards";
/// A pcscd that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// No reader keeps anything else from working, so nothing here is a failure.
pub(super) fn examine(config: &Config) -> Vec<Check> {
    if !config.cards.enabled {
        let (ja, en) = ("カードリーダーは使わない設定です。", "Card readers are switched off by the settings.");
        return vec![Check::ok(NAME, ja, en)];
    }
    match look(PATIENCE) {
        Look::Readers(found) => {
            let mut checks = vec![number(&found, config.cards.readers)];
            checks.extend(strangers(&found, &config.cards));
            checks
        }
        Look::Down => vec![service(
            "カードリーダーのサービス（pcscd）につながりません。systemctl start pcscd.socket で動かしてください。",
            "The card reader service (pcscd) cannot be reached. Start it: systemctl start pcscd.socket.",
        )],
        Look::Hung => vec![service(
            "カードリーダーのサービス（pcscd）が2秒たっても答えません。systemctl restart pcscd で再起動してください。",
            "The card reader service (pcscd) has not answered within 2 seconds. Restart it: systemctl restart pcscd.",
        )],
        Look::Refused => vec![service(
            "カードリーダーのサービス（pcscd）がこの利用者を通しません。polkitの規則 engawa.rules を置いてください。",
            "The card reader service (pcscd) does not let this user in. Install the polkit rule engawa.rules.",
        )],
    }
}

fn service(ja: &str, en: &str) -> Check {
    const UNWANTED_JA: &str = "リーダーを使わない事業所では cards.enabled = false にしてください。";
    const UNWANTED_EN: &str = "An office without card readers sets cards.enabled = false.";
    Check::warn(NAME, Code::PcscDown, format!("{ja}{UNWANTED_JA}"), format!("{en} {UNWANTED_EN}"))
}

fn number(found: &BTreeMap<ReaderName, CardState>, expected: usize) -> Check {
    let card = |state: &CardState| match state {
        CardState::Absent => "–",
        CardState::Present => "カードあり / card",
        CardState::Mute => "カードが答えない / mute card",
    };
    let names: Vec<_> = found.iter().map(|(name, state)| format!("「{}」({})", name.0, card(state))).collect();
    let (count, names) = (found.len(), names.join(", "));
    if count < expected {
        return Check::warn(
            NAME,
            Code::ReaderAbsent,
            format!("リーダーは{count}台です（設定では{expected}台）。USBを差し直してください。{names}"),
            format!("{count} reader(s) of {expected} were found. Plug in the missing ones again. {names}"),
        );
    }
    if count == 0 {
        let (ja, en) = ("pcscdは答えます。リーダーはありません。", "pcscd answers. There is no reader.");
        return Check::ok(NAME, ja, en);
    }
    Check::ok(NAME, format!("リーダー{count}台: {names}"), format!("{count} reader(s): {names}"))
}

/// Readers that the settings put beside a terminal and that are not there: unplugged, or misspelt.
fn strangers(found: &BTreeMap<ReaderName, CardState>, cards: &config::Cards) -> Option<Check> {
    let named: BTreeSet<&String> = cards.nearest.values().flatten().collect();
    let missing: Vec<_> = named.into_iter().filter(|name| !found.contains_key(&ReaderName((*name).clone()))).collect();
    let names: Vec<_> = missing.iter().map(|name| format!("「{name}」")).collect();
    let names = names.join(", ");
    (!missing.is_empty()).then(|| {
        Check::warn(
            "cards.nearest",
            Code::ReaderAbsent,
            format!("設定にあるリーダーが見つかりません: {names}。USBと名前を確かめてください。"),
            format!("Readers named in the settings were not found: {names}. Check their USB plugs and names."),
        )
    })
}
