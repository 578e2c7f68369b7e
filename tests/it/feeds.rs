//! The feeds of changes side by side: each is read for itself, and one that fails or is not offered hinders no other.

use engawa::fault::Code;
use engawa::hub::{MunicipalState, RecipientState, Scope, Trouble};
use engawa::model::careplan::unit::{Reading, Unit};
use engawa::outbox::{HealthStatus, NewBatch, NewUnit, RequestHash, StateName};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::identification::room::{FACILITY, Room, sender, within};

const OPINIONS: &str = "feed.opinions.cursor.1370000018";
const CARE_PLANS: &str = "feed.careplans.cursor.1370000018";
const GOOD: (HealthStatus, Option<Code>) = (HealthStatus::Ok, None);

async fn opinion(room: &Room) -> (Uuid, String) {
    let id = room.opinion("an opinion").await;
    (id, room.reaches(id, StateName::Delivered).await.receipt.unwrap().number)
}

async fn care_plan(room: &Room) -> (Uuid, String) {
    let unit = json!({
        "kind": "H3", "stamp": "20260520101000", "from_facility": FACILITY, "from_service_kind": "43",
        "to_facility": "1370000121", "to_service_kind": "11",
        "tables": [{ "name": "DLT1KYO", "rows": [{ "被保険者番号": "7412589630" }] }],
    });
    let unit = Unit::from_value(&unit, Reading::Strict).unwrap();
    let new = NewUnit { unit, files: Vec::new(), substitutions: Vec::new(), originals: Map::new() };
    let batch = NewBatch { units: vec![new], warnings: Vec::new(), due: None };
    let batch = room.outbox.hand_in(&sender(), "a plan", RequestHash::new(&json!(1), None), batch).await.unwrap();
    let id = batch.deliveries[0].id;
    (id, room.reaches(id, StateName::Delivered).await.receipt.unwrap().number)
}

/// Waits until a feed has been read beyond `before`. It is read at once when somebody asks for that.
async fn cursor(room: &Room, name: &str, before: Option<&str>) -> String {
    room.outbox.reconsider();
    within(async {
        loop {
            let cursor = room.store.fact(name).await.unwrap();
            match cursor.filter(|cursor| Some(cursor.as_str()) != before) {
                Some(cursor) => return cursor,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

async fn health(room: &Room) -> (HealthStatus, Option<Code>) {
    let parts = room.outbox.health().await;
    let (_, hub) = parts.into_iter().find(|(name, _)| *name == "hub").unwrap();
    (hub.status, hub.reason)
}

async fn becomes(room: &Room, wish: (HealthStatus, Option<Code>)) {
    room.outbox.reconsider();
    within(async {
        while health(room).await != wish {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn both_feeds_are_read_each_with_its_own_cursor() {
    let room = Room::open().await;
    let ((opinion, receipt), (plan, plan_receipt)) = (opinion(&room).await, care_plan(&room).await);
    // A number is a name among submissions of one kind.
    room.hub.recipient(&receipt, RecipientState::Opened);
    room.hub.recipient(&plan_receipt, RecipientState::Delivered);
    room.hub.recipient(&plan_receipt, RecipientState::Downloaded);
    room.hub.change(&plan_receipt, MunicipalState::Accepted, None);
    room.hub.change(&receipt, MunicipalState::Forwarded, None);
    room.outbox.reconsider();
    let seen = room.until(opinion, |one| one.municipality.is_some()).await;
    assert_eq!((seen.municipality.unwrap().state, seen.recipient.is_some()), (MunicipalState::Forwarded, false));
    let downloaded = |state| move |one: &engawa::outbox::Submission| one.recipient.is_some_and(|of| of.state == state);
    let seen = room.until(plan, downloaded(RecipientState::Downloaded)).await;
    assert!(seen.municipality.is_none());

    let first = [cursor(&room, OPINIONS, None).await, cursor(&room, CARE_PLANS, None).await];
    room.hub.recipient(&plan_receipt, RecipientState::Opened);
    cursor(&room, CARE_PLANS, Some(&first[1])).await;
    room.until(plan, downloaded(RecipientState::Opened)).await;
    assert_eq!(cursor(&room, OPINIONS, None).await, first[0]);
    // Read from the beginning, it tells nothing twice and takes nothing back.
    room.hub.expire_cursors();
    let mut known = None;
    while known.as_ref().is_none_or(|cursor: &String| !cursor.starts_with("1.")) {
        known = Some(cursor(&room, CARE_PLANS, known.as_deref()).await);
    }
    room.until(plan, downloaded(RecipientState::Opened)).await;
    let events = room.outbox.events_after(FACILITY, 0, 1000).await.unwrap();
    let told: Vec<_> =
        events.iter().filter(|one| one.kind == "submission.recipient").map(|one| &one.data["state"]).collect();
    assert_eq!(told, ["delivered", "downloaded", "opened"].map(Value::from).iter().collect::<Vec<_>>());
    assert_eq!(health(&room).await, GOOD);
    room.close().await;
}

#[tokio::test]
async fn a_feed_that_fails_hinders_no_other_and_is_told_of_until_it_is_read_again() {
    let room = Room::open().await;
    room.hub.recipients_down(Some(Trouble::of(Code::HubTrouble, Scope::Hub)));
    let failed = (HealthStatus::Degraded, Some(Code::HubTrouble));
    becomes(&room, failed).await;
    let (id, receipt) = opinion(&room).await;
    room.hub.change(&receipt, MunicipalState::Accepted, None);
    room.outbox.reconsider();
    room.until(id, |one| one.municipality.is_some()).await;
    assert_eq!(health(&room).await, failed, "the feed that is read says nothing of the other");
    assert_eq!(room.store.fact(CARE_PLANS).await.unwrap(), None);
    room.hub.recipients_down(None);
    becomes(&room, GOOD).await;
    cursor(&room, CARE_PLANS, None).await;
    room.close().await;
}

#[tokio::test]
async fn a_feed_that_is_not_offered_is_nobodys_trouble() {
    let room = Room::open().await;
    // A care office that may not read it has the wrong user id.
    for code in [Code::HubBusy, Code::HubNotPermitted] {
        room.hub.recipients_down(Some(Trouble::of(code, Scope::Operator)));
        becomes(&room, (HealthStatus::Degraded, Some(code))).await;
        // What failed before is over as well once the hub says that there is no such feed.
        room.hub.recipients_down(Some(Trouble::of(Code::HubNotOffered, Scope::Operator)));
        becomes(&room, GOOD).await;
    }
    let (id, receipt) = opinion(&room).await;
    room.hub.change(&receipt, MunicipalState::Received, None);
    room.outbox.reconsider();
    room.until(id, |one| one.municipality.is_some()).await;
    assert_eq!(health(&room).await, GOOD);
    // It is asked again now and then: what is not offered may be one day.
    room.hub.recipients_down(None);
    cursor(&room, CARE_PLANS, None).await;
    room.close().await;
}
