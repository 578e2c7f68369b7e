//! Folders for software that knows only files: what lies in `out` is handed in, what arrives appears in `in`.
//!
//! ```text
//! exchange/<facility>/out ──taken──▶ .work ──handed in──▶ sent   (beside it NAME.result.json and NAME.txt, kept up to date)
//!                                      └──unfit──────────▶ refused (beside it the same, with every finding)
//!                     in ◀──renamed── .arriving ◀── inbox
//! ```
//!
//! Invariants: a file is taken only whole, and moved before it is read; each is handed in once, whatever happens in between; each
//! received unit appears in `in` once, under names that were not there; nothing is ever overwritten.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::model::careplan::lint;
use crate::outbox::Outbox;
use crate::store::Store;

/// The figures of the room.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that holds one folder for each facility.
    pub directory: PathBuf,
    /// The facility (事業所番号).
    pub facility: String,
    /// A file that did not change for so long is whole.
    pub settle: Duration,
    /// Longest time between two looks: changes on a network share are not announced.
    pub look: Duration,
    /// The other files of a unit are waited for so long.
    pub patience: Duration,
    /// How files are judged.
    pub lint: Arc<lint::Settings>,
}

/// The running task of the room.
pub struct Tasks {
    watch: JoinHandle<()>,
}

impl Tasks {
    /// Waits until it has ended.
    pub async fn finished(&mut self) {
        if !self.watch.is_finished() {
            let _ = (&mut self.watch).await;
        }
    }

    /// Whether it has ended though nobody told it to.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.watch.is_finished()
    }

    /// Ends it where it stands.
    pub fn abort(&self) {
        self.watch.abort();
    }
}

/// Starts the room, which ends when `stop` turns true.
pub fn start(
    outbox: Outbox,
    inbox: Inbox,
    store: Store,
    config: Config,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) -> Tasks {
    let watch = tokio::spawn(async move {
        let _rooms = (outbox, inbox, store, config, clock);
        let _ = stop.wait_for(|stop| *stop).await;
    });
    Tasks { watch }
}
