//! Who somebody is: the challenge, what answers it, and the person.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::messages::{NUMBER_LIMIT, moment, private};
use super::plain;
use crate::hub::port::Challenge;
use crate::model::identity::{Assurance, Evidence, Method, Person, Witnessed};
use crate::model::numbers::{InsuredNumber, InsurerNumber};

/// Longest token that is taken for one.
const TOKEN_LIMIT: usize = 4096;
/// What the names of an assertion's members take up, at most.
const NAMES: usize = 192;

/// The request for a challenge.
pub(in crate::hub) const fn challenge_body() -> Bytes {
    Bytes::from_static(b"{}")
}

/// The challenge in `data`: 32 bytes, not one more or less.
pub(in crate::hub) fn challenge_data(data: &Value) -> Option<Challenge> {
    let bytes = STANDARD.decode(data.get("challenge")?.as_str()?).ok()?;
    Some(Challenge {
        id: plain(data.get("challenge_id")?.as_str()?, NUMBER_LIMIT)?,
        bytes: bytes.try_into().ok()?,
        expires_at: moment(data.get("expires_at")?)?,
    })
}

#[derive(Serialize)]
struct Assertion<'a> {
    challenge_id: &'a str,
    method: &'static str,
    #[serde(flatten)]
    shown: Shown<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Pin {
        certificate: &'a str,
        signature: &'a str,
    },
    Visual {
        certificate: &'a str,
        staff_ids: &'a [String; 2],
    },
    Document {
        document_kind: &'static str,
        insurer_number: &'a str,
        insured_number: &'a str,
        staff_ids: &'a [String; 2],
    },
}

/// The assertion. Person data: wiped when the last copy of it is dropped.
pub(in crate::hub) fn assertion_body(challenge_id: &str, evidence: &Evidence) -> Bytes {
    let write = |method: Method, shown: Shown<'_>, length: usize| {
        let method = method.as_str();
        private(&Assertion { challenge_id, method, shown }, NAMES + challenge_id.len() + length)
    };
    match evidence {
        Evidence::Pin { certificate, signature } => {
            let certificate = Zeroizing::new(STANDARD.encode(certificate));
            let signature = Zeroizing::new(STANDARD.encode(signature));
            let length = certificate.len() + signature.len();
            write(Method::Pin, Shown::Pin { certificate: &certificate, signature: &signature }, length)
        }
        Evidence::Witnessed(Witnessed::Visual { certificate, witnesses }) => {
            let staff_ids = witnesses.ids();
            let length = certificate.len() + lengths(staff_ids);
            write(Method::Visual, Shown::Visual { certificate, staff_ids }, length)
        }
        Evidence::Witnessed(Witnessed::Document { kind, insurer_number, insured_number, witnesses }) => {
            let (document_kind, staff_ids) = (kind.as_str(), witnesses.ids());
            let length = insurer_number.len() + insured_number.len() + lengths(staff_ids);
            let shown = Shown::Document { document_kind, insurer_number, insured_number, staff_ids };
            write(Method::Document, shown, length)
        }
    }
}

fn lengths(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// The person in `data`; `None` when one member is not what it has to be.
pub(in crate::hub) fn person_data(mut data: Value) -> Option<Person> {
    let token = match data.get_mut("person_token").map(Value::take)? {
        Value::String(token) => Zeroizing::new(token),
        _ => return None,
    };
    let sound = (1..=TOKEN_LIMIT).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    Some(Person {
        token: sound.then_some(token)?,
        expires_at: moment(data.get("expires_at")?)?,
        insurer_number: InsurerNumber::parse(text("insurer_number")?).ok()?.as_str().to_owned(),
        insured_number: InsuredNumber::parse(text("insured_number")?)?.as_str().to_owned(),
        assurance: match text("assurance")? {
            "low" => Assurance::Low,
            "substantial" => Assurance::Substantial,
            "high" => Assurance::High,
            _ => return None,
        },
    })
}
