//! Which row of a queue may go, by the database: against a model that looks at every row, and with very many of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::store::{Accept, AcceptBatch, Accepted, Columns, NewEvent, NewSubmission, Row, Store, Transit, Verdict};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::identification::damage::execute;
use crate::support::at_most;

const STATES: [&str; 8] = ["queued", "sending", "unknown", "held", "delivered", "returned", "cancelled", "on_paper"];

/// One's number is the beginning of another's, which real ones never are.
const FACILITIES: [&str; 3] = ["f", "fa", "g"];

fn event(id: [u8; 16]) -> NewEvent {
    NewEvent { at: 0, facility: "f".into(), submission: Some(id), kind: "submission.queued", data: "{}".into() }
}

fn id(n: usize) -> [u8; 16] {
    (n as u128 + 1).to_be_bytes()
}

fn accept(n: usize, queue: &str, place: &str) -> Accept {
    accept_of("f", n, queue, place)
}

fn accept_of(facility: &str, n: usize, queue: &str, place: &str) -> Accept {
    let id = id(n);
    let mut key = [0; 32];
    key[..16].copy_from_slice(&id);
    let new = NewSubmission {
        id,
        kind: "care_plan",
        facility: facility.into(),
        sender: "a".into(),
        idempotency_key: key,
        request_hash: [0; 32],
        body_hash: [0; 32],
        body_length: 1,
        key_id: "k".into(),
        salt: vec![0; 32],
        note: vec![0],
        insurer: String::new(),
        accepted_at: 0,
        due: 100,
        batch: Some([9; 16]),
        queue: Some(queue.to_owned()),
        place: Some(place.to_owned()),
        about: Some("{}".into()),
        hub_key: None,
        hub_user: None,
    };
    Accept { new, last_piece: (0, vec![1]), start: ("queued", "WAIT_TURN"), event: event(id), record: None }
}

async fn set(store: &Store, n: usize, state: &'static str) {
    let rule = move |row: &Row| {
        let columns = Columns { state: state.into(), ..row.columns.clone() };
        Verdict::Change(Box::new((columns, event(id(n)), ())))
    };
    store.write(Transit { id: id(n), rule: Arc::new(rule), record: None }).await.unwrap();
}

async fn open(directory: &Path) -> Store {
    Store::open(directory, Clock::system(), Arc::new(|_, _| {})).await.unwrap().0
}

struct Model {
    facility: &'static str,
    queue: &'static str,
    place: String,
    state: &'static str,
}

impl Model {
    /// Queues of two facilities may be called alike.
    fn queue(&self) -> [&'static str; 2] {
        [self.facility, self.queue]
    }
}

/// Looks at every row: nothing unfinished before it, and nothing of its queue on its way.
fn may_go(all: &[Model], n: usize) -> bool {
    let own = &all[n];
    let unfinished = |one: &Model| matches!(one.state, "queued" | "sending" | "unknown" | "held");
    own.state == "queued"
        && all.iter().enumerate().filter(|(_, one)| one.queue() == own.queue()).all(|(m, one)| {
            let before = (&one.place, m) < (&own.place, n) && unfinished(one);
            !before && !matches!(one.state, "sending" | "unknown")
        })
}

fn states(all: &[Model], facility: &str, states: &[&str]) -> usize {
    all.iter().filter(|one| one.facility == facility && states.contains(&one.state)).count()
}

