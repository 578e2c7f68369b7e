//! Characters that a destination cannot hold, and the substitutes that somebody chose.

use std::collections::HashSet;

use super::problem::{MAX_PROBLEMS, Problem, ProblemCode, escaped};
use super::{Unit, item_names, needs_quotes};
use crate::model::careplan::cp932::{self, Traits};
use crate::model::careplan::row::{Cell, Form};
use crate::model::characters::{Repertoire, candidates, clusters};
use crate::model::opinion::Substitution;

/// How many different characters of one item are named.
const MAX_CHARACTERS: usize = 50;

/// A text as it was before a substitution.
#[derive(Clone, PartialEq, Eq)]
pub struct Original {
    /// JSON pointer from the unit to the item.
    pub pointer: String,
    /// What stood there.
    pub text: String,
}

/// A cell by table, row and item, from 0.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) table: usize,
    pub(super) row: usize,
    pub(super) item: usize,
}

impl Unit {
    /// Every character that the destination cannot hold, each once an item, with candidates: `CHARACTER_UNSUPPORTED`, up to 100.
    /// Pointers lead into the unit as [`Unit::to_json`] writes it. Line breaks and tabs can be held.
    #[must_use]
    pub fn unsupported(&self, repertoire: Repertoire) -> Vec<Problem> {
        match repertoire {
            Repertoire::Cp932 => self.not_in_csv(MAX_PROBLEMS),
            Repertoire::JisX0213 => self.problems(MAX_PROBLEMS, repertoire, |text| !repertoire.holds(text)),
        }
    }

    pub(super) fn not_in_csv(&self, most: usize) -> Vec<Problem> {
        self.problems(most, Repertoire::Cp932, |text| !in_csv(text))
    }

    fn problems(&self, most: usize, repertoire: Repertoire, is_out: impl Fn(&str) -> bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (table, rows) in self.tables.iter().enumerate() {
            for (row, cells) in rows.rows.iter().enumerate() {
                let cells = cells.cells().iter().enumerate();
                for (item, cell) in cells.filter(|(_, cell)| !is_plain(&cell.text) && is_out(&cell.text)) {
                    let place = Place { table, row, item };
                    let room = most.saturating_sub(problems.len()).min(MAX_CHARACTERS);
                    let mut seen: Vec<&str> = Vec::new();
                    let out = clusters(&cell.text).map(|cluster| cluster.text);
                    for character in out.filter(|text| !is_layout(text) && is_out(text)) {
                        if seen.len() < room && !seen.contains(&character) {
                            seen.push(character);
                            problems.push(self.unsupported_at(place, character, repertoire));
                        }
                    }
                    if problems.len() >= most {
                        return problems;
                    }
                }
            }
        }
        problems
    }

    fn unsupported_at(&self, place: Place, character: &str, repertoire: Repertoire) -> Problem {
        let [ja, en] = describe(character);
        let mut problem = Problem::new(self.cell_pointer(place), ProblemCode::CharacterUnsupported, &ja, &en);
        problem.character = Some(character.to_owned());
        problem.candidates = candidates(character, repertoire);
        problem
    }

    fn cell_pointer(&self, place: Place) -> String {
        let Place { table, row, item } = place;
        let name = self.tables.get(table).and_then(|table| item_names(table.kind).get(item));
        format!("/tables/{table}/rows/{row}/{}", escaped(name.map_or("", String::as_str)))
    }

