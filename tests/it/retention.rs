//! Nothing is deleted before its retention: only what is finished, only what is old enough, and a little at a time.

use std::path::Path;
use std::sync::Arc;

use engawa::audit::forgotten;
use engawa::clock::Clock;
use engawa::store::{
    Accept, Announce, ApplyChanges, BeginPlacement, ChangeRow, Columns, KeepUnit, NewArrival, NewEvent, NewSubmission,
    NewUnitBody, OpenUnit, PlacementRow, Prune, PruneReceived, ReceivedFilter, Row, Store, TrailRow, Transit, UnitGone,
    Verdict, fact_name,
};

use crate::identification::damage::select;

pub(crate) const DAY: i64 = 24 * 3600 * 1000;

/// The database itself must be the judge of what is left.
pub(crate) async fn count(store: &Store, id: u8) -> (bool, bool, usize) {
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
pub(crate) fn accept(id: u8, state: &'static str, age: i64, length: i64) -> Accept {
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
        batch: None,
        queue: None,
        place: None,
        about: None,
        hub_key: None,
        hub_user: None,
    };
    let event = NewEvent {
        at,
        facility: "9910000011".into(),
        submission: Some(id),
        kind: "submission.queued",
        data: "{}".into(),
    };
    Accept { new, last_piece: (0, vec![1]), start: (state, "WAIT_TURN"), event, record: None }
}

/// Forgets what a facility's retention of 400 days lets go.
fn prune(facility: &str) -> Prune {
    Prune { facility: facility.to_owned(), before: (1000 - 400) * DAY, octets: 1 << 20, told: None }
}

/// The same of what another facility has, under an id of its own.
pub(crate) fn of(facility: &str, accept: Accept) -> Accept {
    let new = NewSubmission { facility: facility.to_owned(), ..accept.new };
    Accept { event: NewEvent { facility: facility.to_owned(), ..accept.event }, new, ..accept }
}

#[tokio::test]
async fn only_what_is_finished_and_old_enough_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let old = ["delivered", "returned", "cancelled", "on_paper"];
    let kept = ["queued", "sending", "unknown", "held"];
    for (id, state) in (1u8..).zip(old.into_iter().chain(kept)) {
        store.write(accept(id, state, 401, 10)).await.unwrap();
    }
    store.write(accept(100, "delivered", 399, 10)).await.unwrap();

    let told = Some(forgotten("submission", jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(store.write(Prune { told, ..prune(FACILITY) }).await.unwrap(), 4);
    let trail = store.trail_after(0, 10).await.unwrap();
    assert_eq!(trail.len(), 4);
    let told = |row: &TrailRow| row.record.contains(r#""act":"retention.forgotten","on":"submission:"#);
    assert!(trail.iter().all(told), "{trail:?}");
    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 0);
    for id in 1..=4 {
        assert_eq!(count(&store, id).await, (false, false, 0), "{id} is old and finished");
    }
    for id in [5, 6, 7, 8, 100] {
        assert_eq!(count(&store, id).await, (true, true, 1), "{id} has to stay");
    }
}

/// Each facility forgets by its own clock, and has nothing forgotten by another's.
#[tokio::test]
async fn what_is_anothers_stays() {
    const OTHER: &str = "9910000022";
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for id in 1..=2 {
        store.write(accept(id, "delivered", 401, 10)).await.unwrap();
        store.write(of(OTHER, accept(id + 10, "delivered", 500, 10))).await.unwrap();
    }
    for (facility, receipt_number) in [(FACILITY, "R1"), (OTHER, "R2")] {
        let stray = ChangeRow { receipt_number: receipt_number.into(), state: "accepted", at: DAY, reason: None };
        let news = ApplyChanges {
            facility: facility.into(),
            kind: "opinion",
            event: "submission.municipality",
            items: vec![stray],
            cursor_name: fact_name("feed", facility),
            cursor: "c".into(),
            now: DAY,
        };
        assert_eq!(store.write(news).await.unwrap(), 0);
    }
    assert_eq!(store.oldest_finished(OTHER).await.unwrap(), Some(500 * DAY));
    assert_eq!(store.oldest_finished(FACILITY).await.unwrap(), Some((1000 - 401) * DAY));
    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 2);
    assert_eq!(store.oldest_finished(FACILITY).await.unwrap(), None);
    assert_eq!([count(&store, 1).await, count(&store, 11).await], [(false, false, 0), (true, true, 1)]);
    let strays = "SELECT facility || receipt_number FROM stray_change";
    assert_eq!(select(directory.path(), strays).await, [format!("{OTHER}R2")]);
    assert_eq!(store.write(prune(OTHER)).await.unwrap(), 2);
    assert_eq!(store.counts_of_box().await.unwrap(), []);
}

