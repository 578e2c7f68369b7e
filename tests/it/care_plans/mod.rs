//! Units of care plans on their way out: handed in together, in order for each office, held, on paper.

mod heads;
mod paper;
mod schema;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use engawa::fault::Code;
use engawa::hub::{LookupOutcome, Outcome, Refusal, Scope, Step, Trouble};
use engawa::model::careplan::unit::{Reading, Unit};
use engawa::outbox::record::hub_key;
use engawa::outbox::{Batch, Filter, Kind, NewBatch, NewUnit, OutboxError, RequestHash, Sender, StateName};
use serde_json::{Map, Value, json};

use crate::identification::room::{FACILITY, Room, line_down, sender, within};

/// A number that stands nowhere else.
const PERSON: &str = "7412589630";

/// A unit to the `office`-th office; `kind` decides the table, `stamp` its minute.
pub(crate) fn unit(kind: &str, office: u8, minute: u8) -> Unit {
    let table = match kind {
        "H3" => "DLT1KYO",
        "H4" => "DLTPLAN",
        "S1" => "UPJSK",
        "P1" => "UPKIHON",
        other => panic!("no table for {other}"),
    };
    let mut value = json!({
        "kind": kind, "stamp": format!("202605201010{minute:02}"),
        "from_facility": FACILITY, "from_service_kind": if kind == "P1" { "46" } else { "43" },
        "to_facility": to(office), "to_service_kind": "11",
        "tables": [{ "name": table, "rows": [{ "被保険者番号": PERSON }] }],
    });
    if matches!(kind, "H4" | "S1") {
        value["month"] = "202605".into();
    }
    Unit::from_value(&value, Reading::Strict).unwrap()
}

fn to(office: u8) -> String {
    format!("13700001{office:02}")
}

fn batch(units: impl IntoIterator<Item = Unit>) -> NewBatch {
    let new = |unit: Unit| NewUnit {
        files: vec![format!("{}.CSV", unit.stamp())],
        unit,
        substitutions: Vec::new(),
        originals: Map::new(),
    };
    NewBatch { units: units.into_iter().map(new).collect(), warnings: vec![json!({ "code": "CLOSE" })], due: None }
}

fn request(what: &str) -> RequestHash {
    RequestHash::new(&json!({ "units": what }), None)
}

/// Hands units in; what is requested is called like the key.
pub(crate) async fn hand_in(
    room: &Room,
    key: &str,
    units: impl IntoIterator<Item = Unit>,
) -> Result<Batch, OutboxError> {
    room.outbox.hand_in(&sender(), key, request(key), batch(units)).await
}

pub(crate) fn absent() -> Refusal {
    Refusal { code: Code::HubRecipientAbsent, errors: Vec::new(), trace_id: None }
}

/// What a person does to a submission, as soon as it is not on its way for a moment: while the line is down it is tried again and again.
async fn at_rest<T>(mut act: impl AsyncFnMut() -> Result<T, OutboxError>) -> Result<T, OutboxError> {
    within(async {
        loop {
            match act().await {
                Err(error) if error.code == Code::SubmissionInFlight => tokio::task::yield_now().await,
                done => return done,
            }
        }
    })
    .await
}

fn paused() -> Step {
    Step::Answer(Outcome::NotDelivered(line_down()))
}

#[tokio::test]
async fn what_is_handed_in_together_goes_to_each_office() {
    let room = Room::open().await;
    let units = [unit("H3", 1, 0), unit("S1", 2, 0), unit("H4", 3, 1), unit("P1", 4, 0)];
    let handed = hand_in(&room, "one", units).await.unwrap();
    assert_eq!(
        (handed.deliveries.len(), handed.replayed, &handed.warnings),
        (4, false, &vec![json!({"code": "CLOSE"})])
    );
    let day = |year, month, day| jiff::civil::date(year, month, day);
    let today = handed.accepted_at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date();
    let week = today.saturating_add(jiff::Span::new().days(7));
    let due: Vec<_> = handed.deliveries.iter().map(|one| one.due).collect();
    assert_eq!(due, [week, day(2026, 6, 5), day(2026, 4, 30), week]);

    for (n, accepted) in (1..).zip(&handed.deliveries) {
        let delivered = room.reaches(accepted.id, StateName::Delivered).await;
        let about = delivered.care_plan.unwrap();
        assert_eq!((delivered.kind, about.batch, about.to_facility), ("care_plan", Some(handed.id), to(n)));
        let filed = room.hub.deliveries().into_iter().find(|one| Some(one.key) == accepted.hub_key).unwrap();
        assert_eq!((filed.sha256, filed.length), (delivered.sha256, delivered.length));
        let told = &delivered.history.last().unwrap().data;
        assert_eq!((&told["state"], &told["to_facility"]), (&json!("delivered"), &json!(to(n))), "{told}");
        assert_eq!((&told["stamp"], &told["batch"]), (&json!(about.stamp), &json!(handed.id)), "{told}");
        assert_eq!(told.get("month").is_some(), (2..=3).contains(&n), "{told}");
        assert!(told.get("files").is_none(), "{told}");
    }
    let again = room.outbox.batch(FACILITY, handed.id).await.unwrap().unwrap();
    assert!(again.deliveries.iter().all(|one| one.receipt.is_some() && one.history.is_empty()));
    assert!(room.outbox.batch("9970000015", handed.id).await.unwrap().is_none(), "another's");
    assert!(!serde_json::to_string(&room.events().await).unwrap().contains(PERSON));
    let plans = Filter { kind: Some(Kind::CarePlan), limit: 9, ..Filter::default() };
    room.opinion("an opinion").await;
    assert_eq!(room.outbox.submissions(FACILITY, &plans).await.unwrap().items.len(), 4);
    let returned = Filter { state: Some(StateName::Returned), ..plans };
    assert_eq!(room.outbox.submissions(FACILITY, &returned).await.unwrap().items.len(), 0);
    room.close().await;
}

