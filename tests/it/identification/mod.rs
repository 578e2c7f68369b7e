//! Identifications by two witnesses wait while the hub cannot be reached, and are shown to it later.

mod crash;
pub(crate) mod damage;
pub(crate) mod room;
pub(crate) mod schema;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::fault::Code;
use engawa::hub::{AssertStep, HubError, Outcome, Refusal, Scope, ScriptedHub, Step, Trouble};
use engawa::model::identity::{Assurance, Method, Witnessed};
use engawa::outbox::{Filter, HealthStatus, StateName};

use room::{
    FACILITY, Home, INSURER, Room, STRIKES, WITNESSES, document, insured, line_down, sender, within, witnesses,
};

#[tokio::test]
async fn what_was_recorded_without_a_line_is_shown_once_it_is_back() {
    let room = Room::open().await;
    room.hub.know_person(INSURER, &insured(3), Some(b"a certificate"));
    room.hub.identity_down(Some(line_down()));
    let mut ids = vec![room.known(1).await, room.known(2).await];
    let visual = Witnessed::visual(b"a certificate", witnesses());
    ids.push(room.later("key 3", &visual).await.id);
    for id in &ids {
        let waiting = room.until(*id, |one| one.reason == Some(Code::HubUnreachable)).await;
        assert_eq!((waiting.kind, waiting.state), ("identification", StateName::Queued));
        assert!(room.look(*id).await.1.is_none());
    }

    room.hub.identity_down(None);
    room.outbox.reconsider();
    for (n, id) in (1..).zip(&ids) {
        let delivered = room.reaches(*id, StateName::Delivered).await;
        let (_, person) = room.look(*id).await;
        let person = person.unwrap();
        let assurance = if n == 3 { Assurance::Substantial } else { Assurance::Low };
        assert_eq!((person.insurer_number.as_str(), person.insured_number), (INSURER, insured(n)));
        assert_eq!((person.assurance, person.token.is_empty()), (assurance, false));
        assert!(person.expires_at > room.clock.now());
        assert!(delivered.receipt.unwrap().number.starts_with('C'), "the challenge");
    }
    let shown = room.hub.assertions();
    assert!(shown.iter().all(|one| one.refused.is_none()), "{shown:?}");
    assert_eq!(shown.iter().filter(|one| one.method == Method::Visual).count(), 1);
    assert_eq!(shown.len(), 3, "each once: {shown:?}");
    room.close().await;
}

#[tokio::test]
async fn events_name_the_kind_and_nobody() {
    let room = Room::open().await;
    let (person, opinion) = (room.known(1).await, room.opinion("an opinion").await);
    for id in [person, opinion] {
        room.reaches(id, StateName::Delivered).await;
    }
    let events = room.events().await;
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
    assert_eq!((of("identification"), of("opinion"), events.len()), (3, 3, 6), "{events:?}");
    let told = serde_json::to_string(&events).unwrap();
    let token = room.look(person).await.1.unwrap().token.to_string();
    for needle in [insured(1).as_str(), WITNESSES[0], "care-insurance-card", token.as_str(), INSURER] {
        assert!(!told.contains(needle), "{needle}: {told}");
    }
    room.close().await;
}

#[tokio::test]
async fn the_same_again_is_the_same_identification() {
    let room = Room::open().await;
    room.hub.identity_down(Some(line_down()));
    let first = room.later("one key", &document(1)).await;
    // Also when there is no room for new work.
    room.free.store(0, Ordering::Relaxed);
    let again = room.later("one key", &document(1)).await;
    assert_eq!((again.id, again.sha256, again.accepted_at), (first.id, first.sha256, first.accepted_at));
    assert_eq!((first.replayed, again.replayed), (false, true));
    let other = room.outbox.identify_later(&sender(), "one key", &document(2)).await.unwrap_err();
    assert_eq!(other.code, Code::IdempotencyConflict);
    let full = room.outbox.identify_later(&sender(), "another key", &document(2)).await.unwrap_err();
    assert_eq!((full.code, full.retry_after.is_some()), (Code::StorageFull, true));
    room.free.store(u64::MAX, Ordering::Relaxed);
    let third = document(3);
    let many = (0..8).map(|_| room.later("a key for many", &third));
    let ids: BTreeSet<_> = futures_util::future::join_all(many).await.into_iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), 1, "at the same moment too");
    let page = room.outbox.submissions(FACILITY, &Filter { limit: 200, ..Filter::default() }).await.unwrap();
    assert_eq!(page.items.len(), 2);
    room.close().await;
}

