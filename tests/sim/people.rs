//! The lock-out against a plain model, which passwords are taken, and what roles may do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engawa::people::lockout::{Desk, FIRST, FORGOTTEN, LONGEST, Lockout, TRIES, USERS};
use engawa::people::password::{Weakness, judge, one_time};
use engawa::people::{Name, Role, User};
use engawa::terminal::Right;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);
const OFFICE: &str = "1370000018";
const OTHER: &str = "1370000026";

fn at(terminal: &str) -> Desk<'_> {
    Desk { facility: OFFICE, terminal }
}

#[test]
fn five_wrong_passwords_close_log_in_at_this_terminal_alone_and_for_longer_each_time() {
    let mut lockout = Lockout::default();
    let mut now = Duration::from_secs(1_000);
    let mut expected = FIRST;
    for round in 0..12 {
        for _ in 0..TRIES {
            assert_eq!(lockout.begin(now, at("desk"), "sato"), Ok(()), "round {round}");
        }
        assert_eq!(lockout.begin(now, at("desk"), "sato"), Err(expected), "round {round}");
        assert_eq!(lockout.begin(now + expected - MINUTE, at("desk"), "sato"), Err(MINUTE));
        for (terminal, user) in [("ward", "sato"), ("desk", "suzuki")] {
            assert_eq!(lockout.begin(now, at(terminal), user), Ok(()));
            lockout.right(at(terminal), user);
        }
        now += expected;
        expected = (expected * 2).min(LONGEST);
    }
    assert_eq!(expected, LONGEST);
    // A day after the end of the last lock nothing is remembered.
    now += LONGEST * 2;
    for _ in 0..TRIES {
        assert_eq!(lockout.begin(now, at("desk"), "sato"), Ok(()));
    }
    assert_eq!(lockout.begin(now, at("desk"), "sato"), Err(FIRST));
}

#[test]
fn tries_side_by_side_are_no_more_than_tries_in_a_row() {
    let mut lockout = Lockout::default();
    let taken = (0..64).filter(|_| lockout.begin(Duration::ZERO, at("desk"), "sato").is_ok()).count();
    assert_eq!(taken, 5);
}

#[test]
fn the_right_password_clears_what_was_counted_and_a_try_that_never_was_is_taken_back() {
    let mut lockout = Lockout::default();
    for _ in 0..20 {
        for _ in 0..TRIES {
            lockout.begin(Duration::ZERO, at("desk"), "sato").unwrap();
        }
        lockout.right(at("desk"), "sato");
    }
    for _ in 0..20 {
        for _ in 0..TRIES {
            lockout.begin(Duration::ZERO, at("desk"), "sato").unwrap();
        }
        lockout.undo(at("desk"), "sato");
        lockout.begin(Duration::ZERO, at("desk"), "sato").unwrap();
        lockout.right(at("desk"), "sato");
    }
    // What nobody counted cannot be taken back.
    lockout.undo(at("nowhere"), "nobody");
}

#[test]
fn a_new_password_from_an_administrator_opens_the_account_everywhere() {
    let mut lockout = Lockout::default();
    for terminal in ["desk", "ward"] {
        for _ in 0..TRIES {
            lockout.begin(Duration::ZERO, at(terminal), "sato").unwrap();
        }
        lockout.begin(Duration::ZERO, at(terminal), "suzuki").unwrap();
    }
    lockout.pardon(OFFICE, "sato");
    for terminal in ["desk", "ward"] {
        assert_eq!(lockout.begin(Duration::ZERO, at(terminal), "sato"), Ok(()));
        let suzuki = (0..TRIES).filter(|_| lockout.begin(Duration::ZERO, at(terminal), "suzuki").is_ok()).count();
        assert_eq!(suzuki, 4, "what others tried stays counted");
    }
}

#[test]
fn a_user_of_the_same_name_at_another_facility_is_somebody_else() {
    let mut lockout = Lockout::default();
    let elsewhere = Desk { facility: OTHER, terminal: "desk" };
    for _ in 0..TRIES {
        lockout.begin(Duration::ZERO, at("desk"), "sato").unwrap();
    }
    for _ in 0..TRIES {
        lockout.begin(Duration::ZERO, elsewhere, "sato").unwrap();
    }
    lockout.pardon(OTHER, "sato");
    assert_eq!(lockout.begin(Duration::ZERO, at("desk"), "sato"), Err(FIRST), "pardoned by another administrator");
    assert_eq!(lockout.begin(Duration::ZERO, elsewhere, "sato"), Ok(()));
    lockout.right(elsewhere, "sato");
    assert_eq!(lockout.begin(Duration::ZERO, at("desk"), "sato"), Err(FIRST));
}

#[test]
fn a_terminal_at_which_very_many_users_are_tried_takes_no_further_ones() {
    let mut lockout = Lockout::default();
    for n in 0..USERS {
        lockout.begin(Duration::ZERO, at("desk"), &format!("user{n}")).unwrap();
    }
    assert!(lockout.begin(Duration::ZERO, at("desk"), "another").is_err());
    // Whoever is known there, and everybody elsewhere, goes on.
    lockout.begin(Duration::ZERO, at("desk"), "user0").unwrap();
    lockout.begin(Duration::ZERO, at("ward"), "another").unwrap();
}

