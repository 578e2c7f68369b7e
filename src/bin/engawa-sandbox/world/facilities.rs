//! Who takes part, and their staff.

use super::{Account, CLINIC, Facility, numbers};
use crate::digest::derive;

/// Folder, number without its check digit (or whole), kind, service kinds, name, staff as user id and job kind.
type Entry = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, Staff);
type Staff = &'static [(&'static str, &'static str)];

const ALL: [Entry; 11] = [
    (
        "clinic",
        CLINIC,
        "iryo",
        &["medical"],
        "架空内科クリニック",
        &[
            ("clinic-doctor", "doctor"),
            ("clinic-clerk", "clerk"),
            ("clinic-partner", "doctor"),
            ("clinic-locum", "doctor"),
        ],
    ),
    ("other-clinic", "9910000029", "iryo", &["medical"], "例示整形外科医院", &[("other-doctor", "doctor")]),
    (
        "office",
        "997000001",
        "kaigo-hoken",
        &["43"],
        "見本居宅介護支援事業所",
        &[("office-manager", "care_manager"), ("office-clerk", "clerk"), ("office-planner", "care_manager")],
    ),
    (
        "other-office",
        "997000007",
        "kaigo-hoken",
        &["43"],
        "架空ケアプランセンター",
        &[("other-office-manager", "care_manager")],
    ),
    ("centre", "990000005", "kaigo-hoken", &["46"], "例示地域包括支援センター", &[("centre-manager", "care_manager")]),
    ("dx", "997000002", "kaigo-dx", &["11", "A2"], "仮設訪問介護ステーション", &[("dx-staff", "care_worker")]),
    (
        "day-care",
        "997000003",
        "kaigo-hoken",
        &["15", "78", "A6"],
        "例示通所介護センター",
        &[("day-care-staff", "care_worker"), ("day-care-clerk", "clerk")],
    ),
    (
        "nursing",
        "997000004",
        "kaigo-dx",
        &["13", "63"],
        "架空訪問看護ステーション",
        &[("nursing-staff", "care_worker")],
    ),
    ("rental", "997000005", "kaigo-hoken", &["17", "67"], "見本福祉用具サービス", &[("rental-staff", "care_worker")]),
    (
        "short-stay",
        "997000006",
        "kaigo-hoken",
        &["21", "24"],
        "想定短期入所の家",
        &[("short-stay-staff", "care_worker")],
    ),
    (ABSENT, "997000008", "kaigo-hoken", &["15"], "未参加通所介護事業所", &[("absent-staff", "care_worker")]),
];

/// The office that does not take part.
const ABSENT: &str = "absent";

fn number(stem: &str) -> String {
    if stem.len() == 9 { numbers::office(stem) } else { stem.to_owned() }
}

/// Every office and clinic.
pub(super) fn facilities() -> Vec<Facility> {
    ALL.iter()
        .map(|(folder, stem, kind, service_kinds, name, _)| Facility {
            folder: (*folder).to_owned(),
            number: number(stem),
            kind: (*kind).to_owned(),
            service_kind: service_kinds.first().copied().unwrap_or_default().to_owned(),
            further_service_kinds: service_kinds.iter().skip(1).map(|&kind| kind.to_owned()).collect(),
            takes_part: *folder != ABSENT,
            name: (*name).to_owned(),
        })
        .collect()
}

/// Every member of staff, with a password of the seed's.
pub(super) fn accounts(seed: u64) -> Vec<Account> {
    let of = |stem: &str, (user_id, job_kind): &(&str, &str)| Account {
        user_id: (*user_id).to_owned(),
        facility: number(stem),
        job_kind: (*job_kind).to_owned(),
        password: format!("fictitious-{}", derive(seed, user_id, 0, 12)),
    };
    ALL.iter().flat_map(|(_, stem, .., staff)| staff.iter().map(move |one| of(stem, one))).collect()
}