    /// Makes the substitutions that somebody stated, as for opinions: at `pointer` every `original`, which the hub cannot hold, or
    /// CSV cannot, becomes `replacement`, which both can. Gives the texts as they were, for the record.
    ///
    /// # Errors
    /// Every substitution that cannot be made; the unit is then as it was.
    pub fn substitute(&mut self, substitutions: &[Substitution]) -> Result<Vec<Original>, Vec<Problem>> {
        let mut changed = self.clone();
        let (mut originals, mut problems) = (Vec::<Original>::new(), Vec::new());
        let mut kept = HashSet::new();
        for (at, substitution) in substitutions.iter().enumerate() {
            if problems.len() >= MAX_PROBLEMS {
                break;
            }
            let number = (at + 1).to_string();
            let Some(cell) = changed.cell_at(&substitution.pointer) else {
                problems.push(Problem::new("", ProblemCode::SubstitutionTarget, &number, &number));
                continue;
            };
            if let Some(code) = refusal(substitution, &cell.text) {
                problems.push(Problem::new(&substitution.pointer, code, &number, &number));
                continue;
            }
            if kept.insert(&substitution.pointer) {
                originals.push(Original { pointer: substitution.pointer.clone(), text: cell.text.clone() });
            }
            let quoted =
                matches!(&cell.form, Form::Exact(bytes) if bytes.first() == Some(&b'"')) || cell.form == Form::Quoted;
            cell.text = cell.text.replace(&substitution.original, &substitution.replacement);
            cell.form = if quoted || needs_quotes(&cell.text) { Form::Quoted } else { Form::Bare };
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        *self = changed;
        Ok(originals)
    }

    fn cell_at(&mut self, pointer: &str) -> Option<&mut Cell> {
        let mut parts = pointer.strip_prefix("/tables/")?.splitn(4, '/');
        let table = self.tables.get_mut(number(parts.next()?)?)?;
        let (rows, row, name) = (parts.next()?, number(parts.next()?)?, parts.next()?);
        let named = |known: &String| rows == "rows" && escaped(known) == name;
        let item = item_names(table.kind).iter().position(named);
        let item = item.or_else(|| table.kind.items().iter().position(|item| item.name == name))?;
        table.rows.get_mut(row)?.cells_mut().get_mut(item)
    }
}

pub(super) fn not_in_csv(unit: &Unit, place: Place, character: &str) -> Problem {
    unit.unsupported_at(place, character, Repertoire::Cp932)
}

fn number(part: &str) -> Option<usize> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}

/// True when the bytes of a text are read as that text again.
pub(super) fn in_csv(text: &str) -> bool {
    let foreign = Traits::INVALID.with(Traits::GAIJI);
    cp932::encode(text).is_ok_and(|bytes| !cp932::traits(&bytes).has(foreign))
}

/// True for texts that everybody can hold, which most are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t'))
}

pub(super) fn is_layout(cluster: &str) -> bool {
    matches!(cluster, "\r" | "\n" | "\t")
}

fn refusal(substitution: &Substitution, text: &str) -> Option<ProblemCode> {
    let Substitution { original, replacement, .. } = substitution;
    let held = |text: &str| Repertoire::JisX0213.holds(text) && in_csv(text);
    let visible = !replacement.trim().is_empty() && !replacement.contains(char::is_control);
    if !visible || !held(replacement) {
        Some(ProblemCode::SubstitutionReplacement)
    } else if original.is_empty() || clusters(original).any(|cluster| is_layout(cluster.text) || held(cluster.text)) {
        Some(ProblemCode::SubstitutionNeedless)
    } else {
        // Whole signs only: a mark alone may belong to a sign that can be held.
        let whole = |at: usize| clusters(text).any(|cluster| cluster.offset == at) || at == text.len();
        let all = |at: usize| whole(at) && whole(at + original.len());
        match text.match_indices(original.as_str()).map(|(at, _)| all(at)).reduce(|one, other| one && other) {
            None => Some(ProblemCode::SubstitutionUnused),
            Some(false) => Some(ProblemCode::SubstitutionNeedless),
            Some(true) => None,
        }
    }
}

/// The character and its number; only the number when it shows nothing or would turn the sentence around.
fn describe(cluster: &str) -> [String; 2] {
    let numbers: Vec<String> = cluster.chars().take(4).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let numbers = numbers.join(" ");
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    if cluster.contains(invisible) {
        [format!("見えない文字（{numbers}）"), format!("an invisible character ({numbers})")]
    } else {
        [format!("「{cluster}」（{numbers}）"), format!("\"{cluster}\" ({numbers})")]
    }
}
