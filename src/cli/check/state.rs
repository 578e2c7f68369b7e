//! What the database tells from outside, whether or not a gateway runs on it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::fault::Code;
use crate::store::{Peek, Unseen, peek};
use crate::{backup, gateway, outbox};

/// For so long it is looked through for damage.
const LOOK: Duration = Duration::from_secs(2);

/// The database, as far as it can be seen.
pub(super) struct State(pub(super) Result<Peek, Unseen>);

impl State {
    pub(super) async fn of(directory: &Path) -> Self {
        let facts = [gateway::BEEN, outbox::BARRED, backup::RECIPIENT, backup::LAST];
        Self(peek(directory, &facts, LOOK).await)
    }

    /// Whether there is a database: engawa has been started before.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.0, Err(Unseen::Absent))
    }

    fn fact(&self, name: &str) -> Option<&str> {
        let peek = self.0.as_ref().ok()?;
        peek.facts.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.fact(name)?.parse().ok()?).ok()
    }

    /// The newest time that was noted; a gateway notes it every ten minutes.
    pub(super) fn been(&self) -> Option<Timestamp> {
        self.time(gateway::BEEN)
    }

    /// Why the box sends nothing.
    pub(super) fn barred(&self) -> Option<Code> {
        self.fact(outbox::BARRED).map(|name| Code::parse(name).unwrap_or(Code::RestoredUnconfirmed))
    }

    /// When the last backup was handed out, where backups are meant to be made at all.
    pub(super) fn last_backup(&self) -> Option<Option<Timestamp>> {
        self.fact(backup::RECIPIENT).map(|_| self.time(backup::LAST))
    }
}