/// Marks as delivered what has been accepted, and keeps what the hub told with it.
fn deliver(id: u8, told: &'static [u8]) -> Transit<()> {
    let rule = move |row: &Row| {
        let columns = Columns { state: "delivered".into(), outcome: Some(told.to_vec()), ..row.columns.clone() };
        let event = NewEvent {
            at: columns.changed_at,
            facility: row.facility.clone(),
            submission: Some([id; 16]),
            kind: "submission.delivered",
            data: "{}".into(),
        };
        Verdict::Change(Box::new((columns, event, ())))
    };
    Transit { id: [id; 16], rule: Arc::new(rule), record: None }
}

/// The token and the person that an identification brought go with it, to the last byte of the file.
#[tokio::test]
async fn nothing_is_left_of_a_person_who_was_identified() {
    const TOLD: [&[u8]; 2] = [b"sealed words of the first", b"sealed words of the second"];
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2027-12-01T00:00:00Z".parse().unwrap());
    let (store, task) = Store::open(directory.path(), clock, Arc::new(|_, _| {})).await.unwrap();
    for (id, age) in [(1, 401), (2, 399)] {
        let accept = accept(id, "sending", age, 10);
        store.write(Accept { new: NewSubmission { kind: "identification", ..accept.new }, ..accept }).await.unwrap();
        store.write(deliver(id, TOLD[usize::from(id) - 1])).await.unwrap();
    }
    let row = store.submission(&[1; 16]).await.unwrap().unwrap();
    assert_eq!((row.kind.as_str(), row.columns.outcome.as_deref()), ("identification", Some(TOLD[0])));

    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 1);
    assert_eq!((count(&store, 1).await, count(&store, 2).await), ((false, false, 0), (true, true, 2)));
    drop(store);
    task.finished().await;
    let file = std::fs::read(directory.path().join("engawa.db")).unwrap();
    let stands = |told: &[u8]| file.windows(told.len()).any(|window| window == told);
    assert_eq!(TOLD.map(stands), [false, true]);
}

#[tokio::test]
async fn large_documents_are_forgotten_a_few_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for id in 1..=5 {
        store.write(accept(id, "delivered", 500 - i64::from(id), 10 << 20)).await.unwrap();
    }
    let prune = || Prune { facility: FACILITY.into(), before: 600 * DAY, octets: 16 << 20, told: None };
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(store.write(prune()).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

/// Deliveries that were handed in together are forgotten one by one, each when it is finished and old.
#[tokio::test]
async fn a_batch_keeps_what_is_not_finished_or_not_old() {
    const BATCH: [u8; 16] = [77; 16];
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let deliveries = [("delivered", 401), ("on_paper", 401), ("held", 4000), ("queued", 401), ("delivered", 399)];
    for (id, (state, age)) in (1u8..).zip(deliveries) {
        let accept = accept(id, state, age, 10);
        let new = NewSubmission { kind: "care_plan", batch: Some(BATCH), ..accept.new };
        store.write(Accept { new, ..accept }).await.unwrap();
    }
    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 2);
    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 0);
    let left = store.batch(FACILITY, &BATCH, 10).await.unwrap();
    let states: Vec<&str> = left.iter().map(|row| row.columns.state.as_str()).collect();
    assert_eq!(states, ["held", "queued", "delivered"]);
    assert_eq!(count(&store, 1).await, (false, false, 0));
}

const FACILITY: &str = "9910000011";

fn told(kind: &'static str, age: i64) -> NewEvent {
    NewEvent { at: (1000 - age) * DAY, facility: FACILITY.into(), submission: None, kind, data: "{}".into() }
}

