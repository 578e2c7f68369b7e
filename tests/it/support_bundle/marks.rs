//! Marked words, and the search for them in every form in which they could have got into a bundle.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

pub(super) const NAME: &str = "霞谷 凪紗";
pub(super) const LATIN_NAME: &str = "Yrsa Quibelow";
pub(super) const USER: &str = "marker.user";
pub(super) const HUB_USER: &str = "ZX99MARK";
pub(super) const KEY_NAME: &str = "雫窓口のレセコン";
pub(super) const TERMINAL: &str = "霰の間の端末";
pub(super) const OFFICE: &str = "霧笛クリニック";
pub(super) const FOLDER: &str = "霙共有";
pub(super) const LAN_NAME: &str = "quibelow-clinic.example";
pub(super) const FILE: &str = "霞谷計画書.csv";
pub(super) const PERSON: &str = "朧月 曙";
pub(super) const INSURED: &str = "9912345670";
pub(super) const MY_NUMBER: &str = "123456789018";
pub(super) const MAIL: &str = "someone@quibelow.example";
pub(super) const TELEPHONE: &str = "03-9876-5432";
pub(super) const HUB_PASSWORD_WORD: &str = "pa55-w0rd-marker";

/// What the box knows somebody by, or what is recognised by its form.
pub(super) const KNOWN: [&str; 11] =
    [NAME, LATIN_NAME, USER, HUB_USER, KEY_NAME, TERMINAL, OFFICE, FOLDER, LAN_NAME, FILE, "霞谷"];
/// Recognised by its form, in clear only.
pub(super) const NUMBERS: [&str; 4] = [INSURED, MY_NUMBER, MAIL, TELEPHONE];

/// How a word can be written.
pub(super) fn forms(word: &str) -> Vec<String> {
    let bytes = word.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut units = Vec::new();
    word.chars().for_each(|sign| units.extend(sign.encode_utf16(&mut [0; 2]).iter().copied().collect::<Vec<_>>()));
    let escape = |unit: &u16| {
        if *unit < 128 { char::from(u8::try_from(*unit).unwrap()).to_string() } else { format!("\\u{unit:04x}") }
    };
    let mut forms = vec![
        word.to_owned(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
        units.iter().map(escape).collect(),
    ];
    for before in 0..3 {
        let padded = [&vec![b'a'; before][..], bytes].concat();
        let whole = padded.len() / 3 * 3;
        for engine in [STANDARD, URL_SAFE] {
            forms.push(engine.encode(&padded[..whole])[[0, 2, 3][before]..].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The words that a text holds in any form.
pub(super) fn found(text: &str, words: &[&str]) -> Vec<String> {
    let held = words.iter().flat_map(|word| forms(word).into_iter().map(move |form| (word, form)));
    held.filter(|(_, form)| text.contains(form)).map(|(word, form)| format!("{word} as {form}")).collect()
}

#[test]
fn the_search_finds_every_form_at_every_place() {
    for word in KNOWN {
        for form in forms(word) {
            assert!(!found(&format!("x {form} y"), &[word]).is_empty(), "{form}");
        }
        for before in 0..4 {
            let text = STANDARD.encode(format!("{}{word}zz", "b".repeat(before)));
            assert!(!found(&text, &[word]).is_empty(), "{word} at {before}");
        }
    }
}
