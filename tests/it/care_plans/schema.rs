//! A database of before care plans is brought up to date: what waits in it goes on, and it is as if it had been made new.

use std::collections::BTreeSet;
use std::path::Path;

use engawa::fault::Code;
use engawa::hub::{MunicipalState, ScriptedHub, Step, Trouble};
use engawa::outbox::StateName;
use engawa::store::Store;
use sqlx::Connection as _;

use super::{hand_in, paused, unit};
use crate::identification::damage::execute;
use crate::identification::room::{FACILITY, Home, Room};
use crate::identification::schema::make_old;

async fn select(directory: &Path, sql: &str) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("engawa.db"));
    let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    rows
}

/// Tables with their columns, and indexes, without layout and comments. `defaults`: with what stands where nothing was said.
async fn shape(directory: &Path, defaults: bool) -> BTreeSet<String> {
    let value = if defaults { "coalesce(c.dflt_value, '-')" } else { "''" };
    let columns = format!(
        "SELECT t.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk || {value} \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
    );
    let mut shape: BTreeSet<String> = select(directory, &columns).await.into_iter().collect();
    let indexes = "SELECT coalesce(sql, tbl_name || name) FROM sqlite_schema WHERE type = 'index'";
    let plain = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    shape.extend(select(directory, indexes).await.into_iter().map(plain));
    shape
}

async fn open(directory: &Path) {
    let clock = engawa::clock::Clock::system();
    let (store, task) = Store::open(directory, clock, std::sync::Arc::new(|_, _| {})).await.unwrap();
    drop(store);
    task.finished().await;
}

#[tokio::test]
async fn a_migrated_database_is_like_a_new_one() {
    let [new, second, first] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    open(new.path()).await;
    for (old, version) in [(&second, 2), (&first, 1)] {
        let home = Home::Lasting(old.path().to_owned());
        open(home.path()).await;
        make_old(&home, version).await;
        open(home.path()).await;
        assert_eq!(select(home.path(), "SELECT '' || user_version FROM pragma_user_version").await, ["3"]);
    }
    assert_eq!(shape(second.path(), true).await, shape(new.path(), true).await);
    // The kind of what was there before there were kinds is given as a default, for good.
    assert_eq!(shape(first.path(), false).await, shape(new.path(), false).await);
    assert!(shape(new.path(), true).await.len() > 50);
}

#[tokio::test]
async fn what_waited_before_care_plans_goes_on() {
    let room = Room::open().await;
    let gone = room.opinion("gone").await;
    let delivered = room.reaches(gone, StateName::Delivered).await;
    let receipt = delivered.receipt.unwrap().number;
    let person = room.known(1).await;
    room.reaches(person, StateName::Delivered).await;
    let lost = Trouble::of(Code::HubTimeout, engawa::hub::Scope::Hub);
    room.hub.then([Step::LoseAfter(lost)]);
    room.hub.then_look_up(std::iter::repeat_n(
        engawa::hub::LookupOutcome::Trouble(Trouble::of(Code::HubUnreachable, engawa::hub::Scope::Hub)),
        1_000,
    ));
    let unknown = room.opinion("unknown").await;
    room.reaches(unknown, StateName::Unknown).await;
    room.hub.rule(|_| paused());
    let waiting = room.opinion("waiting").await;
    room.until(waiting, |one| one.reason == Some(Code::HubUnreachable)).await;
    let (home, _, clock) = room.close().await;
    make_old(&home, 2).await;
    // What it knew of the municipality, and news whose receipt is not known yet.
    let (id, at) = (gone.simple(), clock.now().as_millisecond());
    let news = format!(
        "UPDATE submission SET municipal = 'forwarded', municipal_at = 1, municipal_reason = NULL WHERE id = x'{id}'; \
         INSERT INTO stray_change VALUES ('R00000001', 'accepted', {at}, NULL), ('R-none', 'returned', {at}, x'01')"
    );
    execute(home.path(), &news).await;

    let hub = std::sync::Arc::new(ScriptedHub::new(clock.clone()));
    let room = Room::over(home, hub, clock).await;
    let known = room.outbox.submission(FACILITY, gone).await.unwrap().unwrap();
    assert_eq!(known.municipality.map(|one| one.state), Some(MunicipalState::Forwarded));
    assert_eq!(known.receipt.map(|one| one.number), Some(receipt));
    assert!(room.look(person).await.1.is_some());
    for id in [unknown, waiting] {
        room.reaches(id, StateName::Delivered).await;
    }
    let mut adopted = 0;
    for id in [unknown, waiting] {
        let one = room.outbox.submission(FACILITY, id).await.unwrap().unwrap();
        adopted += usize::from(one.municipality.is_some_and(|one| one.state == MunicipalState::Accepted));
    }
    assert_eq!(adopted, 1, "the stray news found its opinion");
    let plan = hand_in(&room, "a plan", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(plan, StateName::Delivered).await;
    let (home, ..) = room.close().await;
    let strays = select(home.path(), "SELECT kind || receipt_number || state || at FROM stray_change").await;
    assert_eq!(strays, [format!("opinionR-nonereturned{at}")]);
}
