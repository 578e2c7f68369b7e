//! Files to units, or precisely why not.

use super::problem::Problem;
use super::write::TooLarge;
use super::{Image, LIMIT, Table, Unit, fits, form, item_names, order, unit_of};
use crate::model::careplan::file_name::{FileName, MonthPart, NameError};
use crate::model::careplan::layout::FileKind;
use crate::model::careplan::row::{Row, RowError, Rows};
use crate::model::careplan::send_unit::{SendUnit, UnitMonth, send_units};
use crate::order;

/// A file: its bare name, without a path, and its content.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// The name.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// What files turned out to be.
#[derive(Debug, Default)]
pub struct Grouping {
    /// In the order in which they must be sent.
    pub submissions: Vec<Submission>,
    /// In the order of the files.
    pub refused: Vec<Refused>,
}

/// One send unit of one sender for all its recipients: the same kind, stamp and month.
#[derive(Debug)]
pub struct Submission {
    /// One unit for each recipient, never none.
    pub units: Vec<Unit>,
}

impl Submission {
    /// True when every recipient gets the same records.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.units.iter().all(|unit| self.units.first().is_some_and(|first| unit.shares_content(first)))
    }
}

/// Files that are no unit.
#[derive(Debug)]
pub struct Refused {
    /// Which, as places in the list that was given.
    pub files: Vec<usize>,
    /// Why.
    pub why: Refusal,
}

/// Why files are no unit. It holds no content of a file.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The name is none of the standard.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The content is no table of its kind.
    #[error("{kind}: {source}")]
    Content {
        /// The file's kind.
        kind: FileKind,
        /// Where and why.
        source: RowError,
    },
    /// Members are missing.
    #[error("the unit {} is not complete: {} missing", .unit.id, prefixes(.missing))]
    Incomplete {
        /// The unit that lacks the least.
        unit: &'static SendUnit,
        /// What it lacks.
        missing: Vec<FileKind>,
    },
    /// With others of the files they would be a unit, but the stamps differ.
    #[error("the stamps of {} differ", prefixes(.0))]
    Stamps(Vec<FileKind>),
    /// With others of the files they would be a unit, but the recipients differ.
    #[error("the recipients of {} differ", prefixes(.0))]
    Recipients(Vec<FileKind>),
    /// The standard has no unit of these kinds.
    #[error("{} together are no send unit", prefixes(.0))]
    Unknown(Vec<FileKind>),
    /// A kind, or an image of one branch, is there twice.
    #[error("{0} is there twice")]
    Twice(FileKind),
    /// The months of the names differ.
    #[error("the months of the files differ")]
    Months,
    /// It is longer than the hub takes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Refusal {
    /// A stable name, for example `UNIT_INCOMPLETE`; the linter's where it has a rule for the same.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Name(_) => "NAME_INVALID",
            Self::Content { .. } => "FILE_UNREADABLE",
            Self::Incomplete { .. } => "UNIT_INCOMPLETE",
            Self::Stamps(_) => "UNIT_STAMPS",
            Self::Recipients(_) => "UNIT_RECIPIENTS",
            Self::Unknown(_) => "UNIT_UNKNOWN",
            Self::Twice(_) => "UNIT_TWICE",
            Self::Months => "UNIT_MONTHS",
            Self::TooLarge(_) => "UNIT_TOO_LARGE",
        }
    }

    /// What is wrong and what to do, in Japanese and English.
    #[must_use]
    pub fn words(&self) -> [String; 2] {
        match self {
            Self::Name(NameError::Part(part)) => {
                let [ja, en] = part.words();
                [format!("ファイル名の{ja}が正しくありません。"), format!("The file name is wrong at {en}.")]
            }
            Self::Name(_) => [
                "ファイル名が標準仕様4.1の形ではありません。".to_owned(),
                "The file name is not one of the standard 4.1.".to_owned(),
            ],
            Self::Content { kind, source } => [
                format!("{kind}を読み取れません（{}）。", content(source)[0]),
                format!("{kind} cannot be read ({}).", content(source)[1]),
            ],
            Self::Incomplete { unit, missing } => [
                format!("{}がそろっていません。{}を加えてください。", unit.label, prefixes(missing)),
                format!("The files of {} are not complete. Add {}.", unit.english, prefixes(missing)),
            ],
            Self::Stamps(kinds) => [
                format!("{}の作成日時（ファイル連番）が違います。そろえてください。", prefixes(kinds)),
                format!("The stamps of {} differ. Make them the same.", prefixes(kinds)),
            ],
            Self::Recipients(kinds) => [
                format!("{}の送信先が違います。送信先ごとに一式そろえてください。", prefixes(kinds)),
                format!("The recipients of {} differ. Make a whole set for each recipient.", prefixes(kinds)),
            ],
            Self::Unknown(kinds) => [
                format!("{}の組み合わせは送信単位ではありません。分けて送ってください。", prefixes(kinds)),
                format!("{} together are no send unit. Send them apart.", prefixes(kinds)),
            ],
            Self::Twice(kind) => [
                format!("{kind}が同じ送信単位に2つあります。1つにしてください。"),
                format!("There are two files {kind} in one send unit. Make them one."),
            ],
            Self::Months => [
                "同じ送信単位のファイルの対象年月が違います。月ごとに分けてください。".to_owned(),
                "The months of the files of one send unit differ. Make a unit for each month.".to_owned(),
            ],
            Self::TooLarge(_) => {
                let problem = Problem::from(TooLarge);
                [problem.ja(), problem.en()]
            }
        }
    }
}

