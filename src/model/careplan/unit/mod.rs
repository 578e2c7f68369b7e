//! Send units between the CSV files of 4.1 and the hub's neutral JSON, in both directions.
//!
//! - [`group`]: files to units, or precisely why not; one unit for each recipient.
//! - [`Unit::to_json`], [`Unit::parse`]: the hub's form. `docs/careplan-units.md` describes it.
//! - [`Unit::files`]: the CSV files of a unit.
//! - [`Unit::unsupported`], [`Unit::substitute`]: characters that a destination cannot hold; [`Unit::fit_for_csv`] of what
//!   others sent.
//! - [`Key`], [`Unit::lane`], [`order`]: what must not overtake what.
//!
//! **Invariants.** Files → unit → JSON → unit → files gives the same bytes for every file that [`Rows`] reads: what the texts
//! alone would not give back stands in the member `form`. A unit without `form` gives the files that the standard wants. No
//! text is ever changed but by a stated substitution. Tables stand in the order of `units.tsv`, images in the order of their
//! branches, so equal files give equal JSON. Nothing that is printed of a unit, a problem or a refusal holds person data.
//!
//! [`Rows`]: super::Rows

mod characters;
mod csv;
mod file;
mod form;
mod group;
mod key;
mod problem;
mod read;
mod tree;
mod weight;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::file_name::{FileName, MonthPart, Party};
use super::layout::{FileKind, Item, layouts};
use super::row::{Form, Row};
use super::send_unit::{SendUnit, UnitMonth, send_units};
use super::value::Month;
use crate::model::characters::Repertoire;

pub use characters::Original;
pub use group::{File, Grouping, Refusal, Refused, Submission, group};
pub use key::{Key, order};
pub use problem::{Problem, ProblemCode};
pub use read::Reading;
pub use weight::MAX_WEIGHT;
pub use write::TooLarge;

/// The longest unit in JSON, in bytes. The hub takes calls of 20 MiB; a kilobyte is left for what stands around the unit.
pub const LIMIT: usize = 20 * 1024 * 1024 - 1024;

/// One send unit for one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Unit {
    kind: &'static SendUnit,
    stamp: String,
    month: Option<Month>,
    from: Party,
    to: Party,
    tables: Vec<Table>,
    images: Option<Vec<Image>>,
    unknown: BTreeMap<Place, Map<String, Value>>,
}

/// One CSV file of a unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    kind: FileKind,
    /// The file's name, where it is not the one that the standard makes of the unit.
    file: Option<String>,
    rows: Vec<Row>,
}

/// One image of a unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    branch: String,
    file: Option<String>,
    bytes: Vec<u8>,
}

/// Where a member stood that CSV cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Unit,
    Table(FileKind),
    Row(FileKind, usize),
}

