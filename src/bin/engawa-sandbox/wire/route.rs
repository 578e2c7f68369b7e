//! Which call a request is.

use http::Method;

/// The calls of the profile that this hub has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Login,
    Refresh,
    Logout,
    Opinions,
    Changes,
    Requests,
    Lookup,
    Municipalities,
    Capabilities,
    Challenges,
    Assertions,
    /// Not offered: 404 with E2000.
    Unknown,
}

impl Operation {
    /// The call of a method and path.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/api/v1/") else { return Self::Unknown };
        match (method.as_str(), rest) {
            ("POST", "login") => Self::Login,
            ("POST", "token/refresh") => Self::Refresh,
            ("POST", "logout") => Self::Logout,
            ("POST", "opinions") => Self::Opinions,
            ("GET", "opinions/changes") => Self::Changes,
            ("POST", "opinions/requests/list") => Self::Requests,
            ("POST", "submissions/lookup") => Self::Lookup,
            ("GET", "municipalities") => Self::Municipalities,
            ("GET", "capabilities") => Self::Capabilities,
            ("POST", "identity/challenges") => Self::Challenges,
            ("POST", "identity/assertions") => Self::Assertions,
            _ => Self::Unknown,
        }
    }

    /// Its name in faults and facts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::Opinions => "opinions",
            Self::Changes => "changes",
            Self::Requests => "requests",
            Self::Lookup => "lookup",
            Self::Municipalities => "municipalities",
            Self::Capabilities => "capabilities",
            Self::Challenges => "challenges",
            Self::Assertions => "assertions",
            Self::Unknown => "unknown",
        }
    }

    /// Names a fault may be ordered on.
    pub(crate) const NAMES: [&'static str; 13] = [
        "login",
        "refresh",
        "logout",
        "opinions",
        "changes",
        "requests",
        "lookup",
        "municipalities",
        "capabilities",
        "challenges",
        "assertions",
        "unknown",
        "connect",
    ];
}
