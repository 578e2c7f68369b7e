//! Two boxes with one secret at one hub, in one process: which of them filed something, and what the other makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use engawa::clock::Clock;
use engawa::fault::Code;
use engawa::hub::{LookupOutcome, Outcome, Receipt, Refusal, Scope, ScriptedHub, Step, Trouble};
use engawa::outbox::{BARRED, StateName};
use engawa::store::{self, Restart};

use crate::care_plans::{absent, hand_in, unit};
use crate::identification::damage::execute;
use crate::identification::room::{Home, Room, line_down, within};

const MINUTE: i64 = 60_000;

/// A box that sends nothing until [`opened`]; what comes in has never been sent.
async fn closed(room: Room) -> Room {
    let (home, hub, clock) = room.close().await;
    execute(home.path(), &format!("INSERT INTO fact VALUES ('{BARRED}', 'RESTORED_UNCONFIRMED')")).await;
    Room::over(home, hub, clock).await
}

/// The same box, whose way is open and whose last word of the hub was a day ago.
async fn opened(room: Room, more: &str) -> Room {
    let (home, hub, clock) = room.close().await;
    let sql = format!(
        "UPDATE fact SET value = '' WHERE name = '{BARRED}'; \
         UPDATE fact SET value = value - 86400000 WHERE name LIKE 'outbox.heard%'; {more}"
    );
    execute(home.path(), &sql).await;
    Room::over(home, hub, clock).await
}