fn content(error: &RowError) -> [String; 2] {
    let ja = match error {
        RowError::Io(_) => "ファイルを読めません".to_owned(),
        RowError::TooLong { line } => format!("{line}行目：レコードが長すぎます"),
        RowError::Quotes { line, column } => format!("{line}行目 項目{column}：引用符が合いません"),
        RowError::Columns { line, found, expected } => format!("{line}行目：項目が{found}個（正しくは{expected}個）"),
        RowError::Characters { line, column } => format!("{line}行目 項目{column}：使えない文字（外字など）があります"),
    };
    [ja, error.to_string()]
}

fn prefixes(kinds: &[FileKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.prefix()).collect();
    names.join(", ")
}

/// Files of one sender, recipient and stamp.
struct Group {
    files: Vec<(usize, FileName)>,
}

impl Group {
    fn kinds(&self) -> Vec<FileKind> {
        let mut kinds: Vec<FileKind> = self.files.iter().map(|(_, name)| name.kind).collect();
        order::sort(&mut kinds);
        kinds.dedup();
        kinds
    }

    fn zero(&self) -> bool {
        self.files.iter().any(|(_, name)| name.month == Some(MonthPart::Zero))
    }

    fn first(&self) -> Option<&FileName> {
        self.files.first().map(|(_, name)| name)
    }

    fn unit(&self) -> Option<&'static SendUnit> {
        let first = self.first()?;
        unit_of(&self.kinds(), self.zero(), &first.from, &first.to)
    }

    /// The unit that lacks the least.
    fn nearest(&self) -> Option<(&'static SendUnit, Vec<FileKind>)> {
        let kinds = self.kinds();
        let units = send_units().iter().filter(|unit| unit.holds(&kinds) && fits(unit, &kinds, self.zero()));
        let missing = units.map(|unit| {
            let missing = unit.required.iter().copied().filter(|kind| !kinds.contains(kind));
            (unit, missing.collect::<Vec<_>>())
        });
        missing.min_by_key(|(_, missing)| missing.len())
    }

    /// True when both together would be a whole unit, and each of them brings something.
    fn completes(&self, other: &Self) -> bool {
        let together = Self { files: [self.files.as_slice(), &other.files].concat() };
        together.unit().is_some() && together.files.len() == together.kinds().len()
    }
}

