//! What is kept of a facility that the settings do not name ends as it would if they did, and what waits stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::credential::seal::Keyring;
use engawa::gateway::{Gone, GoneConfig};
use engawa::outbox::StateName;
use engawa::store::{
    Accept, BeginPlacement, KeepUnit, NewEvent, NewSubmission, NewUnitBody, OpenUnit, PlacementRow, PutPiece,
    RecordTaken, Store, StoreTask, TakenRow,
};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::{BOTH, House};
use crate::identification::damage::{execute, select};
use crate::identification::room::{INSURER, document, insured};
use crate::retention::{DAY, accept, announce_to, count, of};

const FACILITY: &str = BOTH[0];
/// Not in the settings.
const OTHER: &str = BOTH[1];

fn day(day: i64) -> Timestamp {
    Timestamp::from_millisecond(day * DAY).unwrap()
}

fn keys(directory: &Path) -> Arc<Keyring> {
    let file = KeyFile::new(directory.join("master.key"), false, None);
    Arc::new(if file.path().exists() { file.read() } else { file.create() }.unwrap())
}

async fn opened(directory: &Path, clock: &Clock) -> (Store, StoreTask) {
    Store::open(directory, clock.clone(), Arc::new(|_, _| {})).await.unwrap()
}

/// As the gateway has it when its settings name `served`.
fn gone(served: &[&str], directory: &Path, store: &Store, clock: &Clock) -> Gone {
    let served = served.iter().map(|&number| number.to_owned()).collect();
    let config = GoneConfig { served, exchange: Some(directory.join("exchange")), retention_days: 400 };
    Gone::new(config, (store.clone(), keys(directory)), clock.clone())
}