async fn barred(room: &Room) -> Code {
    within(async {
        loop {
            match room.outbox.barred() {
                Some(code) => return code,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_another_box_filed_later_is_proof_also_when_the_first_question_fails() {
    let old = closed(Room::open().await).await;
    let id = old.opinion("one").await;
    let new = Room::over(Home::new(), old.hub.clone(), old.clock.clone()).await;
    let copy = new.opinion("one").await;
    new.reaches(copy, StateName::Delivered).await;
    old.hub.then_look_up([
        LookupOutcome::Trouble(Trouble::of(Code::HubTimeout, Scope::Hub)),
        LookupOutcome::Trouble(Trouble::of(Code::HubNonsense, Scope::Item)),
    ]);
    let old = opened(old, &format!("UPDATE submission SET accepted_at = accepted_at - {MINUTE}")).await;
    assert_eq!(barred(&old).await, Code::EpochOld);
    let seen = old.reaches(id, StateName::Delivered).await;
    assert_eq!((seen.attempts, old.hub.filed().len()), (1, 1), "it has the receipt all the same");
    old.close().await;
    new.close().await;
}

#[tokio::test]
async fn what_a_box_before_this_one_had_filed_gets_its_receipt_and_nothing_else_does() {
    let old = Room::open().await;
    let first = old.opinion("one").await;
    let receipt = old.reaches(first, StateName::Delivered).await.receipt;
    old.hub.then([Step::Refuse(Refusal { code: Code::HubNoConsent, errors: Vec::new(), trace_id: None })]);
    let refused = old.opinion("two").await;
    old.reaches(refused, StateName::Returned).await;
    let new = closed(Room::over(Home::new(), old.hub.clone(), old.clock.clone()).await).await;
    old.close().await;
    let new = opened(new, "INSERT INTO fact VALUES ('outbox.confirmed', strftime('%s', 'now') * 1000 - 2000)").await;
    let again = new.opinion("one").await;
    let seen = new.reaches(again, StateName::Delivered).await;
    assert_ne!(again, first, "ids are minted anew");
    assert_eq!(seen.receipt, receipt);
    let again = new.opinion("two").await;
    new.reaches(again, StateName::Returned).await;
    // The same key of the sender for something else.
    let value = crate::support::gateway::opinion("something else");
    let parsed = engawa::model::opinion::parse(&value, &[], jiff::civil::date(2026, 6, 1)).unwrap();
    let other = engawa::outbox::NewOpinion {
        opinion: parsed.opinion,
        warnings: parsed.warnings,
        substitutions: parsed.substitutions,
        originals: parsed.originals,
        signature: None,
    };
    let sender = crate::identification::room::sender();
    let third = Room::over(Home::new(), new.hub.clone(), new.clock.clone()).await;
    let intake = third.outbox.begin(&sender, "one", other).await.unwrap();
    let other = intake.finish(engawa::outbox::RequestHash::new(&value, None)).await.unwrap().id;
    let seen = third.reaches(other, StateName::Delivered).await;
    assert_ne!(seen.receipt, receipt);
    assert_eq!(new.outbox.barred(), None);
    assert_eq!(new.hub.deliveries().len(), 3, "what the hub had was asked about, not sent");
    assert_eq!(new.hub.filed().len(), 2);
    third.close().await;
    new.close().await;
}

/// Within an hour of the hub's last word nothing is asked; then the first answer that is older than its sending is the sign.
#[tokio::test]
async fn an_answer_older_than_its_sending_makes_the_box_ask_before_the_next() {
    let clock = Clock::system();
    let earlier = clock.now() - std::time::Duration::from_secs(20);
    let hub = Arc::new(ScriptedHub::new(Clock::manual(earlier)));
    let old = closed(Room::over(Home::new(), hub, clock).await).await;
    let ids = [old.opinion("one").await, old.opinion("two").await];
    let new = Room::over(Home::new(), old.hub.clone(), old.clock.clone()).await;
    for key in ["one", "two"] {
        let copy = new.opinion(key).await;
        new.reaches(copy, StateName::Delivered).await;
    }
    let back = format!(
        "UPDATE fact SET value = value + 86400000 WHERE name LIKE 'outbox.heard%'; \
         UPDATE submission SET accepted_at = accepted_at - {MINUTE}; \
         UPDATE submission SET wait_until = (strftime('%s', 'now') + 2) * 1000 WHERE seq = 2"
    );
    let old = opened(old, &back).await;
    old.reaches(ids[0], StateName::Delivered).await;
    assert_eq!(old.outbox.barred(), None, "times alone are no proof");
    assert_eq!(barred(&old).await, Code::EpochOld);
    old.reaches(ids[1], StateName::Delivered).await;
    assert_eq!(old.hub.filed().len(), 2);
    old.close().await;
    new.close().await;
}

#[tokio::test]
async fn what_went_under_a_second_key_from_another_box_is_found_under_it() {
    let old = Room::open().await;
    old.hub.then([Step::Refuse(absent())]);
    let id = hand_in(&old, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    old.reaches(id, StateName::Held).await;
    // The backup is of this moment; then the office joins.
    let (home, hub, clock) = old.close().await;
    let restored = Home::new();
    for file in ["engawa.db", "master.key"] {
        std::fs::copy(home.path().join(file), restored.path().join(file)).unwrap();
    }
    let old = Room::over(home, hub.clone(), clock.clone()).await;
    old.outbox.retry(&crate::identification::room::sender(), id).await.unwrap();
    let seen = old.reaches(id, StateName::Delivered).await;
    let (receipt, key) = (seen.receipt, seen.hub_key);
    old.close().await;

    let now = clock.now().as_millisecond();
    let restart = Restart { facts: Vec::new(), made_at: now, now, record: None };
    assert_eq!(store::restart(&restored.path().join("engawa.db"), &restart).await.unwrap(), 1);
    let new = Room::over(restored, hub.clone(), clock.clone()).await;
    let seen = new.reaches(id, StateName::Delivered).await;
    assert_eq!((seen.receipt, seen.hub_key), (receipt.clone(), key));
    new.close().await;

    // And on a box whose backup knew nothing of it.
    let other = Room::over(Home::new(), hub.clone(), clock.clone()).await;
    let again = hand_in(&other, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    let seen = other.reaches(again, StateName::Delivered).await;
    assert_eq!((seen.receipt, seen.hub_key), (receipt.clone(), key));
    other.close().await;

    // And on one that asks before it sends.
    let other = closed(Room::over(Home::new(), hub, clock).await).await;
    let again = hand_in(&other, "one", [unit("S1", 1, 0)]).await.unwrap().deliveries[0].id;
    let other = opened(other, "").await;
    let seen = other.reaches(again, StateName::Delivered).await;
    assert_eq!((seen.receipt, seen.hub_key, other.outbox.barred()), (receipt, key, None));
    let accepted = other.hub.deliveries().into_iter().filter(|one| matches!(one.outcome, Outcome::Accepted(_)));
    assert_eq!((accepted.count(), other.hub.filed().len()), (1, 1));
    other.close().await;
}

/// Another box filed "two" while this one was away, and this one delivers "one" first. The answer to that says that the hub is there; it
/// does not say that it was there all the time.
#[tokio::test]
async fn an_absence_outlives_the_next_start() {
    let old = closed(Room::open().await).await;
    let ids = [old.opinion("one").await, old.opinion("two").await];
    let new = Room::over(Home::new(), old.hub.clone(), old.clock.clone()).await;
    let copy = new.opinion("two").await;
    new.reaches(copy, StateName::Delivered).await;
    let later = format!(
        "UPDATE submission SET accepted_at = accepted_at - {MINUTE}; \
         UPDATE submission SET wait_until = (strftime('%s', 'now') + 3600) * 1000 WHERE seq = 2"
    );
    let old = opened(old, &later).await;
    old.reaches(ids[0], StateName::Delivered).await;
    assert_eq!(old.outbox.barred(), None);
    let (home, hub, clock) = old.close().await;
    let heard = "UPDATE fact SET value = strftime('%s', 'now') * 1000 WHERE name LIKE 'outbox.heard.%'; \
                 UPDATE submission SET wait_until = NULL WHERE seq = 2";
    execute(home.path(), heard).await;
    let old = Room::over(home, hub, clock).await;
    assert_eq!(barred(&old).await, Code::EpochOld);
    old.reaches(ids[1], StateName::Delivered).await;
    assert_eq!(old.hub.filed().len(), 2);
    old.close().await;
    new.close().await;
}

/// A feed that is read first after an absence says only that the hub is there now.
#[tokio::test]
async fn an_absence_that_a_feed_ends_is_an_absence() {
    let clock = Clock::manual(Clock::system().now());
    let back = clock.now() + std::time::Duration::from_secs(86_400);
    let hub = Arc::new(ScriptedHub::new(clock.clone()));
    let wall = clock.clone();
    hub.rule(move |_| if wall.now() < back { Step::Answer(Outcome::NotDelivered(line_down())) } else { Step::Accept });
    let room = Room::over(Home::new(), hub, clock.clone()).await;
    let id = room.opinion("one").await;
    room.until(id, |seen| seen.reason == Some(Code::HubUnreachable)).await;
    let receipt = Receipt { number: "R9".into(), accepted_at: clock.now(), trace_id: None };
    room.hub.then_look_up([LookupOutcome::Accepted(receipt)]);
    // The line is tried again only when the feed has been read: the monotonic clock stands still.
    clock.set(back);
    let seen = room.reaches(id, StateName::Delivered).await;
    assert_eq!(
        (seen.receipt.unwrap().number.as_str(), room.hub.filed().len()),
        ("R9", 0),
        "it was asked about, not sent"
    );
    room.close().await;
}

/// Which unit of a request comes first is nothing that a key may depend on.
#[tokio::test]
async fn units_in_another_order_get_their_own_receipts() {
    let old = Room::open().await;
    let units = || vec![unit("H3", 1, 0), unit("S1", 2, 0), unit("H4", 3, 1), unit("H3", 3, 1)];
    let mut sent = BTreeMap::new();
    for one in hand_in(&old, "one", units()).await.unwrap().deliveries {
        let seen = old.reaches(one.id, StateName::Delivered).await;
        let about = seen.care_plan.unwrap();
        sent.insert((about.to_facility, about.unit), (seen.hub_key, seen.receipt));
    }
    for turned in [0, 1, 3] {
        let mut units = units();
        units.rotate_left(turned);
        units.reverse();
        let next = Room::over(Home::new(), old.hub.clone(), old.clock.clone()).await;
        for one in hand_in(&next, "one", units).await.unwrap().deliveries {
            let seen = next.reaches(one.id, StateName::Delivered).await;
            let about = seen.care_plan.unwrap();
            assert_eq!((seen.hub_key, seen.receipt), sent[&(about.to_facility, about.unit)]);
        }
        next.close().await;
    }
    assert_eq!((sent.len(), old.hub.filed().len()), (4, 4));
    old.close().await;
}

/// More of them than there are places: none keeps one, whether it was to be sent or asked about.
#[tokio::test]
async fn a_row_without_a_key_is_set_aside_and_takes_no_place() {
    let room = closed(Room::open().await).await;
    let mut damaged = Vec::new();
    for n in 0..6 {
        damaged.push(room.opinion(&n.to_string()).await);
    }
    let sound = room.opinion("sound").await;
    let damage = format!(
        "UPDATE submission SET hub_key = x'00' WHERE seq <= 6; \
         UPDATE submission SET state = 'unknown', reason = '{}', wait_until = 0, attempts = 1 WHERE seq = 1",
        Code::OutcomeUnknown.name()
    );
    let room = opened(room, &damage).await;
    room.reaches(sound, StateName::Delivered).await;
    for id in damaged {
        let seen = room.reaches(id, StateName::Held).await;
        assert_eq!((seen.reason, seen.hub_key), (Some(Code::SubmissionDamaged), None));
    }
    assert_eq!(room.hub.deliveries().len(), 1);
    room.close().await;
}
