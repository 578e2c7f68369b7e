//! A client certificate that a terminal shows.

use std::sync::OnceLock;

use jiff::Timestamp;

use super::TerminalId;
use crate::credential::Authority;

/// A client certificate, which TLS found to be of the box's authority. A connection shows it with every request; it is read once.
#[derive(Debug)]
pub struct ClientCertificate {
    der: Box<[u8]>,
    read: OnceLock<Option<Named>>,
}

/// What it says.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) terminal: TerminalId,
    pub(super) begins: Timestamp,
    pub(super) ends: Timestamp,
}

impl ClientCertificate {
    /// From its DER.
    #[must_use]
    pub fn new(der: &[u8]) -> Self {
        Self { der: der.into(), read: OnceLock::new() }
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is, and for how long; `None` when it is none that the box makes.
    pub(super) fn named(&self) -> Option<&Named> {
        let read = || {
            let (id, begins, ends) = Authority::terminal_of(&self.der)?;
            Some(Named { terminal: TerminalId::parse(&id)?, begins, ends })
        };
        self.read.get_or_init(read).as_ref()
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for ClientCertificate {}
