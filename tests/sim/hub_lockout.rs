//! The login guard: under any schedule of crashes, lost answers and clock jumps, the hub never has a reason to lock.

use std::time::Duration;

use engawa::hub::{Account, AnotherTry, Lockout, Permit, Policy, Verdict};
use jiff::Timestamp;
use proptest::prelude::*;

fn start() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn account(user: &str, password: &str) -> Account {
    Account::new(&[7; 32], user, password.as_bytes())
}

/// A restart: what is known is what was remembered.
fn restarted(lockout: &Lockout, account: &Account, now: Timestamp) -> Lockout {
    Lockout::restore(Some(&lockout.record()), account, &Policy::default(), now)
}

#[test]
fn a_refused_password_stays_refused_until_it_changes() {
    let (policy, wrong, right) = (Policy::default(), account("u", "wrong"), account("u", "right"));
    let mut lockout = Lockout::default();
    assert_eq!(lockout.permit(&wrong, &policy, start()), Permit::Allowed);
    lockout.begin(&wrong, start());
    lockout.finish(&wrong, Verdict::Refused, start());
    for years in 0..5 {
        let now = start() + Duration::from_secs(years * 365 * 86_400);
        lockout = restarted(&lockout, &wrong, now);
        assert_eq!(lockout.permit(&wrong, &policy, now), Permit::Refused);
        assert_eq!(lockout.permit(&right, &policy, now), Permit::Allowed);
    }
    // Neither another password's success nor another user's fate lifts it.
    lockout.begin(&right, start());
    lockout.finish(&right, Verdict::Accepted, start());
    assert_eq!(lockout.permit(&wrong, &policy, start()), Permit::Refused);
    assert_eq!(lockout.permit(&account("v", "wrong"), &policy, start()), Permit::Allowed);
}

#[test]
fn a_lock_belongs_to_the_user_and_ends() {
    let (policy, mine) = (Policy::default(), account("u", "p"));
    let until = start() + Duration::from_secs(1800);
    let mut lockout = Lockout::default();
    lockout.begin(&mine, start());
    lockout.finish(&mine, Verdict::Locked { until }, start());
    let mut lockout = restarted(&lockout, &mine, start());
    assert_eq!(lockout.permit(&account("u", "other"), &policy, start()), Permit::Locked { until });
    assert_eq!(lockout.permit(&account("v", "p"), &policy, start()), Permit::Allowed);
    assert_eq!(lockout.permit(&mine, &policy, until), Permit::Allowed);
}

#[test]
fn crashes_in_the_middle_count() {
    let (policy, mine) = (Policy::default(), account("u", "p"));
    let mut lockout = Lockout::default();
    for _ in 0..2 {
        assert_eq!(lockout.permit(&mine, &policy, start()), Permit::Allowed);
        lockout.begin(&mine, start());
        lockout = restarted(&lockout, &mine, start());
    }
    let until = start() + policy.unknown_window;
    assert_eq!(lockout.permit(&mine, &policy, start()), Permit::Cautious { until });
    assert_eq!(lockout.permit(&mine, &policy, until), Permit::Allowed);
}

/// For members of the staff, whose users anybody with an account may guess at.
fn careful() -> Policy {
    Policy { refused_window: Duration::from_secs(86_400), ..Policy::default() }
}

#[test]
fn two_refused_passwords_of_a_user_are_all_that_a_day_has() {
    let (policy, day) = (careful(), Duration::from_secs(86_400));
    let (first, second, right) = (account("u", "1"), account("u", "2"), account("u", "right"));
    let mut lockout = Lockout::default();
    for (n, wrong) in [(0, &first), (1, &second)] {
        let now = start() + Duration::from_secs(3600 * n);
        assert_eq!(lockout.permit(wrong, &policy, now), Permit::Allowed);
        lockout.begin(wrong, now);
        lockout.finish(wrong, Verdict::Refused, now);
        lockout = restarted(&lockout, wrong, now);
    }
    let until = start() + day;
    let later = start() + Duration::from_secs(7200);
    assert_eq!(lockout.permit(&right, &policy, later), Permit::Cautious { until });
    assert_eq!(lockout.permit(&account("v", "right"), &policy, later), Permit::Allowed, "another user's");
    assert_eq!(lockout.permit(&first, &policy, later), Permit::Refused, "for good");
    assert_eq!(lockout.permit(&right, &policy, until), Permit::Allowed);
    // One of the two is still of this day; with one of which nobody knows how it ended they are two again.
    lockout.begin(&right, until);
    let again = start() + Duration::from_secs(3600) + day;
    assert_eq!(lockout.permit(&right, &policy, until), Permit::Cautious { until: until + policy.unknown_window });
    lockout.finish(&right, Verdict::Accepted, until);
    assert_eq!(
        lockout.permit(&account("u", "other"), &policy, until),
        Permit::Allowed,
        "a success begins anew, before {again}"
    );
}

