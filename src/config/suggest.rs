//! What an unknown name was probably meant to be.

use super::problem::Said;

/// Below this likeness a suggestion would mislead.
const LIKENESS: f64 = 0.7;

/// Words that a value, not a place, of a secret goes by.
const SECRET_WORDS: [&str; 10] =
    ["password", "passwd", "passphrase", "secret", "token", "private_key", "api_key", "apikey", "master_key", "pin"];

/// The sentence for an unknown setting `section.name`, given every known one.
pub(super) fn unknown_setting(section: Option<&str>, name: &str, known: &[&'static str]) -> Said {
    if looks_secret(name) {
        return secret_value(section, name, known);
    }
    let full = section.map_or_else(|| name.to_owned(), |section| format!("{section}.{name}"));
    let elsewhere = known.iter().find(|key| key.split_once('.').is_some_and(|(_, known)| known == name));
    with_suggestion("この項目はありません。", "There is no such setting.", elsewhere.copied().or(nearest(&full, known)))
}

/// The sentence for an unknown section.
pub(super) fn unknown_section(name: &str, known: &[&'static str]) -> Said {
    let mut sections: Vec<&str> = known.iter().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    sections.dedup();
    with_suggestion("この区分はありません。", "There is no such section.", nearest(name, &sections))
}

/// Whether a name reads as that of a secret itself.
pub(super) fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    !name.ends_with("_file") && SECRET_WORDS.iter().any(|word| name == *word || name.ends_with(&format!("_{word}")))
}

fn secret_value(section: Option<&str>, name: &str, known: &[&'static str]) -> Said {
    let asked = format!("{}.{name}_file", section.unwrap_or_default());
    let place = nearest(&asked, known).filter(|key| key.ends_with("_file")).unwrap_or("hub.password_file");
    Said::new(
        format!(
            "パスワードや鍵そのものを設定に書いてはいけません。行を消し、別のファイルに収めて {place} にその場所を書いてください。書いたものは変えることを勧めます。"
        ),
        format!(
            "A secret itself must not stand in the settings. Remove the line, put the secret into a file of its own and name that file in {place}. Changing the secret is advised."
        ),
    )
}

fn with_suggestion(ja: &str, en: &str, suggestion: Option<&str>) -> Said {
    match suggestion {
        Some(key) => Said::new(format!("{ja}{key} のことですか。"), format!("{en} Did you mean {key}?")),
        None => Said::new(
            format!("{ja}全項目は config/engawa.toml にあります。"),
            format!("{en} config/engawa.toml lists them all."),
        ),
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |key: &&str| strsim::normalized_damerau_levenshtein(name, key);
    known
        .iter()
        .copied()
        .map(|key| (likeness(&key), key))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, key)| key)
}
