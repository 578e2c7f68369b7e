//! What a sender may choose for a cluster that the destination cannot hold.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::Repertoire;

static TABLE: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
    LazyLock::new(|| listed().map(|(source, candidates)| (source, candidates.split(',').collect())).collect());

/// The rows of the candidate table: a character outside JIS X 0213, and its candidates separated by commas.
pub fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("candidates.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

/// Proposals for one cluster, most likely first, all inside `repertoire`; empty when none is known.
#[must_use]
pub fn candidates(cluster: &str, repertoire: Repertoire) -> Vec<String> {
    let bare: String = cluster.chars().filter(|&c| !is_selector(c)).collect();
    let table = TABLE.get(bare.as_str()).into_iter().flatten().map(|candidate| (*candidate).to_owned());
    let computed = [bare.clone(), bare.nfc().collect(), bare.nfkc().collect()];
    let mut found: Vec<String> = Vec::new();
    for candidate in table.chain(computed) {
        let useful = !candidate.is_empty() && candidate != cluster && !candidate.contains(char::is_control);
        if useful && !found.contains(&candidate) && repertoire.holds(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// Variation selectors and joiners: they choose a glyph and carry no letter of their own.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180D}' | '\u{200D}')
}
