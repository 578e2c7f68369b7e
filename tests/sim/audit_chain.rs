//! Chains to try verifiers on.
#![allow(dead_code)]

use std::net::IpAddr;

use engawa::audit::{Anchor, Draft, Flaw, Hash, Record, Result as Ended, Sound, Verifier};
use engawa::fault::Code;

/// Lines without their ends.
pub(crate) type Lines = Vec<Vec<u8>>;

/// One record.
pub(crate) fn record(seq: u64, previous: Hash) -> Record {
    let by = if seq.is_multiple_of(3) { "key:3f9c0a1b2d4e" } else { "terminal:5b1f00c2d3e4f506" };
    let draft = Draft {
        facility: "9970000015".to_owned(),
        by: by.to_owned(),
        person: seq.is_multiple_of(2).then(|| "sato".to_owned()),
        role: seq.is_multiple_of(2).then(|| "clerk".to_owned()),
        from: seq.is_multiple_of(5).then(|| IpAddr::from([192, 168, 10, 21])),
        act: "opinion.submit",
    };
    let at = jiff::Timestamp::from_millisecond(1_795_000_000_000 + i64::try_from(seq).unwrap() * 1_237).unwrap();
    let on = format!("submission:00000000-0000-7000-8000-{seq:012}");
    let code = seq.is_multiple_of(4).then_some(Code::OpinionInvalid);
    let ended = if code.is_some() { Ended::Refused } else { Ended::Done };
    draft.ended(at, Some(on), ended, code).record(seq, &previous.to_string())
}

/// A sound chain.
pub(crate) fn chain(length: u64) -> Lines {
    let mut previous = Hash::NOTHING;
    let line = |seq| {
        let line = record(seq, previous).line().into_bytes();
        previous = Hash::of(&line);
        line
    };
    (1..=length).map(line).collect()
}

/// The anchor of the last record.
pub(crate) fn head(lines: &Lines) -> Anchor {
    Anchor { seq: lines.len() as u64, hash: Hash::of(lines.last().unwrap()) }
}

/// The file.
pub(crate) fn octets(lines: &Lines) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}

/// What the library's verifier says of a file that has to be a whole trail.
pub(crate) fn judge(octets: &[u8], anchors: &[Anchor]) -> Result<Sound, Flaw> {
    let beginning = Anchor { seq: 0, hash: Hash::NOTHING };
    let mut verifier = Verifier::new([beginning].into_iter().chain(anchors.iter().copied()));
    let mut rest = octets;
    while !rest.is_empty() {
        match rest.iter().position(|octet| *octet == b'\n') {
            Some(end) => {
                verifier.read(&rest[..end])?;
                rest = &rest[end + 1..];
            }
            None => {
                verifier.torn()?;
                break;
            }
        }
    }
    verifier.end()
}

/// The flaw that it finds.
pub(crate) fn flaw(lines: &Lines, anchors: &[Anchor]) -> Flaw {
    judge(&octets(lines), anchors).unwrap_err()
}

/// A record that fits behind `place` others, and is another than the one that stands there.
pub(crate) fn forged(lines: &Lines, place: usize) -> Vec<u8> {
    let previous = place.checked_sub(1).map_or(Hash::NOTHING, |before| Hash::of(&lines[before]));
    let mut record = record(place as u64 + 1, previous);
    record.act = "key.add".to_owned();
    record.line().into_bytes()
}