#[tokio::test]
async fn the_database_and_the_model_agree_on_what_may_go() {
    for seed in 0..6 {
        let (directory, mut dice) = (tempfile::tempdir().unwrap(), StdRng::seed_from_u64(seed));
        let store = open(directory.path()).await;
        let mut all: Vec<Model> = Vec::new();
        for _ in 0..120 {
            if all.is_empty() || dice.random_range(0..3) == 0 {
                let mut batch = Vec::new();
                for _ in 0..dice.random_range(1..4) {
                    let queue = *["one", "two", "three"].choose(&mut dice).unwrap();
                    let facility = *FACILITIES.choose(&mut dice).unwrap();
                    let place = format!("2026{}", dice.random_range(10..20));
                    batch.push(accept_of(facility, all.len(), queue, &place));
                    all.push(Model { facility, queue, place, state: "queued" });
                }
                assert!(matches!(store.write(AcceptBatch(batch)).await.unwrap(), Accepted::New));
            } else {
                let n = dice.random_range(0..all.len());
                let going: Vec<usize> = (0..all.len()).filter(|n| may_go(&all, *n)).collect();
                let state = *STATES.choose(&mut dice).unwrap();
                // Only what may go goes; the outbox sees to that with the same flag.
                if matches!(state, "sending" | "unknown") && !going.contains(&n) {
                    continue;
                }
                all[n].state = state;
                set(&store, n, state).await;
            }
            for facility in FACILITIES {
                let heads = store.heads(facility, "care_plan", 0, 1, 1_000).await.unwrap();
                let mut found: Vec<Vec<u8>> = heads.into_iter().map(|head| head.id).collect();
                found.sort();
                let own = |n: &usize| all[*n].facility == facility && may_go(&all, *n);
                let expected: Vec<_> = (0..all.len()).filter(own).map(|n| id(n).to_vec()).collect();
                assert_eq!(found, expected, "seed {seed}");
                let sending = store.sending(facility, 1_000).await.unwrap().len();
                assert_eq!(sending, states(&all, facility, &["sending"]));
            }
            let unfinished = |facility| states(&all, facility, &STATES[..4]);
            let waiting = store.facilities_waiting().await.unwrap();
            for facility in FACILITIES {
                let counted = waiting.iter().find(|(of, _)| of == facility).map_or(0, |(_, count)| *count);
                assert_eq!(usize::try_from(counted).unwrap(), unfinished(facility));
            }
            for (n, own) in all.iter().enumerate() {
                let before = |m: usize, one: &Model| {
                    one.queue() == own.queue()
                        && (&one.place, m) < (&own.place, n)
                        && matches!(one.state, "queued" | "sending" | "unknown" | "held")
                };
                let before = all.iter().enumerate().filter(|(m, one)| before(*m, one)).count();
                let seq = i64::try_from(n).unwrap() + 1;
                let counted = store.ahead_in_queue(own.facility, own.queue, &own.place, seq, 1_000).await.unwrap();
                assert_eq!(usize::try_from(counted).unwrap(), before);
            }
        }
    }
}

/// A key that was used: nothing of the batch is there, in no queue.
#[tokio::test]
async fn a_batch_with_a_used_key_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    store.write(accept(5, "one", "3")).await.unwrap();
    let batch = vec![accept(6, "one", "1"), accept(5, "two", "1")];
    let Accepted::Earlier(row) = store.write(AcceptBatch(batch)).await.unwrap() else { panic!("it was used") };
    assert_eq!(row.id, id(5));
    assert!(store.submission(&id(6)).await.unwrap().is_none());
    assert_eq!(store.queue_head("f", "one").await.unwrap().unwrap().id, id(5));
    assert!(store.queue_head("f", "two").await.unwrap().is_none());
    let twice = vec![accept(7, "one", "1"), accept(7, "two", "1")];
    assert!(store.write(AcceptBatch(twice)).await.is_err());
    assert!(store.submission(&id(7)).await.unwrap().is_none());
}

/// A hundred thousand that wait, in one queue or each in its own, are not walked through for each that goes.
#[tokio::test]
#[allow(clippy::disallowed_methods)] // How long the database takes is in the machine's time.
async fn very_many_that_wait_cost_nothing() {
    for many in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).await;
        store.write(accept(0, "queue-0", "0")).await.unwrap();
        drop(store);
        let queue = if many { "'queue-' || n" } else { "'queue-0'" };
        let fill = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) \
             INSERT INTO submission (id, kind, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, \
               key_id, salt, note, insurer, accepted_at, due, state, reason, changed_at, queue, place, head) \
             SELECT unhex(printf('%032x', n + 1)), kind, facility, sender, lane, 'k' || n, request_hash, body_hash, 1, key_id, \
               salt, note, insurer, 0, due, 'queued', 'WAIT_TURN', 0, {queue}, printf('%06d', n), {} \
             FROM numbers JOIN submission ON seq = 1",
            i32::from(many)
        );
        execute(directory.path(), &fill).await;
        let store = open(directory.path()).await;
        // The first of all is held, and so is what waits behind it.
        set(&store, 0, "held").await;
        let start = std::time::Instant::now();
        for _ in 0..1_000 {
            let heads = store.heads("f", "care_plan", 0, 1, 4).await.unwrap();
            assert_eq!(heads.len(), if many { 4 } else { 0 });
        }
        for n in 1..=50 {
            let (from, to) = if many { (n, "delivered") } else { (100_000 - n, "cancelled") };
            set(&store, from, to).await;
        }
        assert!(start.elapsed() < at_most(Duration::from_secs(3)), "many {many}: {:?}", start.elapsed());
        let next = store.heads("f", "care_plan", 0, 1, 1).await.unwrap();
        assert_eq!(
            next.first().map(|head| head.id.clone()),
            many.then(|| id(51).to_vec()),
            "in the order of acceptance"
        );
        assert_eq!(store.queue_head("f", "queue-0").await.unwrap().unwrap().id, id(0));
        let behind = store.ahead_in_queue("f", "queue-0", "9", i64::MAX, 20_000).await.unwrap();
        assert_eq!(behind, if many { 1 } else { 20_000 });
    }
}
