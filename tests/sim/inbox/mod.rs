//! What other offices sent, against a hub that lists twice, loses answers, forgets cursors and spoils units.

mod csv;
mod house;
mod model;

use std::sync::atomic::Ordering;
use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::Acknowledgement::{Downloaded, Opened};
use engawa::hub::{AcknowledgeStep, Scope, Trouble};
use engawa::inbox::{HealthStatus, Standing};
use engawa::store::SetFact;
use serde_json::Value;
use uuid::Uuid;

use self::house::{DAY, FACILITY, POLL, Room, SENDER, trouble, unit};

const SOME_TIME: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_unit_is_kept_told_and_held_until_a_person_has_looked() {
    let (_ground, mut room) = Room::new().await;
    let bytes = unit("H2", "20261120101500");
    room.hub.arrive("u-1", SENDER, bytes.clone());
    let changed = room.inbox.watch();
    room.pass(SOME_TIME).await;

    let one = room.one().await;
    assert_eq!((one.standing, one.reason, one.from_facility.as_str()), (Standing::Kept, None, SENDER));
    assert_eq!((one.kept_at.is_some(), one.opened_at, one.receipt_number.as_str()), (true, None, "A00000001"));
    let about = one.about.unwrap();
    assert_eq!(
        (about.unit.as_str(), about.stamp.as_str(), about.month.as_deref()),
        ("H2", "20261120101500", Some("202605"))
    );
    assert_eq!((about.delete, about.replaced), (false, 0));
    assert_eq!(room.inbox.unit(FACILITY, one.id).await.unwrap().unwrap().as_slice(), bytes, "octet by octet");
    let files = room.inbox.files(FACILITY, one.id).await.unwrap().unwrap();
    assert_eq!(files.files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), about.files);
    assert!(files.replaced.is_empty() && !about.files.is_empty());
    assert_eq!(room.told(), [("u-1".to_owned(), Downloaded)]);
    assert!(changed.has_changed().unwrap());

    // Nobody else's, and nobody's who is not there.
    assert!(room.inbox.unit("9970000031", one.id).await.unwrap().is_none());
    assert!(room.inbox.opened("9970000031", one.id, "key").await.unwrap().is_none());
    assert!(room.inbox.opened(FACILITY, Uuid::nil(), "key").await.unwrap().is_none());

    let opened = room.inbox.opened(FACILITY, one.id, "key-1").await.unwrap().unwrap();
    let again = room.inbox.opened(FACILITY, one.id, "key-2").await.unwrap().unwrap();
    assert!(opened.opened_at.is_some() && again.opened_at == opened.opened_at);
    room.pass(SOME_TIME).await;
    assert_eq!(room.told(), [("u-1".to_owned(), Downloaded), ("u-1".to_owned(), Opened)]);
    assert!(room.list(true).await.is_empty() && room.list(false).await.len() == 1);

    let events = room.events().await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["careplan.received", "careplan.opened"]);
    for event in events {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!((data["received"].as_str(), data["unit"].as_str()), (Some(one.id.to_string().as_str()), Some("H2")));
        assert_eq!((data["from_facility"].as_str(), data["month"].as_str()), (Some(SENDER), Some("202605")));
    }
}

#[tokio::test]
async fn what_is_listed_twice_is_one_also_under_a_cursor_that_expired() {
    let (_ground, mut room) = Room::new().await;
    room.hub.page_arrivals(2);
    for n in 0..5 {
        room.hub.arrive(&format!("u-{n}"), SENDER, unit("H2", &format!("2026112010150{n}")));
    }
    room.hub.arrive_again("u-1");
    room.pass(SOME_TIME).await;
    room.hub.expire_arrival_cursors();
    room.hub.arrive_again("u-2");
    room.hub.arrive("u-5", SENDER, unit("H2", "20261120101505"));
    room.pass(2 * POLL).await;
    let stamps: Vec<_> = room.list(false).await.into_iter().map(|one| one.about.unwrap().stamp).collect();
    assert_eq!(stamps, (0..6).map(|n| format!("2026112010150{n}")).collect::<Vec<_>>(), "in the hub's order");
    assert_eq!(room.hub.fetched(), (0..6).map(|n| format!("u-{n}")).collect::<Vec<_>>());
    assert_eq!((room.told().len(), room.events().await.len()), (6, 6));
}

