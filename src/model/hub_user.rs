//! A person's user id at the hub.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

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

    /// Whether somebody might take the one for the other: they differ in case or width at most.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let folded = |id: &Self| {
            id.0.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect::<String>()
        };
        self == other || folded(self) == folded(other)
    }

    /// The user id, for the hub, the store, and whoever may see it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// As whom something goes that a person hands in: the account here, and its user id at the hub at that time. The user id may be
/// another account's later; what was handed in stays this one's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubMember {
    /// What is typed at log-in here.
    pub account: String,
    /// The user id at the hub.
    pub id: HubUser,
}

impl HubMember {
    /// As it was stored. A user id without an account is nobody's: it waits for a password that nobody can give.
    #[must_use]
    pub fn stored(account: Option<String>, id: Option<String>) -> Option<Self> {
        let account = account.unwrap_or_default();
        id.map(|id| Self { account, id: HubUser::stored(id) })
    }
}

impl fmt::Debug for HubUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubUser(…)")
    }
}
