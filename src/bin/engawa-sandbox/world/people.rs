//! People by seed. Their names say what they are: sample, fiction, example.

use jiff::civil::{Date, date};

use super::{Municipality, Person};
use crate::digest::Dice;

const FAMILY: [(&str, &str); 6] = [
    ("見本", "みほん"),
    ("架空", "かくう"),
    ("例示", "れいじ"),
    ("仮名", "かめい"),
    ("試験", "しけん"),
    ("想定", "そうてい"),
];
const GIVEN: [(&str, &str, &str); 6] = [
    ("はな", "はな", "female"),
    ("太郎", "たろう", "male"),
    ("さくら", "さくら", "female"),
    ("次郎", "じろう", "male"),
    ("うめ", "うめ", "female"),
    ("三郎", "さぶろう", "male"),
];

/// Twelve people; the first eight live in municipalities that are on the hub.
pub(crate) fn people(seed: u64, municipalities: &[Municipality]) -> Vec<Person> {
    let mut dice = Dice::new(seed);
    (0..12).filter_map(|n| person(n, &mut dice, municipalities)).collect()
}

/// So many people of municipalities that are on the hub: those of [`people`] first, then others.
pub(crate) fn clients(seed: u64, count: usize, municipalities: &[Municipality]) -> Vec<Person> {
    let known = people(seed, municipalities).into_iter().take(8);
    // Other dice than those of the known ones; no two of the first 36 have the same name.
    let mut dice = Dice::new(!seed);
    let further = (8..).map_while(|n| {
        let (family, given) = (FAMILY[n % FAMILY.len()], GIVEN[n / FAMILY.len() % GIVEN.len()]);
        // Their numbers begin where those of the known ones are long over.
        named(1_000 + n, municipalities.get(n % 2)?, family, given, &mut dice)
    });
    known.chain(further).take(count).collect()
}

fn person(n: usize, dice: &mut Dice, municipalities: &[Municipality]) -> Option<Person> {
    let home = municipalities.get(if n < 8 { n % 2 } else { 2 + n % 2 })?;
    let (family, given) = (FAMILY[dice.below(FAMILY.len())], GIVEN[dice.below(GIVEN.len())]);
    named(n, home, family, given, dice)
}

fn named(
    n: usize,
    home: &Municipality,
    (family, family_kana): (&str, &str),
    (given, given_kana, sex): (&str, &str, &str),
    dice: &mut Dice,
) -> Option<Person> {
    Some(Person {
        insurer_number: home.insurer_number.clone(),
        insured_number: format!("9{:09}", n + 1),
        name: format!("{family} {given}"),
        kana: format!("{family_kana} {given_kana}"),
        birth_date: birth(dice),
        sex: sex.to_owned(),
    })
}

fn birth(dice: &mut Dice) -> Date {
    let pick = |dice: &mut Dice, end| i16::try_from(dice.below(end)).unwrap_or(0);
    let (year, month, day) = (1930 + pick(dice, 25), 1 + pick(dice, 12), 1 + pick(dice, 28));
    Date::new(year, i8::try_from(month).unwrap_or(1), i8::try_from(day).unwrap_or(1)).unwrap_or(date(1940, 5, 12))
}