fn refuse(lockout: &mut Lockout, wrong: &Account, now: Timestamp) {
    assert_eq!(lockout.permit(wrong, &careful(), now), Permit::Allowed);
    lockout.begin(wrong, now);
    lockout.finish(wrong, Verdict::Refused, now);
    *lockout = restarted(lockout, wrong, now);
}

#[test]
fn another_try_is_one_and_one_a_day() {
    let (policy, day, half_an_hour) = (careful(), Duration::from_secs(86_400), Duration::from_secs(1800));
    let (right, minutes) = (account("u", "right"), |minutes: u64| start() + Duration::from_secs(60 * minutes));
    let mut lockout = Lockout::default();
    refuse(&mut lockout, &account("u", "1"), start());
    assert_eq!(lockout.another_try(&right, &policy, start()), AnotherTry::NotNeeded, "one of two is left");
    refuse(&mut lockout, &account("u", "2"), minutes(10));
    refuse(&mut lockout, &account("v", "1"), minutes(10));
    refuse(&mut lockout, &account("v", "2"), minutes(10));
    assert_eq!(lockout.another_try(&right, &policy, minutes(11)), AnotherTry::Given);
    lockout = restarted(&lockout, &right, minutes(11));
    // The first goes on counting for as long as the hub may count it.
    let until = start() + half_an_hour;
    assert_eq!(lockout.permit(&right, &policy, minutes(11)), Permit::Cautious { until });
    assert_eq!(lockout.permit(&right, &policy, until), Permit::Allowed);
    assert!(
        matches!(lockout.permit(&account("v", "right"), &policy, until), Permit::Cautious { .. }),
        "another user's"
    );
    assert_eq!(lockout.permit(&account("u", "1"), &policy, until), Permit::Refused, "for good");
    // The one that was given is used up, and so is the order.
    refuse(&mut lockout, &account("u", "3"), until);
    assert_eq!(lockout.permit(&right, &policy, until), Permit::Cautious { until: minutes(10) + day });
    let next = minutes(11) + day;
    assert_eq!(lockout.another_try(&right, &policy, until), AnotherTry::Spent { until: next });
    assert_eq!(lockout.another_try(&account("v", "x"), &policy, until), AnotherTry::Given, "another user's is its own");
    assert_eq!(lockout.another_try(&right, &policy, next), AnotherTry::NotNeeded, "the day has opened it");
    // A success begins all of it anew.
    lockout.begin(&right, next);
    lockout.finish(&right, Verdict::Accepted, next);
    refuse(&mut lockout, &account("u", "4"), next);
    refuse(&mut lockout, &account("u", "5"), next);
    assert_eq!(lockout.another_try(&right, &policy, next), AnotherTry::Given);
}

#[test]
fn what_is_over_is_not_kept_and_nothing_grows() {
    let (policy, right) = (careful(), account("u", "right"));
    let mut lockout = Lockout::default();
    refuse(&mut lockout, &account("u", "1"), start());
    refuse(&mut lockout, &account("u", "2"), start());
    assert_eq!(lockout.another_try(&right, &policy, start()), AnotherTry::Given);
    assert!(lockout.record().contains("\"tries\""));
    lockout.permit(&right, &policy, start() + policy.refused_window);
    assert!(!lockout.record().contains("\"tries\""), "{}", lockout.record());

    for n in 0..40 {
        lockout.begin(&right, start());
        lockout.begin(&right, start());
        lockout.finish(&account("u", &n.to_string()), Verdict::Refused, start());
    }
    assert_eq!(lockout.another_try(&right, &policy, start()), AnotherTry::Given);
    let kept: serde_json::Value = serde_json::from_str(&lockout.record()).unwrap();
    assert_eq!(kept["attempts"].as_array().unwrap().len(), 16);
}

#[test]
fn a_lock_begins_the_count_anew_and_the_orders() {
    let (policy, right) = (careful(), account("u", "right"));
    let mut lockout = Lockout::default();
    let until = start() + policy.unknown_window;
    for n in 0..2 {
        let now = start() + policy.unknown_window * n;
        refuse(&mut lockout, &account("u", &format!("{n} a")), now);
        refuse(&mut lockout, &account("u", &format!("{n} b")), now);
        assert_eq!(lockout.another_try(&right, &policy, now), AnotherTry::Given);
        lockout.finish(&right, Verdict::Locked { until }, now);
    }
}

#[test]
fn the_facilitys_own_refused_passwords_hold_up_no_other() {
    let policy = Policy::default();
    let mut lockout = Lockout::default();
    for password in ["1", "2", "3", "4"] {
        let wrong = account("u", password);
        assert_eq!(lockout.permit(&wrong, &policy, start()), Permit::Allowed);
        lockout.begin(&wrong, start());
        lockout.finish(&wrong, Verdict::Refused, start());
    }
    assert_eq!(lockout.permit(&account("u", "right"), &policy, start()), Permit::Allowed);
}