#[tokio::test]
async fn one_unit_that_always_fails_keeps_no_other_from_coming() {
    for scope in [Scope::Item, Scope::Try, Scope::Hub, Scope::Operator] {
        let (_ground, mut room) = Room::new().await;
        room.hub.poison("u-0", Some(trouble(scope)));
        room.hub.poison("u-1", Some(trouble(scope)));
        for n in 0..6 {
            room.hub.arrive(&format!("u-{n}"), SENDER, unit("H2", &format!("2026112010150{n}")));
        }
        room.pass(SOME_TIME).await;
        let list = room.list(true).await;
        let here: Vec<_> = list.iter().map(|one| one.standing == Standing::Kept).collect();
        assert_eq!(here, [false, false, true, true, true, true], "{scope:?}");
        assert_eq!((list[0].reason, list[2].reason), (Some(Code::HubTrouble), None));
        let error = room.inbox.opened(FACILITY, list[0].id, "key").await.unwrap_err();
        assert_eq!(error.code, Code::SubmissionState, "nobody can have looked at it");
        assert!(room.inbox.unit(FACILITY, list[0].id).await.unwrap().is_none());
        room.hub.poison("u-0", None);
        room.hub.poison("u-1", None);
        room.pass(Duration::from_secs(2 * 3600)).await;
        assert!(room.list(true).await.iter().all(|one| one.standing == Standing::Kept && one.reason.is_none()));
        assert_eq!(room.told().len(), 6);
    }
}

#[tokio::test]
async fn a_hub_in_trouble_is_left_alone_as_long_as_it_wishes() {
    let (_ground, mut room) = Room::new().await;
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    let busy = Trouble { retry_after: Some(Duration::from_secs(900)), ..Trouble::of(Code::HubBusy, Scope::Hub) };
    room.hub.then_list([busy.clone()]);
    room.pass(Duration::from_secs(890)).await;
    assert!(room.list(false).await.is_empty());
    let health = room.inbox.health();
    assert_eq!((health.status, health.reason, health.last_proof), (HealthStatus::Degraded, Some(Code::HubBusy), None));
    // Then the same of the unit: the list is not read either.
    room.hub.then_fetch("u-1", [busy]);
    room.pass(Duration::from_secs(30)).await;
    assert_eq!(room.one().await.reason, Some(Code::HubBusy));
    assert_eq!(room.inbox.health().reason, Some(Code::HubBusy));
    room.hub.arrive("u-2", SENDER, unit("H2", "20261120101501"));
    room.pass(Duration::from_secs(860)).await;
    assert_eq!((room.list(false).await.len(), room.hub.fetched().len()), (1, 0));
    room.pass(Duration::from_secs(900)).await;
    assert!(room.list(false).await.iter().all(|one| one.standing == Standing::Kept));
    assert_eq!((room.inbox.health().status, room.told().len()), (HealthStatus::Ok, 2));
}

#[tokio::test]
async fn a_locked_account_is_waited_for() {
    let (_ground, mut room) = Room::new().await;
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    let until = room.clock.now().checked_add(Duration::from_secs(1800)).unwrap();
    room.hub.then_list([Trouble { until: Some(until), ..Trouble::of(Code::HubAccountLocked, Scope::Operator) }]);
    room.pass(Duration::from_secs(1790)).await;
    assert!(room.list(false).await.is_empty());
    room.pass(SOME_TIME).await;
    assert_eq!(room.one().await.standing, Standing::Kept);
}

