//! Numbers of care insurance and their check digits.

use std::fmt;

/// 保険者番号: an insurer's number, six digits with a right check digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InsurerNumber(String);

/// Why a text is no insurer number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsurerNumberError {
    /// Not six ASCII digits.
    Shape,
    /// Six digits whose last does not fit the others.
    CheckDigit,
}

impl InsurerNumber {
    /// Reads a number.
    ///
    /// # Errors
    /// [`InsurerNumberError`] for a wrong shape or a wrong check digit.
    pub fn parse(text: &str) -> Result<Self, InsurerNumberError> {
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InsurerNumberError::Shape);
        }
        if !ends_with_check_digit(text) {
            return Err(InsurerNumberError::CheckDigit);
        }
        Ok(Self(text.to_owned()))
    }

    /// The six digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InsurerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 被保険者番号: an insured person's number, 1 to 10 ASCII letters or digits. Usually ten digits, or `H` and nine (persons
/// on public assistance); no national rule is known, so other shapes are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InsuredNumber(String);

impl InsuredNumber {
    /// Reads a number; `None` when it is not 1 to 10 ASCII letters or digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// True for ten digits, or `H` and nine digits.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        let digits = self.0.strip_prefix('H').unwrap_or(&self.0);
        self.0.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The number as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What can be said of an office number (事業所番号), which is only ever warned about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficeNumberCheck {
    /// Ten places with a right check digit.
    Right,
    /// Not ten digits or capital letters, or one of the letters I, O and Q, which are not used.
    Shape,
    /// The last place does not fit the others.
    CheckDigit,
}

/// Looks at an office number's shape and check digit.
#[must_use]
pub fn check_office_number(text: &str) -> OfficeNumberCheck {
    let check_is_digit = text.bytes().last().is_some_and(|byte| byte.is_ascii_digit());
    if text.len() != 10 || !check_is_digit || !text.bytes().all(|byte| place_value(byte).is_some()) {
        OfficeNumberCheck::Shape
    } else if ends_with_check_digit(text) {
        OfficeNumberCheck::Right
    } else {
        OfficeNumberCheck::CheckDigit
    }
}

/// The check digit of care insurance's numbers: weights 2, 1, 2, 1 … from the right, the digits of the products summed,
/// what is missing to the next ten. `None` when the payload holds something that has no value.
#[must_use]
pub fn check_digit(payload: &str) -> Option<u32> {
    let mut sum = 0;
    for (place, byte) in payload.bytes().rev().enumerate() {
        let product = place_value(byte)? * if place % 2 == 0 { 2 } else { 1 };
        sum += product / 10 + product % 10;
    }
    Some((10 - sum % 10) % 10)
}

fn ends_with_check_digit(text: &str) -> bool {
    let Some((payload, last)) = text.len().checked_sub(1).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    check_digit(payload).is_some_and(|digit| last.parse() == Ok(digit))
}

/// Digits count as themselves, letters from A = 10 on; I, O and Q are not used and the numbering skips them (Z = 32).
fn place_value(byte: u8) -> Option<u32> {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
    if byte.is_ascii_digit() {
        return Some(u32::from(byte - b'0'));
    }
    let at = LETTERS.iter().position(|&letter| letter == byte)?;
    u32::try_from(at).ok().map(|at| at + 10)
}
