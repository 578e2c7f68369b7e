//! The item and choice tables, read once from their files.

use std::sync::LazyLock;

use super::choice::FormVersion;
use crate::model::packed;

/// How an item's value is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string of one line.
    Text,
    /// A string that may hold line breaks.
    Lines,
    /// One code of the item's list.
    Choice,
    /// An array of codes of the item's list.
    Choices,
    /// `true` or `false`.
    Flag,
    /// `YYYY-MM-DD`.
    Date,
    /// An object, see `PartialDate`.
    RoughDate,
    /// A whole number.
    Whole,
    /// A number with at most one decimal.
    Tenths,
}

/// What a form version demands of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// Missing is an error.
    Required,
    /// Missing is a warning.
    Expected,
    /// Depends on another item.
    Dependent,
    /// May be left out.
    Optional,
    /// Is not on this form: stating it is an error.
    Absent,
}

/// One row of items.tsv.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name on the wire.
    pub name: &'static str,
    /// Where on the form.
    pub place: &'static str,
    /// The form's own words.
    pub label: &'static str,
    /// How the value is written.
    pub kind: Kind,
    /// The choice list; empty when the item has none.
    pub list: &'static str,
    /// What clinic software and municipal systems are known to hold, in characters; 0 when the item is no text. No official
    /// limit exists, so more is a warning up to [`Row::limit`].
    pub max: usize,
    /// True when nothing longer exists, by the number's own rule.
    pub exact: bool,
    /// The obligation on the form until 2026-03 and on the one from 2026-04.
    pub obligations: [Obligation; 2],
    /// The rule for people who write sending software; empty when there is none.
    pub rule: &'static str,
    /// How the guidance wants the item understood; not checked. Empty where there is nothing to say.
    pub note: &'static str,
}

/// The least that a text of one line may have.
const ONE_LINE: usize = 100;
/// What a text of many lines may have.
const MANY_LINES: usize = 4000;

impl Row {
    /// The longest text that is taken, in characters; 0 when the item is no text. Generous: it only keeps nonsense out.
    #[must_use]
    pub fn limit(&self) -> usize {
        match (self.kind, self.max) {
            (_, max) if self.exact => max,
            (Kind::Text, 1..) => (4 * self.max).max(ONE_LINE),
            (Kind::Lines, _) => MANY_LINES,
            _ => 0,
        }
    }

    /// The obligation on one form version.
    #[must_use]
    pub const fn obligation(&self, form: FormVersion) -> Obligation {
        let [until, from] = self.obligations;
        match form {
            FormVersion::Until202603 => until,
            FormVersion::From202604 => from,
        }
    }
}

/// One row of choices.tsv.
#[derive(Clone, Copy, Debug)]
pub struct ChoiceRow {
    /// The list it belongs to.
    pub list: &'static str,
    /// The code on the wire.
    pub code: &'static str,
    /// The form's own words.
    pub label: &'static str,
    /// True for the choice that stands alone in its list.
    pub excludes_others: bool,
}

static ITEMS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    rows(packed::kept(include_bytes!(concat!(env!("OUT_DIR"), "/items.tsv.gz")))).map(item_row).collect()
});
static CHOICES: LazyLock<Vec<ChoiceRow>> = LazyLock::new(|| {
    rows(packed::kept(include_bytes!(concat!(env!("OUT_DIR"), "/choices.tsv.gz")))).map(choice_row).collect()
});

/// What an index beyond the table reads as; a test holds table and enum to the same length.
static NO_ROW: Row = Row {
    name: "",
    place: "",
    label: "",
    kind: Kind::Text,
    list: "",
    max: 0,
    exact: false,
    obligations: [Obligation::Optional; 2],
    rule: "",
    note: "",
};

/// Every item row, in form order.
#[must_use]
pub fn items() -> &'static [Row] {
    &ITEMS
}

/// Every choice row, list by list, in printed order.
#[must_use]
pub fn choices() -> &'static [ChoiceRow] {
    &CHOICES
}

pub(super) fn row(index: usize) -> &'static Row {
    ITEMS.get(index).unwrap_or(&NO_ROW)
}

fn rows(file: &'static str) -> impl Iterator<Item = std::str::Split<'static, char>> {
    file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t'))
}

fn item_row(mut columns: std::str::Split<'static, char>) -> Row {
    let mut next = || columns.next().filter(|column| *column != "-").unwrap_or_default();
    let [name, place, label] = [next(), next(), next()];
    let (kind, list, length) = (kind(next()), next(), next());
    let exact = length.strip_prefix('=');
    Row {
        name,
        place,
        label,
        kind,
        list,
        max: exact.unwrap_or(length).parse().unwrap_or(0),
        exact: exact.is_some(),
        obligations: [obligation(next()), obligation(next())],
        rule: next(),
        note: next(),
    }
}

fn choice_row(mut columns: std::str::Split<'static, char>) -> ChoiceRow {
    let mut next = || columns.next().unwrap_or_default();
    ChoiceRow { list: next(), code: next(), label: next(), excludes_others: next() == "excludes_others" }
}

fn kind(name: &str) -> Kind {
    match name {
        "lines" => Kind::Lines,
        "choice" => Kind::Choice,
        "choices" => Kind::Choices,
        "flag" => Kind::Flag,
        "date" => Kind::Date,
        "rough_date" => Kind::RoughDate,
        "whole" => Kind::Whole,
        "tenths" => Kind::Tenths,
        _ => Kind::Text,
    }
}

fn obligation(name: &str) -> Obligation {
    match name {
        "required" => Obligation::Required,
        "expected" => Obligation::Expected,
        "dependent" => Obligation::Dependent,
        "absent" => Obligation::Absent,
        _ => Obligation::Optional,
    }
}