#[tokio::test]
async fn the_list_is_read_soon_after_news_and_ever_less_often() {
    let (_ground, mut room) = Room::new().await;
    let mut waits = Vec::new();
    for _ in 0..14 {
        let wait = room.poller.turn().await;
        waits.push(wait);
        room.clock.advance(wait);
    }
    assert!(waits.iter().all(|wait| *wait <= POLL.mul_f64(1.25)), "{waits:?}");
    assert!(waits[13] > Duration::from_secs(400) && waits[2] < Duration::from_secs(6), "{waits:?}");
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    let wait = room.poller.turn().await;
    assert!(wait < Duration::from_secs(2), "{wait:?}");

    // A word from outside does not wait for its turn.
    room.pass(10 * POLL).await;
    room.hub.arrive("u-2", SENDER, unit("H2", "20261120101501"));
    room.inbox.reconsider();
    room.poller.turn().await;
    assert_eq!(room.told().len(), 2);
}

#[tokio::test]
async fn a_hub_without_care_plans_is_no_fault() {
    let (_ground, mut room) = Room::new().await;
    room.hub.offer_arrivals(false);
    room.pass(SOME_TIME).await;
    assert_eq!((room.inbox.health().status, room.inbox.health().reason), (HealthStatus::Ok, None));
    room.hub.offer_arrivals(true);
    room.hub.then_list([Trouble::of(Code::HubNotPermitted, Scope::Operator)]);
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    // When the list is read next is jittered.
    let mut waited = Duration::ZERO;
    while room.inbox.health().status == HealthStatus::Ok {
        assert!(waited <= 2 * POLL, "told by then");
        room.pass(Duration::from_secs(1)).await;
        waited += Duration::from_secs(1);
    }
    // A care office's own user id is at fault, and somebody has to put it right.
    assert_eq!(room.inbox.health().reason, Some(Code::HubNotPermitted));
    assert!(room.list(false).await.is_empty());
    room.pass(2 * POLL).await;
    assert_eq!((room.one().await.standing, room.inbox.health().status), (Standing::Kept, HealthStatus::Ok));
}

#[tokio::test]
async fn a_unit_that_does_not_come_for_a_day_is_a_matter_for_people() {
    let (_ground, mut room) = Room::new().await;
    room.hub.poison("u-1", Some(trouble(Scope::Item)));
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    room.pass(DAY - SOME_TIME).await;
    assert_eq!(room.inbox.health().status, HealthStatus::Ok);
    assert_eq!(room.store.received_unopened(&room.facility).await.unwrap().0, 1, "nobody has opened it");
    room.pass(2 * POLL).await;
    let health = room.inbox.health();
    assert_eq!((health.status, health.reason), (HealthStatus::Degraded, Some(Code::HubTrouble)));
    room.hub.poison("u-1", None);
    room.pass(Duration::from_secs(7200)).await;
    assert_eq!((room.one().await.standing, room.inbox.health().status), (Standing::Kept, HealthStatus::Ok));
}

#[tokio::test]
async fn what_is_no_unit_of_the_standard_is_kept_as_it_came_and_said_so() {
    let (_ground, mut room) = Room::new().await;
    let rows =
        format!("{{\"kind\":\"H2\",\"tables\":[{{\"name\":\"UPPLAN\",\"rows\":[{}{{}}]}}]}}", "{},".repeat(200_000));
    let odd: [&[u8]; 5] = [b"", b"<html>", b"{\"kind\":\"H9\"}", b"[[[[", rows.as_bytes()];
    for (n, bytes) in odd.iter().enumerate() {
        room.hub.arrive(&format!("u-{n}"), SENDER, bytes.to_vec());
    }
    room.pass(SOME_TIME).await;
    let list = room.list(true).await;
    for (one, bytes) in list.iter().zip(odd) {
        assert_eq!((one.standing, one.reason, &one.about), (Standing::Kept, Some(Code::CareplanUnreadable), &None));
        assert_eq!(room.inbox.unit(FACILITY, one.id).await.unwrap().unwrap().as_slice(), bytes);
        assert_eq!(room.inbox.files(FACILITY, one.id).await.err().unwrap().code, Code::CareplanUnreadable);
    }
    assert_eq!((list.len(), room.told().len()), (5, 5));
    let data: Value = serde_json::from_str(&room.events().await[0].data).unwrap();
    assert_eq!((data["reason"].as_str(), data["unit"].as_str()), (Some("CAREPLAN_UNREADABLE"), None));
    assert!(room.inbox.opened(FACILITY, list[0].id, "key").await.unwrap().unwrap().opened_at.is_some());
    room.pass(SOME_TIME).await;
    assert_eq!(room.told().last(), Some(&("u-0".to_owned(), Opened)));
}

