//! Several facilities over one store: each outbox sees and touches its own facility's rows only, and none waits for another's
//! hub.

mod gone;
mod house;

use std::collections::BTreeSet;

use engawa::fault::Code;
use engawa::hub::{HubPort as _, LookupOutcome, MunicipalState, Outcome, Receipt, Scope, ScriptedHub, Step, Trouble};
use engawa::model::careplan::unit::{Reading, Unit};
use engawa::model::opinion::MediaType;
use engawa::outbox::{BARRED, HealthStatus, NewBatch, NewUnit, OutboxError, RequestHash, StateName, Submission};
use engawa::store::SetFact;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, json};
use uuid::Uuid;

use self::house::{BOTH, Desk, House, PLACES};
use crate::identification::damage::{execute, select};
use crate::identification::room::{INSURER, document, insured, line_down, within};
use crate::support::gateway;

const STRAYS: &str = "SELECT facility || ' ' || receipt_number || ' ' || state FROM stray_change ORDER BY facility";

async fn care_plan(desk: &Desk, key: &str) -> Uuid {
    let unit = json!({
        "kind": "H3", "stamp": "20260520101000", "from_facility": desk.facility, "from_service_kind": "43",
        "to_facility": "1370000909", "to_service_kind": "11",
        "tables": [{ "name": "DLT1KYO", "rows": [{ "被保険者番号": "7412589630" }] }],
    });
    let unit = Unit::from_value(&unit, Reading::Strict).unwrap();
    let new = NewUnit { unit, files: Vec::new(), substitutions: Vec::new(), originals: Map::new() };
    let batch = NewBatch { units: vec![new], warnings: Vec::new(), due: None };
    let batch = desk.outbox.hand_in(&desk.sender(), key, RequestHash::new(&json!(key), None), batch).await.unwrap();
    batch.deliveries[0].id
}

fn down() -> Step {
    Step::Answer(Outcome::NotDelivered(line_down()))
}

fn code<T>(result: Result<T, OutboxError>) -> Option<Code> {
    result.err().map(|error| error.code)
}

async fn hub_health(desk: &Desk) -> (HealthStatus, Option<Code>) {
    let parts = desk.outbox.health().await;
    let (_, hub) = parts.into_iter().find(|(name, _)| *name == "hub").unwrap();
    (hub.status, hub.reason)
}

#[tokio::test]
async fn each_document_goes_to_its_own_hub() {
    let house = House::open().await;
    let desks = house.both().await;
    let mut sent = [BTreeSet::new(), BTreeSet::new()];
    for n in 0..6_u32 {
        for (desk, sent) in desks.iter().zip(&mut sent) {
            // The same keys: they are names within a facility.
            sent.insert(desk.opinion(&format!("key {n}")).await);
        }
    }
    for (desk, sent) in desks.iter().zip(&mut sent) {
        sent.insert(care_plan(desk, "a plan").await);
        desk.hub.know_person(INSURER, &insured(1), None);
        let person = desk.outbox.identify_later(&desk.sender(), "a person", &document(1)).await.unwrap().id;
        desk.reaches(person, StateName::Delivered).await;
        assert_eq!(desk.hub.assertions().len(), 1);
    }
    for (desk, sent) in desks.iter().zip(&sent) {
        for id in sent {
            desk.reaches(*id, StateName::Delivered).await;
        }
        assert_eq!(desk.filed(), desk.keys(sent).await);
        assert_eq!(desk.outbox.counts().await.unwrap(), [(StateName::Delivered, 8)]);
    }
    assert_eq!(house.store.counts_of_box().await.unwrap(), [("delivered".to_owned(), 16)]);
    for desk in desks {
        desk.close().await;
    }
    house.close().await;
}

