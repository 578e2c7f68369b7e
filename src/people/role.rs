//! Roles: what people may do, and what the hub calls them. Whatever is not in the table is denied.

use std::collections::BTreeSet;

use crate::order;
use crate::terminal::Right;

/// What somebody is in the office.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// 管理者
    Administrator,
    /// 介護支援専門員
    CareManager,
    /// 事務
    Clerk,
    /// 医師
    Doctor,
    /// 保守業者
    Vendor,
}

/// What is laid down for a role.
struct Line {
    role: Role,
    name: &'static str,
    ja: &'static str,
    en: &'static str,
    rights: &'static [Right],
    /// The hub's words for the jobs that fit (`job_kind` of a log-in there); none: not somebody who has an account at the hub.
    job_kinds: &'static [&'static str],
}

/// An administrator sees how submissions are doing, which tells nothing of the people they are about, and no more: `manage` would show
/// whom an identification found, and in whose words a municipality returned an opinion. Whoever has both tasks in a small office has
/// two accounts. (An administrator can make keys with any right; that is an act in the trail.) Raw card commands are for software; no
/// role has them.
const TABLE: [Line; 5] = [
    Line {
        role: Role::Administrator,
        name: "administrator",
        ja: "管理者",
        en: "administrator",
        rights: &[Right::Read, Right::Admin],
        job_kinds: &[],
    },
    Line {
        role: Role::CareManager,
        name: "care-manager",
        ja: "介護支援専門員",
        en: "care manager",
        rights: &[Right::Submit, Right::Read, Right::Manage, Right::Receive, Right::Card],
        job_kinds: &["care_manager"],
    },
    Line {
        role: Role::Clerk,
        name: "clerk",
        ja: "事務",
        en: "clerk",
        rights: &[Right::Submit, Right::Read, Right::Manage, Right::Receive, Right::Card],
        job_kinds: &["clerk", "care_worker"],
    },
    Line {
        role: Role::Doctor,
        name: "doctor",
        ja: "医師",
        en: "doctor",
        rights: &[Right::Submit, Right::Read, Right::Manage, Right::Card],
        job_kinds: &["doctor"],
    },
    Line {
        role: Role::Vendor, name: "vendor", ja: "保守業者", en: "maintenance vendor", rights: &[], job_kinds: &[]
    },
];

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Administrator, Self::CareManager, Self::Clerk, Self::Doctor, Self::Vendor];

    const fn line(self) -> &'static Line {
        let [administrator, care_manager, clerk, doctor, vendor] = &TABLE;
        match self {
            Self::Administrator => administrator,
            Self::CareManager => care_manager,
            Self::Clerk => clerk,
            Self::Doctor => doctor,
            Self::Vendor => vendor,
        }
    }

    /// The name on the wire, in the store and in the trail.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.line().name
    }

    /// What people call it in Japanese.
    #[must_use]
    pub const fn ja(self) -> &'static str {
        self.line().ja
    }

    /// What people call it in English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        self.line().en
    }

    /// What it may do, if the terminal may as well.
    #[must_use]
    pub fn rights(self) -> BTreeSet<Right> {
        order::set(self.line().rights.iter().copied())
    }

    /// The hub's words for the jobs that fit; none: the role has no account there.
    #[must_use]
    pub const fn job_kinds(self) -> &'static [&'static str] {
        self.line().job_kinds
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.name == name).map(|line| line.role)
    }
}
