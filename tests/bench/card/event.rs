//! From pcscd's own report of a card to the broker's event.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engawa::card::machine::Event;
use engawa::card::{CardState, ReaderName};
use pcsc::{Context, Error, ReaderState, Scope, State};
use tokio::time::Instant;

use super::room::{Found, Room, Times};

/// Removals and insertions of each card.
const ROUNDS: usize = 30;
/// Slots whose cards come and go; where the others are at work, theirs stay.
const MOVING: usize = 2;
const PATIENCE: Duration = Duration::from_secs(30);

/// When somebody learned of what, reader by reader.
#[derive(Default)]
struct Log(Mutex<BTreeMap<ReaderName, Vec<(bool, Instant)>>>);

impl Log {
    /// Notes whether a card lies there, if that is news.
    fn note(&self, reader: &ReaderName, there: bool) {
        let now = Instant::now();
        let mut log = self.0.lock().unwrap();
        let times = log.entry(reader.clone()).or_default();
        // Cards lie in all readers at the beginning.
        if times.last().map_or(!there, |(before, _)| *before != there) {
            times.push((there, now));
        }
    }

    fn all(&self, readers: &[ReaderName], count: usize) -> bool {
        let log = self.0.lock().unwrap();
        readers.iter().all(|reader| log.get(reader).is_some_and(|times| times.len() >= count))
    }
}

pub(super) async fn latency(room: &Arc<Room>, found: &mut Found) {
    measured(room, false).await.note(found, "event quiet", 1e-3);
    measured(room, true).await.note(found, "event busy", 1e-3);
}

async fn measured(room: &Arc<Room>, busy: bool) -> Times {
    let (told, seen, over) = (Arc::new(Log::default()), Arc::new(Log::default()), Arc::new(AtomicBool::new(false)));
    let listener = tokio::spawn(listen(room.clone(), told.clone()));
    let watcher = {
        let (readers, seen, over) = (room.readers.clone(), seen.clone(), over.clone());
        std::thread::spawn(move || watch(&readers, &seen, &over))
    };
    let workers = if busy { MOVING..room.readers.len() } else { 0..0 };
    let workers: Vec<_> = workers.map(|slot| tokio::spawn(work(room.clone(), slot, over.clone()))).collect();
    for round in 0..ROUNDS {
        for there in [false, true] {
            let room = room.clone();
            let readers = room.readers[..MOVING].to_vec();
            tokio::task::spawn_blocking(move || change(&room, there)).await.unwrap();
            let start = Instant::now();
            let count = round * 2 + 1 + usize::from(there);
            while !(told.all(&readers, count) && seen.all(&readers, count)) {
                assert!(start.elapsed() < PATIENCE, "nobody tells of the card");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    listener.abort();
    tokio::task::spawn_blocking(|| watcher.join().unwrap()).await.unwrap();
    compare(&told, &seen)
}

fn change(room: &Room, there: bool) {
    for slot in 0..MOVING {
        if there {
            room.vcard.insert(room.ports[slot], &(slot + 1).to_string());
        } else {
            room.vcard.remove(room.ports[slot]);
        }
    }
}

/// What the broker needed longer than the watcher; nothing where it was faster.
fn compare(told: &Log, seen: &Log) -> Times {
    let (told, seen) = (told.0.lock().unwrap(), seen.0.lock().unwrap());
    let mut times = Times::default();
    for (reader, events) in told.iter() {
        for ((now, told), (there, seen)) in events.iter().zip(&seen[reader]) {
            assert_eq!(now, there);
            times.push(told.saturating_duration_since(*seen));
        }
    }
    times
}

async fn listen(room: Arc<Room>, told: Arc<Log>) {
    let events = room.cards.events();
    let (mut news, mut cursor) = (events.watch(), events.newest());
    while news.changed().await.is_ok() {
        for event in events.after(cursor, usize::MAX).unwrap() {
            cursor = event.cursor;
            if let Event::Card { reader, card } = event.event {
                told.note(&reader, card != CardState::Absent);
            }
        }
    }
}

/// pcscd's own report, to a context that does nothing else.
fn watch(readers: &[ReaderName], seen: &Log, over: &AtomicBool) {
    let context = Context::establish(Scope::System).unwrap();
    let entry = |name: &ReaderName| ReaderState::new(CString::new(name.0.as_str()).unwrap(), State::UNAWARE);
    let mut states: Vec<_> = readers.iter().map(entry).collect();
    while !over.load(Ordering::Relaxed) {
        match context.get_status_change(Duration::from_secs(1), &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => panic!("{error}"),
        }
        for (state, name) in states.iter_mut().zip(readers) {
            seen.note(name, state.event_state().contains(State::PRESENT));
            state.sync_current_state();
        }
    }
}

/// A terminal that uses its reader without a pause.
async fn work(room: Arc<Room>, slot: usize, over: Arc<AtomicBool>) {
    let session = room.session(slot);
    while !over.load(Ordering::Relaxed) {
        session.certificate().await.unwrap();
    }
    session.close().unwrap();
}