#[tokio::test]
async fn a_lost_answer_means_that_it_is_shown_again() {
    let room = Room::open().await;
    let lost = || Trouble::of(Code::HubTimeout, Scope::Hub);
    room.hub.then_assert([
        AssertStep::LoseBefore(lost()),
        AssertStep::LoseAfter(lost()),
        AssertStep::LoseAfter(lost()),
    ]);
    let id = room.known(1).await;
    let delivered = room.reaches(id, StateName::Delivered).await;
    assert!(delivered.history.iter().all(|event| event.kind != "submission.unknown"), "{:?}", delivered.history);
    let shown = room.hub.assertions();
    let challenges: BTreeSet<_> = shown.iter().map(|one| &one.challenge_id).collect();
    assert_eq!((shown.len(), challenges.len(), delivered.attempts), (3, 3, 4), "each under its own challenge");
    assert!(room.look(id).await.1.is_some());
    room.close().await;
}

#[tokio::test]
async fn a_process_that_ended_while_it_was_shown_shows_it_again() {
    let room = Room::open().await;
    room.hub.then_assert([AssertStep::Hang, AssertStep::Hang]);
    let ids = [room.known(1).await, room.known(2).await];
    for id in ids {
        room.reaches(id, StateName::Sending).await;
    }
    within(async {
        while room.hub.challenges_given() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (directory, hub, clock) = room.close().await;
    let room = Room::over(directory, hub, clock).await;
    for id in ids {
        let delivered = room.reaches(id, StateName::Delivered).await;
        assert!(delivered.history.iter().all(|event| event.kind != "submission.unknown"), "{:?}", delivered.history);
        assert!(room.look(id).await.1.is_some());
    }
    room.close().await;
}

fn refusal(code: Code, field: &str) -> Refusal {
    let errors = vec![HubError { code: "E2300".into(), field: Some(field.into()) }];
    Refusal { code, errors, trace_id: None }
}

#[tokio::test]
async fn a_spent_challenge_costs_a_new_one_and_not_without_end() {
    let room = Room::open().await;
    let spent = || AssertStep::Refuse(refusal(Code::HubRefused, "/challenge_id"));
    room.hub.then_assert([spent(), spent()]);
    let id = room.known(1).await;
    assert_eq!(room.reaches(id, StateName::Delivered).await.attempts, 3);

    room.hub.then_assert((0..STRIKES).map(|_| spent()));
    let id = room.known(2).await;
    let held = room.reaches(id, StateName::Held).await;
    assert_eq!((held.reason, held.attempts), (Some(Code::AttemptsExhausted), STRIKES));
    room.outbox.retry(&sender(), id).await.unwrap();
    room.reaches(id, StateName::Delivered).await;
    room.close().await;
}

#[tokio::test]
async fn what_the_hub_refuses_comes_back_with_the_reason() {
    let room = Room::open().await;
    let step = |code, field| AssertStep::Refuse(refusal(code, field));
    let cases = [
        (step(Code::HubRefused, "/staff_ids/1"), Code::WitnessesRefused),
        (step(Code::HubRefused, "/certificate"), Code::CardCertificateRefused),
        (step(Code::HubRefused, "insured_number"), Code::PersonUnknown),
        (step(Code::HubRefused, "/method"), Code::HubRefused),
        (step(Code::HubNotPermitted, "/certificate"), Code::HubNotPermitted),
    ];
    for (n, (step, code)) in (1..).zip(cases) {
        room.hub.then_assert([step]);
        let id = room.known(n).await;
        let returned = room.reaches(id, StateName::Returned).await;
        assert_eq!((returned.reason, returned.hub_errors.len()), (Some(code), 1));
        assert!(room.look(id).await.1.is_none());
        assert_eq!(room.outbox.retry(&sender(), id).await.unwrap_err().code, Code::SubmissionState);
    }
    // A challenge that is not given for such a reason is as final.
    room.hub.then_challenge([Trouble::of(Code::HubNotPermitted, Scope::Item)]);
    let id = room.known(99).await;
    assert_eq!(room.reaches(id, StateName::Returned).await.reason, Some(Code::HubNotPermitted));
    room.close().await;
}

/// Whatever scope the hub link gives it.
#[tokio::test]
async fn a_hub_that_identifies_nobody_takes_opinions_all_the_same() {
    for scope in [Scope::Item, Scope::Operator] {
        let room = Room::open().await;
        // The line was dead when the first one was shown.
        room.hub.identity_down(Some(line_down()));
        let mut ids = vec![room.known(100).await];
        room.until(ids[0], |one| one.reason == Some(Code::HubUnreachable)).await;
        room.hub.identity_down(Some(Trouble::of(Code::HubNotOffered, scope)));
        room.until(ids[0], |one| one.reason == Some(Code::HubNotOffered)).await;
        for n in 0..8 {
            ids.push(room.known(n).await);
            let opinion = room.opinion(&format!("opinion {n}")).await;
            room.reaches(opinion, StateName::Delivered).await;
        }
        for id in &ids {
            let waiting = room.until(*id, |one| one.reason == Some(Code::HubNotOffered)).await;
            assert_eq!(waiting.state, StateName::Queued);
            assert!(*id == ids[0] || waiting.attempts == 1, "asked again in an hour");
        }
        let health = room.outbox.health().await;
        let hub = &health.iter().find(|(name, _)| *name == "hub").unwrap().1;
        assert_eq!((hub.status, hub.reason), (HealthStatus::Ok, None));

        room.hub.identity_down(None);
        room.outbox.retry(&sender(), ids[0]).await.unwrap();
        room.reaches(ids[0], StateName::Delivered).await;
        assert_eq!(room.look(ids[1]).await.0.state, StateName::Queued);
        room.outbox.cancel(&sender(), ids[1]).await.unwrap();
        assert_eq!(room.look(ids[1]).await.0.state, StateName::Cancelled);
        room.close().await;
    }
}

#[tokio::test]
async fn opinions_that_cannot_go_delay_nobody_at_the_counter() {
    let room = Room::open().await;
    room.hub.rule(|_| Step::Answer(Outcome::NotDelivered(Trouble::of(Code::HubLoginCautious, Scope::Operator))));
    let opinion = room.opinion("an opinion").await;
    room.until(opinion, |one| one.reason == Some(Code::HubLoginCautious)).await;
    let id = room.known(1).await;
    room.reaches(id, StateName::Delivered).await;
    assert_eq!(room.outbox.submission(FACILITY, opinion).await.unwrap().unwrap().state, StateName::Queued);
    room.close().await;
}

#[tokio::test]
async fn a_token_is_given_out_while_it_serves_and_the_rest_for_as_long_as_it_is_kept() {
    let clock = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
    let hub = Arc::new(ScriptedHub::new(clock.clone()));
    let room = Room::over(Home::new(), hub, clock.clone()).await;
    let id = room.known(1).await;
    room.reaches(id, StateName::Delivered).await;
    clock.advance(Duration::from_secs(29 * 60));
    assert!(!room.look(id).await.1.unwrap().token.is_empty());
    clock.advance(Duration::from_secs(60));
    let person = room.look(id).await.1.unwrap();
    assert_eq!((person.token.as_str(), person.insured_number), ("", insured(1)));
    room.close().await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_on_no_disk() {
    let before = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
    let room = Room::over(Home::new(), Arc::new(ScriptedHub::new(before.clone())), before.clone()).await;
    let (id, other) = (room.known(1).await, room.known(2).await);
    for id in [id, other] {
        room.reaches(id, StateName::Delivered).await;
    }
    let told = room.store.submission(id.as_bytes()).await.unwrap().unwrap();
    let (directory, hub, _) = room.close().await;
    // Somebody else's seal is not opened, and not looked at for ever.
    let damage = format!("UPDATE submission SET outcome = note WHERE id = x'{}'", other.simple());
    damage::execute(directory.path(), &damage).await;

    let after = Clock::manual("2026-06-01T00:31:00Z".parse().unwrap());
    let room = Room::over(directory, hub, after).await;
    within(async {
        loop {
            let mut rows = Vec::new();
            for id in [id, other] {
                rows.push(room.store.submission(id.as_bytes()).await.unwrap().unwrap());
            }
            if rows.iter().all(|row| row.columns.wait_until.is_none()) {
                assert_ne!(rows[0].columns.outcome, told.columns.outcome);
                assert_eq!(rows[0].columns.changed_at, told.columns.changed_at, "the retention goes on");
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (directory, hub, _) = room.close().await;

    // To a clock at which it would still serve it is gone, and the rest is there.
    let room = Room::over(directory, hub, before).await;
    let person = room.look(id).await.1.unwrap();
    assert_eq!((person.token.as_str(), person.insured_number), ("", insured(1)));
    room.close().await;
}

#[tokio::test]
async fn an_identification_is_its_facilitys_and_an_opinion_is_none() {
    let room = Room::open().await;
    let (id, opinion) = (room.known(1).await, room.opinion("an opinion").await);
    assert!(room.outbox.identification("1379999999", id).await.unwrap().is_none());
    assert!(room.outbox.identification(FACILITY, opinion).await.unwrap().is_none());
    let page = room.outbox.submissions(FACILITY, &Filter { limit: 9, ..Filter::default() }).await.unwrap();
    assert_eq!(page.items.iter().map(|one| one.kind).collect::<Vec<_>>(), ["opinion", "identification"]);
    room.close().await;
}
