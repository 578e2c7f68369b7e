//! Six digits that stand for what was found, to be read out over the telephone.
//!
//! Five of them are two numbers below 300, `first * 300 + second`; the sixth is Damm's check digit, by which every single wrong digit and
//! every two neighbours that changed places are noticed. `000000` stands for a box that is well.

use std::fmt;

use super::{Check, Finding, Verdict};

/// What every number of a finding is below.
const RADIX: u32 = 300;
/// Of the order ten, totally anti-symmetric, with zeros in the diagonal (H. M. Damm, 2004).
const DAMM: [[u32; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The two gravest findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digits {
    /// The first that fails; if none does, the first that warns.
    pub first: Option<Finding>,
    /// The next one.
    pub second: Option<Finding>,
}

/// Why digits stand for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misheard {
    /// They are not six digits: so many were told.
    Length(usize),
    /// Something that is no digit.
    NoDigit(char),
    /// A digit is wrong, or two changed places. What may have been meant: what differs in one of the two ways and stands for something.
    Check(Vec<Digits>),
    /// They are right, and this version does not know what was found.
    Unknown,
}

impl Digits {
    /// Of checks, in their order: what fails before what only warns, each finding once.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let graver = |verdict| checks.iter().filter(move |check| check.verdict == verdict);
        let mut found: Vec<Finding> = Vec::new();
        for finding in graver(Verdict::Fail).chain(graver(Verdict::Warn)).filter_map(|check| check.finding) {
            if !found.contains(&finding) {
                found.push(finding);
            }
        }
        Self { first: found.first().copied(), second: found.get(1).copied() }
    }

    /// From what was told. Spaces and hyphens do not count; full-width digits are digits.
    ///
    /// # Errors
    /// [`Misheard`].
    pub fn parse(told: &str) -> Result<Self, Misheard> {
        let digits = told.chars().filter(|char| !char.is_whitespace() && !"-－‐ー.・".contains(*char));
        let digits = digits.map(digit).collect::<Result<Vec<u32>, _>>()?;
        let digits: [u32; 6] = digits.try_into().map_err(|digits: Vec<u32>| Misheard::Length(digits.len()))?;
        if damm(&digits) == 0 {
            return Self::meaning(&digits).ok_or(Misheard::Unknown);
        }
        let meant =
            slips(&digits).into_iter().filter(|other| damm(other) == 0).filter_map(|other| Self::meaning(&other));
        Err(Misheard::Check(meant.collect()))
    }

    /// What six digits stand for, whatever the last of them is.
    fn meaning(digits: &[u32; 6]) -> Option<Self> {
        let number = digits[..5].iter().fold(0, |number, digit| number * 10 + digit);
        let finding = |number: u32| Finding::ALL.iter().copied().find(|finding| u32::from(finding.number()) == number);
        match (number / RADIX, number % RADIX) {
            (0, 0) => Some(Self::default()),
            (first, 0) => Some(Self { first: Some(finding(first)?), second: None }),
            (first, second) => {
                let (first, second) = (finding(first)?, finding(second)?);
                let in_order = first != second && first.verdict() >= second.verdict();
                in_order.then_some(Self { first: Some(first), second: Some(second) })
            }
        }
    }

    fn number(self) -> u32 {
        let number = |finding: Option<Finding>| finding.map_or(0, |finding| u32::from(finding.number()));
        number(self.first) * RADIX + number(self.second)
    }

    /// In two groups, as people read numbers out.
    #[must_use]
    pub fn spoken(self) -> String {
        let digits = self.to_string();
        let (front, back) = digits.split_at(3);
        format!("{front} {back}")
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        let figures = [10_000, 1000, 100, 10, 1].map(|place| number / place % 10);
        write!(f, "{number:05}{}", damm(&figures))
    }
}

/// The check digit of digits; 0 of digits whose last one is their check digit.
fn damm(digits: &[u32]) -> u32 {
    digits.iter().fold(0, |interim, digit| DAMM[interim as usize][*digit as usize])
}

fn digit(char: char) -> Result<u32, Misheard> {
    let full_width = u32::from(char).checked_sub(u32::from('０')).filter(|digit| *digit < 10);
    char.to_digit(10).or(full_width).ok_or(Misheard::NoDigit(char))
}

/// All that differs in one digit, or in two neighbours that changed places.
fn slips(digits: &[u32; 6]) -> Vec<[u32; 6]> {
    let mut slips = Vec::new();
    for place in 0..6 {
        for digit in (0..10).filter(|digit| *digit != digits[place]) {
            let mut other = *digits;
            other[place] = digit;
            slips.push(other);
        }
        let mut other = *digits;
        if place < 5 && digits[place] != digits[place + 1] {
            other.swap(place, place + 1);
            slips.push(other);
        }
    }
    slips
}
