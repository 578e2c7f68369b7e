//! The chain: whatever is done to it is found, and the first record that does not fit is named.

use engawa::audit::{Anchor, Flaw, Hash, Record, Result as Ended, Sound, Verifier, Why};
use proptest::prelude::*;

use crate::audit_chain::{Lines, chain, flaw, forged, head, judge, octets, record};

#[test]
fn a_sound_chain_fits_its_anchors_and_names_its_head() {
    let lines = chain(20);
    let anchors = [head(&lines), Anchor { seq: 7, hash: Hash::of(&lines[6]) }];
    assert_eq!(judge(&octets(&lines), &anchors), Ok(Sound { first: 1, last: head(&lines) }));
    let nothing = Sound { first: 0, last: Anchor { seq: 0, hash: Hash::NOTHING } };
    assert_eq!(judge(b"", &[]), Ok(nothing));
}

#[test]
fn a_record_is_read_as_it_was_written_and_in_no_other_form() {
    let line = chain(5).pop().unwrap();
    let (read, _) = Record::parse(&line).unwrap();
    assert_eq!(read.line().into_bytes(), line);
    let text = String::from_utf8(line).unwrap();
    for other in [
        text.replacen(',', ", ", 1),
        text.replacen("\"seq\":5", "\"seq\":5.0", 1),
        text.replacen("\"seq\":5", "\"seq\":05", 1),
        text.replacen("clerk", "cler\\u006b", 1).replacen("opinion", "o\\u0070inion", 1),
        text.replacen('Z', "+", 1),
        text.replacen("\"previous\":\"", "\"previous\":\"A", 1),
        text.replacen("\"code\":null,", "", 1).replacen("\"person\":null,", "", 1),
        format!("{text} "),
    ] {
        assert!(Record::parse(other.as_bytes()).is_none(), "{other}");
    }
}

/// What JSON escapes is read as well, and in its one form only.
#[test]
fn a_record_with_odd_words_fits() {
    let mut odd = record(1, Hash::NOTHING);
    odd.person = Some("a\"b\\c\u{1}\u{7f}縁".to_owned());
    let line = odd.line();
    let whole = |line: &str| judge(format!("{line}\n").as_bytes(), &[]);
    assert_eq!(whole(&line).map(|sound| sound.last.seq), Ok(1));
    for (one, other) in [("\\u0001", "\\u0001\\u0001"), ("\\u0001", "\u{1}"), ("縁", "\\u7e01"), ("\\u0001", "\\U0001")]
    {
        let bent = line.replacen(one, other, 1);
        assert_eq!(whole(&bent).is_ok(), other == "\\u0001\\u0001", "{bent}");
    }
}

#[test]
fn a_part_of_a_chain_fits_what_is_known_of_its_ends() {
    let lines = chain(20);
    let part: Lines = lines[9..15].to_vec();
    let before = Anchor { seq: 9, hash: Hash::of(&lines[8]) };
    let last = Anchor { seq: 15, hash: Hash::of(&lines[14]) };
    let judge = |lines: &Lines, anchors: &[Anchor]| {
        let mut verifier = Verifier::new(anchors.iter().copied());
        lines.iter().try_for_each(|line| verifier.read(line))?;
        verifier.end()
    };
    assert_eq!(judge(&part, &[before, last]), Ok(Sound { first: 10, last }));
    assert_eq!(judge(&part, &[]), Ok(Sound { first: 10, last }));
    let shorter: Lines = part[1..].to_vec();
    assert_eq!(judge(&shorter, &[before, last]), Err(Flaw { seq: 10, line: 1, why: Why::Missing }));
    let shorter: Lines = part[..5].to_vec();
    assert_eq!(judge(&shorter, &[before, last]), Err(Flaw { seq: 15, line: 6, why: Why::CutOff }));
}

#[test]
fn a_chain_that_was_written_anew_from_some_record_on_does_not_fit_a_later_anchor() {
    let lines = chain(12);
    let mut bent: Lines = lines[..5].to_vec();
    bent.push(forged(&lines, 5));
    for seq in 7..=12 {
        let line = record(seq, Hash::of(bent.last().unwrap())).line().into_bytes();
        bent.push(line);
    }
    assert!(judge(&octets(&bent), &[]).is_ok(), "nobody could tell");
    assert_eq!(flaw(&bent, &[head(&lines)]), Flaw { seq: 12, line: 12, why: Why::Changed });
    let earlier = Anchor { seq: 8, hash: Hash::of(&lines[7]) };
    assert_eq!(flaw(&bent, &[head(&lines), earlier]).seq, 8);
}