/// What is acknowledged is not asked for again.
#[tokio::test]
async fn what_cannot_be_read_is_believed_only_when_it_is_said_twice() {
    let (_ground, mut room) = Room::new().await;
    let whole = unit("H2", "20261120101500");
    for (id, said) in [("u-0", &["{}"][..]), ("u-1", &["{}", "[]", "<html>"]), ("u-2", &["{}", "{}"])] {
        room.hub.arrive(id, SENDER, whole.clone());
        room.hub.garble(id, said.iter().copied());
    }
    room.pass(SOME_TIME).await;
    let reasons: Vec<_> = room.list(false).await.iter().map(|one| (one.standing, one.reason)).collect();
    let unreadable = Some(Code::CareplanUnreadable);
    assert_eq!(reasons, [None, None, unreadable].map(|reason| (Standing::Kept, reason)));
    for one in &room.list(false).await[..2] {
        assert_eq!(room.inbox.unit(FACILITY, one.id).await.unwrap().unwrap().as_slice(), whole);
    }
}

#[tokio::test]
async fn what_the_hub_has_lost_is_told_once_and_stays_listed() {
    let (_ground, mut room) = Room::new().await;
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101500"));
    room.hub.lose_arrival("u-1");
    // It is asked for again for well over an hour: the hub may be put right.
    room.pass(6 * POLL).await;
    let one = room.one().await;
    assert_eq!((one.standing, one.reason), (Standing::Announced, Some(Code::HubArrivalGone)));
    assert!(room.events().await.is_empty());
    room.pass(40 * POLL).await;
    let one = room.one().await;
    assert_eq!((one.standing, one.reason), (Standing::Gone, Some(Code::HubArrivalGone)));
    assert_eq!((room.events().await.len(), room.events().await[0].kind.as_str()), (1, "careplan.gone"));
    assert!(room.inbox.unit(FACILITY, one.id).await.unwrap().is_none());
    room.inbox.opened(FACILITY, one.id, "key").await.unwrap().unwrap();
    room.pass(SOME_TIME).await;
    assert!(room.list(true).await.is_empty());
    assert_eq!(room.hub.acknowledgements_tried(), 0);

    // The hub has it again, and lists it: it comes, and a person has to look at it.
    let bytes = unit("H2", "20261120101500");
    room.hub.arrive("u-1", SENDER, bytes.clone());
    room.pass(2 * POLL).await;
    let one = room.one().await;
    assert_eq!((one.standing, one.reason, one.opened_at), (Standing::Kept, None, None));
    assert_eq!(room.inbox.unit(FACILITY, one.id).await.unwrap().unwrap().as_slice(), bytes);
    assert_eq!(room.told(), [("u-1".to_owned(), Downloaded)]);
}

