//! Writes an opinion's items back as JSON values.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::choice::{Choice, Choices};
use super::dates::PartialDate;
use super::item::Item;
use super::text::{Line, Lines, Tenths};

/// One slot an item: the output is in form order whatever order the sections write in.
pub(super) struct Writer(Vec<Value>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(vec![Value::Null; Item::ALL.len()])
    }

    /// The stated items in form order.
    pub(super) fn into_values(self) -> Map<String, Value> {
        let stated = Item::ALL.iter().zip(self.0).filter(|(_, value)| !value.is_null());
        stated.map(|(item, value)| (item.name().to_owned(), value)).collect()
    }

    pub(super) fn put(&mut self, item: Item, value: impl Into<Value>) {
        if let Some(slot) = self.0.get_mut(item as usize) {
            *slot = value.into();
        }
    }

    pub(super) fn line(&mut self, item: Item, line: Option<&Line>) {
        self.put(item, line.map(Line::as_str));
    }

    pub(super) fn lines(&mut self, item: Item, lines: Option<&Lines>) {
        self.put(item, lines.map(Lines::as_str));
    }

    pub(super) fn choice<T: Choice>(&mut self, item: Item, choice: Option<T>) {
        self.put(item, choice.map(T::code));
    }

    pub(super) fn choices<T: Choice>(&mut self, item: Item, choices: Option<Choices<T>>) {
        self.put(item, choices.map(|choices| choices.iter().map(T::code).collect::<Vec<_>>()));
    }

    pub(super) fn flag(&mut self, item: Item, flag: Option<bool>) {
        self.put(item, flag);
    }

    pub(super) fn date(&mut self, item: Item, date: Option<Date>) {
        self.put(item, date.map(|date| date.to_string()));
    }

    pub(super) fn rough_date(&mut self, item: Item, date: Option<PartialDate>) {
        self.put(item, date.map(PartialDate::to_value));
    }

    pub(super) fn tenths(&mut self, item: Item, measure: Option<Tenths>) {
        self.put(item, measure.map(Tenths::value));
    }
}