/// Every place of one facility is taken by what hangs, or its account is locked: the other does not notice.
#[tokio::test]
async fn a_hub_that_hangs_or_refuses_one_facility_holds_that_one_alone() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    one.hub.rule(|_| Step::Hang);
    let mut stuck = Vec::new();
    for n in 0..2 * PLACES {
        stuck.push(one.opinion(&format!("stuck {n}")).await);
    }
    one.reaches(stuck[PLACES - 1], StateName::Sending).await;
    for n in 0..3 * PLACES {
        let id = other.opinion(&format!("free {n}")).await;
        other.reaches(id, StateName::Delivered).await;
    }
    assert_eq!((one.filed().len(), other.filed().len()), (0, 3 * PLACES));
    one.close().await;

    let hub = house.hub();
    let locked = Outcome::NotDelivered(Trouble::of(Code::HubAccountLocked, Scope::Operator));
    hub.rule(move |_| Step::Answer(locked.clone()));
    hub.recipients_down(Some(Trouble::of(Code::HubAccountLocked, Scope::Operator)));
    let one = house.desk(BOTH[0], hub).await;
    one.until(stuck[2 * PLACES - 1], |seen| seen.reason == Some(Code::HubAccountLocked)).await;
    let id = other.opinion("still free").await;
    other.reaches(id, StateName::Delivered).await;
    let why = (HealthStatus::Degraded, Some(Code::HubAccountLocked));
    assert_eq!((hub_health(&one).await, hub_health(&other).await), (why, (HealthStatus::Ok, None)));
    one.close().await;
    other.close().await;
    house.close().await;
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    one.hub.rule(|_| down());
    let id = one.opinion("key").await;
    let plan = care_plan(&one, "plan").await;
    let batch = one.look(plan).await.care_plan.unwrap().batch.unwrap();
    one.until(plan, |seen| seen.reason == Some(Code::HubUnreachable)).await;
    for id in [id, plan] {
        let none = Some(Code::RequestNotFound);
        assert_eq!(code(other.outbox.cancel(&other.sender(), id).await), none);
        assert_eq!(code(other.outbox.retry(&other.sender(), id).await), none);
        assert_eq!(code(other.outbox.on_paper(&other.sender(), id).await), none);
        assert!(other.outbox.submission(BOTH[1], id).await.unwrap().is_none());
        assert!(other.outbox.identification(BOTH[1], id).await.unwrap().is_none());
    }
    assert!(other.outbox.batch(BOTH[1], batch).await.unwrap().is_none());
    assert!(other.outbox.repeat(&other.sender(), "key").await.unwrap().is_none());
    assert!(other.outbox.submissions(BOTH[1], &Default::default()).await.unwrap().items.is_empty());
    assert!(other.outbox.events_after(BOTH[1], 0, 1000).await.unwrap().is_empty());
    assert!(other.outbox.counts().await.unwrap().is_empty());
    one.close().await;
    other.close().await;
    house.close().await;
}

/// Both hubs number their receipts alike. What one feed tells is nothing to the other's documents, be they there or still to come.
#[tokio::test]
async fn a_feed_tells_of_its_own_facility_alone() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    let mine = one.opinion("mine").await;
    let receipt = one.reaches(mine, StateName::Delivered).await.receipt.unwrap().number;
    // It is filed under the same number at the other hub; that it is, its outbox does not know yet.
    other.hub.then([Step::LoseAfter(Trouble::of(Code::HubTimeout, Scope::Try))]);
    let lost = LookupOutcome::Trouble(Trouble::of(Code::HubTimeout, Scope::Try));
    other.hub.then_look_up(std::iter::repeat_n(lost, 20));
    let theirs = other.opinion("theirs").await;
    other.hub.change(&receipt, MunicipalState::Returned, Some("because"));
    other.outbox.reconsider();
    other.until(theirs, |seen| seen.municipality.is_some()).await;
    let seen = other.look(theirs).await;
    assert_eq!(seen.receipt.unwrap().number, receipt);
    assert_eq!(seen.municipality.unwrap().reason.as_deref(), Some("because"));
    assert!(one.look(mine).await.municipality.is_none());

    one.hub.change(&receipt, MunicipalState::Accepted, None);
    // Of a receipt that nobody has: it waits for the one in whose feed it stood.
    one.hub.change("R00000002", MunicipalState::Forwarded, None);
    one.outbox.reconsider();
    one.until(mine, |seen| seen.municipality.as_ref().is_some_and(|of| of.state == MunicipalState::Accepted)).await;
    let second = other.opinion("second").await;
    let second = other.reaches(second, StateName::Delivered).await;
    assert_eq!((second.receipt.unwrap().number.as_str(), second.municipality.is_none()), ("R00000002", true));
    let next = one.opinion("next").await;
    one.until(next, |seen| seen.municipality.is_some()).await;
    one.close().await;
    other.close().await;
    let (home, _) = house.close().await;
    assert!(select(home.path(), STRAYS).await.is_empty());
}

