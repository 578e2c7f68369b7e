//! CP932 (Shift_JIS in the sense of MS932, 4.3 of the standard), byte by byte.
//!
//! Several characters have two or three codes in CP932: NEC's row 13, NEC's selection of IBM's extensions and IBM's own.
//! Decoded and encoded again, only one of them comes back. So nothing here assumes that text gives its bytes back:
//! [`decode`] says what the bytes mean, [`is_canonical`] whether [`encode`] would write the same bytes.

use std::sync::LazyLock;

use crate::model::characters::Repertoire;
use crate::model::shift_jis;

/// What is known of one character's code; the constants are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u8);

impl Traits {
    /// No such code: neither a character nor the first half of one.
    pub const INVALID: Self = Self(1);
    /// A code of the range for user-defined characters (外字): every machine shows another one.
    pub const GAIJI: Self = Self(2);
    /// A second code of a character: valid, but text does not give it back.
    pub const DUPLICATE: Self = Self(4);
    /// Outside JIS X 0213, which is what the hub takes.
    pub const OFF_HUB: Self = Self(8);
    /// Half-width katakana.
    pub const HALF_KANA: Self = Self(16);
    /// A control character.
    pub const CONTROL: Self = Self(32);
    /// Neither kana nor a mark that goes with them.
    pub const NOT_KANA: Self = Self(64);
    /// The first half of a two-byte code. Only in the table of single bytes.
    const LEAD: Self = Self(128);

    /// True when any of the bits is set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, bits: Self) -> Self {
        Self(self.0 | bits.0)
    }
}

/// What stands at one place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// Where it begins.
    pub at: usize,
    /// How many bytes it has: 1 or 2.
    pub len: usize,
    /// What is known of it.
    pub traits: Traits,
}

struct Table {
    single: [Traits; 256],
    double: Vec<Traits>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

impl Table {
    fn new() -> Self {
        let mut table = Self { single: [Traits::INVALID; 256], double: vec![Traits::INVALID; 1 << 16] };
        for (byte, traits) in (0..=u8::MAX).zip(table.single.iter_mut()) {
            *traits = match byte {
                0x00..0x20 | 0x7F => Traits::CONTROL.with(Traits::NOT_KANA),
                b' ' => Traits::default(),
                0x21..0x7F => Traits::NOT_KANA,
                0xA1..=0xDF => Traits::HALF_KANA,
                0x81..=0x9F | 0xE0..=0xFC => Traits::LEAD,
                _ => Traits::INVALID,
            };
        }
        for (code, traits) in (0..=u16::MAX).zip(table.double.iter_mut()) {
            *traits = pair(code.to_be_bytes());
        }
        table
    }

    fn of(&self, bytes: &[u8]) -> (usize, Traits) {
        let Some(&first) = bytes.first() else { return (0, Traits::default()) };
        let single = self.single.get(usize::from(first)).copied().unwrap_or(Traits::INVALID);
        if !single.has(Traits::LEAD) {
            return (1, single);
        }
        let Some(&second) = bytes.get(1) else { return (1, Traits::INVALID) };
        let code = usize::from(first) << 8 | usize::from(second);
        let double = self.double.get(code).copied().unwrap_or(Traits::INVALID);
        // A wrong second half that is ASCII stands for itself: it may be a comma or a quote.
        let len = if double.has(Traits::INVALID) && second < 0x80 { 1 } else { 2 };
        (len, double)
    }
}

fn pair(code: [u8; 2]) -> Traits {
    if !matches!(code[0], 0x81..=0x9F | 0xE0..=0xFC) {
        return Traits::INVALID;
    }
    let Some(character) = shift_jis::character(code) else { return Traits::INVALID };
    if matches!(character, '\u{E000}'..='\u{F8FF}') {
        return Traits::GAIJI;
    }
    let mut traits = Traits::default();
    if shift_jis::is_second(code) {
        traits = traits.with(Traits::DUPLICATE);
    }
    if !Repertoire::JisX0213.holds(character.encode_utf8(&mut [0; 4])) {
        traits = traits.with(Traits::OFF_HUB);
    }
    if !matches!(character, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '・' | '\u{3000}' | '゛' | '゜' | 'ゝ' | 'ゞ' | 'ヽ' | 'ヾ' | '－' | '‐')
    {
        traits = traits.with(Traits::NOT_KANA);
    }
    traits
}

/// Every character of a text, in order.
pub fn glyphs(bytes: &[u8]) -> impl Iterator<Item = Glyph> + '_ {
    let (table, mut at) = (&*TABLE, 0);
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let (len, traits) = table.of(rest);
        let glyph = Glyph { at, len, traits };
        at += len;
        Some(glyph)
    })
}

/// What is known of all characters of a text together.
#[must_use]
pub fn traits(bytes: &[u8]) -> Traits {
    let table = &*TABLE;
    let (mut all, mut rest) = (Traits::default(), bytes);
    while !rest.is_empty() {
        let (len, traits) = table.of(rest);
        all = all.with(traits);
        rest = rest.get(len..).unwrap_or_default();
    }
    all
}

/// The text. A byte that is no character reads as U+FFFD, a user-defined one as a private character.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    shift_jis::decode(bytes)
}

/// A character that CP932 has no code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CP932 has no code for U+{:04X}, at byte {at} of the text", u32::from(*character))]
pub struct EncodeError {
    /// Where it begins in the text, in bytes of UTF-8.
    pub at: usize,
    /// The character.
    pub character: char,
}

/// The bytes of a text.
///
/// # Errors
/// [`EncodeError`] for the first character that would not come back as itself. Nothing is ever replaced.
pub fn encode(text: &str) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let (code, length) = shift_jis::code(character).ok_or(EncodeError { at, character })?;
        bytes.extend(code.into_iter().take(length));
    }
    Ok(bytes)
}

/// True when [`encode`] of [`decode`] gives these very bytes.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    !traits(bytes).has(Traits::INVALID.with(Traits::GAIJI).with(Traits::DUPLICATE))
}
