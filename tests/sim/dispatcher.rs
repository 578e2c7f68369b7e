//! The outbox's dispatcher over a real store and a scripted hub, with a clock that the test moves: what it lets rest while nothing is to be
//! done, and what ends that rest in time.

use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::fault::Code;
use engawa::hub::{Outcome, Scope, ScriptedHub, Step, Trouble};
use engawa::model::opinion;
use engawa::outbox::backoff::Backoff;
use engawa::outbox::machine::Policy;
use engawa::outbox::{self, Guard, NewOpinion, Outbox, RequestHash, Sender, StateName, Stop, Submission, Tasks};
use engawa::store::{SetFact, Store, StoreTask};
use jiff::civil::date;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

const FACILITY: &str = "1370000018";
const DAY: Duration = Duration::from_secs(86_400);
/// Those who look from time to time do so at multiples of this.
const BEAT: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(60);
/// What comes before the next beat of a clock that stands on a beat comes much sooner than this.
const SOON: Duration = Duration::from_secs(5);
/// Before a beat.
const SHORTLY: Duration = Duration::from_millis(5);

struct Room {
    outbox: Outbox,
    store: Store,
    hub: ScriptedHub,
    clock: Clock,
    stop: watch::Sender<Stop>,
    tasks: Tasks,
    store_task: StoreTask,
    directory: TempDir,
}

impl Room {
    /// Whose clock stands so long before the next beat, and where so long lies between two attempts. Timers go by the machine's own time:
    /// shortly before a beat the dispatcher looks again and again, at a beat once in ten seconds.
    async fn open(before_beat: Duration, pause: Duration) -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let clock = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
        let (store, store_task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        let keys = Arc::new(KeyFile::new(directory.path().join("master.key"), false, None).create().unwrap());
        let guard = Guard {
            free_space: Arc::new(|| Some(u64::MAX)),
            min_free: 1 << 20,
            retention: 400 * DAY,
            clock: clock.clone(),
        };
        let backoff = Backoff::new(pause, pause).unwrap();
        let config = outbox::Config {
            facility: FACILITY.into(),
            clinic: false,
            policy: Policy { backoff, strikes: 50, key_memory: 399 * DAY, ask_after: pause },
            parallel: 4,
            poll_changes: DAY,
            retention: 400 * DAY,
            event_retention: 7 * DAY,
            idempotency_secret: [7; 32],
        };
        let (hub, (stop, stopped)) = (ScriptedHub::new(clock.clone()), watch::channel(Stop::Run));
        clock.advance(BEAT - before_beat);
        let port = Arc::new(hub.clone());
        let (outbox, tasks) = Outbox::start(store.clone(), keys, port, guard, config, clock.clone(), stopped).await;
        Self { outbox, store, hub, clock, stop, tasks, store_task, directory }
    }

    async fn accept(&self, n: u32) -> Uuid {
        let mut value: Value = serde_json::from_str(include_str!("../fixtures/opinion/fracture.json")).unwrap();
        value["special_notes"] = json!(format!("架空の文書 {n}"));
        let parsed = opinion::parse(&value, &[], date(2026, 6, 1)).unwrap();
        let new = NewOpinion {
            opinion: parsed.opinion,
            warnings: parsed.warnings,
            substitutions: parsed.substitutions,
            originals: parsed.originals,
            signature: None,
        };
        let sender = Sender { facility: FACILITY.into(), id: "counter".into(), hub_user: None, act: None };
        let intake = self.outbox.begin(&sender, &format!("key {n}"), new).await.unwrap();
        intake.finish(RequestHash::new(&value, None)).await.unwrap().id
    }

    /// One that was tried once in vain, and is to go again after the pause.
    async fn accept_in_vain(&self, n: u32) -> Uuid {
        self.hub.then([Step::Answer(Outcome::NotDelivered(Trouble::of(Code::HubBusy, Scope::Try)))]);
        let id = self.accept(n).await;
        self.until(id, |one| one.state == StateName::Queued && one.attempts == 1).await;
        id
    }

