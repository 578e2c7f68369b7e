//! The merged settings on their way into types. A getter that meets a mistake notes it and returns a placeholder, so that
//! the other settings are checked too; [`Reader::finish`] lets no placeholder out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use toml_edit::{InlineTable, Value};

use super::problem::{ConfigProblem, Place, Said};
use super::secret::SecretRef;
use super::sources::{File, Source};
use super::{DEFAULTS, document, facilities, suggest, values};
use crate::order::{self, SmallMap};

/// Every setting of the default file with its default, in the file's order.
static DEFAULT_SETTINGS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let entries = document::read(DEFAULTS).entries.into_iter();
    let default = |entry: &document::Entry| match entry.table {
        // Its entries bear names that only the operator knows.
        Some(_) => Some(InlineTable::new().into()),
        None => entry.value.clone(),
    };
    entries
        .filter_map(|entry| Some((format!("{}.{}", entry.section.as_ref()?, entry.name), default(&entry)?)))
        .collect()
});

#[derive(Clone)]
struct Setting {
    value: Value,
    /// `None`: the default.
    place: Option<Place>,
    /// Where each entry stands, of a setting that is a table.
    entries: SmallMap<String, Place>,
}

impl Setting {
    fn new(value: Value, place: Option<Place>) -> Self {
        Self { value, place, entries: SmallMap::new() }
    }

    /// Lays one entry of a table over what is there; false if this is no table, or the entry no value.
    fn lay(&mut self, entry: document::Entry, place: Place) -> bool {
        let (Some(mut value), Value::InlineTable(table)) = (entry.value, &mut self.value) else { return false };
        // Comments and spaces are no part of it: two readings are compared by their text.
        value.decor_mut().clear();
        if let Value::Array(array) = &mut value {
            array.fmt();
        }
        table.insert(&entry.name, value);
        self.entries.insert(entry.name, place.clone());
        self.place = Some(place);
        true
    }
}

/// See the module.
pub(super) struct Reader {
    base: PathBuf,
    settings: SmallMap<&'static str, Setting>,
    known: Vec<&'static str>,
    read: BTreeSet<&'static str>,
    unsound: BTreeSet<&'static str>,
    problems: Vec<ConfigProblem>,
    warnings: Vec<ConfigProblem>,
    /// Only the sections of a facility's own file are taken.
    of_facility: bool,
}

impl Reader {
    pub(super) fn new(base: &Path, problems: Vec<ConfigProblem>) -> Self {
        let mut settings = SmallMap::new();
        for (key, value) in DEFAULT_SETTINGS.iter() {
            settings.insert(key.as_str(), Setting::new(value.clone(), None));
        }
        Self {
            base: base.to_owned(),
            settings,
            known: DEFAULT_SETTINGS.iter().map(|(key, _)| key.as_str()).collect(),
            read: BTreeSet::new(),
            unsound: BTreeSet::new(),
            problems,
            warnings: Vec::new(),
            of_facility: false,
        }
    }

