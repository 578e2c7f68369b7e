//! A database of an earlier engawa is brought up to date, with what waits in it.

use engawa::fault::Code;
use engawa::outbox::StateName;
use engawa::store::{Store, StoreError};

use super::damage::execute;
use super::room::{FACILITY, Home, Room, line_down};

/// As it was before there were kinds.
const SCHEMA_1: &str = include_str!("../../fixtures/store/schema-1.sql");
/// As it was before there were care plans.
const SCHEMA_2: &str = include_str!("../../fixtures/store/schema-2.sql");
/// As it was before there were terminals, people and the trail.
const SCHEMA_3: &str = include_str!("../../fixtures/store/schema-3.sql");
/// Columns of schema 1, and how they are called.
const COLUMNS: &str = "seq, id, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, key_id, salt, \
    note, insurer, accepted_at, due, state, reason, wait_until, pause, attempts, strikes, first_sent_at, failed_at, \
    receipt_number, result, municipal, municipal_at, municipal_reason, changed_at";

/// Of schema 3, what every table held.
const KEPT_3: [&str; 10] = [
    "submission",
    "piece",
    "spool",
    "event",
    "stray_change",
    "fact",
    "received",
    "received_forgotten",
    "placement",
    "taken",
];
const API_KEY_3: &str = "id, name, facility, rights, hash, created_at, last_used_at, revoked_at";

/// Makes the database of `home` one of schema 1 or 2 with the same submissions, or of schema 3 with all that it holds.
pub(crate) async fn make_old(home: &Home, version: u8) {
    let (file, new) = (home.path().join("engawa.db"), home.path().join("new.db"));
    std::fs::rename(&file, &new).unwrap();
    if version == 3 {
        let copies = KEPT_3.map(|table| format!("INSERT INTO {table} SELECT * FROM new.{table};"));
        let sql = format!(
            "{SCHEMA_3} ATTACH '{}' AS new; {} INSERT INTO api_key SELECT {API_KEY_3} FROM new.api_key; DETACH new; \
             PRAGMA user_version = 3;",
            new.display(),
            copies.concat()
        );
        std::fs::File::create(&file).unwrap();
        execute(home.path(), &sql).await;
        return std::fs::remove_file(new).unwrap();
    }
    let (schema, columns) = match version {
        1 => (SCHEMA_1, COLUMNS.to_owned()),
        _ => (SCHEMA_2, format!("{COLUMNS}, kind, outcome")),
    };
    let now = columns.replace("municipal", "progress");
    let copies = ["piece", "event", "fact"].map(|table| format!("INSERT INTO {table} SELECT * FROM new.{table};"));
    let sql = format!(
        "{schema} ATTACH '{}' AS new; INSERT INTO submission ({columns}) SELECT {now} FROM new.submission; {} \
         DETACH new; PRAGMA user_version = {version};",
        new.display(),
        copies.concat()
    );
    std::fs::File::create(&file).unwrap();
    execute(home.path(), &sql).await;
    std::fs::remove_file(new).unwrap();
}

#[tokio::test]
async fn a_database_without_kinds_is_brought_up_to_date() {
    let room = Room::open().await;
    let gone = room.opinion("gone").await;
    room.reaches(gone, StateName::Delivered).await;
    room.hub.rule(|_| engawa::hub::Step::Answer(engawa::hub::Outcome::NotDelivered(line_down())));
    let waiting = room.opinion("waiting").await;
    room.until(waiting, |one| one.reason == Some(Code::HubUnreachable)).await;
    let (home, _, clock) = room.close().await;
    make_old(&home, 1).await;

    let hub = std::sync::Arc::new(engawa::hub::ScriptedHub::new(clock.clone()));
    let room = Room::over(home, hub, clock).await;
    assert_eq!(room.outbox.submission(FACILITY, gone).await.unwrap().unwrap().state, StateName::Delivered);
    let delivered = room.reaches(waiting, StateName::Delivered).await;
    assert_eq!(delivered.kind, "opinion");
    assert_eq!(room.opinion("waiting").await, waiting, "the same key is the same opinion");
    let person = room.known(1).await;
    room.reaches(person, StateName::Delivered).await;
    // Again.
    let (home, hub, clock) = room.close().await;
    let room = Room::over(home, hub, clock).await;
    assert!(!room.look(person).await.1.unwrap().token.is_empty(), "it serves");
    let (home, _, clock) = room.close().await;

    execute(home.path(), "PRAGMA user_version = 5").await;
    let refused = Store::open(home.path(), clock, std::sync::Arc::new(|_, _| {})).await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 5, known: 4 }), "{refused}");
}
