//! A facility's folders over a real store, outbox and inbox, and a scripted hub.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::exchange::{self, Room};
use engawa::fault::Code;
use engawa::hub::{Refusal, ScriptedHub, Step};
use engawa::inbox::{self, Inbox};
use engawa::model::careplan::lint::Settings;
use engawa::model::careplan::unit::{File, group};
use engawa::outbox::{Filter, Submission};
use serde_json::Value;
use tokio::sync::watch;

use crate::identification::room::{self, Home, within};

pub(super) const OWN: &str = "9970000015";
pub(super) const OTHER: &str = "9970000023";
pub(super) const STAMP: &str = "20260425101500";
pub(super) const SETTLE: Duration = Duration::from_secs(3);
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) type Named = (String, Vec<u8>);

/// The files of a unit that is among the samples.
pub(super) fn sample(unit: &str) -> Vec<Named> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan").join(unit);
    let mut files: Vec<Named> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A month's slip, to another office, under another stamp.
pub(super) fn slip(stamp: &str) -> Vec<Named> {
    sample("slip").into_iter().map(|(name, bytes)| (name.replace(STAMP, stamp), bytes)).collect()
}

/// The unit that files are, as the hub gives it.
pub(super) fn unit(files: &[Named]) -> Vec<u8> {
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    let grouping = group(&files);
    assert!(grouping.refused.is_empty(), "{:?}", grouping.refused);
    grouping.submissions[0].units[0].to_json().unwrap()
}

pub(super) struct House {
    pub(super) room: room::Room,
    pub(super) inbox: Inbox,
    inbox_tasks: inbox::Tasks,
    pub(super) exchange: Room,
    /// The folders' own time: it moves when it is told to.
    pub(super) clock: Clock,
    stop: watch::Sender<bool>,
    pub(super) base: PathBuf,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::at(Home::new(), OWN).await
    }

    pub(super) async fn at(home: Home, facility: &str) -> Self {
        let clock = Clock::system();
        let hub = Arc::new(ScriptedHub::new(clock.clone()));
        Self::over(home, facility, hub).await
    }

    pub(super) async fn over(home: Home, facility: &str, hub: Arc<ScriptedHub>) -> Self {
        let room = room::Room::of(facility, home, hub, Clock::system()).await;
        let keys = Arc::new(KeyFile::new(room.directory.path().join("master.key"), false, None).read().unwrap());
        let (stop, stopped) = watch::channel(false);
        let config = inbox::Config {
            facility: facility.to_owned(),
            poll: Duration::from_millis(20),
            retention: Duration::from_secs(400 * 86_400),
            free_space: Arc::new(|| Some(u64::MAX)),
            min_free: 1 << 20,
            clinic: false,
        };
        let (inbox, inbox_tasks) = Inbox::start(
            room.store.clone(),
            keys.clone(),
            room.hub.clone(),
            config,
            room.clock.clone(),
            stopped.clone(),
        );
        let directory = room.directory.path().join("exchange");
        let config = exchange::Config {
            directory: directory.clone(),
            facility: facility.to_owned(),
            settle: SETTLE,
            look: Duration::from_secs(10),
            patience: PATIENCE,
            lint: Arc::new(Settings::default()),
        };
        let clock = Clock::manual(room.clock.now());
        clock.advance(Duration::from_secs(1));
        let exchange =
            Room::open(room.outbox.clone(), inbox.clone(), room.store.clone(), keys, config, clock.clone(), stopped);
        let base = directory.join(facility);
        Self { room, inbox, inbox_tasks, exchange, clock, stop, base }
    }

    pub(super) async fn close(self) -> (Home, Arc<ScriptedHub>) {
        self.stop.send_replace(true);
        let Self { room, inbox, mut inbox_tasks, exchange, .. } = self;
        within(inbox_tasks.finished()).await;
        drop((exchange, inbox, inbox_tasks));
        let (home, hub, _) = room.close().await;
        (home, hub)
    }

    pub(super) fn put(&self, files: &[Named]) {
        for (name, bytes) in files {
            fs::write(self.base.join("out").join(name), bytes).unwrap();
        }
    }

    /// Two looks, and between them the time in which a file must not change.
    pub(super) async fn settle(&mut self) {
        self.exchange.look().await;
        self.clock.advance(SETTLE);
        self.exchange.look().await;
    }

    /// Looks until it is so.
    pub(super) async fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&Self) -> Option<T>) -> T {
        let (mut events, mut arrived) = (self.room.outbox.event_watch(), self.inbox.watch());
        let deadline = crate::support::at_most(Duration::from_secs(15));
        let waited = tokio::time::timeout(deadline, async {
            loop {
                events.borrow_and_update();
                arrived.borrow_and_update();
                self.exchange.look().await;
                if let Some(seen) = seen(self) {
                    return seen;
                }
                let news = async {
                    tokio::select! { _ = events.changed() => {}, _ = arrived.changed() => {} }
                };
                // Some of it is nobody's news, as a look in which nothing was done.
                let _ = tokio::time::timeout(Duration::from_millis(50), news).await;
                self.clock.advance(Duration::from_secs(1));
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// Files below a folder of the facility, by path.
    pub(super) fn files(&self, part: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.base.join(part);
        let (mut found, mut folders) = (BTreeMap::new(), vec![top.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// The names in a folder whatever the day.
    pub(super) fn names(&self, part: &str) -> Vec<String> {
        let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
        let mut names: Vec<String> = self.files(part).into_keys().map(name).collect();
        names.sort();
        names
    }

    pub(super) fn read(&self, part: &str, name: &str) -> Option<Vec<u8>> {
        let end = format!("/{name}");
        self.files(part).into_iter().find(|(path, _)| path.ends_with(&end)).map(|(_, bytes)| bytes)
    }

    pub(super) fn result(&self, part: &str, name: &str) -> Option<Value> {
        let bytes = self.read(part, &format!("{name}.result.json"))?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    pub(super) fn status(&self) -> String {
        fs::read_to_string(self.base.join("STATUS.txt")).unwrap()
    }

    pub(super) async fn submissions(&self) -> Vec<Submission> {
        let filter = Filter { limit: 200, ..Filter::default() };
        self.room.outbox.submissions(OWN, &filter).await.unwrap().items
    }

    /// From here on no office takes part.
    pub(super) fn nobody_takes_part(&self) {
        let refusal = || Refusal { code: Code::HubRecipientAbsent, errors: Vec::new(), trace_id: None };
        self.room.hub.rule(move |_| Step::Refuse(refusal()));
    }
}
