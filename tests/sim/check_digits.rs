//! The six digits of `engawa check`: every slip of the tongue is noticed.

use engawa::cli::{Check, Digits, Finding, Misheard, Verdict};
use proptest::prelude::*;

/// Any digits that a check can come to: the graver finding first.
fn digits() -> impl Strategy<Value = Digits> {
    let finding = || prop::option::weighted(0.9, prop::sample::select(Finding::ALL));
    (finding(), finding()).prop_map(|(one, other)| {
        let checks: Vec<Check> =
            [one, other].into_iter().flatten().map(|finding| Check::found("disk", finding, "")).collect();
        Digits::of(&checks)
    })
}

/// Which of the two it was cannot be told, but the right one is among them.
fn noticed(told: &str, meant: Digits) -> Result<(), TestCaseError> {
    let Err(Misheard::Check(perhaps)) = Digits::parse(told) else {
        return Err(TestCaseError::fail(format!("{told} for {meant}: {:?}", Digits::parse(told))));
    };
    prop_assert!(perhaps.contains(&meant), "{told} for {meant}: {perhaps:?}");
    Ok(())
}

proptest! {
    #[test]
    fn what_is_read_out_is_understood(digits in digits()) {
        let text = digits.to_string();
        prop_assert!(text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
        prop_assert_eq!(Digits::parse(&text), Ok(digits));
        prop_assert_eq!(Digits::parse(&digits.spoken()), Ok(digits));
        let full_width: String = text.chars().map(|char| char::from_u32(u32::from(char) - 0x30 + 0xff10).unwrap()).collect();
        prop_assert_eq!(Digits::parse(&full_width), Ok(digits));
    }

    #[test]
    fn one_wrong_digit_is_noticed(digits in digits(), place in 0..6_usize, wrong in b'0'..=b'9') {
        let mut told = digits.to_string().into_bytes();
        prop_assume!(told[place] != wrong);
        told[place] = wrong;
        noticed(std::str::from_utf8(&told).unwrap(), digits)?;
    }

    #[test]
    fn neighbours_that_changed_places_are_noticed(digits in digits(), place in 0..5_usize) {
        let mut told = digits.to_string().into_bytes();
        prop_assume!(told[place] != told[place + 1]);
        told.swap(place, place + 1);
        noticed(std::str::from_utf8(&told).unwrap(), digits)?;
    }

    #[test]
    fn nothing_that_is_told_upsets_it(told in ".*") {
        if let Ok(digits) = Digits::parse(&told) {
            prop_assert_eq!(Digits::parse(&digits.to_string()), Ok(digits));
        }
    }
}

#[test]
fn a_box_that_is_well_is_six_noughts_and_what_is_not_six_digits_is_named() {
    assert_eq!(Digits::of(&[Check::ok("clock", "", "")]).to_string(), "000000");
    assert_eq!(Digits::parse("000 000"), Ok(Digits::default()));
    assert_eq!(Digits::parse("00-00-0"), Err(Misheard::Length(5)));
    assert_eq!(Digits::parse("00000O"), Err(Misheard::NoDigit('O')));
}

#[test]
fn what_fails_goes_before_what_only_warns_and_each_is_said_once() {
    let found = [Finding::SettingsDoubtful, Finding::DiskFull, Finding::DiskFull, Finding::CertificateExpired];
    assert_eq!(found.map(Finding::verdict), [Verdict::Warn, Verdict::Fail, Verdict::Fail, Verdict::Fail]);
    let checks = found.map(|finding| Check::found("any", finding, ""));
    let digits = Digits::of(&checks);
    assert_eq!((digits.first, digits.second), (Some(Finding::DiskFull), Some(Finding::CertificateExpired)));
    assert_eq!(&digits.to_string()[..5], "09062", "30 * 300 + 62");
    let digits = Digits::of(&checks[..2]);
    assert_eq!((digits.first, digits.second), (Some(Finding::DiskFull), Some(Finding::SettingsDoubtful)));
}