    /// A reader of the facility's own file at `path` over what is here: all of it but the settings `own`, which are not set.
    pub(super) fn of_facility(&self, path: &Path, own: &[&'static str]) -> Self {
        let mut settings = self.settings.clone();
        for key in own {
            settings.insert(key, Setting::new(String::new().into(), None));
        }
        Self {
            base: path.to_owned(),
            settings,
            known: self.known.clone(),
            read: BTreeSet::new(),
            unsound: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            of_facility: true,
        }
    }

    /// Lays a file over what is there.
    pub(super) fn apply(&mut self, file: &File) {
        let contents = document::read(&file.text);
        let place = |line| Place { file: file.path.clone(), line: Some(line) };
        for (line, said) in contents.syntax {
            self.problems.push(said.about(place(line), None));
        }
        for (section, line) in contents.sections {
            if self.is_of_box(&section) {
                let said = Said::new(
                    "事業所のファイルには [facility] と [hub] だけを書きます。この区分は engawa.toml に書いてください。",
                    "A facility's file has the sections [facility] and [hub] only. Write this one into engawa.toml.",
                );
                self.problems.push(said.about(place(line), Some(&section)));
            } else if !self.is_section(&section) {
                self.problems.push(suggest::unknown_section(&section, &self.known).about(place(line), Some(&section)));
            }
        }
        for entry in contents.entries {
            // The section has been named; a secret in it is still worth a sentence of its own.
            let elsewhere = entry.section.as_deref().is_some_and(|section| self.is_of_box(section));
            if elsewhere && !suggest::looks_secret(&entry.name) {
                continue;
            }
            self.apply_entry(entry, &place);
        }
    }

    fn apply_entry(&mut self, entry: document::Entry, line_at: &impl Fn(usize) -> Place) {
        let place = line_at(entry.line);
        let section = entry.section.as_deref();
        let key = section.map_or_else(|| entry.name.clone(), |section| format!("{section}.{}", entry.name));
        let known = self.known.iter().copied().find(|known| *known == key);
        if let (Some(known), Some(table)) = (known.filter(|known| self.is_table(known)), entry.table) {
            return self.apply_table(known, table, line_at);
        }
        let said = match (known, entry.value) {
            (Some(known), Some(value)) => {
                self.settings.insert(known, Setting::new(value, Some(place)));
                return;
            }
            (Some(known), None) => {
                self.unsound.insert(known);
                Said::new("ここには値を書きます。区分ではありません。", "This is a setting, not a section.")
            }
            (None, _) if section.is_none() && self.is_section(&key) => {
                Said::new(format!("[{key}] は区分です。"), format!("[{key}] is a section, not a setting."))
            }
            // The unknown section has been named once; a secret in it is still worth a sentence of its own.
            (None, _) if section.is_some_and(|section| !self.is_section(section)) => {
                match suggest::looks_secret(&entry.name) {
                    true => suggest::unknown_setting(section, &entry.name, &self.known),
                    false => return,
                }
            }
            (None, _) => suggest::unknown_setting(section, &entry.name, &self.known),
        };
        self.problems.push(said.about(place, Some(&key)));
    }

    /// A later file adds entries to a table and replaces those of the same name; the others stay.
    fn apply_table(&mut self, key: &'static str, table: Vec<document::Entry>, line_at: &impl Fn(usize) -> Place) {
        for entry in table {
            let place = line_at(entry.line);
            let laid = self.settings.get_mut(key).is_some_and(|setting| setting.lay(entry, place.clone()));
            if !laid {
                self.unsound.insert(key);
                let said =
                    Said::new("ここには値を書きます。区分ではありません。", "A value belongs here, not a section.");
                self.problems.push(said.about(place, Some(key)));
            }
        }
    }

    fn is_table(&self, key: &str) -> bool {
        self.settings.get(key).is_some_and(|setting| setting.value.is_inline_table())
    }

    /// A section of the box, where only those of a facility are taken.
    fn is_of_box(&self, name: &str) -> bool {
        self.of_facility && self.is_section(name) && !facilities::SECTIONS.contains(&name)
    }

    fn is_section(&self, name: &str) -> bool {
        self.known.iter().any(|key| key.split_once('.').is_some_and(|(section, _)| section == name))
    }

    /// Text that is parsed; the empty text is handed to `parse` like any other.
    pub(super) fn text<T: Default>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, Said>) -> T {
        self.convert(key, |value| match value.as_str() {
            Some(text) => parse(text),
            None => Err(Said::new("\"…\" で囲んだ文字列で書いてください。", "Write it as text in \"…\".")),
        })
    }