#[tokio::test]
async fn the_same_again_is_the_same_batch() {
    let room = Room::open().await;
    room.hub.rule(|_| paused());
    let units = || [unit("H3", 1, 0), unit("H3", 2, 0)];
    let first = hand_in(&room, "one", units()).await.unwrap();
    room.free.store(0, Ordering::Relaxed);
    let again = hand_in(&room, "one", units()).await.unwrap();
    let ids = |batch: &Batch| batch.deliveries.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!((again.id, again.replayed, ids(&again)), (first.id, true, ids(&first)));
    let asked = room.outbox.handed_in(&sender(), "one", &request("one").finish()).await.unwrap().unwrap();
    assert_eq!((asked.id, asked.replayed, asked.warnings), (first.id, true, first.warnings));
    assert!(room.outbox.handed_in(&sender(), "two", &request("one").finish()).await.unwrap().is_none());
    let full = hand_in(&room, "two", units()).await.unwrap_err();
    assert_eq!((full.code, full.retry_after.is_some()), (Code::StorageFull, true));
    room.free.store(u64::MAX, Ordering::Relaxed);

    // A key is used once, whatever it was used for.
    let other = room.outbox.hand_in(&sender(), "one", request("other"), batch(units())).await.unwrap_err();
    assert_eq!(other.code, Code::IdempotencyConflict);
    let repeat = room.outbox.repeat(&sender(), "one").await.unwrap().unwrap();
    assert_eq!(
        repeat.finish(request("one")).unwrap_err().code,
        Code::IdempotencyConflict,
        "an opinion of the same bytes"
    );
    room.opinion("an opinion").await;
    let opinion = hand_in(&room, "an opinion", units()).await.unwrap_err();
    assert_eq!(opinion.code, Code::IdempotencyConflict);
    let others = Sender { facility: "9970000015".into(), id: "desk".into(), hub_user: None, act: None };
    let theirs = room.outbox.hand_in(&others, "one", request("one"), batch(units())).await.unwrap_err();
    assert_eq!(theirs.code, Code::FacilityGone, "another facility has its own outbox");

    let many = (0..8).map(|_| hand_in(&room, "many", [unit("H3", 1, 1), unit("H3", 2, 1)]));
    let ids: BTreeSet<_> = futures_util::future::join_all(many).await.into_iter().map(|one| one.unwrap().id).collect();
    assert_eq!(ids.len(), 1, "at the same moment too");
    let all = room.outbox.submissions(FACILITY, &Filter { limit: 200, ..Filter::default() }).await.unwrap();
    assert_eq!(all.items.len(), 2 + 1 + 2);
    room.close().await;
}

