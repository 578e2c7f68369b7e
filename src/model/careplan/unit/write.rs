//! A unit as JSON, written piece by piece.
//!
//! Every member beside `tables` is a string, `form` too: a hub that knows nothing of it passes a string on unread.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error as _, SerializeMap, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::problem::{Problem, ProblemCode};
use super::{Image, LIMIT, Place, Table, Unit, form, item_names};
use crate::model::careplan::FileKind;

impl Unit {
    /// The unit as the hub takes it: compact JSON of at most [`LIMIT`] bytes. Equal units give equal bytes.
    ///
    /// # Errors
    /// [`TooLarge`] when it would be longer.
    pub fn to_json(&self) -> Result<Vec<u8>, TooLarge> {
        let mut out = Bounded(Vec::new());
        serde_json::to_writer(&mut out, self).map_err(|_| TooLarge)?;
        Ok(out.0)
    }
}

/// The unit is longer than [`LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the unit is longer than {LIMIT} bytes of JSON")]
pub struct TooLarge;

impl From<TooLarge> for Problem {
    fn from(_: TooLarge) -> Self {
        Self::new("", ProblemCode::UnitTooLarge, &LIMIT.to_string(), &LIMIT.to_string())
    }
}

/// Takes [`LIMIT`] bytes and no more.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind.id)?;
        map.serialize_entry("stamp", &self.stamp)?;
        if let Some(month) = self.month {
            map.serialize_entry("month", &month.to_string())?;
        }
        map.serialize_entry("from_facility", &self.from.office)?;
        map.serialize_entry("from_service_kind", &self.from.service_kind)?;
        map.serialize_entry("to_facility", &self.to.office)?;
        map.serialize_entry("to_service_kind", &self.to.service_kind)?;
        map.serialize_entry("tables", &Tables(self))?;
        let forms = form::of(self);
        if !forms.is_empty() {
            map.serialize_entry("form", &serde_json::to_string(&forms).map_err(S::Error::custom)?)?;
        }
        kept(self, Place::Unit, &mut map)?;
        map.end()
    }
}

/// The members of a place that are no items.
fn kept<M: SerializeMap>(unit: &Unit, place: Place, map: &mut M) -> Result<(), M::Error> {
    let members = unit.unknown.get(&place).into_iter().flatten();
    members.into_iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
}

struct Tables<'a>(&'a Unit);

impl Serialize for Tables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.0;
        let mut tables = serializer.serialize_seq(None)?;
        for table in &unit.tables {
            tables.serialize_element(&TableOf { unit, table })?;
        }
        if let Some(images) = &unit.images {
            tables.serialize_element(&Images { unit, images })?;
        }
        tables.end()
    }
}

struct TableOf<'a> {
    unit: &'a Unit,
    table: &'a Table,
}

impl Serialize for TableOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.table.kind.prefix())?;
        map.serialize_entry("rows", &RowsOf(self))?;
        kept(self.unit, Place::Table(self.table.kind), &mut map)?;
        map.end()
    }
}

struct RowsOf<'a>(&'a TableOf<'a>);

impl Serialize for RowsOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let mut rows = serializer.serialize_seq(Some(table.table.rows.len()))?;
        for at in 0..table.table.rows.len() {
            rows.serialize_element(&RowOf { table, at })?;
        }
        rows.end()
    }
}

struct RowOf<'a> {
    table: &'a TableOf<'a>,
    at: usize,
}

impl Serialize for RowOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TableOf { unit, table } = self.table;
        let cells = table.rows.get(self.at).map_or(&[][..], |row| row.cells());
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in item_names(table.kind).iter().zip(cells) {
            map.serialize_entry(name, &cell.text)?;
        }
        kept(unit, Place::Row(table.kind, self.at), &mut map)?;
        map.end()
    }
}

struct Images<'a> {
    unit: &'a Unit,
    images: &'a [Image],
}

impl Serialize for Images<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", FileKind::BaseImage.prefix())?;
        map.serialize_entry("rows", &ImageRows(self))?;
        kept(self.unit, Place::Table(FileKind::BaseImage), &mut map)?;
        map.end()
    }
}

struct ImageRows<'a>(&'a Images<'a>);

impl Serialize for ImageRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Images { unit, images } = self.0;
        let rows = images.iter().enumerate().map(|(at, image)| ImageRow { unit, image, at });
        serializer.collect_seq(rows)
    }
}

struct ImageRow<'a> {
    unit: &'a Unit,
    image: &'a Image,
    at: usize,
}

impl Serialize for ImageRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("branch", &self.image.branch)?;
        map.serialize_entry("content", &STANDARD.encode(&self.image.bytes))?;
        kept(self.unit, Place::Row(FileKind::BaseImage, self.at), &mut map)?;
        map.end()
    }
}
