//! Nothing is deleted before its retention: only what is finished, only what is old enough, and a little at a time.

use std::path::Path;
use std::sync::Arc;

use engawa::clock::Clock;
use engawa::store::{Accept, NewEvent, NewSubmission, Prune, Store};

const DAY: i64 = 24 * 3600 * 1000;

/// The database itself must be the judge of what is left.
async fn count(store: &Store, id: u8) -> (bool, bool, usize) {
    let id = [id; 16];
    let row = store.submission(&id).await.unwrap().is_some();
    let piece = store.piece(&id, 0).await.unwrap().is_some();
    (row, piece, store.history(&id, 10).await.unwrap().len())
}

async fn open(directory: &Path) -> Store {
    let clock = Clock::manual("2027-12-01T00:00:00Z".parse().unwrap());
    Store::open(directory, clock, Arc::new(|_, _| {})).await.unwrap().0
}

/// A submission in `state` whose last change was `age` days before day 1000.
fn accept(id: u8, state: &'static str, age: i64, length: i64) -> Accept {
    let at = (1000 - age) * DAY;
    let id = [id; 16];
    let new = NewSubmission {
        id,
        kind: "opinion",
        facility: "9910000011".into(),
        sender: "a".into(),
        idempotency_key: [id[0]; 32],
        request_hash: [0; 32],
        body_hash: [0; 32],
        body_length: length,
        key_id: "k".into(),
        salt: vec![0; 32],
        note: vec![0],
        insurer: "999995".into(),
        accepted_at: at,
        due: 0,
    };
    let event = NewEvent {
        at,
        facility: "9910000011".into(),
        submission: Some(id),
        kind: "submission.queued",
        data: "{}".into(),
    };
    Accept { new, last_piece: (0, vec![1]), start: (state, "WAIT_TURN"), event }
}

#[tokio::test]
async fn only_what_is_finished_and_old_enough_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let old = ["delivered", "returned", "cancelled"];
    let kept = ["queued", "sending", "unknown", "held"];
    for (id, state) in (1u8..).zip(old.into_iter().chain(kept)) {
        store.write(accept(id, state, 401, 10)).await.unwrap();
    }
    store.write(accept(100, "delivered", 399, 10)).await.unwrap();

    let before = (1000 - 400) * DAY;
    assert_eq!(store.write(Prune { before, octets: 1 << 20 }).await.unwrap(), 3);
    assert_eq!(store.write(Prune { before, octets: 1 << 20 }).await.unwrap(), 0);
    for id in 1..=3 {
        assert_eq!(count(&store, id).await, (false, false, 0), "{id} is old and finished");
    }
    for id in [4, 5, 6, 7, 100] {
        assert_eq!(count(&store, id).await, (true, true, 1), "{id} has to stay");
    }
}

#[tokio::test]
async fn large_documents_are_forgotten_a_few_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for id in 1..=5 {
        store.write(accept(id, "delivered", 500 - i64::from(id), 10 << 20)).await.unwrap();
    }
    let prune = || Prune { before: 600 * DAY, octets: 16 << 20 };
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(store.write(prune()).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}
