//! What is kept of terminals and windows, read from their rows.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::rand;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::key::{NoRandomness, is_hex};
use super::pairing::{TRIES, Window};
use super::{CodeHash, Right, SecretHash, StoreFailure, stored};
use crate::fault::Code;
use crate::model::hex;
use crate::store::{PairingRow, TerminalRow};

/// Without use for so long a terminal is shut.
pub(super) const DORMANT_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
const ID_BYTES: usize = 8;

/// The public name of a terminal or a window: sixteen lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TerminalId(String);

impl TerminalId {
    /// Reads an id; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, ID_BYTES).then(|| Self(text.to_owned()))
    }

    pub(super) fn generate() -> Result<Self, NoRandomness> {
        let mut id = [0; ID_BYTES];
        rand::fill(&mut id).map_err(|_| NoRandomness)?;
        Ok(Self(hex(&id)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a terminal proves that it is the one that paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By a client certificate that it renews.
    Software,
    /// By a cookie, and a person logs in as well.
    Browser,
    /// By an API key.
    Key,
}

impl Kind {
    /// Its name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Browser => "browser",
            Self::Key => "key",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Software, Self::Browser, Self::Key].into_iter().find(|kind| kind.name() == name)
    }
}

/// Whether a terminal is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Active,
    /// It was not used for 30 days; an administrator may open it again.
    Dormant,
    /// Its certificate was copied; it has to be revoked and paired anew.
    Copied,
    /// For good.
    Revoked,
}

/// What is kept of a terminal.
#[derive(Clone, Debug)]
pub struct TerminalRecord {
    /// Its public name.
    pub id: TerminalId,
    /// The facility on whose behalf it acts.
    pub facility: String,
    /// What the administrator calls it.
    pub label: String,
    /// `Software` or `Browser`.
    pub kind: Kind,
    /// What it may do.
    pub rights: BTreeSet<Right>,
    /// The account it is bound to.
    pub person: Option<String>,
    /// Of a browser's cookie.
    pub secret: Option<SecretHash>,
    /// When it was paired.
    pub paired_at: Timestamp,
    /// From which address.
    pub paired_from: String,
    /// Who opened the window.
    pub paired_by: String,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// From which address.
    pub last_from: Option<String>,
    /// When an administrator opened it again.
    pub reopened_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was found that its certificate had been copied.
    pub copied_at: Option<Timestamp>,
}

impl TerminalRecord {
    /// Whether it is let in.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        let last = [self.last_used_at, self.reopened_at].into_iter().flatten().fold(self.paired_at, Timestamp::max);
        match self.revoked_at {
            Some(_) => State::Revoked,
            None if self.copied_at.is_some() => State::Copied,
            None if now.duration_since(last) >= DORMANT_AFTER => State::Dormant,
            None => State::Active,
        }
    }

    pub(super) fn of(row: &TerminalRow) -> Result<Self, StoreFailure> {
        Self::read(row).ok_or_else(|| damaged(&row.id))
    }

    fn read(row: &TerminalRow) -> Option<Self> {
        Some(Self {
            id: TerminalId::parse(&row.id)?,
            facility: row.facility.clone(),
            label: row.label.clone(),
            kind: Kind::parse(&row.kind)?,
            rights: stored::rights(&row.rights)?,
            person: row.person.clone(),
            secret: secret(row.secret.as_deref())?,
            paired_at: Timestamp::from_millisecond(row.paired_at).ok()?,
            paired_from: row.paired_from.clone(),
            paired_by: row.paired_by.clone(),
            last_used_at: stored::time(row.last_used_at)?,
            last_from: row.last_from.clone(),
            reopened_at: stored::time(row.reopened_at)?,
            revoked_at: stored::time(row.revoked_at)?,
            copied_at: stored::time(row.copied_at)?,
        })
    }
}

fn secret(bytes: Option<&[u8]>) -> Option<Option<SecretHash>> {
    bytes.map(|bytes| bytes.try_into().map(SecretHash::from_stored)).transpose().ok()
}

/// What is kept of a window.
#[derive(Clone, Debug)]
pub struct WindowRecord {
    /// Its public name.
    pub id: TerminalId,
    /// The facility on whose behalf the terminal will act.
    pub facility: String,
    /// What it will be called.
    pub label: String,
    /// How it will prove itself.
    pub kind: Kind,
    /// What it will be allowed.
    pub rights: BTreeSet<Right>,
    /// The account it will be bound to.
    pub person: Option<String>,
    /// Of kind `Key`: where alone the key may be used; empty: from where it was paired.
    pub networks: Vec<IpNet>,
    /// Who opened it.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
    /// Wrong codes that it still bears.
    pub tries_left: u32,
    pub(super) code: CodeHash,
}

impl WindowRecord {
    pub(super) fn of(row: &PairingRow) -> Result<Self, StoreFailure> {
        Self::read(row).ok_or_else(|| damaged(&row.id))
    }

    fn read(row: &PairingRow) -> Option<Self> {
        Some(Self {
            id: TerminalId::parse(&row.id)?,
            facility: row.facility.clone(),
            label: row.label.clone(),
            kind: Kind::parse(&row.kind)?,
            rights: stored::rights(&row.rights)?,
            person: row.person.clone(),
            networks: stored::networks(&row.networks)?,
            opened_by: row.opened_by.clone(),
            opened_at: Timestamp::from_millisecond(row.opened_at).ok()?,
            ends_at: Timestamp::from_millisecond(row.ends_at).ok()?,
            tries_left: TRIES.saturating_sub(u32::try_from(row.wrong).ok()?),
            code: CodeHash::from_stored(row.code.as_slice().try_into().ok()?),
        })
    }

    pub(super) fn row(&self) -> PairingRow {
        PairingRow {
            id: self.id.to_string(),
            facility: self.facility.clone(),
            label: self.label.clone(),
            kind: self.kind.name().to_owned(),
            rights: stored::names(&self.rights),
            person: self.person.clone(),
            networks: stored::listed(&self.networks),
            code: self.code.to_stored().to_vec(),
            opened_by: self.opened_by.clone(),
            opened_at: self.opened_at.as_millisecond(),
            ends_at: self.ends_at.as_millisecond(),
            wrong: 0,
            used_at: None,
        }
    }

    /// What the rules have to know of it. Only those that were not used are read.
    pub(super) fn window(&self) -> Window {
        let (id, code) = (self.id.to_string(), self.code);
        Window { id, code, ends_at: self.ends_at, wrong: TRIES.saturating_sub(self.tries_left), used: false }
    }
}

/// A row that cannot have been written by this program. Such a terminal is let in by nothing.
#[derive(Debug, thiserror::Error)]
#[error("the row of terminal or window {0} is damaged")]
struct BadRow(String);

fn damaged(id: &str) -> StoreFailure {
    StoreFailure { code: Code::StorageBroken, source: Some(Box::new(BadRow(id.to_owned()))) }
}
