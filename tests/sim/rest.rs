//! A box at rest: when nobody has to look again, and that those who look do so together.

use std::time::Duration;

use engawa::clock::Clock;
use engawa::store::{LONGEST_LULL, Look, Lull};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nobody_looks_again_until_something_is_committed_or_due() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    let look = |commits| Look::after(commits, &clock);
    let mut lull = Lull::default();
    assert!(!lull.lasts(look(7)), "nobody has looked yet");
    let until = at("2026-06-01T00:00:30Z").as_millisecond();
    lull.found_nothing(look(7), Some(until));
    assert!(lull.lasts(look(7)));
    assert!(!lull.lasts(look(8)), "something was committed");
    clock.advance(29 * SECOND);
    assert!(lull.lasts(look(7)));
    assert_eq!(lull.left(look(7)), Some(SECOND));
    clock.advance(SECOND);
    assert!(!lull.lasts(look(7)), "a waiting time is over");
    lull.found_nothing(look(7), None);
    assert_eq!(lull.left(look(7)), None);
    lull.end();
    assert!(!lull.lasts(look(7)), "something happened beside the database");
}

#[test]
fn a_clock_that_was_set_makes_everybody_look() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    let mut lull = Lull::default();
    lull.found_nothing(Look::after(1, &clock), Some(at("2026-06-01T10:00:00Z").as_millisecond()));
    clock.set(at("2026-05-31T00:00:00Z"));
    assert!(!lull.lasts(Look::after(1, &clock)), "waiting times may lie too far ahead");
    clock.set(at("2026-06-01T00:00:01Z"));
    assert!(lull.lasts(Look::after(1, &clock)));
    clock.set(at("2026-06-01T10:00:00Z"));
    assert!(!lull.lasts(Look::after(1, &clock)), "waiting times are over");
}

#[test]
fn however_quiet_it_is_somebody_looks_after_five_minutes() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    let mut lull = Lull::default();
    lull.found_nothing(Look::after(1, &clock), None);
    clock.advance(LONGEST_LULL - SECOND);
    assert!(lull.lasts(Look::after(1, &clock)));
    clock.advance(SECOND);
    assert!(!lull.lasts(Look::after(1, &clock)));
}

#[test]
fn those_who_look_from_time_to_time_do_so_together() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    assert_eq!(clock.until_beat(10 * SECOND), 10 * SECOND);
    clock.advance(Duration::from_millis(13_250));
    assert_eq!(clock.until_beat(10 * SECOND), Duration::from_millis(6_750));
    assert_eq!(clock.until_beat(5 * SECOND), Duration::from_millis(1_750));
    assert_eq!(clock.until_beat(2 * SECOND), Duration::from_millis(750));
    clock.advance(Duration::from_millis(6_750));
    assert_eq!(clock.until_beat(10 * SECOND), 10 * SECOND, "a beat is not waited for twice");
    assert_eq!(clock.until_beat(5 * SECOND), 5 * SECOND);
}

#[test]
fn the_day_in_japan_is_waited_for_to_the_millisecond() {
    let clock = Clock::manual(at("2026-06-01T14:59:50.250Z"));
    let before = clock.latest_day_in_japan();
    assert_eq!(clock.until_next_day_in_japan(), Duration::from_millis(9_750));
    clock.advance(Duration::from_millis(9_749));
    assert_eq!((clock.until_next_day_in_japan(), clock.latest_day_in_japan()), (Duration::from_millis(1), before));
    clock.advance(Duration::from_millis(1));
    assert_eq!(clock.until_next_day_in_japan(), 86_400 * SECOND);
    assert_ne!(clock.latest_day_in_japan(), before);
}
