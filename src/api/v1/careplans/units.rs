//! What stands around the units in a request's JSON.

use serde_json::{Map, Value};

use super::MAX_FILES;
use crate::api::problem::{Failure, Place};
use crate::api::v1::intake::{shape_place, substitutions};
use crate::fault::Code;
use crate::model::opinion::Substitution;

/// Strange members that are named.
const MAX_STRANGE: usize = 20;

/// A request's units, not looked into, and the substitutions stated for them.
pub(super) struct Envelope {
    pub(super) units: Vec<Value>,
    pub(super) stated: Vec<Substitution>,
}

impl Envelope {
    pub(super) fn parse(value: Value) -> Result<Self, Failure> {
        let Value::Object(mut members) = value else {
            return Err(Failure::here(Code::RequestMalformed, shape_place("")));
        };
        let mut places = Vec::new();
        let units = match members.shift_remove("units") {
            Some(Value::Array(units)) if (1..=MAX_FILES).contains(&units.len()) => units,
            _ => {
                places.push(shape_place("/units"));
                Vec::new()
            }
        };
        let stated = substitutions(&mut members, &mut places);
        places.extend(strange(&members));
        if places.is_empty() { Ok(Self { units, stated }) } else { Err(Failure::at(Code::RequestMalformed, places)) }
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
    let stated = substitutions(&mut members, &mut places);
    places.extend(strange(&members));
    if places.is_empty() { Ok(stated) } else { Err(Failure::at(Code::RequestMalformed, places)) }
}

fn strange(members: &Map<String, Value>) -> impl Iterator<Item = Place> {
    members.keys().take(MAX_STRANGE).map(|name| {
        let name = name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1");
        Place::at(
            format!("/{name}"),
            "MEMBER_UNKNOWN",
            "この項目はここでは使えません。名前を確かめてください。",
            "This member is not known here. Check its name.",
        )
    })
}
