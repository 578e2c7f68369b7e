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
    CareplanSent,
    CareplanSentList,
    CareplanReceived,
    CareplanUnit,
    CareplanAck,
    DeliveryRegistrations,
    ConsentDrafts,
    /// Not offered: 404 with E2000.
    Unknown,
}

impl Operation {
    /// The call of a method and path.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/api/v1/") else { return Self::Unknown };
        if let Some(rest) = rest.strip_prefix("careplans/5.0/") {
            return Self::careplan(method, rest);
        }
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

    fn careplan(method: &Method, rest: &str) -> Self {
        let unit = rest.strip_prefix("received/");
        match (method.as_str(), rest) {
            ("POST", "sent") => Self::CareplanSent,
            ("GET", "sent") => Self::CareplanSentList,
            ("GET", "received") => Self::CareplanReceived,
            ("GET", _) if unit.is_some_and(is_segment) => Self::CareplanUnit,
            ("POST", _) if unit.and_then(|unit| unit.strip_suffix("/ack")).is_some_and(is_segment) => Self::CareplanAck,
            ("POST", "delivery-registrations") => Self::DeliveryRegistrations,
            ("POST", "consent-drafts") => Self::ConsentDrafts,
            _ => Self::Unknown,
        }
    }

    /// Whether it is a write, so that it wants a key and has its effect once.
    pub(crate) fn is_write(self) -> bool {
        matches!(
            self,
            Self::Opinions | Self::CareplanSent | Self::CareplanAck | Self::DeliveryRegistrations | Self::ConsentDrafts
        )
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
            Self::CareplanSent => "careplan-sent",
            Self::CareplanSentList => "careplan-sent-list",
            Self::CareplanReceived => "careplan-received",
            Self::CareplanUnit => "careplan-unit",
            Self::CareplanAck => "careplan-ack",
            Self::DeliveryRegistrations => "delivery-registrations",
            Self::ConsentDrafts => "consent-drafts",
            Self::Unknown => "unknown",
        }
    }

    /// Names a fault may be ordered on.
    pub(crate) const NAMES: [&'static str; 20] = [
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
        "careplan-sent",
        "careplan-sent-list",
        "careplan-received",
        "careplan-unit",
        "careplan-ack",
        "delivery-registrations",
        "consent-drafts",
        "unknown",
        "connect",
    ];
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}
