//! The codes of CP932 (the Shift_JIS of the web, which is MS932) and their characters.
//!
//! The codes are those of the library encoding_rs, written down by build.rs: the library brings every encoding of the web with it, and only
//! this one is met here. A test compares the two for all codes and characters.

use std::sync::LazyLock;

/// The character of each code of two bytes, in the order of [`place`]; 0: none.
static CHARACTERS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shift_jis.bin"));
/// The codes whose characters have another one, which is theirs, or none that is: in order.
static SECOND: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shift_jis_second.bin"));

const TRAILS: usize = 189;

/// Characters with the code that is theirs, in order.
static CODES: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
    let codes = (0x8140..=0xFCFC_u16).filter(|code| !is_second(code.to_be_bytes()));
    let mut codes: Vec<_> = codes.filter_map(|code| Some((unit(code.to_be_bytes())?, code))).collect();
    crate::order::sort(&mut codes);
    codes
});

/// Where a code stands in the table: leads 81–9F and E0–FC, trails 40–FC.
fn place([lead, trail]: [u8; 2]) -> Option<usize> {
    let lead = match lead {
        0x81..=0x9F => lead - 0x81,
        0xE0..=0xFC => lead - 0xC1,
        _ => return None,
    };
    (0x40..=0xFC).contains(&trail).then(|| usize::from(lead) * TRAILS + usize::from(trail - 0x40))
}

fn unit(code: [u8; 2]) -> Option<u16> {
    let at = place(code)? * 2;
    let unit = CHARACTERS.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)?;
    (unit != 0).then_some(unit)
}

/// The character of a code of two bytes.
pub(super) fn character(code: [u8; 2]) -> Option<char> {
    char::from_u32(unit(code)?.into())
}

/// Whether a code is not the one that its character is written with.
pub(super) fn is_second(code: [u8; 2]) -> bool {
    let (pairs, _) = SECOND.as_chunks::<2>();
    pairs.binary_search(&code).is_ok()
}

/// The code of a character: its bytes, and how many of them count.
pub(super) fn code(character: char) -> Option<([u8; 2], usize)> {
    let single = |byte: u32| u8::try_from(byte).ok().map(|byte| ([byte, 0], 1));
    match u32::from(character) {
        point @ ..=0x80 => single(point),
        point @ 0xFF61..=0xFF9F => single(point - 0xFF61 + 0xA1),
        point => {
            let point = u16::try_from(point).ok()?;
            let at = CODES.binary_search_by_key(&point, |(point, _)| *point).ok()?;
            CODES.get(at).map(|(_, code)| (code.to_be_bytes(), 2))
        }
    }
}

/// The text. What is no code reads as U+FFFD; a wrong second half that is ASCII stands for itself.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3 / 2);
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let (character, left) = match (first, after.split_first()) {
            (..=0x80, _) => (Some(char::from(first)), after),
            (0xA1..=0xDF, _) => (char::from_u32(u32::from(first) - 0xA1 + 0xFF61), after),
            (0x81..=0x9F | 0xE0..=0xFC, Some((&second, left))) => match character([first, second]) {
                None if second < 0x80 => (None, after),
                character => (character, left),
            },
            _ => (None, after),
        };
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = left;
    }
    text
}
