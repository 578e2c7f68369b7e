//! Pairing: every code in both its forms and as people write it; windows and locks against a plain model.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use engawa::terminal::pairing::{
    ADDRESSES, Locks, MEMORY, TRIES, WRONG, WRONG_NEARBY, Window, neighbourhood, window_of,
};
use engawa::terminal::{CodeForm, PairingCode, words};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const SECRET: [u8; 32] = [3; 32];

fn same(left: &PairingCode, right: &PairingCode) -> bool {
    left.hash(&SECRET).matches(&right.hash(&SECRET))
}

/// Whether two words are told apart over a bad line.
fn alike(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) =
        (words::blunt(left).chars().collect(), words::blunt(right).chars().collect());
    if left.len() == right.len() {
        let differing: Vec<_> = left.iter().zip(&right).filter(|(left, right)| left != right).collect();
        return match differing.as_slice() {
            [] => true,
            [(left, right)] => words::vowel(**left) == words::vowel(**right),
            _ => false,
        };
    }
    let (short, long) = if left.len() < right.len() { (left, right) } else { (right, left) };
    let without = |place: usize| long.iter().enumerate().filter(move |(own, _)| *own != place).map(|(_, kana)| kana);
    long.len() == short.len() + 1 && (0..long.len()).any(|place| without(place).eq(short.iter()))
}

#[test]
fn the_words_are_told_apart_over_a_telephone() {
    let all: Vec<&str> = (0..1024).map(words::word).collect();
    assert_eq!(all.len(), words::COUNT);
    assert!(all.is_sorted(), "a word that moves changes every open code");
    for (number, word) in all.iter().enumerate() {
        let length = word.chars().count();
        assert!((3..=5).contains(&length) && word.chars().all(|kana| ('ぁ'..='ん').contains(&kana)), "{word}");
        assert_eq!(words::number(word), Some(u16::try_from(number).unwrap()), "{word}");
        for other in &all[number + 1..] {
            assert!(!alike(word, other), "{word} and {other} sound alike");
        }
    }
}

/// What somebody might make of a code on paper.
fn sloppy(text: &str, style: u8, separator: &str) -> String {
    let text = match style % 4 {
        0 => text.to_lowercase(),
        1 => text.replace('0', "O").replace('1', "l"),
        2 => text.replace('0', "o").replace('1', "I"),
        _ => text.chars().map(|sign| if sign.is_ascii_alphanumeric() { wide(sign) } else { sign }).collect(),
    };
    format!(" {} ", text.replace('-', separator))
}

fn wide(sign: char) -> char {
    char::from_u32(u32::from(sign) + 0xFEE0).unwrap()
}

