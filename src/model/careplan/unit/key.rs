//! What must not overtake what: whom a unit is about, and whose queue it belongs into.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;

use super::Unit;
use crate::model::careplan::layout::FileKind;
use crate::model::hex;
use crate::order;

/// What a record is about (2.3, 3.3 of the standard). Person data: it has no text form but its digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The kind that a delete removes, or on which an annex hangs.
    document: FileKind,
    insurer: String,
    insured: String,
    /// Plan or consultation date, or month.
    of: String,
}

impl Key {
    /// The document: tables 1 to 3 count as table 1, 6 and 7 as 6, annexes as what they hang on, deletes as what they remove.
    #[must_use]
    pub const fn document(&self) -> FileKind {
        self.document
    }

    /// An opaque digest of the whole key: 32 hexadecimal digits that say nothing without the secret.
    #[must_use]
    pub fn digest(&self, secret: &[u8]) -> String {
        digest(secret, &["key", self.document.prefix(), &self.insurer, &self.insured, &self.of])
    }

    /// An opaque digest of the person alone.
    #[must_use]
    pub fn person(&self, secret: &[u8]) -> String {
        digest(secret, &["person", &self.insurer, &self.insured])
    }
}

impl Unit {
    /// Everything that the unit's records are about.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<Key> {
        // The supplement hangs on table 1 or 6: it is about nothing of its own.
        let tables = self.tables.iter().filter(|table| table.kind != FileKind::Supplement);
        let keys = tables.flat_map(|table| {
            let text = |row: &super::Row, name: &str| row.text(name).unwrap_or_default().to_owned();
            let of = ["care_plan_date", "consultation_date", "target_month"];
            let of = of.into_iter().find(|name| table.kind.layout().key.contains(name)).unwrap_or_default();
            table.rows.iter().map(move |row| Key {
                document: document(table.kind),
                insurer: text(row, "insurer_number"),
                insured: text(row, "insured_number"),
                of: text(row, of),
            })
        });
        order::set(keys)
    }

    /// The queue within which the order of units must be kept: sender and recipient, as an opaque digest of 32 hexadecimal digits.
    ///
    /// A unit is about many persons, and units about one person may differ in all the others. All units between two offices in
    /// one queue keep the order of every person; units to different offices never wait for each other.
    #[must_use]
    pub fn lane(&self, secret: &[u8]) -> String {
        let (from, to) = (&self.from, &self.to);
        digest(secret, &["lane", &from.office, &from.service_kind, &to.office, &to.service_kind])
    }

    /// True when this unit must not reach its recipient before `earlier`: the same offices, a later place, and a record about the
    /// same thing. A delete follows what it deletes, and a plan that is sent again follows its delete.
    #[must_use]
    pub fn follows(&self, earlier: &Self) -> bool {
        (&self.from, &self.to) == (&earlier.from, &earlier.to)
            && self.rank() > earlier.rank()
            && !self.keys().is_disjoint(&earlier.keys())
    }

    fn rank(&self) -> (&str, bool) {
        (&self.stamp, self.is_delete())
    }
}

/// Puts units into the order in which they must be sent and read: by stamp, whatever they are (2.5, 3.5); of one stamp,
/// deletes last; then by recipient and kind.
pub fn order(units: &mut [Unit]) {
    order::sort_by(units, |one, other| {
        let rest = |unit: &Unit| (unit.from.clone(), unit.to.clone(), unit.kind.id, unit.month);
        one.rank().cmp(&other.rank()).then_with(|| rest(one).cmp(&rest(other)))
    });
}

fn document(kind: FileKind) -> FileKind {
    let layout = kind.layout();
    layout.removes.first().copied().or(layout.parent).unwrap_or(kind)
}

fn digest(secret: &[u8], parts: &[&str]) -> String {
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(hash.sign().as_ref().get(..16).unwrap_or_default())
}