/// Killed while both were sending. Whoever has no outbox keeps his rows as they are; nothing is filed twice.
#[tokio::test]
async fn what_was_being_sent_is_taken_up_by_its_own_facility() {
    let house = House::open().await;
    let desks = house.both().await;
    let mut sent = [Vec::new(), Vec::new()];
    let mut hubs = Vec::new();
    for (desk, sent) in desks.iter().zip(&mut sent) {
        // Some are filed and some are not; nobody was told.
        let mut n = 0;
        desk.hub.rule(move |_| {
            n += 1;
            if n % 2 == 0 { Step::Hang } else { Step::LoseAfter(Trouble::of(Code::HubTimeout, Scope::Try)) }
        });
        let lost = LookupOutcome::Trouble(Trouble::of(Code::HubTimeout, Scope::Try));
        desk.hub.then_look_up(std::iter::repeat_n(lost, 10_000));
        for n in 0..PLACES {
            sent.push(desk.opinion(&format!("key {n}")).await);
        }
        sent.push(care_plan(desk, "plan").await);
    }
    for (desk, sent) in desks.iter().zip(&sent) {
        desk.until(sent[1], |seen| matches!(seen.state, StateName::Sending | StateName::Unknown)).await;
    }
    for desk in desks {
        hubs.push(desk.close().await);
    }
    let (home, clock) = house.close().await;
    // As if nothing had been written down of how it ended.
    execute(home.path(), "UPDATE submission SET state = 'sending', reason = NULL, wait_until = NULL").await;

    let of_other = "SELECT state || ' ' || changed_at FROM submission WHERE facility = '1370000121' ORDER BY seq";
    let before = select(home.path(), of_other).await;
    for hub in &hubs {
        hub.rule(|_| Step::Accept);
        // The answers that were laid out for look-ups.
        while !matches!(hub.lookup(Uuid::nil()).await, LookupOutcome::Unseen) {}
    }
    let house = House::at(home, clock).await;
    let one = house.desk(BOTH[0], hubs[0].clone()).await;
    for id in &sent[0] {
        one.reaches(*id, StateName::Delivered).await;
    }
    assert_eq!(one.filed(), one.keys(&sent[0]).await);
    assert_eq!(house.store.facilities_waiting().await.unwrap(), [(BOTH[1].to_owned(), 5)]);
    one.close().await;
    let (home, clock) = house.close().await;
    assert_eq!(select(home.path(), of_other).await, before, "nobody has touched them");

    let house = House::at(home, clock).await;
    let other = house.desk(BOTH[1], hubs[1].clone()).await;
    for id in &sent[1] {
        other.reaches(*id, StateName::Delivered).await;
    }
    assert_eq!(other.filed(), other.keys(&sent[1]).await);
    assert!(house.store.facilities_waiting().await.unwrap().is_empty());
    other.close().await;
    house.close().await;
}