/// Groups files into units by sender, recipient and stamp. No file is left without a place in a unit or in a refusal; names must
/// be of the standard's grammar, contents readable row by row. What the values say is the linter's business.
#[must_use]
pub fn group(files: &[File<'_>]) -> Grouping {
    let mut grouping = Grouping::default();
    let mut groups: Vec<Group> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let name = match FileName::parse(file.name) {
            Ok(name) => name,
            Err(why) => {
                grouping.refused.push(Refused { files: vec![at], why: why.into() });
                continue;
            }
        };
        let same = |group: &&mut Group| {
            group
                .first()
                .is_some_and(|first| (&first.from, &first.to, &first.stamp) == (&name.from, &name.to, &name.stamp))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.files.push((at, name)),
            None => groups.push(Group { files: vec![(at, name)] }),
        }
    }
    let mut units = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        match group.unit().map_or_else(|| Err(shortfall(at, &groups)), |kind| build(kind, group, files)) {
            Ok(unit) => units.push(unit),
            Err(why) => {
                let files = group.files.iter().map(|(at, _)| *at).collect();
                grouping.refused.push(Refused { files, why });
            }
        }
    }
    order::sort_by_key(&mut grouping.refused, |refused| refused.files.first().copied());
    order(&mut units);
    for unit in units {
        let same = |known: &Unit| {
            (known.kind, &known.stamp, known.month, &known.from) == (unit.kind, &unit.stamp, unit.month, &unit.from)
        };
        match grouping.submissions.iter_mut().find(|submission| submission.units.first().is_some_and(same)) {
            Some(submission) => submission.units.push(unit),
            None => grouping.submissions.push(Submission { units: vec![unit] }),
        }
    }
    grouping
}

/// Why a group is no unit: the other half is elsewhere, or missing, or the set is none of the standard.
fn shortfall(at: usize, groups: &[Group]) -> Refusal {
    let Some(group) = groups.get(at) else { return Refusal::Unknown(Vec::new()) };
    let first = group.first();
    let others = groups.iter().enumerate().filter(|(other, candidate)| *other != at && candidate.unit().is_none());
    for (_, other) in others.filter(|(_, other)| group.completes(other)) {
        let kinds = || [group.kinds(), other.kinds()].concat();
        if let (Some(one), Some(two)) = (first, other.first()) {
            if (&one.from, &one.to) == (&two.from, &two.to) {
                return Refusal::Stamps(kinds());
            }
            if (&one.from, &one.stamp) == (&two.from, &two.stamp) {
                return Refusal::Recipients(kinds());
            }
        }
    }
    match group.nearest() {
        Some((unit, missing)) => Refusal::Incomplete { unit, missing },
        None => Refusal::Unknown(group.kinds()),
    }
}

fn build(kind: &'static SendUnit, group: &Group, files: &[File<'_>]) -> Result<Unit, Refusal> {
    let first = group.first().ok_or(Refusal::Unknown(Vec::new()))?;
    let month = match kind.month {
        UnitMonth::Month => group.files.iter().find_map(|(_, name)| name.service_month()),
        _ => None,
    };
    let (from, to, stamp) = (first.from.clone(), first.to.clone(), first.stamp.clone());
    let mut unit = Unit { kind, stamp, month, from, to, tables: vec![], images: None, unknown: Default::default() };
    let mut room = LIMIT;
    for (at, name) in &group.files {
        let standard = unit.file_name(name.kind, name.branch.as_deref());
        if name.month != standard.month {
            return Err(Refusal::Months);
        }
        let Some(given) = files.get(*at) else { continue };
        let file = form::exact_name(given.name, &standard);
        match &name.branch {
            Some(branch) => {
                let images = unit.images.get_or_insert_default();
                if images.iter().any(|image| image.branch == *branch) {
                    return Err(Refusal::Twice(name.kind));
                }
                room = room.checked_sub(given.bytes.len() / 3 * 4).ok_or(TooLarge)?;
                images.push(Image { branch: branch.clone(), file, bytes: given.bytes.to_vec() });
            }
            None => {
                if unit.tables.iter().any(|table| table.kind == name.kind) {
                    return Err(Refusal::Twice(name.kind));
                }
                let rows = rows(name.kind, given.bytes, &mut room)?;
                unit.tables.push(Table { kind: name.kind, file, rows });
            }
        }
    }
    unit.arrange();
    unit.to_json()?;
    Ok(unit)
}

/// The rows of a file, as long as the unit has room for them: the least that JSON takes is counted on the way.
fn rows(kind: FileKind, bytes: &[u8], room: &mut usize) -> Result<Vec<Row>, Refusal> {
    let names: usize = item_names(kind).iter().map(|name| name.len() + 6).sum();
    let mut rows = Vec::new();
    for row in Rows::new(kind, bytes) {
        let row = row.map_err(|source| Refusal::Content { kind, source })?;
        let texts: usize = row.cells().iter().map(|cell| cell.text.len()).sum();
        *room = room.checked_sub(names + texts).ok_or(TooLarge)?;
        rows.push(row);
    }
    Ok(rows)
}