    /// Text that has to be set; the empty text is "not set".
    pub(super) fn required<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, Said>) -> Option<T> {
        self.text(key, |text| match text {
            "" => Err(Said::new("設定されていません。必ず書いてください。", "Not set. It is required.")),
            text => parse(text).map(Some),
        })
    }

    /// Text where the empty text means "none".
    pub(super) fn optional<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, Said>) -> Option<T> {
        self.text(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// The place of a secret, or none.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<SecretRef> {
        self.optional(key, secret_place)
    }

    /// The place of a secret that has to be named.
    pub(super) fn required_secret(&mut self, key: &'static str) -> Option<SecretRef> {
        self.required(key, secret_place)
    }

    /// A whole number within a range.
    pub(super) fn number<T: TryFrom<i64> + Default>(&mut self, key: &'static str, range: RangeInclusive<i64>) -> T {
        let (from, to) = (*range.start(), *range.end());
        let wrong = || {
            Said::new(
                format!("{from}から{to}までの整数を書いてください（\"…\" なし）。"),
                format!("Write a whole number from {from} to {to}, without quotes."),
            )
        };
        self.convert(key, |value| {
            let number = value.as_integer().filter(|number| range.contains(number)).ok_or_else(wrong)?;
            T::try_from(number).map_err(|_| wrong())
        })
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let wrong =
            || Said::new("true か false を書いてください（\"…\" なし）。", "Write true or false, without quotes.");
        self.convert(key, |value| value.as_bool().ok_or_else(wrong))
    }

    /// Whole seconds within a range.
    pub(super) fn seconds(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Duration {
        Duration::from_secs(self.number(key, range))
    }

    /// A size with unit within a range, in bytes.
    pub(super) fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        let (from, to) = (values::readable_size(*range.start()), values::readable_size(*range.end()));
        self.text(key, |text| match values::size(text)? {
            bytes if range.contains(&bytes) => Ok(bytes),
            _ => Err(Said::new(format!("{from}から{to}までです。"), format!("It has to be from {from} to {to}."))),
        })
    }

    /// One word of a closed set.
    pub(super) fn word<T: Copy + Default>(&mut self, key: &'static str, words: &[(&str, T)]) -> T {
        self.text(key, |text| {
            let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let all = all.join(", ");
            chosen.ok_or_else(|| Said::new(format!("次のどれかです: {all}"), format!("It is one of: {all}")))
        })
    }

    /// A list of texts, each parsed; every entry with a mistake is named by its place in the list.
    pub(super) fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, Said>) -> Vec<T> {
        let wrong = || Said::new("[\"…\", \"…\"] の形で書いてください。", "Write a list: [\"…\", \"…\"].");
        let mut mistakes = Vec::new();
        let list = self.convert(key, |value| {
            let entries = value.as_array().ok_or_else(wrong)?.iter();
            let parsed = entries.map(|entry| entry.as_str().ok_or_else(wrong).and_then(&parse));
            let sound = parsed
                .enumerate()
                .filter_map(|(index, parsed)| parsed.map_err(|said| mistakes.push(said.of_entry(index + 1))).ok());
            Ok(sound.collect())
        });
        for said in mistakes {
            self.unsound.insert(key);
            self.problems.push(said.about(self.place_of(key), Some(key)));
        }
        list
    }

    /// A table of lists of texts under names of the operator's choice. A mistake is named with the line of its entry; the
    /// entry's name is not quoted, for it may be a secret in the wrong place.
    pub(super) fn lists<K: Ord>(
        &mut self,
        key: &'static str,
        name: impl Fn(&str) -> Result<K, Said>,
        list: impl Fn(&[&str]) -> Result<Vec<String>, Said>,
    ) -> BTreeMap<K, Vec<String>> {
        let wrong = || {
            let (ja, en) = ("の下に 名前 = [\"…\", \"…\"] の形で書いてください。", "write name = [\"…\", \"…\"].");
            Said::new(format!("[{key}] {ja}"), format!("Under [{key}], {en}"))
        };
        let table = self.convert(key, |value| value.as_inline_table().cloned().ok_or_else(wrong));
        let (mut lists, mut mistakes) = (BTreeMap::new(), Vec::new());
        for (entry, value) in &table {
            let texts = value.as_array().map(|array| array.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
            let texts = texts.flatten().ok_or_else(wrong).and_then(|texts| list(&texts));
            match (name(entry), texts) {
                (Ok(name), Ok(texts)) => drop(lists.insert(name, texts)),
                (Err(said), _) | (_, Err(said)) => mistakes.push((self.place_of_entry(key, entry), said)),
            }
        }
        for (place, said) in mistakes {
            self.unsound.insert(key);
            self.problems.push(said.about(place, Some(key)));
        }
        lists
    }

    fn convert<T: Default>(&mut self, key: &'static str, convert: impl FnOnce(&Value) -> Result<T, Said>) -> T {
        self.read.insert(key);
        let converted = match self.settings.get(key) {
            Some(setting) => convert(&setting.value),
            None => {
                Err(Said::new("既定の設定ファイルにない項目です。", "The default file does not name this setting."))
            }
        };
        converted.unwrap_or_else(|said| {
            self.refuse(key, said);
            T::default()
        })
    }

    /// Notes a mistake about a setting that was read.
    pub(super) fn refuse(&mut self, key: &'static str, said: Said) {
        // The table in its place has been named already.
        if self.unsound.insert(key) {
            self.problems.push(said.about(self.place_of(key), Some(key)));
        }
    }

    /// Adds mistakes found elsewhere.
    pub(super) fn add(&mut self, problems: Vec<ConfigProblem>) {
        self.problems.extend(problems);
    }

    /// Notes a doubt.
    pub(super) fn doubt(&mut self, key: &'static str, said: Said) {
        self.warnings.push(said.about(self.place_of(key), Some(key)));
    }

    /// Whether all of these were read without a mistake, so that comparing them makes sense.
    pub(super) fn sound(&self, keys: &[&'static str]) -> bool {
        !keys.iter().any(|key| self.unsound.contains(key))
    }

    /// Of several settings that contradict each other, the one the operator wrote last.
    pub(super) fn culprit(&self, keys: [&'static str; 2]) -> &'static str {
        let written = |key: &'static str| self.settings.get(key).is_some_and(|setting| setting.place.is_some());
        if written(keys[0]) && !written(keys[1]) { keys[0] } else { keys[1] }
    }

    fn place_of_entry(&self, key: &str, entry: &str) -> Place {
        let place = self.settings.get(key).and_then(|setting| setting.entries.get(entry).cloned());
        place.unwrap_or_else(|| self.place_of(key))
    }

    /// Where a setting stands; the file as a whole where nobody has written it.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let place = self.settings.get(key).and_then(|setting| setting.place.clone());
        place.unwrap_or_else(|| Place { file: self.base.clone(), line: None })
    }

    /// Settings that the default file names and nobody read, or the other way round.
    pub(super) fn unread(&self) -> Vec<String> {
        let unread = self.known.iter().filter(|key| !self.read.contains(*key));
        let unnamed = self.read.iter().filter(|key| !self.known.contains(key));
        let unread = unread.map(|key| format!("{key} is in the default file, but nobody reads it"));
        unread.chain(unnamed.map(|key| format!("{key} is read, but the default file does not name it"))).collect()
    }

    /// The effective settings and the warnings.
    ///
    /// # Errors
    /// The mistakes, by file in the order of `files`, then by line.
    pub(super) fn finish(mut self, files: &[PathBuf]) -> Result<(Vec<Source>, Vec<ConfigProblem>), Vec<ConfigProblem>> {
        let rank = |problem: &ConfigProblem| {
            let file = files.iter().position(|file| *file == problem.place.file);
            (file, problem.place.line)
        };
        if !self.problems.is_empty() {
            order::sort_by_key(&mut self.problems, rank);
            return Err(self.problems);
        }
        let settings = &mut self.settings;
        let source = |key: &&'static str| {
            let Setting { mut value, place, .. } = settings.remove(key)?;
            value.decor_mut().clear();
            Some(Source { key, value: value.to_string(), place })
        };
        Ok((self.known.iter().filter_map(source).collect(), self.warnings))
    }
}

fn secret_place(text: &str) -> Result<SecretRef, Said> {
    SecretRef::parse(text).ok_or_else(|| {
        Said::new(
            "ファイルの場所（/ で始まる）か \"credential:名前\" を書いてください。パスワードや鍵そのものは書きません。",
            "Write the place of a file (beginning with /) or \"credential:name\". Never the secret itself.",
        )
    })
}