/// The hub lists them, for the `round`th time.
async fn announce(store: &Store, round: u8, ids: impl Iterator<Item = u8>) -> u64 {
    announce_to(FACILITY, store, round, ids).await
}

pub(crate) async fn announce_to(facility: &str, store: &Store, round: u8, ids: impl Iterator<Item = u8>) -> u64 {
    let item = |id: u8| NewArrival {
        id: [[round; 8], [id; 8]].concat().try_into().unwrap(),
        hub_id: format!("U{id}"),
        from_facility: "9970000015".into(),
        hub_kind: "UPPLAN".into(),
        receipt_number: format!("R{id}"),
        sent_at: 0,
    };
    let announce = Announce {
        facility: facility.into(),
        items: ids.map(item).collect(),
        cursor_name: "inbox.cursor".into(),
        cursor: "c".into(),
        now: 0,
    };
    store.write(announce).await.unwrap()
}

/// What another office sent, `(kept, opened)` so many days ago.
#[tokio::test]
async fn of_what_was_received_only_what_was_opened_long_ago_is_forgotten() {
    const SEALED: &[u8] = b"sealed words of a unit, number ";
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2027-12-01T00:00:00Z".parse().unwrap());
    let (store, task) = Store::open(directory.path(), clock, Arc::new(|_, _| {})).await.unwrap();
    assert_eq!(announce(&store, 1, 1..=5).await, 5);
    let filter = ReceivedFilter { facility: FACILITY.into(), unopened: false, after: 0, limit: 10 };
    let rows = store.received_list(&filter).await.unwrap();
    let id = |n: usize| <[u8; 16]>::try_from(rows[n - 1].id.as_slice()).unwrap();
    for n in 1..=3 {
        let sealed = [SEALED, &[b'0' + u8::try_from(n).unwrap()]].concat();
        let body =
            NewUnitBody { pieces: vec![sealed], hash: [0; 32], length: 10, key_id: "k".into(), salt: vec![0; 32] };
        let event = told("careplan.received", 900);
        let keep = KeepUnit { id: id(n), body, about: None, reason: None, now: (1000 - 900) * DAY, event };
        assert!(store.write(keep).await.unwrap());
    }
    let gone = UnitGone { id: id(4), reason: "HUB_ARRIVAL_GONE", event: told("careplan.gone", 900) };
    assert!(store.write(gone).await.unwrap());
    // The first long ago, the second not so long, the third never; the fourth was lost by the hub, the fifth is still there.
    for (n, age) in [(1, 401), (2, 399), (4, 401)] {
        let now = (1000 - age) * DAY;
        let open = OpenUnit { id: id(n), by: "key".into(), now, event: told("careplan.opened", age) };
        assert!(store.write(open).await.unwrap());
    }
    let placed = PlacementRow { received: id(1).to_vec(), files: "[]".into() };
    store.write(BeginPlacement { row: placed, folder: "in".into(), at: 0 }).await.unwrap();

    let prune = || PruneReceived { facility: FACILITY.into(), before: (1000 - 400) * DAY, octets: 1 << 20, told: None };
    assert_eq!(store.write(prune()).await.unwrap(), 2);
    assert_eq!(store.write(prune()).await.unwrap(), 0);
    let left: Vec<String> = store.received_list(&filter).await.unwrap().into_iter().map(|row| row.hub_id).collect();
    assert_eq!(left, ["U2", "U3", "U5"], "what nobody opened is never forgotten");
    assert!(store.placements(FACILITY).await.unwrap().is_empty());
    for (n, there) in [(1, false), (2, true), (3, true)] {
        assert_eq!(store.piece(&id(n), 0).await.unwrap().is_some(), there, "{n}");
    }
    // The hub lists all of them again, as after an expired cursor: nothing comes a second time, and what it had lost is asked for
    // again.
    assert_eq!(announce(&store, 2, 1..=6).await, 2);
    drop(store);
    task.finished().await;
    let file = std::fs::read(directory.path().join("engawa.db")).unwrap();
    let stands = |n: u8| {
        let sealed = [SEALED, &[b'0' + n]].concat();
        file.windows(sealed.len()).any(|window| window == sealed)
    };
    assert_eq!([1, 2, 3].map(stands), [false, true, true]);
}

