//! The repertoire of JIS X 0213:2012, read once from its table into a bit map.

use std::sync::LazyLock;

use crate::model::packed;

/// One bit a code point up to the end of plane 2: 24 KiB.
const WORDS: usize = 0x3_0000 / 64;

static BITS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut bits = vec![0_u64; WORDS];
    let table = packed::text(include_bytes!(concat!(env!("OUT_DIR"), "/jisx0213.txt.gz")));
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    for range in rows.flat_map(str::split_ascii_whitespace) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let parse = |hex| u32::from_str_radix(hex, 16).unwrap_or(u32::MAX);
        for code_point in parse(first)..=parse(last).min(0x2_FFFF) {
            if let Some(word) = bits.get_mut(code_point as usize / 64) {
                *word |= 1 << (code_point % 64);
            }
        }
    }
    bits
});

/// True when JIS X 0213 has the character by itself.
pub(super) fn holds(c: char) -> bool {
    let code_point = u32::from(c);
    BITS.get(code_point as usize / 64).is_some_and(|word| word >> (code_point % 64) & 1 == 1)
}

/// True for the sequences to which JIS X 0213 gives one code and Unicode two. Those with a grave or acute accent or a tone
/// bar are held by their parts already; the semi-voiced mark exists only on these kana.
pub(super) fn is_combined(cluster: &str) -> bool {
    let mut chars = cluster.chars();
    let base = chars.next();
    chars.next() == Some('\u{309A}')
        && chars.next().is_none()
        && base.is_some_and(|base| "かきくけこカキクケコセツトㇷ".contains(base))
}