impl Unit {
    /// Which unit it is. Of units with the same files, the parties' service kinds decide.
    #[must_use]
    pub const fn kind(&self) -> &'static SendUnit {
        self.kind
    }

    /// ファイル連番, 14 digits: the order of reading.
    #[must_use]
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// The service month, of units that have one.
    #[must_use]
    pub const fn month(&self) -> Option<Month> {
        self.month
    }

    /// 送信元.
    #[must_use]
    pub const fn from(&self) -> &Party {
        &self.from
    }

    /// 送信先.
    #[must_use]
    pub const fn to(&self) -> &Party {
        &self.to
    }

    /// The tables, in the order of `units.tsv`.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The images, in the order of their branches.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        self.images.as_deref().unwrap_or_default()
    }

    /// True when it only names what is to be removed.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.kind.required.iter().any(|kind| kind.is_delete())
    }

    /// Pointers to the members that were kept although CSV cannot carry them. Empty unless read with [`Reading::Received`].
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let members = self.unknown.iter().flat_map(|(place, members)| members.keys().map(move |name| (*place, name)));
        members.map(|(place, name)| format!("{}/{}", self.pointer(place), problem::escaped(name))).collect()
    }

    /// True when both are the same for two recipients: everything but the recipient and the form of the files.
    #[must_use]
    pub fn shares_content(&self, other: &Self) -> bool {
        let texts = |one: &Row, other: &Row| {
            one.cells().iter().map(|cell| &cell.text).eq(other.cells().iter().map(|cell| &cell.text))
        };
        let tables = |one: &Table, other: &Table| {
            one.kind == other.kind
                && one.rows.len() == other.rows.len()
                && one.rows.iter().zip(&other.rows).all(|(one, other)| texts(one, other))
        };
        let same = |one: &[Table], others: &[Table]| {
            one.len() == others.len() && one.iter().zip(others).all(|(one, other)| tables(one, other))
        };
        let images = |unit: &Self| -> Vec<(String, Vec<u8>)> {
            unit.images().iter().map(|image| (image.branch.clone(), image.bytes.clone())).collect()
        };
        (self.kind, &self.stamp, self.month, &self.from) == (other.kind, &other.stamp, other.month, &other.from)
            && same(&self.tables, &other.tables)
            && images(self) == images(other)
    }

    /// The pointer from the unit, as [`Unit::to_json`] writes it, to a place.
    fn pointer(&self, place: Place) -> String {
        let at = |kind| self.tables.iter().position(|table| table.kind == kind).unwrap_or(self.tables.len());
        match place {
            Place::Unit => String::new(),
            Place::Table(kind) => format!("/tables/{}", at(kind)),
            Place::Row(kind, row) => format!("/tables/{}/rows/{row}", at(kind)),
        }
    }

    /// The standard's name for the file of a kind, and for an image of a branch.
    fn file_name(&self, kind: FileKind, branch: Option<&str>) -> FileName {
        let month = match (kind.layout().month, self.kind.month) {
            (super::layout::MonthRule::None, _) => None,
            (_, UnitMonth::Zero) => Some(MonthPart::Zero),
            _ => self.month.map(MonthPart::Month),
        };
        FileName {
            kind,
            month,
            from: self.from.clone(),
            to: self.to.clone(),
            stamp: self.stamp.clone(),
            branch: branch.map(str::to_owned),
            stray_month: false,
        }
    }
}

/// Says which unit it is, and nothing of what is in it.
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("kind", &self.kind.id)
            .field("stamp", &self.stamp)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl Table {
    /// The kind of its file.
    #[must_use]
    pub const fn kind(&self) -> FileKind {
        self.kind
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Image {
    /// 枝番, four digits.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The image file's content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

static NAMES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| layouts().iter().map(|kind| names(&kind.items)).collect());

/// The names of a kind's items in the unit: the standard's own. Where it uses one name twice (table 3), the later item has its
/// number behind it; where it writes half-width kana, which the hub cannot hold (基本情報 14), they are full-width.
#[must_use]
pub fn item_names(kind: FileKind) -> &'static [String] {
    NAMES.get(kind as usize).map_or(&[], Vec::as_slice)
}

fn names(items: &[Item]) -> Vec<String> {
    let twice = |at: usize, item: &Item| items.iter().take(at).any(|earlier| earlier.label == item.label);
    let name = |(at, item): (usize, &Item)| {
        let label =
            if Repertoire::JisX0213.holds(item.label) { item.label.to_owned() } else { item.label.nfkc().collect() };
        if twice(at, item) { format!("{label}（{}）", item.number) } else { label }
    };
    items.iter().enumerate().map(name).collect()
}

/// True when a text cannot stand without quotes.
fn needs_quotes(text: &str) -> bool {
    text.contains([',', '"', '\r', '\n'])
}

/// How the standard's writer would write a text.
fn standard_form(item: &Item, text: &str) -> Form {
    if needs_quotes(text) { Form::Quoted } else { Form::standard(item) }
}

/// The unit that a set of kinds is. The supplement's month decides between tables 1 to 3 and tables 6 and 7.
fn unit_of(kinds: &[FileKind], zero: bool, from: &Party, to: &Party) -> Option<&'static SendUnit> {
    let preventive = [from, to].into_iter().any(is_preventive);
    let units = send_units().iter().filter(|unit| unit.is(kinds) && fits(unit, kinds, zero));
    units.min_by_key(|unit| unit.id.starts_with('P') != preventive)
}

fn fits(unit: &SendUnit, kinds: &[FileKind], zero: bool) -> bool {
    !kinds.contains(&FileKind::Supplement) || (unit.month == UnitMonth::Zero) == zero
}

/// True for 46 (介護予防支援) and the preventive services. The files themselves do not say it.
fn is_preventive(party: &Party) -> bool {
    const KINDS: &str = "46 61 62 63 64 65 66 67 24 25 26 2B 34 35 37 39 44 45 69 74 75";
    let kind = party.service_kind.as_str();
    kind.starts_with('A') || KINDS.split(' ').any(|known| known == kind)
}
