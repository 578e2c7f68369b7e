//! What can be wrong with a certificate that loads: each its own sentence.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::certificate::{CertificateKind, FacilityCertificate};
use crate::fault::Code;

/// Days before the end at which renewal is due: the operator's own notice period.
pub const EXPIRY_NOTICE_DAYS: i64 = 90;

/// One thing wrong with the facility's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// Not one of the kinds the hub knows.
    WrongKind {
        /// The subject's OU, where there is one.
        found: Option<String>,
    },
    /// Its time is over.
    Expired {
        /// When it ended.
        until: Timestamp,
    },
    /// Its time has not begun: usually the box's date is wrong.
    NotYetValid {
        /// When it begins.
        from: Timestamp,
    },
    /// It belongs to somebody else.
    WrongFacility {
        /// The number in the certificate; empty when it has none.
        found: String,
        /// The number in the settings.
        expected: String,
    },
    /// It ends within [`EXPIRY_NOTICE_DAYS`]. A warning: it still works.
    Expiring {
        /// When it ends.
        until: Timestamp,
        /// Whole days left.
        days: i64,
    },
}

impl CertificateProblem {
    /// The catalogue's code for it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::WrongKind { .. } => Code::CertificateWrongKind,
            Self::Expired { .. } => Code::CertificateExpired,
            Self::NotYetValid { .. } => Code::CertificateNotYetValid,
            Self::WrongFacility { .. } => Code::CertificateWrongFacility,
            Self::Expiring { .. } => Code::CertificateExpiring,
        }
    }

    /// Whether the certificate still serves.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        matches!(self, Self::Expiring { .. })
    }

    /// What is wrong and what to do, in Japanese.
    #[must_use]
    pub fn ja(&self) -> String {
        let detail = match self {
            Self::WrongKind { found } => format!("種類: {}", found.as_deref().unwrap_or("記載なし")),
            Self::Expired { until } => format!("期限: {}", day(*until)),
            Self::NotYetValid { from } => format!("開始: {}", day(*from)),
            Self::WrongFacility { found, expected } => format!("証明書: {found}、設定: {expected}"),
            Self::Expiring { until, days } => format!("期限: {}、残り{days}日", day(*until)),
        };
        format!("{}（{detail}）", self.code().ja())
    }

    /// What is wrong and what to do, in English.
    #[must_use]
    pub fn en(&self) -> String {
        let detail = match self {
            Self::WrongKind { found } => format!("kind: {}", found.as_deref().unwrap_or("not stated")),
            Self::Expired { until } => format!("ended {}", day(*until)),
            Self::NotYetValid { from } => format!("begins {}", day(*from)),
            Self::WrongFacility { found, expected } => format!("certificate: {found}, settings: {expected}"),
            Self::Expiring { until, days } => format!("ends {}, {days} days left", day(*until)),
        };
        format!("{} ({detail})", self.code().en())
    }
}

impl std::fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.en())
    }
}

impl FacilityCertificate {
    /// All that is wrong with it at `now`; errors first, then warnings. `expected` is the facility's number in the
    /// settings, where it is known.
    #[must_use]
    pub fn check(&self, now: Timestamp, expected: Option<&str>) -> Vec<CertificateProblem> {
        let mut problems = Vec::new();
        if matches!(self.kind(), CertificateKind::Other(_)) {
            let found = Some(self.kind().unit().to_owned()).filter(|unit| !unit.is_empty());
            problems.push(CertificateProblem::WrongKind { found });
        }
        if let Some(expected) = expected.filter(|number| *number != self.facility()) {
            problems.push(CertificateProblem::WrongFacility {
                found: self.facility().to_owned(),
                expected: expected.to_owned(),
            });
        }
        problems.extend(self.check_time(now));
        problems
    }

    fn check_time(&self, now: Timestamp) -> Option<CertificateProblem> {
        let (from, until) = (self.valid_from(), self.valid_until());
        if now < from {
            return Some(CertificateProblem::NotYetValid { from });
        }
        if now > until {
            return Some(CertificateProblem::Expired { until });
        }
        let days = (until.as_second() - now.as_second()) / 86_400;
        (days < EXPIRY_NOTICE_DAYS).then_some(CertificateProblem::Expiring { until, days })
    }
}

/// The day in Japan, which is what the certificate's owner reads on a calendar.
fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(Offset::constant(9))).date().to_string()
}
