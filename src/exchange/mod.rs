//! Folders for software that knows only files: what lies in `out` is handed in, what arrives appears in `in`.
//!
//! ```text
//! exchange/<facility>/out ──taken──▶ .work ──handed in──▶ sent   (beside it NAME.result.json and NAME.txt, kept up to date)
//!                                      └──unfit──────────▶ refused (beside it the same, with every finding)
//!                     in ◀──renamed── .arriving ◀── inbox
//! ```
//!
//! Invariants: a file is taken only whole, and moved before it is read; each is handed in once, whatever happens in between; each
//! received unit appears in `in` once, under names that were not there; nothing is ever overwritten but the box's own words. A
//! folder that cannot be used ends nothing: it is looked at again. What stands in the database decides after a crash, and
//! where the files lie says how far it came.

mod arrive;
mod claim;
mod disk;
mod forget;
mod hand;
mod place;
mod remark;
mod result;
mod room;
pub mod scan;
mod status;
mod told;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

pub use arrive::{Arrived, Plan, plan};
pub use forget::{ForgetError, forget};
pub use room::Room;

use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::inbox::Inbox;
use crate::model::careplan::lint;
use crate::outbox::Outbox;
use crate::store::Store;
use crate::task;

/// Between two looks at least: a burst of news is looked at once.
const BREATH: Duration = Duration::from_millis(50);

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

/// How the room does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why nothing goes through the folders at the moment.
    pub reason: Option<Code>,
    /// When they were last looked through.
    pub last_proof: Option<Timestamp>,
}

/// The running task of the room.
pub struct Tasks {
    look: JoinHandle<()>,
    health: channel::Receiver<Health>,
}

impl Tasks {
    /// Waits until it has ended.
    pub async fn finished(&mut self) {
        if !self.look.is_finished() {
            let _ = (&mut self.look).await;
        }
    }

    /// Whether it has ended though nobody told it to.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.look.is_finished()
    }

    /// Ends it where it stands.
    pub fn abort(&self) {
        self.look.abort();
    }

    /// How the room does, now and later.
    #[must_use]
    pub fn health(&self) -> channel::Receiver<Health> {
        self.health.clone()
    }
}

/// Starts the room, which ends when `stop` turns true.
pub fn start(
    outbox: Outbox,
    inbox: Inbox,
    store: Store,
    keys: Arc<Keyring>,
    config: Config,
    clock: Clock,
    stop: channel::Receiver<bool>,
) -> Tasks {
    let room = Room::open(outbox, inbox, store, keys, config, clock, stop.clone());
    let health = room.health();
    Tasks { look: task::spawn(run(room, stop)), health }
}

async fn run(mut room: Room, mut stop: channel::Receiver<bool>) {
    let mut news = room.news();
    loop {
        let pause = room.look().await;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = room.changed() => {}
            () = news.any() => {}
            () = tokio::time::sleep(pause) => continue,
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(BREATH) => {}
        }
    }
}
