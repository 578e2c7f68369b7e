//! The documents and codes of care insurance: pure values, no I/O, no time but what is passed in.

pub mod careplan;
pub mod characters;
pub mod hub_user;
pub mod identity;
pub mod numbers;
pub mod opinion;
mod packed;
mod shift_jis;
pub mod token_uri;

/// Octets as lower-case hexadecimal digits, two each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
