//! Which files travel together: `units.tsv`, read once.

use std::sync::LazyLock;

use super::layout::{Direction, FileKind};

/// The month part that the files of a unit carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitMonth {
    /// No file has one.
    None,
    /// The supplement has `000000`.
    Zero,
    /// Every file that can have one has the same `YYYYMM`.
    Month,
}

/// A send unit (送信単位): files with one stamp (2.4, 3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendUnit {
    /// A short name of our own, `H1` to `P9`.
    pub id: &'static str,
    /// Which way it travels.
    pub direction: Direction,
    /// The kinds that must be there.
    pub required: Vec<FileKind>,
    /// The kinds that may be there: annexes and images.
    pub optional: Vec<FileKind>,
    /// The month part.
    pub month: UnitMonth,
    /// What it is.
    pub label: &'static str,
    /// What it is, in English.
    pub english: &'static str,
}

impl SendUnit {
    /// True when a set of kinds is this unit: all that must be there, nothing that may not.
    #[must_use]
    pub fn is(&self, kinds: &[FileKind]) -> bool {
        self.required.iter().all(|kind| kinds.contains(kind)) && self.holds(kinds)
    }

    /// True when every kind belongs to the unit, even if some are missing.
    #[must_use]
    pub fn holds(&self, kinds: &[FileKind]) -> bool {
        kinds.iter().all(|kind| self.required.contains(kind) || self.optional.contains(kind))
    }
}

static UNITS: LazyLock<Vec<SendUnit>> = LazyLock::new(|| {
    let lines = include_str!("units.tsv").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(unit).collect()
});

/// Every unit. H2 and P4, S1 and P8 and so on are the same set of files between other parties.
#[must_use]
pub fn send_units() -> &'static [SendUnit] {
    &UNITS
}

fn unit(line: &'static str) -> SendUnit {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default();
    let kinds = |list: &'static str| list.split(',').filter_map(FileKind::parse).collect();
    SendUnit {
        id: next(),
        direction: if next() == "result" { Direction::Result } else { Direction::Plan },
        required: kinds(next()),
        optional: kinds(next()),
        month: match next() {
            "zero" => UnitMonth::Zero,
            "month" => UnitMonth::Month,
            _ => UnitMonth::None,
        },
        label: next(),
        english: next(),
    }
}
