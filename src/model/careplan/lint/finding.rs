//! What is found, said without person data.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::rule::{Rule, Severity};
use crate::model::careplan::layout::Item;
use crate::order;

/// How many findings of one file are kept by default.
pub const DEFAULT_MAX_FINDINGS: usize = 1000;

/// One thing found at one place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The name of the file, as it was given.
    pub file: Arc<str>,
    /// The line, from 1; line breaks inside values count.
    pub line: Option<u64>,
    /// The item: its number is the column.
    pub item: Option<&'static Item>,
    /// The last item, where it cannot be told which one from `item` to here is meant (a value is missing or too many).
    pub through: Option<&'static Item>,
    /// The value, where it can be shown: never of an item that says something about a person.
    pub shown: Option<String>,
    /// What fills `{detail}`, in Japanese and English.
    detail: [String; 2],
}

impl Finding {
    pub(in crate::model::careplan) fn new(rule: Rule, file: &Arc<str>) -> Self {
        let detail = [String::new(), String::new()];
        Self { rule, file: Arc::clone(file), line: None, item: None, through: None, shown: None, detail }
    }

    pub(super) const fn at(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) const fn item(mut self, item: &'static Item) -> Self {
        self.item = Some(item);
        self
    }

    pub(super) fn through(mut self, last: &'static Item) -> Self {
        self.through = Some(last).filter(|last| self.item.is_some_and(|first| first.number < last.number));
        self
    }

    pub(super) fn shown(mut self, shown: Option<String>) -> Self {
        self.shown = shown;
        self
    }

    pub(in crate::model::careplan) fn detail(self, detail: impl std::fmt::Display) -> Self {
        let detail = detail.to_string();
        self.words(&detail, &detail)
    }

    pub(super) fn words(mut self, ja: &str, en: &str) -> Self {
        self.detail = [ja, en].map(str::to_owned);
        self
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// The column: the item's number.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.item.map(|item| item.number)
    }

    /// True when the finding is about that item, or may be.
    #[must_use]
    pub fn names(&self, item: &Item) -> bool {
        let last = self.through.or(self.item).map_or(0, |last| last.number);
        self.item.is_some_and(|first| (first.number..=last).contains(&item.number))
    }

    /// The sentence in Japanese.
    #[must_use]
    pub fn ja(&self) -> String {
        let [detail, _] = &self.detail;
        self.rule.ja().replace("{item}", self.item.map_or("", |item| item.label)).replace("{detail}", detail)
    }

    /// The sentence in English.
    #[must_use]
    pub fn en(&self) -> String {
        let [_, detail] = &self.detail;
        self.rule.en().replace("{item}", self.item.map_or("", |item| item.name)).replace("{detail}", detail)
    }
}

impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 12)?;
        finding.serialize_field("code", self.rule.name())?;
        finding.serialize_field("severity", &self.severity())?;
        finding.serialize_field("file", &*self.file)?;
        finding.serialize_field("line", &self.line)?;
        finding.serialize_field("column", &self.column())?;
        finding.serialize_field("column_to", &self.through.map(|item| item.number))?;
        finding.serialize_field("item", &self.item.map(|item| item.name))?;
        finding.serialize_field("item_label", &self.item.map(|item| item.label))?;
        finding.serialize_field("value", &self.shown)?;
        finding.serialize_field("detail", &self.ja())?;
        finding.serialize_field("detail_en", &self.en())?;
        finding.serialize_field("source", self.rule.source())?;
        finding.end()
    }
}

/// A value that may be shown: of an item that is not about a person, no longer than the item, plain ASCII. A value that
/// slipped into the wrong column is longer or of another sort, and is not shown.
pub(super) fn show(item: &Item, value: &[u8]) -> Option<String> {
    let max = item.length.map_or(0, |length| length.max);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'+' | b'=');
    let fits = !item.personal && !value.is_empty() && value.len() <= max && value.iter().all(plain);
    fits.then(|| String::from_utf8_lossy(value).into_owned())
}

/// The findings of one or several files. Only so many are kept; the rest is counted.
#[derive(Clone, Debug)]
pub struct Findings {
    kept: Vec<Finding>,
    max: usize,
    dropped: u64,
    worst: Option<Severity>,
}

impl Findings {
    pub(super) const fn new(max: usize) -> Self {
        Self { kept: Vec::new(), max, dropped: 0, worst: None }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.worst = Some(self.worst.map_or(finding.severity(), |worst| worst.min(finding.severity())));
        if self.kept.len() < self.max {
            self.kept.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn append(&mut self, mut others: Self) {
        self.dropped += others.dropped;
        if let Some(worst) = others.worst {
            self.worst = Some(self.worst.map_or(worst, |own| own.min(worst)));
        }
        let room = self.max.saturating_sub(self.kept.len());
        self.dropped += others.kept.len().saturating_sub(room) as u64;
        others.kept.truncate(room);
        self.kept.append(&mut others.kept);
    }

    /// The findings, in the order of the files and their lines.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there were in all.
    pub(super) const fn count(&self) -> u64 {
        self.kept.len() as u64 + self.dropped
    }

    /// How many more there were.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The worst severity, among those not kept too; `None` when nothing was found.
    #[must_use]
    pub const fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// True when something is refused: the files must not be sent.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.worst == Some(Severity::Refused)
    }

    pub(super) fn sort(&mut self, order: impl Fn(&str) -> usize) {
        order::sort_by_key(&mut self.kept, |finding| (order(&finding.file), finding.line, finding.column()));
    }
}