/// What one facility is just receiving is no leftover to another that starts.
#[tokio::test]
async fn nobody_sweeps_what_another_receives() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    let mut intakes = Vec::new();
    for desk in [&one, &other] {
        let mut intake = desk.begin("large").await;
        intake.begin_attachment("large.pdf", MediaType::Pdf).await.unwrap();
        for _ in 0..4 {
            intake.content(&[7; 100_000]).await.unwrap();
        }
        intakes.push(intake);
    }
    assert_eq!(house.store.spooled(BOTH[0]).await.unwrap().len(), 1);
    // Its process dies in the middle: nothing of it is dropped properly.
    std::mem::forget(intakes.remove(0));
    one.close().await;
    let one = house.desk(BOTH[0], house.hub()).await;
    assert!(house.store.spooled(BOTH[0]).await.unwrap().is_empty());
    assert_eq!(house.store.spooled(BOTH[1]).await.unwrap().len(), 1);
    let mut intake = intakes.remove(0);
    intake.content(&[8; 100_000]).await.unwrap();
    intake.end_attachment().await.unwrap();
    let accepted = intake.finish(RequestHash::new(&gateway::opinion("large"), None)).await.unwrap();
    let key = other.reaches(accepted.id, StateName::Delivered).await.hub_key;
    let filed = other.hub.deliveries().into_iter().find(|one| Some(one.key) == key).unwrap();
    assert_eq!(filed.sha256, accepted.sha256);
    one.close().await;
    other.close().await;
}

/// A restored box sends for nobody; one word of a person frees all its facilities.
#[tokio::test]
async fn a_bar_is_of_the_box() {
    let house = House::open().await;
    let value = Code::RestoredUnconfirmed.name().to_owned();
    house.store.write(SetFact { name: BARRED.to_owned(), value }).await.unwrap();
    let [one, other] = house.both().await;
    let ids = [one.opinion("one").await, other.opinion("other").await];
    for (desk, id) in [(&one, ids[0]), (&other, ids[1])] {
        desk.until(id, |seen| seen.reason == Some(Code::RestoredUnconfirmed)).await;
        assert!(desk.hub.deliveries().is_empty());
    }
    assert_eq!(code(one.outbox.unbar(Code::EpochOld).await), Some(Code::ConfirmationWrong));
    one.outbox.unbar(Code::RestoredUnconfirmed).await.unwrap();
    other.outbox.reconsider();
    one.reaches(ids[0], StateName::Delivered).await;
    other.reaches(ids[1], StateName::Delivered).await;
    assert_eq!([one.outbox.barred(), other.outbox.barred()], [None, None]);
    assert_eq!(code(other.outbox.unbar(Code::RestoredUnconfirmed).await), Some(Code::ConfirmationWrong));
    one.close().await;
    other.close().await;
    house.close().await;
}

/// Barred and freed between two looks of this outbox, which sees no more of it than that a person confirmed.
#[tokio::test]
async fn what_a_person_confirmed_at_one_holds_at_the_other() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    let before = other.opinion("before").await;
    other.reaches(before, StateName::Delivered).await;
    let value = house.clock.now().as_millisecond().to_string();
    house.store.write(SetFact { name: "outbox.confirmed".to_owned(), value }).await.unwrap();
    let receipt = Receipt { number: "R9".into(), accepted_at: house.clock.now(), trace_id: None };
    other.hub.then_look_up([LookupOutcome::Accepted(receipt)]);
    let id = other.opinion("after").await;
    let seen = other.reaches(id, StateName::Delivered).await;
    assert_eq!((seen.receipt.unwrap().number.as_str(), other.hub.deliveries().len()), ("R9", 1));
    one.close().await;
    other.close().await;
    house.close().await;
}