#[tokio::test]
async fn an_acknowledgement_is_said_until_it_is_heard_and_counts_once() {
    let (_ground, mut room) = Room::new().await;
    for n in 0..2 {
        room.hub.arrive(&format!("u-{n}"), SENDER, unit("H2", &format!("2026112010150{n}")));
    }
    let lost = || trouble(Scope::Item);
    room.hub.then_acknowledge(
        "u-0",
        [AcknowledgeStep::LoseBefore(lost()), AcknowledgeStep::LoseAfter(lost()), AcknowledgeStep::LoseAfter(lost())],
    );
    room.pass(Duration::from_secs(5)).await;
    assert_eq!(room.told(), [("u-1".to_owned(), Downloaded)], "the other does not wait");
    assert!(room.list(true).await.iter().all(|one| one.standing == Standing::Kept && one.reason.is_none()));
    room.pass(Duration::from_secs(3600)).await;
    assert_eq!(room.told(), [("u-1".to_owned(), Downloaded), ("u-0".to_owned(), Downloaded)]);
    assert_eq!(room.hub.acknowledgements_tried(), 5);
    // That a user may not say it is put right by people: it is said again.
    room.hub.arrive("u-2", SENDER, unit("H2", "20261120101502"));
    let denied = Trouble::of(Code::HubNotPermitted, Scope::Item);
    room.hub
        .then_acknowledge("u-2", [AcknowledgeStep::LoseBefore(denied.clone()), AcknowledgeStep::LoseBefore(denied)]);
    room.pass(Duration::from_secs(3600)).await;
    assert_eq!((room.told().last(), room.hub.acknowledgements_tried()), (Some(&("u-2".to_owned(), Downloaded)), 8));
    // A hub that knows it no longer is not told for ever.
    room.hub.lose_arrival("u-0");
    let id = room.list(true).await[0].id;
    room.inbox.opened(FACILITY, id, "key").await.unwrap();
    room.pass(Duration::from_secs(7200)).await;
    assert_eq!(room.hub.acknowledgements_tried(), 9);
}

#[tokio::test]
async fn without_room_nothing_is_fetched_and_nothing_told() {
    let (_ground, mut room) = Room::new().await;
    room.hub.arrive("u-0", SENDER, unit("H2", "20261120101500"));
    room.pass(Duration::from_secs(5)).await;
    room.free.store(1000, Ordering::SeqCst);
    room.hub.arrive("u-1", SENDER, unit("H2", "20261120101501"));
    let first = room.list(true).await[0].id;
    room.inbox.opened(FACILITY, first, "key").await.unwrap();
    room.pass(Duration::from_secs(7200)).await;
    assert_eq!((room.hub.fetched().len(), room.list(false).await[1].standing), (1, Standing::Announced));
    assert_eq!(room.told(), [("u-0".to_owned(), Downloaded), ("u-0".to_owned(), Opened)], "words need no room");
    let health = room.inbox.health();
    assert_eq!((health.status, health.reason), (HealthStatus::Degraded, Some(Code::StorageFull)));
    room.free.store(1 << 30, Ordering::SeqCst);
    room.pass(2 * POLL).await;
    assert_eq!((room.told().len(), room.inbox.health().status), (3, HealthStatus::Ok));
}

#[tokio::test]
async fn what_was_opened_is_forgotten_after_the_retention_and_does_not_come_again() {
    let (_ground, mut room) = Room::new().await;
    for n in 0..2 {
        room.hub.arrive(&format!("u-{n}"), SENDER, unit("H2", &format!("2026112010150{n}")));
    }
    room.pass(SOME_TIME).await;
    let list = room.list(false).await;
    room.inbox.opened(FACILITY, list[0].id, "key").await.unwrap();
    let forget_at = async |room: &Room, days: u32| {
        let at = room.clock.now().checked_add(DAY * days).unwrap().as_millisecond().to_string();
        room.store.write(SetFact { name: format!("retention.clock.{FACILITY}"), value: at }).await.unwrap();
    };
    // The clock on the wall jumps, the one of the retention does not.
    forget_at(&room, 10).await;
    room.clock.advance(401 * DAY);
    room.pass(2 * POLL).await;
    assert_eq!(room.list(false).await.len(), 2);
    forget_at(&room, 0).await;
    room.pass(Duration::from_secs(7200)).await;
    let left: Vec<_> = room.list(false).await.into_iter().map(|one| one.id).collect();
    assert_eq!(left, [list[1].id], "what nobody opened stays");
    assert!(room.store.piece(list[0].id.as_bytes(), 0).await.unwrap().is_none());
    assert!(room.inbox.files(FACILITY, list[1].id).await.unwrap().is_some());
    assert!(room.events().await.is_empty());
    room.hub.expire_arrival_cursors();
    room.pass(2 * POLL).await;
    assert_eq!((room.list(false).await.len(), room.hub.fetched().len()), (1, 2));
}
