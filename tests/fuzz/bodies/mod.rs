//! What the fuzzers assert of every reader of foreign bytes in the card room. `make fuzz` runs these functions under libFuzzer;
//! `tests/sim` replays the committed corpus (`tests/corpus/card/<name>`) through the same functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, missing_docs)]

pub mod apdu_filter;
pub mod certificate;
pub mod hostile_card;
pub mod iso7816;
pub mod profile;
pub mod tlv;
pub mod worst_card;

/// A target's name, which is also its directory in the corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("apdu_filter", apdu_filter::run),
    ("certificate", certificate::run),
    ("hostile_card", hostile_card::run),
    ("profile", profile::run),
    ("tlv", tlv::run),
];

/// Takes `length` bytes of the front, or as many as there are.
pub fn take<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (front, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    front
}