/// The same files under another key: what is on paper must not go to the hub as well, and what was filed not once more.
#[tokio::test]
async fn a_unit_is_not_taken_under_a_second_key() {
    let room = Room::open().await;
    room.hub.then([Step::Refuse(absent())]);
    let paper = hand_in(&room, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    let twice = async |id, key: &str, units: Vec<Unit>| {
        let error = hand_in(&room, key, units).await.unwrap_err();
        assert_eq!((error.code, error.earlier.as_ref().map(|earlier| earlier.id)), (Code::CareplanTwice, Some(id)));
        error.earlier.unwrap()
    };
    room.reaches(paper, StateName::Held).await;
    twice(paper, "two", vec![unit("S1", 1, 0)]).await;
    room.outbox.on_paper(&sender(), paper).await.unwrap();
    let earlier = twice(paper, "three", vec![unit("S1", 2, 0), unit("S1", 1, 0)]).await;
    assert_eq!((earlier.stamp.as_str(), earlier.to_facility), ("20260520101000", to(1)));
    // Nothing of that was taken, and the same office gets other kinds and stamps.
    let rest = hand_in(&room, "rest", [unit("S1", 2, 0), unit("H3", 1, 0), unit("S1", 1, 1)]).await.unwrap();
    for one in &rest.deliveries {
        room.reaches(one.id, StateName::Delivered).await;
    }
    twice(rest.deliveries[0].id, "four", vec![unit("S1", 2, 0)]).await;
    assert!(
        hand_in(&room, "one", [unit("S1", 1, 0)]).await.unwrap().replayed,
        "under its own key it is the answer again"
    );

    // What was withdrawn, or refused by the hub, comes again.
    room.hub.rule(|_| paused());
    let waiting = hand_in(&room, "five", [unit("S1", 3, 0)]).await.unwrap().deliveries[0].id;
    room.until(waiting, |one| one.state == StateName::Queued && one.reason == Some(Code::HubUnreachable)).await;
    twice(waiting, "six", vec![unit("S1", 3, 0)]).await;
    at_rest(async || room.outbox.cancel(&sender(), waiting).await).await.unwrap();
    hand_in(&room, "six", [unit("S1", 3, 0)]).await.unwrap();
    assert_eq!(room.hub.filed().len(), 3);
    room.close().await;
}

/// The retention forgets a batch row by row. As long as one of it is known, so is the request.
#[tokio::test]
async fn a_batch_of_which_something_is_left_is_known_again() {
    let room = Room::open().await;
    room.hub.rule(|_| paused());
    let first = hand_in(&room, "one", [unit("H3", 1, 0), unit("H3", 2, 0)]).await.unwrap();
    let gone = format!("DELETE FROM submission WHERE id = x'{}'", first.deliveries[0].id.simple());
    crate::identification::damage::execute(room.directory.path(), &gone).await;
    let again = hand_in(&room, "one", [unit("H3", 1, 0), unit("H3", 2, 0)]).await.unwrap();
    assert_eq!((again.id, again.replayed, again.deliveries.len()), (first.id, true, 1));
    room.close().await;
}

#[tokio::test]
async fn all_of_a_batch_is_kept_or_none() {
    let room = Room::open().await;
    room.hub.rule(|_| paused());
    let long = |office| {
        let rows: Vec<Value> = (0..6_000).map(|_| json!({ "被保険者番号": PERSON })).collect();
        let value = json!({
            "kind": "S1", "stamp": "20260520101000", "month": "202605",
            "from_facility": FACILITY, "from_service_kind": "11", "to_facility": to(office), "to_service_kind": "43",
            "tables": [{ "name": "UPJSK", "rows": rows }],
        });
        Unit::from_value(&value, Reading::Strict).unwrap()
    };
    // The second meets a disk that has run full while it came in.
    let full = async {
        while room.store.spooled(FACILITY).await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        room.free.store(0, Ordering::Relaxed);
    };
    let (refused, ()) = tokio::join!(hand_in(&room, "one", [long(1), long(2)]), within(full));
    assert_eq!(refused.unwrap_err().code, Code::StorageFull);
    room.free.store(u64::MAX, Ordering::Relaxed);
    let all = Filter { limit: 200, ..Filter::default() };
    assert!(room.outbox.submissions(FACILITY, &all).await.unwrap().items.is_empty());
    within(async {
        while !room.store.spooled(FACILITY).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let whole = hand_in(&room, "one", [long(1), long(2)]).await.unwrap();
    assert!(whole.deliveries.iter().all(|one| one.length > 1 << 20), "they are long");
    room.hub.rule(|_| Step::Accept);
    room.outbox.reconsider();
    for one in &whole.deliveries {
        room.reaches(one.id, StateName::Delivered).await;
    }
    let filed: BTreeSet<_> = room.hub.deliveries().into_iter().map(|one| one.sha256).collect();
    assert_eq!(filed, whole.deliveries.iter().map(|one| one.sha256).collect());
    assert_eq!(hand_in(&room, "none", []).await.unwrap_err().code, Code::GatewayInternal);
    room.close().await;
}

/// A unit that removes one person's record is a few digits: neither hash of it can be guessed.
#[tokio::test]
async fn no_hash_of_a_unit_can_be_guessed() {
    let room = Room::open().await;
    room.hub.rule(|_| paused());
    let one = hand_in(&room, "one", [unit("H3", 1, 0)]).await.unwrap();
    let id = one.deliveries[0].id;
    room.until(id, |one| one.state == StateName::Queued && one.reason == Some(Code::HubUnreachable)).await;
    at_rest(async || room.outbox.cancel(&sender(), id).await).await.unwrap();
    room.hub.rule(|_| Step::Accept);
    let other = hand_in(&room, "two", [unit("H3", 1, 0)]).await.unwrap();
    assert_ne!(one.deliveries[0].sha256, other.deliveries[0].sha256);
    room.outbox.reconsider();
    room.reaches(other.deliveries[0].id, StateName::Delivered).await;
    let guess = request("one").finish();
    let (directory, ..) = room.close().await;
    for file in std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let content = std::fs::read(&file).unwrap();
        for needle in [guess.as_slice(), PERSON.as_bytes()] {
            assert!(!content.windows(needle.len()).any(|window| window == needle), "{}", file.display());
        }
    }
}

/// What became of a damaged row nobody can ask, and it does not stand in the way of other offices.
#[tokio::test]
async fn a_row_without_a_key_is_set_aside() {
    let room = Room::open().await;
    let lost = Trouble::of(Code::HubTimeout, Scope::Hub);
    room.hub.then([Step::LoseAfter(lost)]);
    let wait = Trouble { retry_after: Some(std::time::Duration::from_secs(3_600)), ..line_down() };
    room.hub.then_look_up([LookupOutcome::Trouble(wait)]);
    let id = hand_in(&room, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(id, StateName::Unknown).await;
    let (home, hub, clock) = room.close().await;
    let damage = format!("UPDATE submission SET generation = -1, wait_until = 1 WHERE id = x'{}'", id.simple());
    crate::identification::damage::execute(home.path(), &damage).await;
    let room = Room::over(home, hub, clock).await;
    let held = within(async {
        loop {
            match room.outbox.submission(FACILITY, id).await {
                Ok(found) => return found.unwrap(),
                Err(error) => assert_eq!(error.code, Code::SubmissionDamaged, "until it is set aside"),
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((held.state, held.reason), (StateName::Held, Some(Code::SubmissionDamaged)));
    let paper = room.outbox.on_paper(&sender(), id).await.unwrap_err();
    assert_eq!(paper.code, Code::PaperTooLate, "the hub may have it");
    let other = hand_in(&room, "two", [unit("S1", 2, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(other, StateName::Delivered).await;
    room.close().await;
}

/// Lost answers, a process that dies, and a second key: each unit is filed once, in order.
#[tokio::test]
async fn lost_answers_and_deaths_keep_the_order_of_an_office() {
    let room = Room::open().await;
    let lost = || Trouble::of(Code::HubTimeout, Scope::Hub);
    room.hub.then([Step::LoseAfter(lost()), Step::LoseBefore(lost()), Step::Refuse(absent())]);
    // Handed in late to early: they go by their stamps, and a delete last.
    room.hub.rule(|_| Step::Hang);
    let deliveries = hand_in(&room, "one", [unit("S1", 1, 3), unit("H4", 1, 2), unit("S1", 1, 2), unit("S1", 1, 1)]);
    let deliveries = deliveries.await.unwrap().deliveries;
    let ids: Vec<_> = deliveries.iter().rev().map(|one| one.id).collect();
    let first_keys: Vec<_> = deliveries.iter().rev().map(|one| one.hub_key.unwrap()).collect();
    room.reaches(ids[0], StateName::Delivered).await;
    // The second: never seen, then refused for want of an office.
    let held = room.reaches(ids[1], StateName::Held).await;
    assert_eq!((held.reason, held.attempts), (Some(Code::HubRecipientAbsent), 2));
    room.outbox.retry(&sender(), ids[1]).await.unwrap();
    room.reaches(ids[1], StateName::Sending).await;
    let (home, hub, clock) = room.close().await;

    hub.rule(|_| Step::Accept);
    let room = Room::over(home, hub, clock).await;
    for id in &ids {
        room.reaches(*id, StateName::Delivered).await;
    }
    let taken = room.hub.deliveries().into_iter().filter(|one| matches!(one.outcome, Outcome::Accepted(_)));
    let keys: Vec<_> = taken.map(|one| one.key).collect();
    assert_eq!(
        keys,
        [hub_key(first_keys[1], 1), first_keys[2], first_keys[3]],
        "under another key, and in order; the first was lost"
    );
    assert_eq!(room.hub.filed().len(), 4);
    assert!(room.hub.filed().values().all(|times| *times == 1), "{:?}", room.hub.filed());
    room.close().await;
}
