//! Texts that have passed the check: not blank, no control character, within length and the hub's repertoire.

/// A text of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub(super) String);

/// A text that may hold line breaks (`\n`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines(pub(super) String);

impl Line {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Lines {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A measure with one decimal, kept in tenths: exact where a float is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenths(pub(super) u16);

impl Tenths {
    /// The measure in tenths of its unit, 1 to 9999.
    #[must_use]
    pub const fn tenths(self) -> u16 {
        self.0
    }

    /// The measure in its unit.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// The measure nearest to a number, when that lies above 0 and below 1000.
    pub(super) fn nearest(value: f64) -> Option<Self> {
        let tenths = (value * 10.0).round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 1 to 9999")]
        (1.0..=9999.0).contains(&tenths).then_some(Self(tenths as u16))
    }

    /// Whether it is that number and not only near it.
    pub(super) fn is(self, value: f64) -> bool {
        (self.value() - value).abs() < 1e-9
    }
}
