//! What a text must be: not blank, no control characters, within its length and the hub's repertoire.

use crate::model::characters::{Repertoire, candidates};

use super::item::Item;
use super::problem::{Fill, Problem, ProblemCode, Severity};

/// How many different unsupported characters of one item are named.
const MAX_CHARACTERS: usize = 50;

pub(super) fn problems(item: Item, text: &str, many_lines: bool) -> Vec<Problem> {
    let report = |code, fill: Fill| Problem::new(format!("/{}", item.name()), code, Severity::Error, &fill);
    if text.trim().is_empty() {
        return vec![report(ProblemCode::TextEmpty, Fill::item(item))];
    }
    let mut problems = Vec::new();
    let max = item.row().limit();
    // What lies beyond the limit has to go in any case: it is not looked at, so a huge text costs little.
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    let (text, beyond) = text.split_at_checked(end).unwrap_or((text, ""));
    if !beyond.is_empty() {
        let max = max.to_string();
        problems.push(report(ProblemCode::TextTooLong, Fill::item(item).detail(&max, &max)));
    } else if text.chars().nth(item.row().max).is_some() {
        let usual = item.row().max.to_string();
        let fill = Fill::item(item).detail(&usual, &usual);
        problems.push(Problem::new(format!("/{}", item.name()), ProblemCode::TextLong, Severity::Warning, &fill));
    }
    if let Some(control) = text.chars().find(|c| c.is_control() && !(many_lines && *c == '\n')) {
        let name = code_points(&control.to_string());
        problems.push(report(ProblemCode::ControlCharacter, Fill::item(item).detail(&name, &name)));
    }
    let unsupported = Repertoire::JisX0213.unsupported(text);
    for cluster in unsupported.iter().filter(|cluster| !cluster.text.contains(char::is_control)).take(MAX_CHARACTERS) {
        let [ja, en] = describe(cluster.text);
        let mut problem = report(ProblemCode::CharacterUnsupported, Fill::item(item).detail(&ja, &en));
        problem.character = Some(cluster.text.to_owned());
        problem.candidates = candidates(cluster.text, Repertoire::JisX0213);
        problems.push(problem);
    }
    problems
}

/// The character and its number; only the number when it shows nothing or would turn the sentence around.
fn describe(cluster: &str) -> [String; 2] {
    let numbers = code_points(cluster);
    let invisible =
        |c| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    if cluster.contains(invisible) {
        [format!("見えない文字（{numbers}）"), format!("an invisible character ({numbers})")]
    } else {
        [format!("「{cluster}」（{numbers}）"), format!("\"{cluster}\" ({numbers})")]
    }
}

fn code_points(cluster: &str) -> String {
    let numbers: Vec<String> = cluster.chars().take(4).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    numbers.join(" ")
}