proptest! {
    /// Against a list of every try: in no run of tries without a right one are more than five let through between two locks, and no
    /// lock is shorter than the one before.
    #[test]
    fn nobody_tries_more_often_than_is_laid_down(
        steps in proptest::collection::vec((0_u64..4_000, 0_usize..3, 0_usize..3, 0_u8..20), 1..300)
    ) {
        let mut lockout = Lockout::default();
        let mut now = Duration::ZERO;
        // Of each terminal and user: tries since the last lock, the length of the last lock and its end, the last try.
        let mut model: BTreeMap<(usize, usize), (u32, Duration, Duration, Duration)> = BTreeMap::new();
        for (wait, terminal, user, luck) in steps {
            now += Duration::from_secs(wait);
            let (desk, who) = (format!("t{terminal}"), format!("u{user}"));
            let (tries, length, end, last) = model.entry((terminal, user)).or_default();
            if now >= (*end).max(*last) + FORGOTTEN {
                (*tries, *length, *end, *last) = Default::default();
            }
            match lockout.begin(now, at(&desk), &who) {
                Err(wait) => {
                    prop_assert!(now < *end, "closed without reason");
                    prop_assert_eq!(wait, *end - now);
                }
                Ok(()) if luck == 0 => {
                    lockout.right(at(&desk), &who);
                    (*tries, *length, *end, *last) = Default::default();
                }
                Ok(()) => {
                    prop_assert!(now >= *end, "open while closed");
                    *tries += 1;
                    *last = now;
                    if *tries == TRIES {
                        *tries = 0;
                        *length = if length.is_zero() { FIRST } else { (*length * 2).min(LONGEST) };
                        *end = now + *length;
                    }
                }
            }
        }
    }
}

#[test]
fn passwords_are_judged_by_what_everybody_tries_first() {
    let weak = [
        ("", Weakness::Short),
        ("elevensigns", Weakness::Short),
        ("password1234", Weakness::Common),
        ("Password2026!!", Weakness::Common),
        ("P@ssw0rd-P@ssw0rd", Weakness::Common),
        ("qwertyuiop12", Weakness::Common),
        ("123456789012", Weakness::Common),
        ("abcdefghijkl", Weakness::Common),
        ("aaaaaaaaaaaa", Weakness::Common),
        ("ababababababab", Weakness::Common),
        ("correcthorsebatterystaple", Weakness::Common),
        ("administrator1", Weakness::Common),
        ("engawa-kaigo-2026", Weakness::Common),
        ("ｐａｓｓｗｏｒｄ１２３４", Weakness::Common),
        ("sato-2026-1234", Weakness::User),
        ("SATOsatoSATOsato", Weakness::User),
    ];
    for (password, weakness) in weak {
        assert_eq!(judge(password, "sato"), Err(weakness), "{password}");
    }
    assert_eq!(judge(&"長い".repeat(65), "sato"), Err(Weakness::Long));
    // No rules on what it is made of: small letters alone, figures alone, Japanese.
    for password in
        ["tulip bridge oven", "839201748392", "うちの犬は雨の日が大好き", "satomi likes rainy days", "k3$Jw!9pQz&2"]
    {
        assert_eq!(judge(password, "sato"), Ok(()), "{password}");
    }
}

#[test]
fn one_time_passwords_are_long_readable_and_never_the_same() {
    let all: BTreeSet<String> = (0..100).map(|_| one_time().unwrap().to_string()).collect();
    assert_eq!(all.len(), 100);
    for password in all {
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
        assert!(!password.contains(['I', 'L', 'O', 'U']), "{password}");
        assert_eq!(judge(&password, "sato"), Ok(()), "{password}");
    }
}

#[test]
fn every_role_has_a_line_of_its_own() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.name()), Some(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        assert!(!role.ja().is_ascii() && role.en().is_ascii());
    }
    assert_eq!(Role::parse("root"), None);
    assert_eq!(Role::ALL.map(Role::name).into_iter().collect::<BTreeSet<_>>().len(), Role::ALL.len());
    // The hub's own words; whoever has none there has no account there.
    let kinds: Vec<_> = Role::ALL.into_iter().flat_map(Role::job_kinds).copied().collect();
    assert_eq!(kinds, ["care_manager", "clerk", "care_worker", "doctor"]);
}

#[test]
fn roles_are_kept_apart() {
    assert!(Role::Vendor.rights().is_empty());
    for role in Role::ALL {
        assert_eq!(role.rights().contains(&Right::Admin), role == Role::Administrator, "{role:?}");
        assert!(!role.rights().contains(&Right::CardApdu), "{role:?}");
    }
    // Whoever administers sees nothing of the people whom documents are about.
    let administrator = Role::Administrator.rights();
    assert!(
        [Right::Submit, Right::Manage, Right::Receive, Right::Card].iter().all(|right| !administrator.contains(right))
    );
    // Care plans of other offices do not go to doctors' clinics.
    assert!(!Role::Doctor.rights().contains(&Right::Receive));
}

#[test]
fn users_and_names_have_a_form() {
    for good in ["sato", "a1", "care.manager_2-b"] {
        assert!(User::parse(good).is_some(), "{good}");
    }
    for bad in ["", "a", "Sato", "1a", "-a", "佐藤", "a b", "a/b", "a%2f", "..", &"a".repeat(33)] {
        assert!(User::parse(bad).is_none(), "{bad}");
    }
    let name = Name::parse("佐藤 花子").unwrap();
    assert_eq!(format!("{name:?}"), "Name(…)");
    for bad in ["", "  ", "a\nb", &"名".repeat(65)] {
        assert!(Name::parse(bad).is_none(), "{bad}");
    }
}
