//! JSON without repeated member names. Of two `"name"` members most readers keep one in silence; in a medical document
//! nobody should have to guess which.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::{Failure, Place};
use crate::fault::Code;

/// Repeats named in one answer.
const MAX_REPORTED: usize = 50;

/// Reads one JSON value.
///
/// # Errors
/// `REQUEST_MALFORMED`, naming line and column, or every repeated member.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    let repeats = RefCell::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Node { path: &Path::Root, repeats: &repeats }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value)).map_err(|error| syntax(&error))?;
    match repeats.into_inner() {
        repeats if repeats.is_empty() => Ok(value),
        repeats => Err(Failure::at(Code::RequestMalformed, repeats)),
    }
}

fn syntax(error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line(), error.column());
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            "",
            "JSON_SYNTAX",
            &format!("JSONとして読めません（{line}行{column}文字目）。"),
            &format!("This is not JSON (line {line}, column {column})."),
        ),
    )
}

enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    path: &'a Path<'a>,
    repeats: &'a RefCell<Vec<Place>>,
}

impl Node<'_> {
    fn note_repeat(&self, pointer: String) {
        let mut repeats = self.repeats.borrow_mut();
        if repeats.len() < MAX_REPORTED {
            repeats.push(Place::at(
                pointer,
                "MEMBER_REPEATED",
                "同じ項目名が二度あります。一つにしてください。",
                "The member is given twice. Give it once.",
            ));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = Path::Item(self.path, list.len());
            match items.next_element_seed(Node { path: &path, repeats: self.repeats })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            let value = members.next_value_seed(Node { path: &path, repeats: self.repeats })?;
            if map.contains_key(&name) {
                self.note_repeat(path.to_string());
            } else {
                map.insert(name, value);
            }
        }
        Ok(Value::Object(map))
    }
}
