//! Who is asking: API keys, and the authenticated caller that every request carries as an explicit value.

use std::collections::BTreeSet;

/// Who makes a request, established once at the door and passed on by value from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stable id of the credential: an API key's public part, or `local` for an administrator on the Unix socket.
    pub id: String,
    /// The facility (事業所) on whose behalf the caller acts.
    pub facility: String,
    /// What it may do.
    pub rights: BTreeSet<Right>,
}

/// One right of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Submit opinions.
    Submit,
    /// Read the state of submissions and the events.
    Read,
    /// Cancel and retry.
    Manage,
    /// Keys and other administration.
    Admin,
}

impl Caller {
    /// Whether the caller holds `right`.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}
