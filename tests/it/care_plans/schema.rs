//! A database of before care plans is brought up to date: what waits in it goes on, and it is as if it had been made new.

use std::collections::BTreeSet;
use std::path::Path;

use engawa::fault::Code;
use engawa::hub::{MunicipalState, ScriptedHub, Step, Trouble};
use engawa::outbox::StateName;
use engawa::store::Store;

use super::{hand_in, paused, unit};
use crate::identification::damage::{execute, select};
use crate::identification::room::{FACILITY, Home, Room};
use crate::identification::schema::make_old;

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
    let [new, fourth, third, second, first] = [(); 5].map(|()| tempfile::tempdir().unwrap());
    open(new.path()).await;
    for (old, version) in [(&fourth, 4), (&third, 3), (&second, 2), (&first, 1)] {
        let home = Home::Lasting(old.path().to_owned());
        open(home.path()).await;
        make_old(&home, version).await;
        open(home.path()).await;
        assert_eq!(select(home.path(), "SELECT '' || user_version FROM pragma_user_version").await, ["5"]);
    }
    assert_eq!(shape(fourth.path(), true).await, shape(new.path(), true).await);
    assert_eq!(shape(third.path(), true).await, shape(new.path(), true).await);
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

/// What only a box with a LAN holds.
const OF_SCHEMA_4: &str = "\
    INSERT INTO terminal (id, facility, label, kind, rights, paired_at, paired_from, paired_by) \
        VALUES ('0123456789abcdef', 'f', 'desk', 'software', 'submit', 1, '192.168.1.2', 'local'); \
    INSERT INTO staff (facility, user, name, role, password, one_time, password_at, created_at) \
        VALUES ('f', 'sato', x'07', 'clerk', '$argon2id$', 0, 1, 1); \
    INSERT INTO trail VALUES (1, 1, '{}'), (2, 2, '{}');";

/// A key, a care plan in its queue, what other offices sent and what lies in the folders: all of it is there afterwards.
#[tokio::test]
async fn a_box_before_terminals_is_brought_up_to_date_with_all_it_holds() {
    brought_up(3).await;
}

/// Terminals, people and the trail as well.
#[tokio::test]
async fn a_box_of_one_facility_is_brought_up_to_date_with_all_it_holds() {
    brought_up(4).await;
}

/// Facts of the facility, with what they say.
const OWN_FACTS: &str = "SELECT name || ' ' || value FROM fact WHERE name LIKE '%.1370000018' ORDER BY name";

async fn brought_up(version: u8) {
    let room = Room::open().await;
    let keys = engawa::terminal::Keys::new(room.store.clone(), room.clock.clone());
    let rights = [engawa::terminal::Right::Submit].into();
    let new = engawa::terminal::NewKey::unbound("program", FACILITY, rights);
    let (key, _) = keys.add(new).await.unwrap();
    let person = room.known(1).await;
    room.reaches(person, StateName::Delivered).await;
    room.hub.rule(|_| paused());
    let waiting = room.opinion("waiting").await;
    room.until(waiting, |one| one.reason == Some(Code::HubUnreachable)).await;
    let plans = hand_in(&room, "plans", [unit("S1", 1, 0), unit("S1", 1, 1)]).await.unwrap().deliveries;
    drop(keys);
    let (home, _, clock) = room.close().await;
    let held = "INSERT INTO received (id, facility, hub_id, from_facility, hub_kind, receipt_number, sent_at, announced_at, \
                state) VALUES (x'01', 'f', 'U1', 'g', 'UPPLAN', 'R1', 1, 2, 'kept'); \
                INSERT INTO received_forgotten VALUES ('f', 'U0'); INSERT INTO placement VALUES (x'01', 'in', '[]', 3); \
                INSERT INTO taken VALUES (x'02', 'f', x'03', 'out', x'04', x'05'); \
                INSERT INTO stray_change VALUES ('f', 'care_plan', 'R9', 'opened', 4, NULL); \
                INSERT INTO spool VALUES (x'06', 'f', 5); \
                INSERT OR REPLACE INTO fact VALUES ('feed.opinions.cursor.1370000018', '0.0'), \
                ('feed.careplans.cursor.1370000018', '0.1');";
    execute(home.path(), held).await;
    if version > 3 {
        execute(home.path(), OF_SCHEMA_4).await;
    }
    let tables: Vec<String> =
        select(home.path(), "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").await;
    let counts = async |tables: &[String]| {
        let mut counts = Vec::new();
        for table in tables {
            counts.extend(select(home.path(), &format!("SELECT '{table} ' || count(*) FROM {table}")).await);
        }
        counts
    };
    let before = counts(&tables).await;
    let facts = select(home.path(), OWN_FACTS).await;
    assert_eq!(facts.len(), 4, "{facts:?}");
    make_old(&home, version).await;
    // What is a facility's was the box's.
    execute(home.path(), &format!("UPDATE fact SET name = replace(name, '.{FACILITY}', '')")).await;
    open(home.path()).await;
    assert_eq!(counts(&tables).await, before);
    assert_eq!(select(home.path(), OWN_FACTS).await, facts);
    let owners = "SELECT facility FROM stray_change UNION ALL SELECT facility FROM spool";
    assert_eq!(select(home.path(), owners).await, [FACILITY, ""]);
    execute(home.path(), "DELETE FROM spool").await;

    let room = Room::over(home, std::sync::Arc::new(ScriptedHub::new(clock.clone())), clock).await;
    let keys = engawa::terminal::Keys::new(room.store.clone(), room.clock.clone());
    assert_eq!(keys.verify(&key.reveal(), None).await.unwrap().facility, FACILITY);
    drop(keys);
    assert!(room.look(person).await.1.is_some());
    for id in [waiting, plans[0].id, plans[1].id] {
        room.reaches(id, StateName::Delivered).await;
    }
    room.close().await;
}