/// Whether these octets stand in the database or in the log beside it.
fn stands(directory: &Path, octets: &[u8]) -> bool {
    let files = ["engawa.db", "engawa.db-wal"].map(|name| fs::read(directory.join(name)).unwrap_or_default());
    files.iter().any(|file| file.windows(octets.len()).any(|window| window == octets))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Every row of a facility, as text.
async fn rows_of(directory: &Path, facility: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in [
        ("submission", "hex(id) || state || changed_at || coalesce(hex(outcome), '') || coalesce(wait_until, '')"),
        ("received", "hex(id) || state || coalesce(opened_at, '')"),
        ("received_forgotten", "hub_id"),
        ("event", "seq || kind || at"),
        ("spool", "hex(body)"),
        ("stray_change", "receipt_number"),
        ("taken", "hex(claim)"),
        ("session", "hex(secret)"),
        ("staff", "user || hex(name) || coalesce(hex(hub_password), '')"),
        ("pairing", "id || ends_at"),
        ("terminal", "id || coalesce(revoked_at, '')"),
        ("api_key", "id || coalesce(revoked_at, '')"),
    ] {
        let sql = format!("SELECT '{table} ' || {columns} FROM {table} WHERE facility = '{facility}' ORDER BY 1");
        rows.extend(select(directory, &sql).await);
    }
    let pieces = "SELECT 'piece ' || hex(piece.sealed) FROM piece JOIN submission ON submission.id = piece.body";
    rows.extend(select(directory, &format!("{pieces} WHERE facility = '{facility}' ORDER BY 1")).await);
    rows
}

/// An account with a kept password for the hub, logged in; a window that is open, a key and a terminal.
async fn people(directory: &Path, facility: &str, password: &[u8]) {
    let end = Timestamp::MAX.as_millisecond();
    let sql = format!(
        "INSERT INTO staff (facility, user, name, role, password, one_time, password_at, created_at, hub_user, hub_password) \
         VALUES ('{facility}', 'sato', x'00', 'clerk', 'x', 0, 0, 0, 'AB1', x'{}');
         INSERT INTO session (secret, facility, user, terminal, begun_at, used_at) VALUES (x'{}', '{facility}', 'sato', 't', 0, 0);
         INSERT INTO pairing (id, facility, label, kind, rights, networks, code, opened_by, opened_at, ends_at) \
         VALUES ('w{facility}', '{facility}', 'l', 'key', 'read', '', x'00', 'local', 0, {end});
         INSERT INTO terminal (id, facility, label, kind, rights, paired_at, paired_from, paired_by) \
         VALUES ('t{facility}', '{facility}', 'l', 'browser', 'read', 0, '', 'local');
         INSERT INTO api_key (id, name, facility, rights, hash, created_at) VALUES ('k{facility}', 'n', '{facility}', 'read', x'00', 0);",
        hex(password),
        hex(facility.as_bytes()),
    );
    execute(directory, &sql).await;
}

#[tokio::test]
async fn what_people_left_open_ends_after_a_day() {
    const PASSWORDS: [&[u8]; 2] = [b"sealed password of the one", b"sealed password of the other"];
    let house = House::open().await;
    let mut ids = BTreeMap::new();
    for desk in house.both().await {
        desk.hub.know_person(INSURER, &insured(1), None);
        let id = desk.outbox.identify_later(&desk.sender(), "a person", &document(1)).await.unwrap().id;
        desk.reaches(id, StateName::Delivered).await;
        let outcome = house.store.submission(id.as_bytes()).await.unwrap().unwrap().columns.outcome.unwrap();
        ids.insert(desk.facility, (id, outcome));
        desk.close().await;
    }
    let (home, machine) = house.close().await;
    let clock = Clock::manual(machine.now());
    let directory = home.path();
    let (store, task) = opened(directory, &clock).await;
    for (facility, password) in [FACILITY, OTHER].into_iter().zip(PASSWORDS) {
        people(directory, facility, password).await;
        let body = *ids[facility].0.as_bytes();
        let body = body.map(|octet| !octet);
        let piece = PutPiece { body, facility: facility.into(), n: 0, sealed: vec![9; 40], at: 0 };
        store.write(piece).await.unwrap();
    }
    let served = rows_of(directory, FACILITY).await;
    let before = rows_of(directory, OTHER).await;
    // Not by one start with a mistyped number, nor by starts that are a day apart with a right one in between.
    let without_pieces = async || {
        let rows = rows_of(directory, OTHER).await;
        rows.into_iter().filter(|row| !row.starts_with("spool")).collect::<Vec<_>>()
    };
    let (there, by) = (without_pieces().await, Duration::from_secs(23 * 3600));
    assert!(gone(&[FACILITY], directory, &store, &clock).look(false, || true).await);
    clock.advance(by);
    assert!(gone(&BOTH, directory, &store, &clock).look(false, || true).await);
    clock.advance(by);
    let gone = gone(&[FACILITY], directory, &store, &clock);
    assert!(gone.look(false, || true).await);
    clock.advance(by);
    assert!(gone.look(false, || true).await);
    assert_eq!(without_pieces().await, there);
    assert!(stands(directory, &ids[OTHER].1));
    clock.advance(Duration::from_secs(3600));
    assert!(gone.look(false, || true).await);

    let after = rows_of(directory, OTHER).await;
    let kinds = |rows: &[String]| -> Vec<String> {
        rows.iter().map(|row| row.split(' ').next().unwrap().to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let left: Vec<String> =
        kinds(&before).into_iter().filter(|kind| !["session", "spool"].contains(&&**kind)).collect();
    assert_eq!(kinds(&after), left, "terminals, keys, accounts and documents stay");
    let ends: Vec<String> = select(directory, "SELECT facility FROM pairing WHERE ends_at > 9000000000000").await;
    assert_eq!(ends, [FACILITY]);
    let found = |facility: &str| stands(directory, &ids[facility].1);
    assert_eq!([FACILITY, OTHER].map(found), [true, false], "the token, in the log too");
    assert_eq!(PASSWORDS.map(|password| stands(directory, password)), [true, false]);
    assert_eq!(rows_of(directory, FACILITY).await, served);
    let trail = || select(directory, "SELECT record FROM trail WHERE record LIKE '%facility.gone%'");
    let told = trail().await;
    assert_eq!(told.len(), 1);
    let record: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!((&record["facility"], &record["by"]), (&json!(OTHER), &json!("engawa")));

    // There is nothing to end a second time.
    assert!(gone.look(true, || true).await);
    assert_eq!(trail().await.len(), 1);
    assert_eq!(rows_of(directory, OTHER).await, after);
    drop((gone, store));
    task.finished().await;
    assert!(!stands(directory, &ids[OTHER].1));

    // Put back: who was identified is known still, the token has to be asked for anew.
    let house = House::at(home, machine).await;
    let desk = house.desk(OTHER, house.hub()).await;
    let (_, person) = desk.outbox.identification(OTHER, ids[OTHER].0).await.unwrap().unwrap();
    assert!(person.is_some_and(|person| person.token.is_empty()));
    desk.close().await;
    house.close().await;
}

/// A document that was really sealed, so that what is forgotten can be looked for.
fn sealed(keys: &Keyring, accept: Accept) -> (Accept, [Vec<u8>; 3]) {
    let id = accept.new.id;
    let mut sealer = keys.sealer(id).unwrap();
    let mut piece = format!("words of the person {}", Uuid::from_bytes(id)).into_bytes();
    sealer.seal(&mut piece, true).unwrap();
    let note = keys.seal_note(id, b"a substitution").unwrap();
    let (salt, key_id) = (sealer.salt().to_vec(), sealer.key_id().to_owned());
    let traces = [salt.clone(), piece.clone(), note.clone()];
    let new = NewSubmission { salt, key_id, note, batch: Some([id[0]; 16]), ..accept.new };
    (Accept { new, last_piece: (0, piece), ..accept }, traces)
}

async fn received(store: &Store, facility: &str, round: u8, opened: Option<i64>, sealed: &[u8]) -> [u8; 16] {
    announce_to(facility, store, round, std::iter::once(round)).await;
    let id = [round; 16];
    let event = |kind| NewEvent { at: 0, facility: facility.into(), submission: None, kind, data: "{}".into() };
    let body = NewUnitBody {
        pieces: vec![sealed.to_vec()],
        hash: [0; 32],
        length: 1,
        key_id: "k".into(),
        salt: [sealed, b" salt"].concat(),
    };
    let keep = KeepUnit { id, body, about: None, reason: None, now: 0, event: event("careplan.received") };
    assert!(store.write(keep).await.unwrap());
    if let Some(now) = opened {
        assert!(store.write(OpenUnit { id, by: "key".into(), now, event: event("careplan.opened") }).await.unwrap());
    }
    id
}

#[tokio::test]
async fn what_has_ended_goes_with_its_retention_and_what_waits_stays() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let clock = Clock::manual(day(1000));
    let keys = keys(directory);
    let (store, task) = opened(directory, &clock).await;
    let states = ["delivered", "returned", "cancelled", "on_paper", "queued", "sending", "unknown", "held"];
    let mut traces = BTreeMap::new();
    // Of OTHER 1 to 8 are old, 9 is young; of the one that is served 11 to 19 are the same.
    for (first, facility) in [(1, OTHER), (11, FACILITY)] {
        for (id, (state, age)) in
            (first..).zip(states.map(|state| (state, 401)).into_iter().chain([("delivered", 398)]))
        {
            let (accept, trace) = sealed(&keys, of(facility, accept(id, state, age, 10)));
            store.write(accept).await.unwrap();
            traces.insert(id, trace);
        }
    }
    let opened = Some(599 * DAY);
    let old = received(&store, OTHER, 101, opened, b"a plan of the other, opened").await;
    let unread = received(&store, OTHER, 102, None, b"a plan of the other, unread").await;
    received(&store, FACILITY, 103, opened, b"a plan of the one, opened").await;
    // Files of a unit on their way into its folder, files that a crash left there, and one that was taken and not handed in.
    let arriving = directory.join("exchange").join(OTHER).join(".arriving");
    let theirs = directory.join("exchange").join(FACILITY).join(".arriving");
    let work = directory.join("exchange").join(OTHER).join(".work").join(Uuid::from_bytes([7; 16]).to_string());
    let place = |id: [u8; 16]| Uuid::from_bytes(id).to_string();
    for folder in [arriving.join(place(old)), arriving.join(place(unread)), theirs.join(place(old)), work.clone()] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("UPPLAN.CSV"), "words").unwrap();
    }
    for id in [old, unread] {
        let row = PlacementRow { received: id.to_vec(), files: "[]".into() };
        store.write(BeginPlacement { row, folder: "in".into(), at: 0 }).await.unwrap();
    }
    for (claim, facility, batch) in [(1, OTHER, 1), (5, OTHER, 5), (9, OTHER, 9), (11, FACILITY, 1)] {
        let row = TakenRow {
            claim: vec![claim; 16],
            batch: vec![batch; 16],
            folder: "sent".into(),
            files: vec![claim; 30],
            told: vec![],
        };
        store.write(RecordTaken { facility: facility.into(), row }).await.unwrap();
    }
    let served = rows_of(directory, FACILITY).await;
    let gone = gone(&[FACILITY], directory, &store, &clock);
    assert!(gone.look(false, || true).await);

    let judge = async |left: &[u8]| {
        for id in 1..=9 {
            let there = left.contains(&id);
            assert_eq!(count(&store, id).await, (there, there, usize::from(there)), "{id}");
            let found = traces[&id].iter().map(|trace| stands(directory, trace));
            assert!(found.into_iter().all(|found| found == there), "{id} in the files");
        }
        assert_eq!(rows_of(directory, FACILITY).await, served);
    };
    judge(&[5, 6, 7, 8, 9]).await;
    assert!((11..=19).all(|id| traces[&id].iter().all(|trace| stands(directory, trace))));
    let plans: [&[u8]; 3] = [b"the other, opened", b"the other, unread", b"the one, opened"];
    assert_eq!(plans.map(|plan| stands(directory, plan)), [false, true, true]);
    let there = [arriving.join(place(old)), arriving.join(place(unread)), theirs.join(place(old)), work];
    assert_eq!(there.map(|folder| folder.exists()), [false, true, true, true]);
    let taken = select(directory, "SELECT hex(claim) FROM taken ORDER BY 1").await;
    assert_eq!(taken, [5, 9, 11].map(|claim: u8| hex(&[claim; 16]).to_uppercase()));
    assert_eq!(store.facilities_waiting().await.unwrap(), [(FACILITY.to_owned(), 4), (OTHER.to_owned(), 4)]);
    let told = select(directory, "SELECT record FROM trail WHERE record LIKE '%retention.forgotten%'").await;
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|record| record.contains(OTHER)));

    // Its own clock goes on, 25 hours an hour at most, and no start moves it.
    clock.set(day(3000));
    assert!(gone.look(false, || true).await);
    judge(&[5, 6, 7, 8, 9]).await;
    assert!(gone.look(true, || true).await);
    judge(&[5, 6, 7, 8, 9]).await;
    assert!(gone.look(true, || true).await);
    judge(&[5, 6, 7, 8]).await;
    for _ in 0..100 {
        assert!(gone.look(true, || true).await);
    }
    judge(&[5, 6, 7, 8]).await;
    assert!(stands(directory, plans[1]), "what nobody opened");
    drop((gone, store));
    task.finished().await;
}

