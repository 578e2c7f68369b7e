//! The members of a small JSON request, taken one by one, so that every mistake is told at once and with its place.
//!
//! Strings lie in memory that is wiped when they are dropped: one of them may be a PIN, also where a mistaken sender has
//! put it under another name.

use std::collections::BTreeMap;

use serde_json::Number;
use zeroize::Zeroizing;

use super::problem::{Failure, Place};
use super::strict_json::{self, Tree};
use crate::fault::Code;

/// Unknown members named in one answer.
const MAX_UNKNOWN: usize = 20;

/// A value whose strings and numbers are wiped.
pub(super) enum Wiped {
    /// `null`.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A whole number from 0.
    Whole(Zeroizing<u64>),
    /// A string.
    Text(Zeroizing<String>),
    /// An array.
    List(Vec<Wiped>),
    /// An object.
    Object(BTreeMap<String, Wiped>),
    /// Any other number.
    Other,
}

impl Tree for Wiped {
    type Members = BTreeMap<String, Self>;

    fn null() -> Self {
        Self::Null
    }

    fn truth(value: bool) -> Self {
        Self::Truth(value)
    }

    fn number(value: Number) -> Self {
        value.as_u64().map_or(Self::Other, |value| Self::Whole(Zeroizing::new(value)))
    }

    fn text(value: &str) -> Self {
        Self::Text(Zeroizing::new(value.to_owned()))
    }

    fn list(items: Vec<Self>) -> Self {
        Self::List(items)
    }

    fn object(members: BTreeMap<String, Self>) -> Self {
        Self::Object(members)
    }

    fn has(members: &BTreeMap<String, Self>, name: &str) -> bool {
        members.contains_key(name)
    }

    fn add(members: &mut BTreeMap<String, Self>, name: String, value: Self) {
        members.insert(name, value);
    }
}

impl Wiped {
    /// A string.
    pub(super) fn text(self) -> Option<Zeroizing<String>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// `true` or `false`.
    pub(super) const fn truth(&self) -> Option<bool> {
        if let Self::Truth(value) = self { Some(*value) } else { None }
    }

    /// A whole number from 0.
    pub(super) fn whole(&self) -> Option<u64> {
        if let Self::Whole(value) = self { Some(**value) } else { None }
    }

    /// An array.
    pub(super) fn list(self) -> Option<Vec<Self>> {
        if let Self::List(items) = self { Some(items) } else { None }
    }
}

/// What a member has to be, for its sender.
pub(super) struct Shape {
    /// In Japanese.
    pub(super) ja: &'static str,
    /// In English.
    pub(super) en: &'static str,
}

/// The members that are left to be looked at, and what was wrong so far.
pub(super) struct Members {
    left: BTreeMap<String, Wiped>,
    places: Vec<Place>,
}

impl Members {
    /// Reads a request that is one object.
    ///
    /// # Errors
    /// `REQUEST_MALFORMED`.
    pub(super) fn read(body: &[u8]) -> Result<Self, Failure> {
        match strict_json::parse(body)? {
            Wiped::Object(left) => Ok(Self { left, places: Vec::new() }),
            _ => Err(Failure::here(
                Code::RequestMalformed,
                Place::at("", "JSON_OBJECT", "JSONのオブジェクトが要ります。", "A JSON object is wanted."),
            )),
        }
    }

    /// The same for a request that may hold a PIN. The JSON library decodes a string with escapes in memory of its own,
    /// which it does not wipe; nothing that such a request may say needs one.
    ///
    /// # Errors
    /// `REQUEST_MALFORMED`.
    pub(super) fn read_secret(body: &[u8]) -> Result<Self, Failure> {
        if body.contains(&b'\\') {
            return Err(Failure::here(
                Code::RequestMalformed,
                Place::at(
                    "",
                    "JSON_ESCAPE",
                    "この要求では「\\」を使った書き方はできません。文字をそのまま書いてください。",
                    "Backslashes are not taken in this request. Write the characters as they are.",
                ),
            ));
        }
        Self::read(body)
    }

    /// A member that may be left out; `null` counts as left out.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        shape: &Shape,
        read: impl FnOnce(Wiped) -> Option<T>,
    ) -> Option<T> {
        let value = self.left.remove(name).filter(|value| !matches!(value, Wiped::Null))?;
        let value = read(value);
        if value.is_none() {
            self.wrong(name, "MEMBER_FORM", shape);
        }
        value
    }

    /// A member that has to be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        shape: &Shape,
        read: impl FnOnce(Wiped) -> Option<T>,
    ) -> Option<T> {
        if matches!(self.left.get(name), None | Some(Wiped::Null)) {
            self.left.remove(name);
            self.wrong(name, "MEMBER_MISSING", shape);
            return None;
        }
        self.optional(name, shape, read)
    }

    /// Passes over members that cannot be judged.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        self.left.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Notes a mistake.
    pub(super) fn note(&mut self, place: Place) {
        self.places.push(place);
    }

    fn wrong(&mut self, name: &str, code: &'static str, shape: &Shape) {
        self.note(Place::at(format!("/{name}"), code, shape.ja, shape.en));
    }

    /// Ends the reading: what nobody asked for is a mistake.
    ///
    /// # Errors
    /// `REQUEST_MALFORMED` with every place, or the code of the only mistake where that has one of its own.
    pub(super) fn done(mut self) -> Result<(), Failure> {
        for name in self.left.keys().take(MAX_UNKNOWN) {
            let name = name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1");
            self.places.push(Place::at(
                format!("/{name}"),
                "MEMBER_UNKNOWN",
                "この項目はここでは使えません。名前を確かめてください。",
                "This member is not known here. Check its name.",
            ));
        }
        match self.places.as_slice() {
            [] => Ok(()),
            [only] if only.code == Code::CardPinFormat.name() => Err(Failure::at(Code::CardPinFormat, self.places)),
            _ => Err(Failure::at(Code::RequestMalformed, self.places)),
        }
    }
}
