//! A pairing code: 60 random bits in two forms, twelve signs of Crockford's base 32 to type and six words to read out.

use std::fmt;

use aws_lc_rs::{constant_time, hmac, rand};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::key::NoRandomness;
use super::words;

const SIGNS: usize = 12;
const WORDS: usize = 6;
const BITS: u32 = 60;
/// The digits of Crockford's base 32: I, L, O and U are left out.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Longer than any way of writing a code.
const LONGEST: usize = 200;

/// A code that opens one window. Not printable: its `Debug` shows nothing.
pub struct PairingCode(Zeroizing<u64>);

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// It is not of either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeForm {
    /// Neither twelve signs nor six words.
    #[error("a code has twelve signs or six words")]
    Length,
    /// The word at this place, from 0, is none of ours.
    #[error("word {0} is not in the list")]
    Word(usize),
}

impl PairingCode {
    /// A new random code.
    ///
    /// # Errors
    /// `NoRandomness` if the system's random source fails.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 8]);
        rand::fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
        Ok(Self::from_bits(u64::from_be_bytes(*bytes)))
    }

    /// The code of these bits; the topmost four do not count.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(Zeroizing::new(bits & ((1 << BITS) - 1)))
    }

    /// Reads either form, as people write it: of any case and width, with any separators or none between signs, with O for 0 and I or L for 1,
    /// words in hiragana or katakana with anything but letters between them.
    ///
    /// # Errors
    /// [`CodeForm`].
    pub fn parse(text: &str) -> Result<Self, CodeForm> {
        if text.len() > LONGEST {
            return Err(CodeForm::Length);
        }
        let text: Zeroizing<String> = Zeroizing::new(text.nfkc().collect());
        if text.chars().any(is_kana) { Self::of_words(&text) } else { Self::of_signs(&text) }
    }

    fn of_signs(text: &str) -> Result<Self, CodeForm> {
        let mut bits = Zeroizing::new(0_u64);
        let mut count = 0;
        for sign in text.chars().filter(|sign| sign.is_alphanumeric()) {
            let digit = digit(sign).ok_or(CodeForm::Length)?;
            *bits = (*bits << 5) | digit;
            count += 1;
            if count > SIGNS {
                break;
            }
        }
        if count == SIGNS { Ok(Self(bits)) } else { Err(CodeForm::Length) }
    }

    fn of_words(text: &str) -> Result<Self, CodeForm> {
        let written: Vec<&str> = text.split(|sign| !is_kana(sign)).filter(|word| !word.is_empty()).collect();
        if written.len() != WORDS {
            return Err(CodeForm::Length);
        }
        let mut bits = Zeroizing::new(0_u64);
        for (place, word) in written.into_iter().enumerate() {
            let number = words::number(word).ok_or(CodeForm::Word(place))?;
            *bits = (*bits << 10) | u64::from(number);
        }
        Ok(Self(bits))
    }

    /// Its twelve signs, like `7K3M-9QXT-4B2D`.
    #[must_use]
    pub fn signs(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SIGNS + 2));
        for place in 0..SIGNS {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            let digit = (*self.0 >> (5 * (SIGNS - 1 - place))) & 31;
            text.push(char::from(DIGITS[usize::try_from(digit).unwrap_or_default() & 31]));
        }
        text
    }

    /// Its six words.
    #[must_use]
    pub fn words(&self) -> [&'static str; WORDS] {
        std::array::from_fn(|place| {
            let number = (*self.0 >> (10 * (WORDS - 1 - place))) & 1023;
            words::word(u16::try_from(number).unwrap_or_default())
        })
    }

    /// What the store keeps of it. With a key: sixty bits could be searched.
    #[must_use]
    pub fn hash(&self, secret: &[u8; 32]) -> CodeHash {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&key, &self.0.to_be_bytes()).as_ref());
        CodeHash(hash)
    }
}

/// HMAC-SHA256 over a code, under a key of the box.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// A hash read back from the store.
    #[must_use]
    pub const fn from_stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn to_stored(self) -> [u8; 32] {
        self.0
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(…)")
    }
}

fn digit(sign: char) -> Option<u64> {
    let sign = match sign.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    DIGITS.iter().zip(0..).find(|(digit, _)| char::from(**digit) == sign).map(|(_, value)| value)
}

fn is_kana(sign: char) -> bool {
    matches!(sign, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー')
}
