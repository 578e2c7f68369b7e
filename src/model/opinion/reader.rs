//! Reads the JSON object item by item, keeps every problem, and never stops at the first.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::choice::{Choice, Choices, FormVersion};
use super::dates::{PARTS, PartialDate, parse_date};
use super::item::Item;
use super::problem::{Fill, Problem, ProblemCode, Severity};
use super::table::Kind;
use super::text::{Line, Lines, Tenths};
use super::text_check;
use crate::order::{self, SmallMap};

/// How many unknown names are reported one by one: a foreign document is not worth a million sentences.
const MAX_UNKNOWN: usize = 100;

/// What becomes of a detail that is missing, or that its owner does not call for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Amiss {
    /// Both are errors.
    Refused,
    /// Both are warnings; the form has no place for a stray one, and it is left out.
    Dropped,
    /// Both are warnings; a stray one is sent.
    Kept,
}

/// One item as stated.
#[derive(Clone, Copy, Default)]
struct Slot<'a> {
    value: Option<&'a Value>,
    /// A problem of its value was reported: rules that depend on it keep silent.
    broken: bool,
}

/// A problem with its place in form order.
struct Found {
    row: usize,
    at: usize,
    problem: Problem,
}

/// The items of one opinion and what was found wrong so far.
pub(super) struct Reader<'a> {
    slots: Vec<Slot<'a>>,
    substituted: SmallMap<Item, String>,
    found: Vec<Found>,
}