    async fn until(&self, id: Uuid, wish: impl Fn(&Submission) -> bool) {
        until(async || wish(&self.outbox.submission(FACILITY, id).await.unwrap().unwrap())).await;
    }

    async fn goes(&self, id: Uuid) {
        self.until(id, |one| one.state == StateName::Delivered).await;
    }

    /// Moves the clock, and waits until the dispatcher has seen it.
    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.beats().await;
    }

    async fn beats(&self) {
        until(async || self.outbox.health().await[1].1.last_proof == Some(self.clock.now())).await;
    }

    async fn close(mut self) {
        self.stop.send_replace(Stop::Now);
        self.tasks.finished().await;
        drop((self.outbox, self.store));
        self.store_task.finished().await;
        drop(self.directory);
    }
}

async fn until(mut wish: impl AsyncFnMut() -> bool) {
    let come = async {
        while !wish().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, come).await.expect("it does not come in time");
}

#[tokio::test]
async fn what_is_accepted_while_nothing_is_to_be_done_goes_at_once() {
    let room = Room::open(Duration::ZERO, PAUSE).await;
    room.beats().await;
    for n in 0..3 {
        let id = room.accept(n).await;
        room.goes(id).await;
    }
    room.close().await;
}

#[tokio::test]
async fn what_ripens_while_nothing_is_to_be_done_goes_when_it_is_ripe() {
    let room = Room::open(SHORTLY, PAUSE).await;
    let id = room.accept_in_vain(0).await;
    for _ in 1..6 {
        room.advance(BEAT).await;
        assert!(room.hub.deliveries().is_empty(), "it is not ripe");
    }
    room.advance(BEAT).await;
    room.goes(id).await;
    room.close().await;
}

#[tokio::test]
async fn what_ripens_between_two_beats_does_not_wait_for_the_second() {
    let pause = PAUSE + Duration::from_millis(100);
    let room = Room::open(SHORTLY, pause).await;
    let id = room.accept_in_vain(0).await;
    // From the second beat on, the dispatcher looks at no more than its notes.
    room.advance(BEAT).await;
    room.advance(BEAT).await;
    let short = Duration::from_millis(50);
    room.advance(pause - 2 * BEAT - short).await;
    room.clock.advance(short);
    room.goes(id).await;
    room.close().await;
}

/// Somebody else's word is all that has changed: no nudge comes.
#[tokio::test]
async fn what_another_facilitys_outbox_writes_down_ends_the_rest() {
    let room = Room::open(SHORTLY, PAUSE).await;
    let bar = |value: &str| SetFact { name: outbox::BARRED.to_owned(), value: value.to_owned() };
    room.store.write(bar(Code::RestoredUnconfirmed.name())).await.unwrap();
    // A look that had begun before has ended by the second beat.
    room.advance(BEAT).await;
    room.advance(BEAT).await;
    let id = room.accept(0).await;
    room.advance(BEAT).await;
    room.advance(BEAT).await;
    assert!(room.hub.deliveries().is_empty(), "nothing is sent");
    room.store.write(bar("")).await.unwrap();
    room.goes(id).await;
    room.close().await;
}

/// At whatever moment of a look the time comes.
#[tokio::test]
async fn what_ripens_during_a_look_is_not_passed_over_by_it() {
    // Others look and write less often than the dispatcher is waited for.
    let room = Room::open(Duration::from_millis(100), PAUSE).await;
    for n in 0..50 {
        let id = room.accept_in_vain(n).await;
        room.clock.advance(PAUSE - BEAT);
        room.outbox.reconsider();
        for _ in 0..n * 40 {
            tokio::task::yield_now().await;
        }
        room.clock.advance(BEAT);
        room.goes(id).await;
    }
    room.close().await;
}
