//! How much memory a unit will take, told before any of it is taken.
//!
//! A row of two octets becomes as many cells as its table has items, and a member of five octets takes a hundred. So the octets
//! of the JSON say nothing, and values and cells are counted first.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::problem::{Problem, ProblemCode};
use crate::model::careplan::layout::FileKind;

/// What one unit, or all units of one request, may weigh, in cells of 40 octets: 200 MB. The largest unit that the hub takes
/// weighs half of it where its items are as long as those of the standard.
pub const MAX_WEIGHT: usize = 5_000_000;

/// A value with its name, in the order in which it was written.
const VALUE: usize = 3;
/// An object as a map, which takes room for eleven members from its first one on.
pub(super) const MAP: usize = 18;

pub(super) fn too_many() -> Problem {
    Problem::new("", ProblemCode::UnitTooMany, "", "")
}

/// The weight of the unit that `json` is, if it is within `room`.
///
/// # Errors
/// `None`: it is beyond. Otherwise the JSON's own error.
pub(super) fn weigh<'de, D: Deserializer<'de>>(json: D, room: usize) -> Result<usize, Option<D::Error>> {
    let mut scale = Scale { left: room, rows: 0, items: 0, beyond: false };
    match (Weigh { level: Level::Unit, scale: &mut scale }).deserialize(json) {
        Ok(()) => Ok(room - scale.left),
        Err(_) if scale.beyond => Err(None),
        Err(error) => Err(Some(error)),
    }
}

struct Scale {
    left: usize,
    /// Rows of the table that is being read, and the items of its kind.
    rows: usize,
    items: usize,
    beyond: bool,
}

impl Scale {
    fn take<E: serde::de::Error>(&mut self, weight: usize) -> Result<(), E> {
        if let Some(left) = self.left.checked_sub(weight) {
            self.left = left;
            return Ok(());
        }
        self.beyond = true;
        Err(E::custom("too much"))
    }
}

/// Where in a unit a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Unit,
    Tables,
    Table,
    Name,
    Rows,
    Row,
    /// Anything that no unit has there.
    Inner,
}

impl Level {
    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Unit, "tables") => Self::Tables,
            (Self::Table, "name") => Self::Name,
            (Self::Table, "rows") => Self::Rows,
            _ => Self::Inner,
        }
    }

    const fn item(self) -> Self {
        match self {
            Self::Tables => Self::Table,
            Self::Rows => Self::Row,
            _ => Self::Inner,
        }
    }
}

struct Weigh<'a> {
    level: Level,
    scale: &'a mut Scale,
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.scale.take(VALUE)?;
        deserializer.deserialize_any(self)
    }
}

/// A member's name, which is looked at and not kept.
struct Named(Level);

impl<'de> DeserializeSeed<'de> for Named {
    type Value = Level;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Level, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Named {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Level, E> {
        Ok(self.0.member(name))
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.level == Level::Name {
            let kind = FileKind::ALL.iter().find(|kind| kind.prefix() == text);
            self.scale.items = kind.map_or(0, |kind| kind.items().len()).max(self.scale.items);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { level, scale } = self;
        while items.next_element_seed(Weigh { level: level.item(), scale })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { level, scale } = self;
        match level {
            Level::Table => (scale.rows, scale.items) = (0, 0),
            Level::Row => scale.rows += 1,
            Level::Inner => scale.take(MAP)?,
            _ => {}
        }
        while let Some(level) = members.next_key_seed(Named(level))? {
            members.next_value_seed(Weigh { level, scale })?;
        }
        if level == Level::Table {
            let cells = scale.rows.checked_mul(scale.items).ok_or_else(|| A::Error::custom("too much"))?;
            scale.take(cells)?;
        }
        Ok(())
    }
}