#[test]
fn a_clock_set_right_stretches_no_wait() {
    let (policy, mine) = (Policy::default(), account("u", "p"));
    let ahead = start() + Duration::from_secs(4 * 365 * 86_400);
    let mut lockout = Lockout::default();
    lockout.begin(&mine, ahead);
    lockout.begin(&mine, ahead);
    assert_eq!(lockout.permit(&mine, &policy, start()), Permit::Cautious { until: start() + policy.unknown_window });
    lockout.finish(&mine, Verdict::Locked { until: ahead + Duration::from_secs(60) }, ahead);
    let until = start() + Duration::from_secs(60);
    assert_eq!(lockout.permit(&mine, &policy, start()), Permit::Locked { until });
}

#[test]
fn an_unreadable_record_means_waiting() {
    let (policy, mine) = (Policy::default(), account("u", "p"));
    let mut lockout = Lockout::restore(Some("{\"att"), &mine, &policy, start());
    assert!(matches!(lockout.permit(&mine, &policy, start()), Permit::Cautious { .. }));
    assert_eq!(lockout.permit(&mine, &policy, start() + policy.unknown_window), Permit::Allowed);
}

#[test]
fn fingerprints_tell_apart_and_tell_nothing() {
    assert_ne!(account("ab", "c"), account("a", "bc"));
    assert_ne!(account("u", "p"), Account::new(&[8; 32], "u", b"p"));
    let shown = format!("{:?}", account("user-name", "pass-word"));
    assert!(!shown.contains("user-name") && !shown.contains("pass-word"));
}

/// The hub's side: counts failures, locks at three, forgets them after half an hour or with a success.
#[derive(Default)]
struct Hub {
    failures: Vec<Timestamp>,
}

#[derive(Clone, Debug)]
enum Event {
    Wait(u32),
    ClockBack(u32),
    Restart,
    /// A login: whether its answer is lost, whether the hub looked at it at all.
    Login {
        lost: bool,
        judged: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (1..4000_u32).prop_map(Event::Wait),
        (1..100_000_u32).prop_map(Event::ClockBack),
        Just(Event::Restart),
        (any::<bool>(), any::<bool>()).prop_map(|(lost, judged)| Event::Login { lost, judged }),
    ]
}

proptest! {
    /// Whoever gives passwords of a person, and whatever an administrator orders: in half an hour the hub refuses two. Where each order is
    /// true, the hub having let the person in by other means, it refuses two in a day.
    #[test]
    fn another_try_never_locks(
        events in prop::collection::vec((1..20_000_u32, any::<bool>(), any::<bool>()), 1..80),
        honest in any::<bool>(),
    ) {
        let policy = careful();
        let (mut lockout, mut now, mut failures) = (Lockout::default(), start(), Vec::<Timestamp>::new());
        let counted = if honest { 86_400 } else { 1800 };
        for (n, (seconds, soon, order)) in events.into_iter().enumerate() {
            now += Duration::from_secs(if soon { seconds % 300 } else { seconds }.into());
            let mine = account("u", &n.to_string());
            lockout = restarted(&lockout, &mine, now);
            if order {
                if lockout.another_try(&mine, &policy, now) == AnotherTry::Given && honest {
                    failures.clear();
                }
                continue;
            }
            if lockout.permit(&mine, &policy, now) == Permit::Allowed {
                lockout.begin(&mine, now);
                lockout.finish(&mine, Verdict::Refused, now);
                failures.push(now);
                failures.retain(|at| now.duration_since(*at).as_secs() < counted);
                prop_assert!(failures.len() < 3, "locked");
            }
        }
    }

    /// With a wrong password in the file and nobody to change it, the account is never locked by us.
    #[test]
    fn a_wrong_password_never_locks(events in prop::collection::vec(event(), 1..60)) {
        let (policy, mine) = (Policy::default(), account("u", "wrong"));
        let (mut lockout, mut hub) = (Lockout::default(), Hub::default());
        // True time, and how far the box's clock is behind it.
        let (mut truth, mut behind) = (start(), Duration::ZERO);
        for event in events {
            let now = truth - behind;
            match event {
                Event::Wait(seconds) => truth += Duration::from_secs(seconds.into()),
                Event::ClockBack(seconds) => behind += Duration::from_secs(seconds.into()),
                Event::Restart => lockout = restarted(&lockout, &mine, now),
                Event::Login { lost, judged } => {
                    if lockout.permit(&mine, &policy, now) != Permit::Allowed {
                        continue;
                    }
                    lockout.begin(&mine, now);
                    if judged {
                        hub.failures.push(truth);
                        hub.failures.retain(|at| truth.duration_since(*at).as_secs() < 1800);
                        prop_assert!(hub.failures.len() < 3, "locked");
                    }
                    match (lost, judged) {
                        (true, _) => lockout.finish(&mine, Verdict::Unknown, now),
                        (false, true) => lockout.finish(&mine, Verdict::Refused, now),
                        (false, false) => lockout.finish(&mine, Verdict::NotJudged, now),
                    }
                }
            }
        }
    }
}