#[tokio::test]
async fn what_another_facility_received_stays() {
    const OTHER: &str = "9910000022";
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut left = Vec::new();
    for (round, facility) in [(1, FACILITY), (2, OTHER)] {
        assert_eq!(announce_to(facility, &store, round, 1..=1).await, 1, "the same name at each one's hub");
        let id = <[u8; 16]>::try_from([[round; 8], [1; 8]].concat()).unwrap();
        let event = |kind| NewEvent { facility: facility.into(), ..told(kind, 900) };
        assert!(store.write(UnitGone { id, reason: "HUB_ARRIVAL_GONE", event: event("careplan.gone") }).await.unwrap());
        let open = OpenUnit { id, by: "key".into(), now: 99 * DAY, event: event("careplan.opened") };
        assert!(store.write(open).await.unwrap());
        left.push((facility, id));
    }
    let before = (1000 - 400) * DAY;
    let prune = PruneReceived { facility: FACILITY.into(), before, octets: 1 << 20, told: None };
    assert_eq!(store.write(prune).await.unwrap(), 1);
    for (facility, id) in left {
        let there = facility == OTHER;
        assert_eq!(store.received(facility, &id).await.unwrap().is_some(), there);
        assert_eq!(store.events_after(facility, 0, 0, 10).await.unwrap().is_empty(), !there);
    }
}

/// Crypto-shredding: the master key alone opens nothing. With the salt gone from the database file and from the log beside it, and the
/// sealed pieces with it, nobody opens what was forgotten, master key or not.
#[tokio::test]
async fn what_is_forgotten_cannot_be_opened_with_the_master_key() {
    use engawa::credential::KeyFile;
    let directory = tempfile::tempdir().unwrap();
    let keys = KeyFile::new(directory.path().join("master.key"), false, None).create().unwrap();
    let clock = Clock::manual("2027-12-01T00:00:00Z".parse().unwrap());
    let (store, task) = Store::open(directory.path(), clock, Arc::new(|_, _| {})).await.unwrap();
    let mut sealed = Vec::new();
    for (id, age) in [(1u8, 401), (2, 399)] {
        let mut sealer = keys.sealer([id; 16]).unwrap();
        let mut piece = format!("words of the person, number {id}").into_bytes();
        sealer.seal(&mut piece, true).unwrap();
        let note = keys.seal_note([id; 16], b"a substitution").unwrap();
        let accept = accept(id, "delivered", age, 10);
        let new = NewSubmission {
            salt: sealer.salt().to_vec(),
            key_id: sealer.key_id().to_owned(),
            note: note.clone(),
            ..accept.new
        };
        sealed.push([sealer.salt().to_vec(), piece.clone(), note]);
        store.write(Accept { new, last_piece: (0, piece), ..accept }).await.unwrap();
    }
    let found = |what: &[u8]| {
        let files =
            ["engawa.db", "engawa.db-wal"].map(|name| std::fs::read(directory.path().join(name)).unwrap_or_default());
        files.iter().any(|file| file.windows(what.len()).any(|window| window == what))
    };
    let all = |n: usize| -> Vec<bool> { sealed[n].iter().map(|what| found(what)).collect() };
    assert_eq!((all(0), all(1)), (vec![true; 3], vec![true; 3]), "the search finds what is there");
    assert_eq!(store.write(prune(FACILITY)).await.unwrap(), 1);
    assert!(store.forget_log().await.unwrap());
    assert_eq!((all(0), all(1)), (vec![false; 3], vec![true; 3]), "while the gateway runs");
    // The other one opens: it is not the key that is missing.
    let row = store.submission(&[2; 16]).await.unwrap().unwrap();
    let mut piece = store.piece(&[2; 16], 0).await.unwrap().unwrap();
    keys.opener(&row.key_id, &row.salt, [2; 16]).unwrap().open(&mut piece, true).unwrap();
    assert_eq!(piece, b"words of the person, number 2");
    drop(store);
    task.finished().await;
    assert_eq!((all(0), all(1)), (vec![false; 3], vec![true; 3]));
}
