//! A person's user id at the hub.

use std::fmt;

/// As whom goes what a person hands in, by choice of the facility.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaffLogin {
    /// As the facility's user, whoever hands it in.
    #[default]
    Off,
    /// As the person, who gives the password for a session.
    Asked,
    /// As the person, whose password is kept sealed.
    Kept,
}

impl StaffLogin {
    /// Its name in settings and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Asked => "asked",
            Self::Kept => "kept",
        }
    }
}

/// Signs of a user id.
const LONGEST: usize = 100;

/// A user id at the hub: 1 to 100 signs on one line. It tells who somebody is, so its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HubUser(String);

impl HubUser {
    /// Reads a user id; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
        (plain && text.chars().count() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// A user id as it was stored.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The user id, for the hub, the store, and whoever may see it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HubUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubUser(…)")
    }
}
