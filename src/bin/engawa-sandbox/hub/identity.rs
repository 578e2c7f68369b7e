//! Who is here: a challenge, what answers it, and the token that stands for the person. Challenges live in memory only; an
//! assertion is an effect and is kept.

use std::collections::HashMap;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Event, Hub, HubError};
use crate::cli::Failure;
use crate::clock::stamp;
use crate::digest::sha256;

/// A challenge's life.
const CHALLENGE: SignedDuration = SignedDuration::from_mins(5);
/// A person token's life.
const PERSON: SignedDuration = SignedDuration::from_mins(30);

/// Challenges that were given out and not used.
#[derive(Default)]
pub(super) struct Challenges(HashMap<String, Challenge>);

/// One of them.
pub(crate) struct Challenge {
    facility: String,
    pub(crate) bytes: [u8; 32],
    until: Timestamp,
}

/// What was shown, and by whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assertion {
    pub(crate) facility: String,
    pub(crate) user_id: String,
    pub(crate) challenge_id: String,
    pub(crate) method: Method,
    pub(crate) insurer_number: String,
    pub(crate) insured_number: String,
    /// Lower-case hexadecimal; none for documents.
    pub(crate) certificate_serial: Option<String>,
    pub(crate) staff_ids: Vec<String>,
    pub(crate) document_kind: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) person_token_sha256: String,
}

/// How a person was identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// A signature of the card, which wants the PIN.
    Pin,
    /// The card was there, and two members of the staff compared the face.
    Visual,
    /// No card: a document, and two members of the staff.
    Document,
}

impl Method {
    fn assurance(self) -> &'static str {
        match self {
            Self::Pin => "high",
            Self::Visual => "substantial",
            Self::Document => "low",
        }
    }
}

/// A method's evidence, checked.
pub(crate) struct Shown {
    pub(crate) method: Method,
    pub(crate) insurer_number: String,
    pub(crate) insured_number: String,
    pub(crate) certificate_serial: Option<String>,
    pub(crate) staff_ids: Vec<String>,
    pub(crate) document_kind: Option<String>,
}

impl Hub {
    /// A fresh challenge for a facility.
    pub(crate) fn challenge(&mut self, facility: &str, now: Timestamp) -> Result<Value, Failure> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| "no random bytes")?;
        let until = now.saturating_add(CHALLENGE).unwrap_or(Timestamp::MAX);
        let id = self.mint("challenge");
        self.challenges.0.retain(|_, c| c.until.saturating_add(CHALLENGE).is_ok_and(|end| end > now));
        self.challenges.0.insert(id.clone(), Challenge { facility: facility.to_owned(), bytes, until });
        Ok(json!({"challenge_id": id, "challenge": STANDARD.encode(bytes), "expires_at": stamp(until)}))
    }

    /// Takes a challenge away: it serves one try, whatever comes of it.
    pub(crate) fn use_challenge(&mut self, facility: &str, id: &str, now: Timestamp) -> Result<Challenge, HubError> {
        let mine = self.challenges.0.get(id).is_some_and(|c| c.facility == facility);
        let found = if mine { self.challenges.0.remove(id) } else { None };
        let unknown = || HubError::new("E2301", "チャレンジが不明か、使用済みです").at("/challenge_id");
        match found.ok_or_else(unknown)? {
            challenge if challenge.until > now => Ok(challenge),
            _ => Err(HubError::new("E2302", "チャレンジの期限が切れました").at("/challenge_id")),
        }
    }

    /// Keeps an assertion and gives the token for it.
    pub(crate) fn assert(
        &mut self,
        facility: &str,
        user_id: &str,
        challenge_id: &str,
        shown: Shown,
        now: Timestamp,
    ) -> Result<Value, Failure> {
        let token = self.mint("person");
        let expires_at = now.saturating_add(PERSON).unwrap_or(Timestamp::MAX);
        let answer = json!({
            "person_token": token, "expires_at": stamp(expires_at), "insurer_number": shown.insurer_number,
            "insured_number": shown.insured_number, "assurance": shown.method.assurance(),
        });
        self.commit(Event::Asserted(Box::new(Assertion {
            facility: facility.to_owned(),
            user_id: user_id.to_owned(),
            challenge_id: challenge_id.to_owned(),
            method: shown.method,
            insurer_number: shown.insurer_number,
            insured_number: shown.insured_number,
            certificate_serial: shown.certificate_serial,
            staff_ids: shown.staff_ids,
            document_kind: shown.document_kind,
            at: now,
            expires_at,
            person_token_sha256: sha256(token.as_bytes()),
        })))?;
        Ok(answer)
    }

    /// Whether an order revoked (or took back) a certificate; `None` where the register decides.
    pub(crate) fn revoked(&self, serial: &str) -> Option<bool> {
        self.revoked.get(serial).copied()
    }

    pub(super) fn assertion_facts(&self) -> Vec<Value> {
        self.assertions
            .iter()
            .map(|a| {
                let mut facts = json!(a);
                facts["at"] = json!(stamp(a.at));
                facts["expires_at"] = json!(stamp(a.expires_at));
                facts["assurance"] = json!(a.method.assurance());
                facts
            })
            .collect()
    }
}
