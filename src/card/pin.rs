//! PINs: four digits that exist in one place of memory, are wiped when done with, and can be neither printed nor copied.

use zeroize::{Zeroize, Zeroizing};

/// Four ASCII digits. Boxed, so that moving it moves a pointer and leaves no copy behind.
pub(super) struct Digits(Box<[u8; Self::LENGTH]>);

impl Digits {
    pub(super) const LENGTH: usize = 4;

    fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_digit).then(|| Self(Box::new(*bytes)))
    }

    pub(super) fn ascii(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The PIN of 利用者証明用電子証明書.
pub struct IdentityPin(pub(super) Digits);

/// The PIN of 券面事項入力補助.
pub struct ProfilePin(pub(super) Digits);

impl IdentityPin {
    /// Takes four digits; `None` for anything else, and nothing of it is kept.
    #[must_use]
    pub fn parse(text: Zeroizing<String>) -> Option<Self> {
        let digits = Digits::parse(&text);
        drop(text);
        digits.map(Self)
    }
}

impl ProfilePin {
    /// Takes four digits; `None` for anything else, and nothing of it is kept.
    #[must_use]
    pub fn parse(text: Zeroizing<String>) -> Option<Self> {
        let digits = Digits::parse(&text);
        drop(text);
        digits.map(Self)
    }
}
