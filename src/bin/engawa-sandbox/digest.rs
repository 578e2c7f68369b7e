//! Hashes, and everything that is made up from the seed: identifiers, tokens, random choices.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde_json::Value;

/// Lower-case hexadecimal SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// A SHA-256 taken piece by piece.
pub(crate) struct Running(Context);

impl Running {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

/// `length` hexadecimal digits that follow from the seed, a label and a number.
pub(crate) fn derive(seed: u64, label: &str, number: u64, length: usize) -> String {
    let mut text = sha256(format!("{seed}/{label}/{number}").as_bytes());
    text.truncate(length);
    text
}

/// SHA-256 of the canonical form: members sorted, no white space, whole numbers without a fraction. Two bodies are "the
/// same" when these are equal.
pub(crate) fn canonical(value: &Value) -> String {
    let mut hash = Running::new();
    feed(value, &mut hash);
    hash.finish()
}

fn feed(value: &Value, hash: &mut Running) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            hash.update(b"{");
            for (name, member) in members {
                hash.update(Value::from(name.as_str()).to_string().as_bytes());
                hash.update(b":");
                feed(member, hash);
                hash.update(b",");
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                feed(item, hash);
                hash.update(b",");
            }
            hash.update(b"]");
        }
        Value::Number(number) => hash.update(plain(number).as_bytes()),
        other => hash.update(other.to_string().as_bytes()),
    }
}

fn plain(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end` (0 when `end` is 0).
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// True with probability `rate`.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn hits(&mut self, rate: f64) -> bool {
        (self.next() >> 11) as f64 / ((1_u64 << 53) as f64) < rate
    }
}
