//! What time it surely has been, whatever somebody does to the wall clock.

use std::time::Duration;

use engawa::clock::Clock;
use jiff::Timestamp;
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn before_anybody_was_heard_the_wall_clock_is_all_there_is() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    assert_eq!(clock.has_been(), None);
    clock.set(at("2026-05-01T00:00:00Z"));
    assert_eq!(clock.latest(), at("2026-05-01T00:00:00Z"));
    assert!(!clock.is_wrong());
}

#[test]
fn a_time_that_has_been_goes_on_by_itself() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    // Of two clocks that agree the earlier one is believed.
    assert!(!clock.hear(at("2026-06-01T00:00:20Z")));
    assert_eq!(clock.has_been(), Some(at("2026-06-01T00:00:00Z")));
    assert!(!clock.hear(at("2026-05-31T23:59:00Z")), "an earlier word changes nothing");
    clock.advance(HOUR * 30);
    clock.set(at("2026-05-01T00:00:00Z"));
    assert_eq!(clock.latest(), at("2026-06-02T06:00:00Z"));
    assert_eq!(clock.latest_day_in_japan(), Some(jiff::civil::date(2026, 6, 2)));
    assert!(clock.is_wrong());
    // The wall clock and the hub's are apart: told once.
    assert!(clock.hear(at("2026-06-02T06:00:00Z")));
    assert!(!clock.hear(at("2026-06-02T06:00:00Z")));
    clock.set(at("2026-06-02T06:00:05Z"));
    assert!(!clock.hear(at("2026-06-02T06:00:05Z")));
    assert!(!clock.is_wrong());
}

#[test]
fn a_hub_that_is_wild_moves_nothing() {
    let clock = Clock::manual(at("2026-06-01T00:00:00Z"));
    assert!(clock.hear(at("2099-01-01T00:00:00Z")));
    assert_eq!(clock.has_been(), None);
    assert!(clock.is_wrong());
}

proptest! {
    /// Whatever is done to the wall clock, and whatever a peer says: `latest` never falls behind what was witnessed, and without a peer that
    /// agrees nothing is believed.
    #[test]
    fn it_never_goes_back_and_never_runs_ahead(
        steps in prop::collection::vec((0_u8..3, -4_000_000_i64..4_000_000, 0_u64..100_000), 1..60)
    ) {
        let start = at("2026-06-01T00:00:00Z");
        let clock = Clock::manual(start);
        let mut passed = 0_u64;
        let mut newest_told = None::<Timestamp>;
        let mut before = None::<Timestamp>;
        for (kind, shift, on) in steps {
            match kind {
                0 => clock.set(start + jiff::SignedDuration::from_secs(shift)),
                1 => {
                    let told = start + jiff::SignedDuration::from_secs(i64::try_from(passed).unwrap());
                    clock.hear(told);
                    newest_told = newest_told.max(Some(told));
                }
                _ => {
                    clock.advance(Duration::from_secs(on));
                    passed += on;
                }
            }
            let been = clock.has_been();
            prop_assert!(been >= before, "it went back");
            before = been;
            // The peer is right in this test, so what has been can be no later than the true time.
            let truth = start + jiff::SignedDuration::from_secs(i64::try_from(passed).unwrap());
            prop_assert!(been.is_none_or(|been| been <= truth));
            prop_assert!(clock.latest() >= clock.now());
            prop_assert!(been.is_none() || newest_told.is_some());
        }
    }
}
