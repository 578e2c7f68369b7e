//! Code tables: data with a version, replaceable without a new program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::value::{self, Month};

/// One code of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as the files write it.
    pub code: String,
    /// What it stands for.
    pub label: String,
    /// What else is known of it; empty for most lists.
    pub attribute: String,
}

/// One list of codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeList {
    /// What the items of the layout call it.
    pub id: String,
    /// What it is a list of.
    pub label: String,
    /// The codes, in printed order.
    pub codes: Vec<Code>,
}

impl CodeList {
    /// The entry of a code.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Code> {
        self.find(code.as_bytes())
    }

    /// The entry of a code as it stands in a file.
    #[must_use]
    pub fn find(&self, code: &[u8]) -> Option<&Code> {
        self.codes.iter().find(|entry| entry.code.as_bytes() == code)
    }
}

/// What is to be done with a CSVバージョン (item 1 of every file).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// The value of the edition: taken, and written.
    Current,
    /// Taken with a warning: seen in the field, not in the text of the edition.
    Tolerated,
    /// An earlier edition, with other layouts.
    Old,
}

impl VersionState {
    const fn word(self) -> &'static str {
        match self {
            Self::Current => "write",
            Self::Tolerated => "warn",
            Self::Old => "old",
        }
    }
}

/// Whether a service kind is exchanged (1.3, 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// It is.
    In,
    /// It is not: no rows for it.
    Out,
    /// It stands in file names only: care management itself.
    NameOnly,
}

/// All lists of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTables {
    edition: String,
    month: String,
    lists: BTreeMap<String, CodeList>,
}

/// Why a file is no set of code tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// There is no `version:` line before the first list.
    #[error("the version line is missing")]
    NoVersion,
    /// A line is neither a list nor a code of a list.
    #[error("line {0} is neither a list nor a code")]
    Line(usize),
    /// A list or a code stands there twice.
    #[error("line {0} repeats a list or a code")]
    Repeated(usize),
    /// A list that the layouts name is missing or empty.
    #[error("the list {0} is missing")]
    Missing(&'static str),
    /// No CSVバージョン is marked as the one to write, or several are.
    #[error("not exactly one csv_version is marked `write`")]
    NothingToWrite,
}

// A test parses the compiled-in file; the empty set is never seen.
static BUILT_IN: LazyLock<CodeTables> =
    LazyLock::new(|| CodeTables::parse(include_str!("codes.tsv")).unwrap_or_default());

impl TableError {
    /// The line that is wrong, from 1; `None` where something is missing.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        match self {
            Self::Line(line) | Self::Repeated(line) => Some(*line),
            Self::NoVersion | Self::Missing(_) | Self::NothingToWrite => None,
        }
    }
}

static NO_LIST: CodeList = CodeList { id: String::new(), label: String::new(), codes: Vec::new() };

