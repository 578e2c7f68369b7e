//! Turns, places and circuits of several kinds beside each other.

use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{Outcome, Scope, Trouble};
use engawa::outbox::Kind;
use engawa::outbox::engine::Engine;
use engawa::outbox::kind::EachKind;
use engawa::outbox::order::{Candidate, Places, Turns};

use crate::machine::{policy, receipt, start};

const PARALLEL: usize = 4;

fn places(opinions: usize, identifications: usize) -> Places {
    let each = EachKind::from_fn(|kind| if kind == Kind::Opinion { opinions } else { identifications });
    Places { free: 4, each }
}

fn candidate(kind: Kind, lane: &str, due: i64, seq: i64) -> Candidate<i64> {
    Candidate { id: seq, kind, lane: lane.to_owned(), due, seq }
}

#[test]
fn a_single_document_does_not_wait_behind_ten_thousand() {
    let mut turns = Turns::default();
    let candidate = |lane: &str, due, seq| candidate(Kind::Opinion, lane, due, seq);
    let mut waiting: Vec<_> = (0..10_000).map(|seq| candidate("big", 130, seq)).collect();
    waiting.push(candidate("small", 140, 10_000));
    let first: Vec<_> = turns.pick(&waiting, places(4, 4), 100).into_iter().map(|picked| picked.lane).collect();
    assert!(first[..2].contains(&"small".to_owned()), "{first:?}");
}

#[test]
fn what_is_nearly_due_goes_first_whoever_sent_it() {
    let mut turns = Turns::default();
    let candidate = |lane: &str, due, seq| candidate(Kind::Opinion, lane, due, seq);
    let waiting = vec![candidate("a", 120, 1), candidate("b", 102, 2), candidate("b", 101, 3), candidate("c", 90, 4)];
    let order: Vec<_> = turns.pick(&waiting, places(4, 4), 100).into_iter().map(|picked| picked.seq).collect();
    assert_eq!(order, [4, 3, 2, 1]);
}

#[test]
fn who_waits_at_the_counter_goes_before_what_has_time() {
    let today = 100;
    let mut waiting: Vec<_> = (0..100).map(|seq| candidate(Kind::Opinion, "big", 130, seq)).collect();
    waiting.push(candidate(Kind::Identification, "big", today, 100));
    waiting.push(candidate(Kind::Opinion, "other", today - 1, 101));
    let order: Vec<_> = Turns::default().pick(&waiting, places(4, 4), today).into_iter().map(|one| one.seq).collect();
    assert_eq!(order, [101, 100, 0, 1]);
}

#[test]
fn a_kind_takes_no_more_than_its_places() {
    let waiting: Vec<_> = (0..10)
        .flat_map(|seq| [candidate(Kind::Identification, "a", 100, seq), candidate(Kind::Opinion, "a", 130, 100 + seq)])
        .collect();
    for (opinions, identifications, expected) in
        [(4, 1, vec![0, 100, 101, 102]), (4, 0, vec![100, 101, 102, 103]), (1, 2, vec![0, 1, 100]), (0, 0, vec![])]
    {
        let picked = Turns::default().pick(&waiting, places(opinions, identifications), 100);
        assert_eq!(picked.into_iter().map(|one| one.seq).collect::<Vec<_>>(), expected);
    }
}

/// A hub that takes no opinions identifies people all the same.
#[test]
fn a_way_that_is_closed_for_one_kind_is_open_for_the_other() {
    let mut engine = Engine::new(policy(), PARALLEL, 1);
    let at = Duration::from_secs;
    let busy = Trouble { retry_after: Some(at(3_600)), ..Trouble::of(Code::HubBusy, Scope::Hub) };
    engine.started(Kind::Opinion);
    engine.settled(Kind::Opinion, &Outcome::NotDelivered(busy), start(), at(1), at(1));
    let places = engine.places(at(2));
    assert_eq!((places.of(Kind::Opinion), places.of(Kind::Identification)), (0, PARALLEL));
    assert_eq!(engine.outlook().ways.of(Kind::Opinion).blocked, Some(Code::HubBusy));
    assert_eq!(engine.outlook().blocked(), Some(Code::HubBusy));
    assert_eq!(engine.outlook().ways.of(Kind::Identification).blocked, None);
}

/// A line that comes back to a hub that identifies nobody is a line that is back.
#[test]
fn a_hub_that_does_not_offer_it_has_answered() {
    let at = Duration::from_secs;
    let mut engine = Engine::new(policy(), PARALLEL, 1);
    for kind in Kind::ALL {
        engine.started(kind);
        let dead = Outcome::NotDelivered(Trouble::of(Code::HubUnreachable, Scope::Hub));
        engine.settled(kind, &dead, start(), at(1), at(1));
    }
    engine.started(Kind::Identification);
    let not_offered = Outcome::NotDelivered(Trouble::of(Code::HubNotOffered, Scope::Try));
    engine.settled(Kind::Identification, &not_offered, start(), at(2), at(1));
    assert_eq!(engine.outlook().ways.of(Kind::Identification).blocked, None);
    assert_eq!(engine.places(at(2)).of(Kind::Opinion), 1, "the line is worth a try");
    assert_eq!(engine.passed_at(Kind::Identification), None, "it took nothing");
}

/// The line that is back for one is back for all; a pause that the hub asked for is kept.
#[test]
fn a_line_that_is_back_for_one_kind_is_back_for_the_other() {
    let at = Duration::from_secs;
    let receipt = Outcome::Accepted(receipt());
    for (code, places) in [(Code::HubUnreachable, 1), (Code::HubTrouble, 0)] {
        let mut engine = Engine::new(policy(), PARALLEL, 1);
        for kind in Kind::ALL {
            engine.started(kind);
            engine.settled(kind, &Outcome::NotDelivered(Trouble::of(code, Scope::Hub)), start(), at(1), at(1));
        }
        engine.started(Kind::Identification);
        engine.settled(Kind::Identification, &receipt, start(), at(2), at(1));
        assert_eq!(engine.places(at(2)).of(Kind::Opinion), places, "{code}");
        assert_eq!(engine.places(at(2)).of(Kind::Identification), PARALLEL);
    }
}