fn katakana(word: &str) -> String {
    word.chars().map(|kana| char::from_u32(u32::from(kana) + 0x60).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_code_reads_back_in_both_forms(bits in any::<u64>(), style in any::<u8>(), separator in prop::sample::select(vec!["", "-", " ", "ー", "−", "・", "/"])) {
        let code = PairingCode::from_bits(bits);
        let signs = code.signs();
        prop_assert_eq!(signs.len(), 14);
        prop_assert!(same(&code, &PairingCode::parse(&signs).unwrap()));
        // A long vowel mark between signs would make words of them.
        if separator != "ー" {
            let written = sloppy(&signs, style, separator);
            prop_assert!(same(&code, &PairingCode::parse(&written).unwrap()), "{}", written);
        }
        let spoken = code.words();
        for between in [" ", "　", "・", "、", "-", "\n"] {
            prop_assert!(same(&code, &PairingCode::parse(&spoken.join(between)).unwrap()));
        }
        let heard: Vec<String> = spoken.iter().map(|word| if style % 2 == 0 { katakana(word) } else { words::blunt(word) }).collect();
        prop_assert!(same(&code, &PairingCode::parse(&heard.join(" ")).unwrap()));
    }

    #[test]
    fn two_codes_are_two(left in 0_u64..1 << 60, right in 0_u64..1 << 60) {
        let (one, other) = (PairingCode::from_bits(left), PairingCode::from_bits(right));
        prop_assert_eq!(left == right, same(&one, &other));
        prop_assert_eq!(left == right, one.words() == other.words());
    }

    #[test]
    fn nothing_that_people_write_is_too_much(text in "\\PC{0,300}") {
        let _ = PairingCode::parse(&text);
    }
}

#[test]
fn what_is_no_code_is_told_so() {
    let form = |text: &str| PairingCode::parse(text).err();
    assert_eq!(form(""), Some(CodeForm::Length));
    assert_eq!(form("7K3M-9QXT-4B2"), Some(CodeForm::Length));
    assert_eq!(form("7K3M-9QXT-4B2DD"), Some(CodeForm::Length));
    assert_eq!(form("7K3M-9QXT-4B2U"), Some(CodeForm::Length), "U is no digit");
    assert_eq!(form("さくら さくら さくら"), Some(CodeForm::Length));
    let mut words = PairingCode::from_bits(12_345_678).words();
    words[4] = "ぬぬぬぬ";
    assert_eq!(form(&words.join(" ")), Some(CodeForm::Word(4)));
    assert_eq!(format!("{:?}", PairingCode::from_bits(1)), "PairingCode(…)");
}

#[test]
fn new_codes_differ_and_fill_their_sixty_bits() {
    let mut seen = [0_u64; 60];
    let mut codes = std::collections::HashSet::new();
    for _ in 0..500 {
        let code = PairingCode::generate().unwrap();
        assert!(codes.insert(code.signs().to_string()));
        let bits = code.words().iter().fold(0_u64, |bits, word| (bits << 10) | u64::from(words::number(word).unwrap()));
        for (place, seen) in seen.iter_mut().enumerate() {
            *seen += (bits >> place) & 1;
        }
    }
    assert!(seen.iter().all(|ones| (150..350).contains(ones)), "{seen:?}");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn window(bits: u64, ends: i64) -> Window {
    let code = PairingCode::from_bits(bits).hash(&SECRET);
    Window { id: bits.to_string(), code, ends_at: at(ends), wrong: 0, used: false }
}

/// One step of the machine: the time that passes, who tries, and what.
#[derive(Clone, Debug)]
struct Step {
    wait: i64,
    from: u8,
    bits: u64,
}

fn step() -> impl Strategy<Value = Step> {
    (prop_oneof![4 => 0_i64..5, 1 => 0_i64..700, 1 => 0_i64..4000], 0_u8..3, 0_u64..8)
        .prop_map(|(wait, from, bits)| Step { wait, from, bits })
}

proptest! {
    /// Windows of the codes 0 to 4 against a plain model: one use, ten minutes, five wrong codes in ten minutes for an address, and so many over all.
    #[test]
    fn a_code_opens_its_window_once_in_its_time(steps in prop::collection::vec(step(), 1..60)) {
        // Nearly worn out by others.
        let mut windows: Vec<Window> =
            (0..5).map(|bits| Window { wrong: TRIES - 20, ..window(bits, 600) }).collect();
        let (mut locks, mut wrong): (Locks, HashMap<u8, Vec<i64>>) = (Locks::default(), HashMap::new());
        let (mut used, mut spent, mut now) = ([false; 8], TRIES - 20, 0_i64);
        for Step { wait, from, bits } in steps {
            now += wait;
            let address = IpAddr::V4(Ipv4Addr::new(192, 168, 10, from));
            let elapsed = Duration::from_secs(now.unsigned_abs());
            let recent = wrong.entry(from).or_default();
            recent.retain(|at| now - at < 600);
            prop_assert_eq!(locks.locked(address, elapsed).is_some(), recent.len() >= WRONG);
            if recent.len() >= WRONG {
                continue;
            }
            let place = usize::try_from(bits).unwrap();
            let code = PairingCode::from_bits(bits).hash(&SECRET);
            let opened = window_of(&windows, &code, at(now)).map(|window| window.id.clone());
            let should = bits < 5 && !used[place] && spent < TRIES && now < 600;
            prop_assert_eq!(opened.is_some(), should);
            if should {
                used[place] = true;
                windows[place].used = true;
                locks.right(address);
                recent.clear();
            } else {
                locks.wrong(address, elapsed);
                recent.push(now);
                spent += u32::from(now < 600);
                windows.iter_mut().for_each(|window| window.wrong += 1);
            }
        }
    }
}

#[test]
fn a_lock_ends_and_says_when() {
    let mut locks = Locks::default();
    let (guesser, other) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));
    for second in 0..5 {
        assert_eq!(locks.locked(guesser, Duration::from_secs(second)), None);
        locks.wrong(guesser, Duration::from_secs(second));
    }
    assert_eq!(locks.locked(guesser, Duration::from_secs(4)), Some(MEMORY - Duration::from_secs(4)));
    assert_eq!(locks.locked(other, Duration::from_secs(4)), None);
    assert_eq!(locks.locked(guesser, MEMORY - Duration::from_secs(1)), Some(Duration::from_secs(1)));
    assert_eq!(locks.locked(guesser, MEMORY), None);
    locks.wrong(guesser, MEMORY);
    assert!(locks.locked(guesser, MEMORY).is_some(), "four of the last ten minutes and this one");
}

#[test]
fn a_machine_with_many_addresses_meets_the_bound_of_its_network_and_its_neighbours_do_not_meet_it_for_one() {
    let six = |text: &str| IpAddr::V6(text.parse::<Ipv6Addr>().unwrap());
    assert_eq!(neighbourhood(six("2001:db8:1:2:3:4:5:6")), six("2001:db8:1:2::"));
    assert_eq!(neighbourhood(six("::ffff:10.0.0.1")), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    let mut locks = Locks::default();
    let address = |n: usize| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, u16::try_from(n).unwrap()));
    let neighbour = six("2001:db8:1:2:ffff::1");
    for n in 0..WRONG_NEARBY {
        assert!(locks.locked(neighbour, Duration::ZERO).is_none(), "after {n}");
        locks.wrong(address(n / WRONG), Duration::ZERO);
        assert_eq!(locks.locked(address(0), Duration::ZERO).is_some(), n + 1 >= WRONG);
    }
    assert_eq!(locks.locked(neighbour, Duration::ZERO), Some(MEMORY));
    assert!(locks.locked(six("2001:db8:1:3::1"), Duration::ZERO).is_none());
    assert!(locks.locked(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), Duration::ZERO).is_none());
}

#[test]
fn what_is_remembered_of_addresses_is_bounded_and_the_worst_are_kept() {
    let mut locks = Locks::default();
    let worst = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 255));
    for _ in 0..WRONG {
        locks.wrong(worst, Duration::ZERO);
    }
    for number in 0..u32::try_from(ADDRESSES).unwrap() * 2 {
        locks.wrong(IpAddr::V4(Ipv4Addr::from_bits(0xC0A8_0000 + number)), Duration::from_secs(1));
    }
    assert_eq!(locks.remembered(), ADDRESSES);
    assert!(locks.locked(worst, Duration::from_secs(2)).is_some());
}

#[test]
fn a_window_ends_to_the_second() {
    let windows = [window(1, SignedDuration::from_mins(10).as_secs())];
    let code = PairingCode::from_bits(1).hash(&SECRET);
    assert!(window_of(&windows, &code, at(599)).is_some());
    assert!(window_of(&windows, &code, at(600)).is_none());
}
