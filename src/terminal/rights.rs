//! What one caller may do, small enough to be copied with every request.

use super::Right;

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    /// Whether `right` is among them.
    #[must_use]
    pub const fn contains(self, right: Right) -> bool {
        self.0 & (1 << right as u16) != 0
    }

    /// Those that are among others as well.
    #[must_use]
    pub const fn both(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Each, from the smallest to the greatest.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.contains(*right))
    }
}

impl<'r> FromIterator<&'r Right> for Rights {
    fn from_iter<I: IntoIterator<Item = &'r Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |all, right| all | 1 << *right as u16))
    }
}