impl<'a> Reader<'a> {
    /// Sorts the object's members into their slots; names that are no item are reported.
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        let mut reader =
            Self { slots: vec![Slot::default(); Item::ALL.len()], substituted: SmallMap::new(), found: Vec::new() };
        let mut unknown: Vec<&str> = Vec::new();
        for (name, value) in object {
            match Item::parse(name) {
                Some(item) => reader.slot_mut(item).value = Some(value).filter(|value| !value.is_null()),
                None => unknown.push(name),
            }
        }
        order::sort(&mut unknown);
        for name in unknown.into_iter().take(MAX_UNKNOWN) {
            let pointer = format!("/{}", escape(name));
            reader.push(
                usize::MAX,
                0,
                Problem::new(pointer, ProblemCode::ItemUnknown, Severity::Error, &Fill::default()),
            );
        }
        reader
    }

    /// Every problem in form order; those of unknown names last.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        order::sort_by_key(&mut self.found, |found| (found.row, found.at));
        self.found.into_iter().map(|found| found.problem).collect()
    }

    // Reporting.

    fn push(&mut self, row: usize, at: usize, problem: Problem) {
        self.found.push(Found { row, at, problem });
    }

    pub(super) fn report(&mut self, item: Item, code: ProblemCode, severity: Severity, fill: &Fill) {
        let problem = Problem::new(format!("/{}", item.name()), code, severity, fill);
        self.keep(item, problem);
    }

    pub(super) fn keep(&mut self, item: Item, problem: Problem) {
        if problem.is_error() {
            self.slot_mut(item).broken = true;
        }
        self.push(item as usize, 0, problem);
    }

    /// A problem with no item: it comes first.
    pub(super) fn keep_general(&mut self, problem: Problem) {
        self.push(0, 0, problem);
    }

    pub(super) fn error(&mut self, item: Item, code: ProblemCode) {
        self.report(item, code, Severity::Error, &Fill::item(item));
    }

    pub(super) fn warn(&mut self, item: Item, code: ProblemCode) {
        self.report(item, code, Severity::Warning, &Fill::item(item));
    }

    pub(super) fn warn_with(&mut self, item: Item, code: ProblemCode, other: Item) {
        self.report(item, code, Severity::Warning, &Fill::item(item).with(other));
    }

    fn error_within(&mut self, item: Item, at: usize, part: &str, code: ProblemCode) {
        let pointer = format!("/{}/{}", item.name(), escape(part));
        self.slot_mut(item).broken = true;
        self.push(item as usize, at + 1, Problem::new(pointer, code, Severity::Error, &Fill::item(item)));
    }

    fn wrong_type(&mut self, item: Item) {
        let (ja, en) = match item.row().kind {
            Kind::Text | Kind::Lines => ("文字列", "a string"),
            Kind::Choice => ("選択肢の符号（文字列）", "a code of its list, as a string"),
            Kind::Choices => ("選択肢の符号（文字列）の配列", "an array of codes of its list"),
            Kind::Flag => ("true か false", "true or false"),
            Kind::Date => ("YYYY-MM-DD の文字列", "a string YYYY-MM-DD"),
            Kind::RoughDate => ("precision などを持つオブジェクト", "an object with `precision`"),
            Kind::Whole | Kind::Tenths => ("数", "a number"),
        };
        self.report(item, ProblemCode::ItemType, Severity::Error, &Fill::item(item).detail(ja, en));
    }

    // What is there.

    fn slot(&self, item: Item) -> Slot<'a> {
        self.slots.get(item as usize).copied().unwrap_or_default()
    }

    #[allow(clippy::indexing_slicing, reason = "one slot an item, made in `new`")]
    fn slot_mut(&mut self, item: Item) -> &mut Slot<'a> {
        &mut self.slots[item as usize]
    }

    /// The value as sent; `None` when absent or null.
    pub(super) fn value(&self, item: Item) -> Option<&'a Value> {
        self.slot(item).value
    }

    /// True when the item is there, right or wrong.
    pub(super) fn stated(&self, item: Item) -> bool {
        self.value(item).is_some()
    }

    /// `answer`, unless the item it was read from is broken: then nothing can be concluded from it.
    pub(super) fn unless_broken(&self, item: Item, answer: bool) -> Option<bool> {
        (!self.slot(item).broken).then_some(answer)
    }

    /// An empty list of an item whose emptiness says nothing counts as not stated.
    pub(super) fn drop_empty_list(&mut self, item: Item) {
        if self.value(item).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.slot_mut(item).value = None;
        }
    }

    /// Puts the text in which the sender's substitutions were made in place of the one sent.
    pub(super) fn substitute(&mut self, item: Item, text: String) {
        self.substituted.insert(item, text);
    }

    /// The text as substituted so far.
    pub(super) fn substituted(&self, item: Item) -> Option<&str> {
        self.substituted.get(&item).map(String::as_str)
    }

    // Reading values.

    pub(super) fn line(&mut self, item: Item) -> Option<Line> {
        self.text(item, false).map(Line)
    }

    pub(super) fn lines(&mut self, item: Item) -> Option<Lines> {
        self.text(item, true).map(Lines)
    }

    fn text(&mut self, item: Item, many_lines: bool) -> Option<String> {
        let Some(sent) = self.value(item)?.as_str() else {
            self.wrong_type(item);
            return None;
        };
        let text = self.substituted.remove(&item).unwrap_or_else(|| sent.to_owned());
        // Windows line ends are the same text: only the mark differs.
        let text = if many_lines && text.contains('\r') { text.replace("\r\n", "\n") } else { text };
        let problems = text_check::problems(item, &text, many_lines);
        let fine = !problems.iter().any(Problem::is_error);
        for problem in problems {
            self.keep(item, problem);
        }
        fine.then_some(text)
    }

    pub(super) fn choice<T: Choice>(&mut self, item: Item) -> Option<T> {
        let Some(code) = self.value(item)?.as_str() else {
            self.wrong_type(item);
            return None;
        };
        let choice = T::parse(code);
        if choice.is_none() {
            self.error(item, ProblemCode::ChoiceUnknown);
        }
        choice
    }

    pub(super) fn choices<T: Choice>(&mut self, item: Item) -> Option<Choices<T>> {
        self.choices_or_none(item, None).map(|(choices, _)| choices)
    }

    /// Reads a list that may hold the code `exclusive`, which has no choice of its own; the flag says that it stood there.
    pub(super) fn choices_or_none<T: Choice>(
        &mut self,
        item: Item,
        exclusive: Option<&str>,
    ) -> Option<(Choices<T>, bool)> {
        let Some(codes) = self.value(item)?.as_array() else {
            self.wrong_type(item);
            return None;
        };
        if codes.len() > 2 * (T::ALL.len() + 1) {
            self.error(item, ProblemCode::ListTooLong);
            return None;
        }
        let (mut ticked, mut none) = (Choices::default(), false);
        for (at, code) in codes.iter().enumerate() {
            let fresh = match code.as_str().map(|code| (code, T::parse(code))) {
                Some((_, Some(choice))) => ticked.insert(choice),
                Some((code, None)) if Some(code) == exclusive => !std::mem::replace(&mut none, true),
                _ => {
                    self.error_within(item, at, &at.to_string(), ProblemCode::ChoiceUnknown);
                    continue;
                }
            };
            if !fresh {
                self.error_within(item, at, &at.to_string(), ProblemCode::ChoiceDuplicate);
            }
        }
        if none && !ticked.is_empty() {
            self.error(item, ProblemCode::ChoiceExclusive);
        }
        Some((ticked, none))
    }

    pub(super) fn flag(&mut self, item: Item) -> Option<bool> {
        let flag = self.value(item)?.as_bool();
        if flag.is_none() {
            self.wrong_type(item);
        }
        flag
    }

    pub(super) fn date(&mut self, item: Item) -> Option<Date> {
        let Some(text) = self.value(item)?.as_str() else {
            self.wrong_type(item);
            return None;
        };
        let date = parse_date(text);
        if date.is_none() {
            let fill = Fill::item(item).detail("YYYY-MM-DD の形（1868年以降）", "YYYY-MM-DD (1868 or later)");
            self.report(item, ProblemCode::DateInvalid, Severity::Error, &fill);
        }
        date
    }

    pub(super) fn rough_date(&mut self, item: Item) -> Option<PartialDate> {
        let Some(object) = self.value(item)?.as_object() else {
            self.wrong_type(item);
            return None;
        };
        let mut unknown: Vec<&String> = object.keys().filter(|name| !PARTS.contains(&name.as_str())).collect();
        order::sort(&mut unknown);
        for (at, name) in unknown.into_iter().take(MAX_UNKNOWN).enumerate() {
            self.error_within(item, at, name, ProblemCode::ItemUnknown);
        }
        let date = PartialDate::parse(object);
        if date.is_none() {
            let fill = Fill::item(item).detail(
                "precision（year・month・day・unknown）とそれに応じた year・month・day（1868年以降）",
                "`precision` (year, month, day or unknown) with the `year`, `month` and `day` it calls for (1868 or later)",
            );
            self.report(item, ProblemCode::DateInvalid, Severity::Error, &fill);
        }
        date
    }

    /// A measure is no ground to refuse an opinion: one with more decimals is rounded, an impossible one left out.
    pub(super) fn tenths(&mut self, item: Item) -> Option<Tenths> {
        let Some(number) = self.value(item)?.as_f64() else {
            self.wrong_type(item);
            return None;
        };
        let tenths = Tenths::nearest(number);
        match tenths {
            None => {
                let fill = Fill::item(item).detail("0より大きく1000未満", "above 0 and below 1000");
                self.report(item, ProblemCode::NumberDropped, Severity::Warning, &fill);
            }
            Some(nearest) if !nearest.is(number) => self.warn(item, ProblemCode::NumberRounded),
            Some(_) => {}
        }
        tenths
    }

    // Rules between an item and the detail that belongs to it.

    /// The detail is there exactly when its owner calls for it. `called` is `None` when the owner is broken.
    pub(super) fn detail(&mut self, owner: Item, called: Option<bool>, detail: Item, amiss: Amiss) {
        let (code, severity) = match (called, self.stated(detail), amiss) {
            (Some(true), false, Amiss::Refused) => (ProblemCode::DetailRequired, Severity::Error),
            (Some(true), false, Amiss::Dropped | Amiss::Kept) => (ProblemCode::DetailExpected, Severity::Warning),
            (Some(false), true, Amiss::Refused) => (ProblemCode::DetailStray, Severity::Error),
            (Some(false), true, Amiss::Kept) => (ProblemCode::DetailStray, Severity::Warning),
            (Some(false), true, Amiss::Dropped) => (ProblemCode::DetailDropped, Severity::Warning),
            _ => return,
        };
        self.report(detail, code, severity, &Fill::item(detail).with(owner));
    }

    // Looking without reporting, for rules across sections.

    /// The choice, when there is a valid one.
    pub(super) fn peek<T: Choice>(&self, item: Item) -> Option<T> {
        T::parse(self.value(item)?.as_str()?)
    }

    /// The date, when there is a valid one.
    pub(super) fn peek_date(&self, item: Item) -> Option<Date> {
        parse_date(self.value(item)?.as_str()?)
    }

    /// True when the list holds the choice.
    pub(super) fn peek_ticked<T: Choice>(&self, item: Item, choice: T) -> bool {
        let list = self.value(item).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|code| code.as_str() == Some(choice.code())))
    }

    /// The form version, when it is a valid one.
    pub(super) fn form(&self) -> Option<FormVersion> {
        self.peek(Item::FormVersion)
    }
}

/// A name as one token of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