impl CodeTables {
    /// The tables that are compiled in: edition 4.1.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads tables in the form of `codes.tsv`, which describes itself.
    ///
    /// # Errors
    /// [`TableError`] with the line; a set that lacks a list the layouts name is refused as a whole.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let (mut tables, mut list) = (Self::default(), None);
        // Editors on Windows put a byte order mark before it.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        for (at, line) in text.lines().enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                tables.line(line, at + 1, &mut list)?;
            }
        }
        tables.complete()?;
        Ok(tables)
    }

    fn line(&mut self, line: &str, at: usize, current: &mut Option<String>) -> Result<(), TableError> {
        let columns: Vec<&str> = line.split('\t').collect();
        match (columns.as_slice(), current.as_ref()) {
            (["version:", edition, month], None) => {
                (*edition).clone_into(&mut self.edition);
                (*month).clone_into(&mut self.month);
            }
            (["@", ..], _) if self.edition.is_empty() => return Err(TableError::NoVersion),
            (["@", id, label], _) => {
                let list = CodeList { id: (*id).to_owned(), label: (*label).to_owned(), codes: Vec::new() };
                if self.lists.insert((*id).to_owned(), list).is_some() {
                    return Err(TableError::Repeated(at));
                }
                *current = Some((*id).to_owned());
            }
            ([code, label, attribute], Some(id)) if !code.is_empty() && code.is_ascii() => {
                let list = self.lists.get_mut(id).ok_or(TableError::Line(at))?;
                if list.get(code).is_some() {
                    return Err(TableError::Repeated(at));
                }
                let attribute = if *attribute == "-" { "" } else { attribute };
                let [code, label, attribute] = [code, *label, attribute].map(str::to_owned);
                list.codes.push(Code { code, label, attribute });
            }
            _ => return Err(TableError::Line(at)),
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), TableError> {
        if self.edition.is_empty() {
            return Err(TableError::NoVersion);
        }
        let named = super::layout::layouts().iter().flat_map(|layout| &layout.items).map(|item| item.codes);
        for id in named.chain(["benefit_limit"]).filter(|id| !id.is_empty()) {
            if self.list(id).codes.is_empty() {
                return Err(TableError::Missing(id));
            }
        }
        let written = self.list("csv_version").codes.iter().filter(|code| code.attribute == "write");
        if written.count() == 1 { Ok(()) } else { Err(TableError::NothingToWrite) }
    }

    /// The same tables with one CSVバージョン taken otherwise than they say. [`VersionState::Current`] makes it the value to
    /// write and the former one tolerated.
    #[must_use]
    pub fn with_version(mut self, value: &str, state: VersionState) -> Self {
        if let Some(list) = self.lists.get_mut("csv_version") {
            if state == VersionState::Current {
                list.codes.iter_mut().filter(|code| code.attribute == "write").for_each(|code| {
                    VersionState::Tolerated.word().clone_into(&mut code.attribute);
                });
            }
            list.codes.retain(|code| code.code != value);
            let [code, label, attribute] = [value, "", state.word()].map(str::to_owned);
            list.codes.push(Code { code, label, attribute });
        }
        self
    }

    /// The same tables with these CSVバージョン taken and no others: the first is the one to write, the rest are tolerated. Without
    /// any, the tables stay as they are.
    #[must_use]
    pub fn with_versions<S: AsRef<str>>(mut self, accepted: &[S]) -> Self {
        let Some((current, others)) = accepted.split_first() else { return self };
        if let Some(list) = self.lists.get_mut("csv_version") {
            list.codes.retain(|code| code.attribute == VersionState::Old.word());
        }
        for version in others {
            self = self.with_version(version.as_ref(), VersionState::Tolerated);
        }
        self.with_version(current.as_ref(), VersionState::Current)
    }

    /// The standard's edition the tables belong to, for example `4.1`.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.edition
    }

    /// The month of the tables, `YYYYMM`.
    #[must_use]
    pub fn month(&self) -> &str {
        &self.month
    }

    /// Every list, by id.
    pub fn lists(&self) -> impl Iterator<Item = &CodeList> {
        self.lists.values()
    }

    /// The list of that id; an empty one when there is none.
    #[must_use]
    pub fn list(&self, id: &str) -> &CodeList {
        self.lists.get(id).unwrap_or(&NO_LIST)
    }

    /// What is to be done with a CSVバージョン; `None` for a value that is not in the tables.
    #[must_use]
    pub fn version(&self, value: &[u8]) -> Option<VersionState> {
        Some(match self.list("csv_version").find(value)?.attribute.as_str() {
            "write" => VersionState::Current,
            "warn" => VersionState::Tolerated,
            _ => VersionState::Old,
        })
    }

    /// The service month from which a CSVバージョン applies, `YYYYMM`; `None` where it is not known.
    #[must_use]
    pub fn version_from(&self, value: &[u8]) -> Option<Month> {
        value::month(self.list("csv_version_from").find(value)?.attribute.as_bytes())
    }

    /// The CSVバージョン to write.
    #[must_use]
    pub fn version_to_write(&self) -> &str {
        let mut codes = self.list("csv_version").codes.iter();
        codes.find(|code| code.attribute == "write").map_or("", |code| &code.code)
    }

    /// Whether a service kind is exchanged; `None` for a kind that is not in the tables.
    #[must_use]
    pub fn scope(&self, service_kind: &[u8]) -> Option<Scope> {
        Some(match self.list("service_kind").find(service_kind)?.attribute.as_str() {
            "in" => Scope::In,
            "out" => Scope::Out,
            _ => Scope::NameOnly,
        })
    }

    /// 区分支給限度基準額 in units a month for a care level.
    #[must_use]
    pub fn benefit_limit(&self, care_level: &[u8]) -> Option<i64> {
        self.list("benefit_limit").find(care_level)?.attribute.parse().ok()
    }
}