/// If another box has done one facility's work, it has taken over the box.
#[tokio::test]
async fn what_one_finds_out_of_another_box_stops_all() {
    let house = House::open().await;
    let [one, other] = house.both().await;
    one.hub.rule(|_| down());
    let taken = one.opinion("taken over").await;
    one.until(taken, |seen| seen.reason == Some(Code::HubUnreachable)).await;
    one.close().await;
    other.close().await;
    let (home, clock) = house.close().await;
    // It was away for long, and has never sent it; the hub has it all the same.
    let away = "UPDATE fact SET value = '0' WHERE name LIKE 'outbox.heard.%'; \
                UPDATE submission SET attempts = 0, first_sent_at = NULL, doubtful = 0, wait_until = NULL, state = 'queued'";
    execute(home.path(), away).await;
    let house = House::at(home, clock).await;
    let other = house.desk(BOTH[1], house.hub()).await;
    let before = other.opinion("before").await;
    other.reaches(before, StateName::Delivered).await;
    // Later than this box accepted it: it is no box before this one that filed it.
    let (hub, accepted_at) = (house.hub(), house.clock.now() + std::time::Duration::from_secs(60));
    hub.then_look_up([LookupOutcome::Accepted(Receipt { number: "R9".into(), accepted_at, trace_id: None })]);
    let one = house.desk(BOTH[0], hub).await;
    one.reaches(taken, StateName::Delivered).await;
    within(async {
        while house.store.fact(BARRED).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ids = [one.opinion("one").await, other.opinion("other").await];
    for (desk, id) in [(&one, ids[0]), (&other, ids[1])] {
        desk.until(id, |seen| seen.reason == Some(Code::EpochOld)).await;
    }
    assert_eq!((one.hub.deliveries().len(), other.hub.deliveries().len()), (0, 1));
    other.outbox.unbar(Code::EpochOld).await.unwrap();
    one.outbox.reconsider();
    one.reaches(ids[0], StateName::Delivered).await;
    other.reaches(ids[1], StateName::Delivered).await;
    one.close().await;
    other.close().await;
    house.close().await;
}

/// What a hub in trouble does to one delivery after the other.
fn troubled(hub: &ScriptedHub, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    hub.rule(move |_| match dice.random_range(0..6) {
        0 => Step::LoseAfter(Trouble::of(Code::HubTimeout, Scope::Try)),
        1 => Step::LoseBefore(Trouble::of(Code::HubTimeout, Scope::Try)),
        2 => down(),
        3 => Step::Hang,
        _ => Step::Accept,
    });
}

/// Whichever facility's outbox is killed, started again or not there for a while, and whatever its hub does: what was taken in is filed
/// once, at its own hub, or cancelled by its own people.
#[tokio::test]
async fn whatever_happens_each_is_filed_once_where_it_belongs() {
    for seed in 0..4_u64 {
        let (house, mut dice) = (House::open().await, StdRng::seed_from_u64(seed));
        let hubs = [house.hub(), house.hub()];
        let mut desks: [Option<Desk>; 2] = [None, None];
        let mut taken_in: [Vec<Uuid>; 2] = Default::default();
        for n in 0..80 {
            let at = dice.random_range(0..2);
            match (dice.random_range(0..10), desks[at].take()) {
                (0, Some(desk)) => drop(desk.close().await),
                (_, None) => {
                    troubled(&hubs[at], dice.random());
                    desks[at] = Some(house.desk(BOTH[at], hubs[at].clone()).await);
                }
                (1, Some(desk)) => {
                    if let Some(id) = taken_in[at].choose(&mut dice) {
                        let _ = desk.outbox.cancel(&desk.sender(), *id).await;
                    }
                    desks[at] = Some(desk);
                }
                (2, Some(desk)) => {
                    desk.outbox.reconsider();
                    desks[at] = Some(desk);
                }
                (_, Some(desk)) => {
                    taken_in[at].push(desk.opinion(&format!("key {n}")).await);
                    desks[at] = Some(desk);
                }
            }
        }
        for (at, hub) in hubs.iter().enumerate() {
            if let Some(desk) = desks[at].take() {
                desk.close().await;
            }
            hub.rule(|_| Step::Accept);
            let desk = house.desk(BOTH[at], hub.clone()).await;
            let mut delivered = BTreeSet::new();
            for id in &taken_in[at] {
                let over = |seen: &Submission| matches!(seen.state, StateName::Delivered | StateName::Cancelled);
                if desk.until(*id, over).await.state == StateName::Delivered {
                    delivered.insert(*id);
                }
            }
            assert_eq!(desk.filed(), desk.keys(&delivered).await, "seed {seed}, {}", BOTH[at]);
            desk.close().await;
        }
        assert!(taken_in.iter().all(|all| all.len() > 5), "seed {seed}: {taken_in:?}");
        assert!(house.store.facilities_waiting().await.unwrap().is_empty());
        house.close().await;
    }
}