/// What is to be there of one document, by the model.
struct Kept {
    facility: &'static str,
    state: &'static str,
    changed: i64,
}

/// Boxes whose settings lose facilities and get them back, at random: at any time exactly that is left which nobody was allowed to
/// forget, and whoever is served has no row touched.
#[tokio::test]
async fn whatever_is_taken_out_and_put_back_nothing_crosses() {
    const ALL: [&str; 3] = [FACILITY, OTHER, "1370000909"];
    const STATES: [&str; 8] =
        ["delivered", "returned", "cancelled", "on_paper", "queued", "sending", "unknown", "held"];
    let seed = std::env::var("ENGAWA_GONE_SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("ENGAWA_GONE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..4 {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path();
        let mut now = 1000 * DAY;
        let clock = Clock::manual(day(1000));
        let (mut store, mut task) = opened(directory, &clock).await;
        let mut model: BTreeMap<u8, Kept> = BTreeMap::new();
        let mut times: BTreeMap<&str, i64> = BTreeMap::new();
        for id in 0..60_u8 {
            let (facility, state) = (*ALL.choose(&mut random).unwrap(), *STATES.choose(&mut random).unwrap());
            let age = random.random_range(390..406);
            store.write(of(facility, accept(id, state, age, 9 << 20))).await.unwrap();
            model.insert(id, Kept { facility, state, changed: (1000 - age) * DAY });
        }
        let mut served: Vec<&str> = Vec::new();
        for step in 0..40 {
            match random.random_range(0..4) {
                0 => {
                    // Another start, with other settings.
                    served = ALL.into_iter().filter(|_| random.random_bool(0.5)).collect();
                    drop(store);
                    task.finished().await;
                    (store, task) = opened(directory, &clock).await;
                }
                1 => {
                    now += random.random_range(0..48) * 3_600_000;
                    clock.set(Timestamp::from_millisecond(now).unwrap());
                }
                _ => {}
            }
            let mut before = Vec::new();
            for facility in &served {
                before.push(rows_of(directory, facility).await);
            }
            let gone = gone(&served, directory, &store, &clock);
            let forward = random.random_bool(0.5);
            // Sometimes it is told to stop after a few looks around, or dropped where it stands.
            if random.random_bool(0.2) {
                let left = std::sync::atomic::AtomicI32::new(random.random_range(0..5));
                gone.look(false, || left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) > 0).await;
            } else if random.random_bool(0.2) {
                let wait = Duration::from_micros(random.random_range(0..3000));
                let _ = tokio::time::timeout(wait, gone.look(false, || true)).await;
            }
            assert!(gone.look(forward, || true).await);
            drop(gone);
            let kept: BTreeSet<&str> = store_facilities(&model);
            for facility in kept.into_iter().filter(|facility| !served.contains(facility)) {
                let time =
                    times.get(facility).map_or(now, |&time| now.min(time + if forward { 25 * 3_600_000 } else { 0 }));
                times.insert(facility, time);
                let ended = |kept: &Kept| STATES[..4].contains(&kept.state) && kept.changed < time - 400 * DAY;
                model.retain(|_, kept| kept.facility != facility || !ended(kept));
            }
            let left = select(directory, "SELECT hex(substr(id, 1, 1)) FROM submission ORDER BY id").await;
            let expected: Vec<String> = model.keys().map(|id| format!("{id:02X}")).collect();
            assert_eq!(left, expected, "step {step}, served {served:?}");
            for (facility, before) in served.iter().zip(before) {
                assert_eq!(rows_of(directory, facility).await, before, "step {step}: {facility} is served");
            }
        }
        drop(store);
        task.finished().await;
    }
}

fn store_facilities(model: &BTreeMap<u8, Kept>) -> BTreeSet<&'static str> {
    model.values().map(|kept| kept.facility).collect()
}
