//! Records that are like the one before: the same structure at the same places.
//!
//! Care software writes row after row of one user, and most of a row repeats the last. Where commas, quotes and line ends stand
//! depends on nothing but themselves, so a record of the same length that has them at the same places has the same fields, and
//! need not be taken apart again.

use super::record::Span;

/// The most fields whose changes are told: a bit for each, by column number.
pub(super) const MAX_COLUMNS: usize = 127;

/// The high bit of every byte of `eight` that is `wanted`. Eight bytes at a time: fields are short, so looking at each byte
/// would take most of the time there is.
pub(super) const fn hits(eight: u64, wanted: u8) -> u64 {
    zeros(eight ^ (0x0101_0101_0101_0101 * wanted as u64))
}

/// The high bit of every byte that is zero.
const fn zeros(eight: u64) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    !(((eight & LOW) + LOW) | eight | LOW)
}

/// The high bit of every byte that decides where fields are.
const fn structure(eight: u64) -> u64 {
    hits(eight, b',') | hits(eight, b'"') | hits(eight, b'\r') | hits(eight, b'\n')
}

/// The columns in which a record differs from the one before, as bits by number; `None` when their structure differs. Both
/// are as long, line ends included, and the spans are those of the one before.
pub(super) fn changes(last: &[u8], next: &[u8], spans: &[Span]) -> Option<u128> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (mut changed, mut field) = (0, 0);
    let mut compare = |at: usize, old: u64, new: u64| {
        let mut differ = !zeros(old ^ new) & HIGH;
        if (structure(old) | structure(new)) & differ != 0 {
            return None;
        }
        while differ != 0 {
            let place = at + differ.trailing_zeros() as usize / 8;
            while spans.get(field)?.end <= place {
                field += 1;
            }
            changed |= 2 << field;
            // The rest of the field needs no look.
            let within = spans.get(field)?.end - at;
            differ = if within < 8 { differ & (u64::MAX << (within * 8)) } else { 0 };
        }
        Some(())
    };
    let (old, old_rest) = last.as_chunks::<8>();
    let (new, new_rest) = next.as_chunks::<8>();
    for (at, (old, new)) in old.iter().zip(new).enumerate() {
        // Most are: that is seen here, without a call.
        if old != new {
            compare(at * 8, u64::from_le_bytes(*old), u64::from_le_bytes(*new))?;
        }
    }
    let word = |rest: &[u8]| rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    compare(old.len() * 8, word(old_rest), word(new_rest))?;
    Some(changed)
}