#[test]
fn every_octet_counts() {
    let lines = chain(4);
    let whole = octets(&lines);
    for at in 0..whole.len() {
        let seq = whole[..at].iter().filter(|octet| **octet == b'\n').count() as u64 + 1;
        for change in [1u8, 0x20, 0x80, 0xff] {
            let mut bent = whole.clone();
            bent[at] ^= change;
            let found = judge(&bent, &[head(&lines)]).unwrap_err();
            assert_eq!((found.seq, found.why), (seq, Why::Changed), "octet {at} by {change}");
            // Without an anchor nothing stands behind the last record, and nobody decides between it and the one before.
            match judge(&bent, &[]) {
                Err(found) if seq < 3 => assert_eq!((found.seq, found.why), (seq, Why::Changed), "octet {at}"),
                Err(found) => assert!(found.seq >= 3, "octet {at}: {found:?}"),
                Ok(_) => assert_eq!(seq, 4, "octet {at}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn a_changed_octet_is_found(length in 1..25u64, place: prop::sample::Index, new: u8) {
        let lines = chain(length);
        let mut bent = octets(&lines);
        let at = place.index(bent.len());
        prop_assume!(bent[at] != new);
        let seq = bent[..at].iter().filter(|octet| **octet == b'\n').count() as u64 + 1;
        bent[at] = new;
        let found = judge(&bent, &[head(&lines)]).unwrap_err();
        prop_assert_eq!((found.seq, found.why), (seq, Why::Changed));
    }

    #[test]
    fn a_changed_record_is_found(length in 1..25u64, place: prop::sample::Index, member in 0..11usize) {
        let lines = chain(length);
        let at = place.index(lines.len());
        let (mut record, _) = Record::parse(&lines[at]).unwrap();
        match member {
            0 => record.at = "2026-11-22T01:02:03.456Z".to_owned(),
            1 => record.facility = "9970000023".to_owned(),
            2 => record.by = "local".to_owned(),
            3 => record.person = Some("suzuki".to_owned()),
            4 => record.role = Some("doctor".to_owned()),
            5 => record.from = Some("192.168.10.99".to_owned()),
            6 => record.act = "received.read".to_owned(),
            7 => record.on = None,
            8 => record.result = Ended::Failed,
            9 => record.code = Some("STORAGE_FULL".to_owned()),
            _ => record.previous = "5".repeat(64),
        }
        let mut bent = lines.clone();
        bent[at] = record.line().into_bytes();
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.seq, found.why), (at as u64 + 1, Why::Changed));
    }

    #[test]
    fn a_removed_record_is_found(length in 2..25u64, place: prop::sample::Index) {
        let lines = chain(length);
        let at = place.index(lines.len());
        let mut bent = lines.clone();
        bent.remove(at);
        let why = if at + 1 == lines.len() { Why::CutOff } else { Why::Missing };
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.seq, found.why), (at as u64 + 1, why));
        if at + 1 < lines.len() {
            prop_assert_eq!(flaw(&bent, &[]), found);
        }
    }

    #[test]
    fn a_cut_off_end_is_found(length in 2..25u64, place: prop::sample::Index) {
        let lines = chain(length);
        let kept = place.index(lines.len());
        let bent = lines[..kept].to_vec();
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.seq, found.why), (kept as u64 + 1, Why::CutOff));
    }

    #[test]
    fn an_inserted_record_is_found(length in 1..25u64, place: prop::sample::Index, good: bool) {
        let lines = chain(length);
        let at = place.index(lines.len());
        let mut bent = lines.clone();
        let mut new = forged(&lines, at);
        if !good {
            new = String::from_utf8(new).unwrap().replace("key.add", "key add\u{1}").into_bytes();
        }
        bent.insert(at, new);
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.seq, found.line, found.why), (at as u64 + 1, at as u64 + 1, Why::Inserted));
        prop_assert_eq!(flaw(&bent, &[]).seq, found.seq);
    }

    #[test]
    fn a_doubled_record_is_found(length in 1..25u64, which: prop::sample::Index, place: prop::sample::Index) {
        let lines = chain(length);
        let (which, at) = (which.index(lines.len()), place.index(lines.len() + 1));
        let mut bent = lines.clone();
        bent.insert(at, lines[which].clone());
        // Before itself and behind itself are the same.
        let line = if at == which { at + 2 } else { at + 1 } as u64;
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.line, found.why), (line, Why::Inserted));
        prop_assert_eq!(flaw(&bent, &[]), found);
    }

    #[test]
    fn swapped_records_are_found(length in 2..25u64, one: prop::sample::Index, other: prop::sample::Index) {
        let lines = chain(length);
        let (one, other) = (one.index(lines.len()), other.index(lines.len()));
        prop_assume!(one != other);
        let mut bent = lines.clone();
        bent.swap(one, other);
        let first = one.min(other) as u64 + 1;
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.seq, found.line, found.why), (first, first, Why::Moved));
        prop_assert_eq!(flaw(&bent, &[]), found);
    }

    #[test]
    fn a_moved_record_is_found(length in 2..25u64, one: prop::sample::Index, place: prop::sample::Index) {
        let lines = chain(length);
        let (one, place) = (one.index(lines.len()), place.index(lines.len()));
        prop_assume!(one != place);
        let mut bent = lines.clone();
        let moved = bent.remove(one);
        bent.insert(place, moved);
        let first = one.min(place) as u64 + 1;
        let found = flaw(&bent, &[head(&lines)]);
        prop_assert_eq!((found.line, found.why), (first, Why::Moved));
        prop_assert_eq!(flaw(&bent, &[]), found);
    }
}
