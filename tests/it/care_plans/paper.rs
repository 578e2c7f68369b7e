//! An office that is not on the hub: held, tried again under another key, or on paper; what is behind it waits, others do not.

use engawa::fault::Code;
use engawa::hub::{LookupOutcome, Outcome, Scope, Step, Trouble};
use engawa::outbox::StateName;
use engawa::outbox::record::hub_key;
use uuid::Uuid;

use super::{absent, at_rest, hand_in, paused, unit};
use crate::identification::room::{Room, sender};

async fn denied(room: &Room, id: Uuid) -> Code {
    room.outbox.on_paper(&sender(), id).await.unwrap_err().code
}

#[tokio::test]
async fn one_that_is_held_holds_up_its_own_office_only() {
    let room = Room::open().await;
    room.hub.then([Step::Refuse(absent())]);
    let first = hand_in(&room, "first", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    let held = room.reaches(first, StateName::Held).await;
    assert_eq!((held.reason, held.eta), (Some(Code::HubRecipientAbsent), None));
    let rest = hand_in(&room, "rest", [unit("S1", 1, 1), unit("S1", 1, 2), unit("S1", 2, 0)]).await.unwrap();
    let [second, third, other] = [0, 1, 2].map(|n| rest.deliveries[n].id);
    room.reaches(other, StateName::Delivered).await;
    for id in [second, third] {
        let waiting = room.outbox.submission(super::FACILITY, id).await.unwrap().unwrap();
        assert_eq!((waiting.state, waiting.reason), (StateName::Queued, Some(Code::WaitEarlier)));
        assert_eq!((waiting.eta, waiting.attempts), (None, 0));
    }
    // Asking for one that waits behind does not let it pass.
    room.outbox.retry(&sender(), third).await.unwrap();
    let waiting = room.outbox.submission(super::FACILITY, third).await.unwrap().unwrap();
    assert_eq!(waiting.reason, Some(Code::WaitEarlier));

    // The office has joined: under the key of the refusal the hub would refuse for ever.
    room.outbox.retry(&sender(), first).await.unwrap();
    for id in [first, second, third] {
        room.reaches(id, StateName::Delivered).await;
    }
    let keys: Vec<_> = room.hub.deliveries().into_iter().map(|one| one.key).collect();
    let mut own = Vec::new();
    for id in [first, other, second, third] {
        own.push(room.outbox.submission(super::FACILITY, id).await.unwrap().unwrap().hub_key.unwrap());
    }
    assert_eq!(keys[2], own[0], "the key that it went under last");
    assert_eq!(keys, [keys[0], own[1], hub_key(keys[0], 1), own[2], own[3]]);
    room.close().await;
}

#[tokio::test]
async fn what_goes_on_paper_never_goes_to_the_hub() {
    let room = Room::open().await;
    room.hub.then([Step::Refuse(absent())]);
    let first = hand_in(&room, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(first, StateName::Held).await;
    let rest = hand_in(&room, "rest", [unit("S1", 1, 1), unit("S1", 1, 2)]).await.unwrap();
    let [second, third] = [0, 1].map(|n| rest.deliveries[n].id);
    let third_key = rest.deliveries[1].hub_key.unwrap();
    // Also one that waits in the middle.
    let paper = room.outbox.on_paper(&sender(), second).await.unwrap();
    assert_eq!((paper.state, paper.reason, paper.eta), (StateName::OnPaper, None, None));
    room.outbox.on_paper(&sender(), first).await.unwrap();
    room.reaches(third, StateName::Delivered).await;
    for id in [first, second] {
        assert_eq!(denied(&room, id).await, Code::SubmissionState, "final");
        assert_eq!(room.outbox.retry(&sender(), id).await.unwrap_err().code, Code::SubmissionState);
        assert_eq!(room.outbox.cancel(&sender(), id).await.unwrap_err().code, Code::SubmissionState);
    }
    assert_eq!(room.hub.filed().into_keys().collect::<Vec<_>>(), [third_key]);
    let told: Vec<_> = room.events().await.into_iter().filter(|event| event["state"] == "on_paper").collect();
    assert_eq!((told.len(), &told[0]["kind"], &told[0]["unit"]), (2, &"care_plan".into(), &"S1".into()));
    room.close().await;
}

#[tokio::test]
async fn what_the_hub_has_or_may_have_does_not_go_on_paper() {
    let room = Room::open().await;
    let opinion = room.opinion("an opinion").await;
    room.reaches(opinion, StateName::Delivered).await;
    assert_eq!(denied(&room, opinion).await, Code::SubmissionState, "no way on paper");
    assert_eq!(denied(&room, Uuid::new_v4()).await, Code::RequestNotFound);

    let filed = hand_in(&room, "filed", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(filed, StateName::Delivered).await;
    assert_eq!(denied(&room, filed).await, Code::SubmissionState);

    room.hub.then([Step::Hang]);
    let hanging = hand_in(&room, "hanging", [unit("S1", 2, 0)]).await.unwrap().deliveries[0].id;
    room.reaches(hanging, StateName::Sending).await;
    assert_eq!(denied(&room, hanging).await, Code::SubmissionInFlight);

    // Lost, and this hub cannot be asked: it may well have it.
    room.hub.then([Step::LoseAfter(Trouble::of(Code::HubTimeout, Scope::Hub))]);
    room.hub.then_look_up([LookupOutcome::NotOffered]);
    let lost = hand_in(&room, "lost", [unit("S1", 3, 0)]).await.unwrap().deliveries[0].id;
    let held = room.reaches(lost, StateName::Held).await;
    assert_eq!((held.reason, held.may_be_there), (Some(Code::OutcomeUnaskable), true));
    assert_eq!(denied(&room, lost).await, Code::PaperTooLate);
    // Nor when a person lets it go again and the line fails.
    room.hub.rule(|_| paused());
    room.outbox.retry(&sender(), lost).await.unwrap();
    room.until(lost, |one| one.reason == Some(Code::HubUnreachable)).await;
    let denied = at_rest(async || room.outbox.on_paper(&sender(), lost).await).await.unwrap_err();
    assert_eq!(denied.code, Code::PaperTooLate);
    room.hub.rule(|_| Step::Accept);
    room.outbox.reconsider();
    let lost = room.reaches(lost, StateName::Delivered).await.hub_key.unwrap();
    assert_eq!(room.hub.filed().get(&lost), Some(&1), "under the same key");
    room.close().await;
}

#[tokio::test]
async fn what_only_waits_may_go_on_paper() {
    let room = Room::open().await;
    let day = jiff::civil::date(2099, 4, 1);
    room.hub.then([Step::Answer(Outcome::NotLive { live_from: Some(day), trace_id: None })]);
    let early = hand_in(&room, "early", [unit("H4", 1, 0)]).await.unwrap().deliveries[0].id;
    let held = room.reaches(early, StateName::Held).await;
    assert_eq!((held.reason, held.eta.is_some()), (Some(Code::HubInsurerNotLive), true));
    room.outbox.on_paper(&sender(), early).await.unwrap();
    room.hub.rule(|_| paused());
    let queued = hand_in(&room, "queued", [unit("S1", 2, 0)]).await.unwrap().deliveries[0].id;
    room.until(queued, |one| one.reason == Some(Code::HubUnreachable) && one.state == StateName::Queued).await;
    at_rest(async || room.outbox.on_paper(&sender(), queued).await).await.unwrap();
    assert!(room.hub.filed().is_empty());
    room.close().await;
}
