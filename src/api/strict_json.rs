//! JSON without repeated member names. Of two `"name"` members most readers keep one in silence; in a medical document
//! nobody should have to guess which.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::{Failure, Place};
use crate::fault::Code;

/// Repeats named in one answer.
const MAX_REPORTED: usize = 50;

/// What a JSON value is read into.
pub(super) trait Tree: Sized {
    /// The members of an object.
    type Members: Default;
    /// `null`.
    fn null() -> Self;
    /// `true` or `false`.
    fn truth(value: bool) -> Self;
    /// A number.
    fn number(value: Number) -> Self;
    /// A string. Called with the text as it stands in the input, or with the reader's own copy where that has escapes.
    fn text(value: &str) -> Self;
    /// An array.
    fn list(items: Vec<Self>) -> Self;
    /// An object.
    fn object(members: Self::Members) -> Self;
    /// Whether there is a member of that name.
    fn has(members: &Self::Members, name: &str) -> bool;
    /// Adds a member that is not there.
    fn add(members: &mut Self::Members, name: String, value: Self);
}

impl Tree for Value {
    type Members = Map<String, Self>;

    fn null() -> Self {
        Self::Null
    }

    fn truth(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(value: Number) -> Self {
        Self::Number(value)
    }

    fn text(value: &str) -> Self {
        Self::String(value.to_owned())
    }

    fn list(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(members: Map<String, Self>) -> Self {
        Self::Object(members)
    }

    fn has(members: &Map<String, Self>, name: &str) -> bool {
        members.contains_key(name)
    }

    fn add(members: &mut Map<String, Self>, name: String, value: Self) {
        members.insert(name, value);
    }
}

/// Reads one JSON value.
///
/// # Errors
/// `REQUEST_MALFORMED`, naming line and column, or every repeated member.
pub(super) fn parse<T: Tree>(bytes: &[u8]) -> Result<T, Failure> {
    let repeats = RefCell::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Node { path: &Path::Root, repeats: &repeats, tree: PhantomData }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value)).map_err(|error| syntax(&error))?;
    match repeats.into_inner() {
        repeats if repeats.is_empty() => Ok(value),
        repeats => Err(Failure::at(Code::RequestMalformed, repeats)),
    }
}

/// What cannot be read as JSON, by line and column.
pub(super) fn syntax(error: &serde_json::Error) -> Failure {
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

/// A member that stands there twice.
pub(super) fn repeated(pointer: String) -> Place {
    Place::at(
        pointer,
        "MEMBER_REPEATED",
        "同じ項目名が二度あります。一つにしてください。",
        "The member is given twice. Give it once.",
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

struct Node<'a, T> {
    path: &'a Path<'a>,
    repeats: &'a RefCell<Vec<Place>>,
    tree: PhantomData<T>,
}

impl<T> Node<'_, T> {
    fn note_repeat(&self, pointer: String) {
        let mut repeats = self.repeats.borrow_mut();
        if repeats.len() < MAX_REPORTED {
            repeats.push(repeated(pointer));
        }
    }
}

impl<'de, T: Tree> DeserializeSeed<'de> for Node<'_, T> {
    type Value = T;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<T, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, T: Tree> Visitor<'de> for Node<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::truth(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
        Number::from_f64(value).map(T::number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = Path::Item(self.path, list.len());
            let item = Node { path: &path, repeats: self.repeats, tree: PhantomData };
            match items.next_element_seed(item)? {
                Some(item) => list.push(item),
                None => return Ok(T::list(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut all = T::Members::default();
        while let Some(name) = members.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            let value = members.next_value_seed(Node { path: &path, repeats: self.repeats, tree: PhantomData })?;
            if T::has(&all, &name) {
                self.note_repeat(path.to_string());
            } else {
                T::add(&mut all, name, value);
            }
        }
        Ok(T::object(all))
    }
}
