//! The sealed record beside a document: the warnings given at acceptance and the substitutions stated, both forms.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::intake::Warnings;
use super::view::OutboxError;
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::model::opinion::{Problem, Substitution};

/// The record.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Note {
    /// As the sender was told them.
    pub warnings: Warnings,
    /// As the sender stated them.
    pub substitutions: Vec<Substitution>,
    /// The texts as sent, of every item that a substitution changed.
    pub originals: Map<String, Value>,
}

impl Note {
    /// A record of what came with a document.
    #[must_use]
    pub(super) fn new(warnings: &[Problem], substitutions: Vec<Substitution>, originals: Map<String, Value>) -> Self {
        let warnings = warnings.iter().filter_map(|warning| serde_json::to_value(warning).ok()).collect();
        Self { warnings, substitutions, originals }
    }

    /// Seals it for its row.
    ///
    /// # Errors
    /// When the cipher fails.
    pub(super) fn seal(&self, keys: &Keyring, id: Uuid) -> Result<Vec<u8>, OutboxError> {
        // An empty record in place of what was stated would be a loss: better not accepted.
        let text = zeroize::Zeroizing::new(serde_json::to_vec(self).map_err(|_| Code::GatewayInternal)?);
        Ok(keys.seal_note(id.into_bytes(), &text)?)
    }

    /// Opens it.
    ///
    /// # Errors
    /// `SUBMISSION_DAMAGED` or `MASTER_KEY_MISSING`.
    pub(super) fn open(keys: &Keyring, id: Uuid, sealed: &[u8]) -> Result<Self, OutboxError> {
        let text = keys.open_note(id.into_bytes(), sealed)?;
        serde_json::from_slice(&text).map_err(|_| Code::SubmissionDamaged.into())
    }
}
