//! Substitutions the sender states for characters the destination cannot hold. Nothing else is ever replaced.

use serde_json::{Map, Value};

use crate::model::characters::{Repertoire, clusters};

use super::item::Item;
use super::problem::{Fill, Problem, ProblemCode, Severity};
use super::reader::Reader;
use super::table::Kind;

/// At `pointer` every occurrence of `original` is sent as `replacement`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Substitution {
    /// JSON pointer from the opinion object to a text item, for example `/applicant_name`.
    pub pointer: String,
    /// The character as the document has it, with its marks: one the destination cannot hold.
    pub original: String,
    /// What is sent instead.
    pub replacement: String,
}

/// How many faulty substitutions are reported: the rest is not looked at.
const MAX_FAULTS: usize = 100;

/// Makes the substitutions and returns the texts they changed, as they were sent.
pub(super) fn apply(reader: &mut Reader<'_>, substitutions: &[Substitution]) -> Map<String, Value> {
    let (mut originals, mut faults) = (Map::new(), 0);
    for (at, substitution) in substitutions.iter().enumerate() {
        if faults == MAX_FAULTS {
            break;
        }
        let number = (at + 1).to_string();
        let fill = Fill::default().detail(&number, &number);
        let Some((item, sent)) = target(reader, &substitution.pointer) else {
            faults += 1;
            reader.keep_general(Problem::new(String::new(), ProblemCode::SubstitutionTarget, Severity::Error, &fill));
            continue;
        };
        let text = reader.substituted(item).unwrap_or(sent);
        if let Some(code) = refusal(substitution, text) {
            faults += 1;
            reader.report(item, code, Severity::Error, &Fill { item: Some(item), ..fill });
            continue;
        }
        let replaced = text.replace(&substitution.original, &substitution.replacement);
        originals.insert(item.name().to_owned(), Value::String(sent.to_owned()));
        reader.substitute(item, replaced);
    }
    originals
}

fn target<'a>(reader: &Reader<'a>, pointer: &str) -> Option<(Item, &'a str)> {
    let item = Item::parse(pointer.strip_prefix('/')?)?;
    let is_text = matches!(item.row().kind, Kind::Text | Kind::Lines);
    Some((item, reader.value(item).filter(|_| is_text)?.as_str()?))
}

fn refusal(substitution: &Substitution, text: &str) -> Option<ProblemCode> {
    let Substitution { original, replacement, .. } = substitution;
    let hub = Repertoire::JisX0213;
    let visible = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
    if !visible(replacement) || !hub.holds(replacement) {
        Some(ProblemCode::SubstitutionReplacement)
    } else if original.is_empty() || clusters(original).any(|cluster| hub.holds(cluster.text)) {
        Some(ProblemCode::SubstitutionNeedless)
    } else if !text.contains(original.as_str()) {
        Some(ProblemCode::SubstitutionUnused)
    } else {
        touches_held(text, original).then_some(ProblemCode::SubstitutionNeedless)
    }
}

/// True when an occurrence is part of a sign that can be held, such as the mark alone of か゚.
fn touches_held(text: &str, original: &str) -> bool {
    let held = clusters(text).filter(|cluster| Repertoire::JisX0213.holds(cluster.text));
    let held: Vec<_> = held.map(|cluster| cluster.offset..cluster.offset + cluster.text.len()).collect();
    let touched = |from: usize, to: usize| {
        let next = held.partition_point(|held| held.end <= from);
        held.get(next).is_some_and(|held| held.start < to)
    };
    text.match_indices(original).any(|(at, _)| touched(at, at + original.len()))
}
