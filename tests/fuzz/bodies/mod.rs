//! What the fuzzers assert of every reader of foreign bytes: of the card room, and of care plan files. `make fuzz` runs these
//! functions under libFuzzer; `tests/sim` replays the committed corpus (`tests/corpus/*/<name>`) through the same functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, missing_docs)]

pub mod apdu_filter;
pub mod careplan_file;
pub mod careplan_name;
pub mod careplan_unit;
pub mod careplan_zip;
pub mod certificate;
pub mod hostile_card;
pub mod iso7816;
pub mod profile;
pub mod tlv;
pub mod worst_card;

/// A target's name, which is also its directory in the corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of care plan files.
pub const CAREPLAN: [Target; 4] = [
    ("careplan_file", careplan_file::run),
    ("careplan_name", careplan_name::run),
    ("careplan_unit", careplan_unit::run),
    ("careplan_zip", careplan_zip::run),
];

/// Every target of the card room.
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
