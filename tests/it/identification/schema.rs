//! A database of an earlier engawa is brought up to date, with what waits in it.

use engawa::fault::Code;
use engawa::outbox::StateName;
use engawa::store::{Store, StoreError};

use super::damage::{execute, select};
use super::room::{FACILITY, Home, Room, line_down};

/// As it was before there were kinds.
const SCHEMA_1: &str = include_str!("../../fixtures/store/schema-1.sql");
/// As it was before there were care plans.
const SCHEMA_2: &str = include_str!("../../fixtures/store/schema-2.sql");
/// As it was before there were terminals, people and the trail.
const SCHEMA_3: &str = include_str!("../../fixtures/store/schema-3.sql");
/// As it was before there were several facilities.
const SCHEMA_4: &str = include_str!("../../fixtures/store/schema-4.sql");
/// Columns of schema 1, and how they are called.
const COLUMNS: &str = "seq, id, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, key_id, salt, \
    note, insurer, accepted_at, due, state, reason, wait_until, pause, attempts, strikes, first_sent_at, failed_at, \
    receipt_number, result, municipal, municipal_at, municipal_reason, changed_at";

/// Takes over from `new` whatever the old tables have a place for.
async fn copies(home: &Home) -> String {
    let columns = "SELECT t.name || ' (' || group_concat(c.name, ', ') || ') SELECT ' || group_concat(c.name, ', ') || \
        ' FROM new.' || t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name";
    let inserts = select(home.path(), columns).await;
    inserts.iter().map(|insert| format!("INSERT INTO {insert};")).collect()
}

/// Makes the database of `home` one of schema 1 or 2 with the same submissions, or of schema 3 or 4 with all that it holds.
pub(crate) async fn make_old(home: &Home, version: u8) {
    let (file, new) = (home.path().join("engawa.db"), home.path().join("new.db"));
    std::fs::rename(&file, &new).unwrap();
    if let Some(schema) =
        [(3, SCHEMA_3), (4, SCHEMA_4)].into_iter().find_map(|(of, sql)| (of == version).then_some(sql))
    {
        std::fs::File::create(&file).unwrap();
        execute(home.path(), &format!("{schema} PRAGMA user_version = {version};")).await;
        let copies = copies(home).await;
        execute(home.path(), &format!("ATTACH '{}' AS new; {copies} DETACH new;", new.display())).await;
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

    execute(home.path(), "PRAGMA user_version = 6").await;
    let refused = Store::open(home.path(), clock, std::sync::Arc::new(|_, _| {})).await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 6, known: 5 }), "{refused}");
}
