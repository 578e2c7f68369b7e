//! What stands around the units in a request's JSON. The units themselves are not read here: as one tree of values all of them
//! would take many times the room that they need one after the other.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::MAX_FILES;
use super::reading::too_many_values;
use crate::api::problem::{Failure, Place};
use crate::api::strict_json;
use crate::api::v1::intake::{shape_place, substitutions};
use crate::fault::Code;
use crate::model::opinion::Substitution;

/// Strange members that are named.
const MAX_STRANGE: usize = 20;
/// Members and items of all lists. A unit as long as the hub takes holds fewer.
const MAX_VALUES: usize = 1_200_000;
/// Substitutions of one request.
const MAX_SUBSTITUTIONS: usize = 10_000;

/// Where the units stand in a request, and the substitutions stated for them.
pub(super) struct Envelope {
    pub(super) units: Vec<Range<usize>>,
    pub(super) stated: Vec<Substitution>,
}

impl Envelope {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.iter().filter(|byte| **byte == b',').count() > MAX_VALUES {
            return Err(Failure::here(Code::RequestTooLarge, too_many_values("")));
        }
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| strict_json::syntax(&error))?;
        let (mut units, mut rest, mut places) = (None, Map::new(), Vec::new());
        let mut scanner = Scanner { bytes, at: 0 };
        if !scanner.enter(b'{') {
            return Err(Failure::here(Code::RequestMalformed, shape_place("")));
        }
        while let Some(name) = scanner.name()? {
            let known = name == "substitutions";
            if rest.contains_key(&name) || (name == "units" && units.is_some()) {
                places.push(strict_json::repeated(format!("/{}", shown(&name))));
                scanner.value();
            } else if name == "units" {
                units = Some(scanner.items());
            } else {
                let value = scanner.value();
                let value = if known { strict_json::parse(bytes.get(value).unwrap_or_default())? } else { Value::Null };
                rest.insert(name, value);
            }
        }
        let units = units.flatten().filter(|units| (1..=MAX_FILES).contains(&units.len()));
        if units.is_none() {
            places.push(shape_place("/units"));
        }
        let stated = few(substitutions(&mut rest, &mut places))?;
        places.extend(strange(&rest));
        match units {
            Some(units) if places.is_empty() => Ok(Self { units, stated }),
            _ => Err(Failure::at(Code::RequestMalformed, places)),
        }
    }
}

/// The part `substitutions` beside files: the list, or an object that holds it as a request of units would.
pub(super) fn beside_files(stated: Option<Value>) -> Result<Vec<Substitution>, Failure> {
    let mut members = match stated {
        None => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(list) => Map::from_iter([("substitutions".to_owned(), list)]),
    };
    let mut places = Vec::new();
    let stated = few(substitutions(&mut members, &mut places))?;
    places.extend(strange(&members));
    if places.is_empty() { Ok(stated) } else { Err(Failure::at(Code::RequestMalformed, places)) }
}

fn few(stated: Vec<Substitution>) -> Result<Vec<Substitution>, Failure> {
    if stated.len() <= MAX_SUBSTITUTIONS {
        return Ok(stated);
    }
    let place = Place::at(
        "/substitutions",
        "SUBSTITUTION_COUNT",
        "置き換えは一度に10000件までです。利用者や送信先を分けて送ってください。",
        "There may be 10000 substitutions at once. Send the users or the recipients in several requests.",
    );
    Err(Failure::here(Code::RequestTooLarge, place))
}

fn strange(members: &Map<String, Value>) -> impl Iterator<Item = Place> {
    members.keys().take(MAX_STRANGE).map(|name| {
        Place::at(
            format!("/{}", shown(name)),
            "MEMBER_UNKNOWN",
            "この項目はここでは使えません。名前を確かめてください。",
            "This member is not known here. Check its name.",
        )
    })
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1")
}

/// The pieces of JSON between the white space that says nothing.
pub(super) fn without_layout(json: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut within, mut escaped) = (false, false);
    json.split(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = within,
            b'"' => within = !within,
            _ => {}
        }
        !within && is_space(*byte)
    })
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Goes through JSON that is known to be sound.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// The next byte that is no white space, which is not passed.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(|byte| is_space(*byte)) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Passes this byte, if it is the next.
    fn enter(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// The name of the next member of an object, whose value follows; `None` at its end.
    fn name(&mut self) -> Result<Option<String>, Failure> {
        self.enter(b',');
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        let name = self.value();
        self.enter(b':');
        let name = serde_json::from_slice(self.bytes.get(name).unwrap_or_default());
        name.map(Some).map_err(|error| strict_json::syntax(&error))
    }

    /// Passes a list, and gives its items; passes anything else, and gives nothing.
    fn items(&mut self) -> Option<Vec<Range<usize>>> {
        if !self.enter(b'[') {
            self.value();
            return None;
        }
        let mut items = Vec::new();
        while !self.enter(b']') && self.peek().is_some() {
            items.push(self.value());
            self.enter(b',');
        }
        Some(items)
    }

    /// Passes a value.
    fn value(&mut self) -> Range<usize> {
        self.peek();
        let (start, mut depth) = (self.at, 0_usize);
        while let Some(byte) = self.bytes.get(self.at).copied() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
            let ended = matches!(byte, b'"' | b'}' | b']');
            if depth == 0 && (ended || self.bytes.get(self.at).is_some_and(|next| is_space(*next))) {
                break;
            }
        }
        start..self.at
    }

    /// From the quote that opens a string to the one that closes it.
    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at).filter(|byte| **byte != b'"') {
            self.at += if *byte == b'\\' { 2 } else { 1 };
        }
    }
}
