//! What lies on the disk: sealed, and set aside when it is not what was written.

use std::path::Path;

use engawa::fault::Code;
use engawa::outbox::StateName;
use uuid::Uuid;

use super::room::{FACILITY, INSURER, Room, WITNESSES, document, insured, line_down, sender};

pub(crate) async fn execute(directory: &Path, sql: &str) {
    use sqlx::Connection as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("engawa.db"));
    let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

pub(crate) async fn select(directory: &Path, sql: &str) -> Vec<String> {
    use sqlx::Connection as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("engawa.db"));
    let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    rows
}

fn blob(id: Uuid) -> String {
    format!("x'{}'", id.simple())
}

#[tokio::test]
async fn the_disk_names_nobody() {
    let room = Room::open().await;
    let shown = room.known(1).await;
    room.reaches(shown, StateName::Delivered).await;
    let token = room.look(shown).await.1.unwrap().token.to_string();
    room.hub.identity_down(Some(line_down()));
    let waiting = room.known(2).await;
    room.until(waiting, |one| one.reason == Some(Code::HubUnreachable)).await;
    let needles = [insured(1), insured(2), WITNESSES[0].to_owned(), "care-insurance-card".to_owned(), token];
    let (directory, ..) = room.close().await;
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().any(|file| file.ends_with("engawa.db")));
    for file in files {
        let content = std::fs::read(&file).unwrap();
        for needle in &needles {
            let found = content.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} stands in {}", file.display());
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

/// What a document says is a few digits: a hash that anybody can take of it tells them to whoever tries them all.
#[tokio::test]
async fn no_hash_on_the_disk_can_be_guessed() {
    let room = Room::open().await;
    room.hub.know_person(INSURER, &insured(1), None);
    let accepted = room.later("one key", &document(1)).await;
    let again = room.later("another key", &document(1)).await;
    assert_ne!(accepted.sha256, again.sha256, "served to every key that may read");
    for id in [accepted.id, again.id] {
        room.reaches(id, StateName::Delivered).await;
    }
    let value = serde_json::to_value(document(1)).unwrap();
    let guesses = [
        sha256(&serde_json::to_vec(&document(1)).unwrap()),
        sha256(&serde_json::to_vec(&value).unwrap()),
        engawa::outbox::RequestHash::new(&value, None).finish(),
        sha256(insured(1).as_bytes()),
    ];
    assert!(!guesses.contains(&accepted.sha256));
    let (directory, ..) = room.close().await;
    for file in std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let content = std::fs::read(&file).unwrap();
        for guess in &guesses {
            let hex: String = guess.iter().map(|byte| format!("{byte:02x}")).collect();
            for needle in [guess.as_slice(), hex.as_bytes()] {
                let found = content.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{hex} stands in {}", file.display());
            }
        }
    }
}

#[tokio::test]
async fn damaged_records_are_set_aside_and_the_others_go_on() {
    let room = Room::open().await;
    room.hub.identity_down(Some(line_down()));
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(room.known(n).await);
    }
    let opinion = room.opinion("an opinion").await;
    room.reaches(opinion, StateName::Delivered).await;
    let (directory, hub, clock) = room.close().await;
    let damage = [
        format!("UPDATE piece SET sealed = zeroblob(length(sealed)) WHERE body = {}", blob(ids[0])),
        format!("DELETE FROM piece WHERE body = {}", blob(ids[1])),
        format!("UPDATE submission SET body_hash = zeroblob(32) WHERE id = {}", blob(ids[2])),
        format!("UPDATE submission SET body_length = 20000000 WHERE id = {}", blob(ids[3])),
        // An answer to it cannot be asked for.
        format!("UPDATE submission SET state = 'unknown', wait_until = 1 WHERE id = {}", blob(ids[4])),
        // The record of another.
        format!(
            "UPDATE piece SET sealed = (SELECT sealed FROM piece WHERE body = {}) WHERE body = {}",
            blob(ids[7]),
            blob(ids[5])
        ),
        format!("UPDATE submission SET kind = 'letter' WHERE id = {}", blob(ids[6])),
    ];
    execute(directory.path(), &damage.join(";")).await;
    hub.identity_down(None);
    let room = Room::over(directory, hub, clock).await;
    for id in &ids[..6] {
        let held = room.reaches(*id, StateName::Held).await;
        assert_eq!(held.reason, Some(Code::SubmissionDamaged), "{held:?}");
        assert!(room.look(*id).await.1.is_none());
    }
    room.reaches(ids[7], StateName::Delivered).await;
    assert_eq!(room.hub.assertions().len(), 1, "nothing damaged was shown");
    // What it is nobody knows; it is out of the way, and told once.
    let unreadable = room.outbox.submission(FACILITY, ids[6]).await.unwrap_err();
    assert_eq!(unreadable.code, Code::SubmissionDamaged);
    let told = |events: &[serde_json::Value]| events.iter().filter(|event| event["kind"] == "letter").count();
    assert_eq!(told(&room.events().await), 1);
    let (directory, hub, clock) = room.close().await;
    let room = Room::over(directory, hub, clock).await;
    assert_eq!(told(&room.events().await), 1, "not again at each start");
    assert_eq!(room.outbox.retry(&sender(), ids[6]).await.unwrap_err().code, Code::SubmissionDamaged);
    room.close().await;
}

#[tokio::test]
async fn what_the_hub_told_is_not_guessed_at() {
    let room = Room::open().await;
    let (one, other) = (room.known(1).await, room.known(2).await);
    for id in [one, other] {
        room.reaches(id, StateName::Delivered).await;
    }
    let take = format!(
        "UPDATE submission SET outcome = (SELECT outcome FROM submission WHERE id = {}) WHERE id = {}",
        blob(other),
        blob(one)
    );
    let note = format!("UPDATE submission SET outcome = note WHERE id = {}", blob(one));
    let none = format!("UPDATE submission SET outcome = NULL WHERE id = {}", blob(one));
    for damage in [take, note, none] {
        execute(room.directory.path(), &damage).await;
        let failure = room.outbox.identification(FACILITY, one).await;
        assert_eq!(failure.err().map(|error| error.code), Some(Code::SubmissionDamaged), "{damage}");
    }
    assert!(room.look(other).await.1.is_some());
    room.close().await;
}
