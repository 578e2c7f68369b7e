//! Makes valid files of every kind from a seed, byte by byte: it knows the layouts, not the writer under test.

use std::collections::BTreeMap;

use engawa::model::careplan::layout::{Condition, Need, RowSort, Type};
use engawa::model::careplan::{CodeTables, FileKind, Item};

/// Numbers from a seed (SplitMix64): the same in every run.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// How freely the bytes are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As the standard wants it: no finding at all.
    Clean,
    /// Everything that a reader must take: any quoting, any line end, second codes of CP932.
    Wild,
}

pub(crate) const CARE_OFFICE: &str = "9970000015";
pub(crate) const OFFICES: [&str; 3] = ["9970000023", "9970000031", "9970000049"];
pub(crate) const MONTH: &str = "202605";

/// A name that the file of a kind may have.
pub(crate) fn name(kind: FileKind) -> String {
    let plan = format!("{CARE_OFFICE}_43_{}_11_20260520101010", OFFICES[0]);
    let result = format!("{}_11_{CARE_OFFICE}_43_20260601101010", OFFICES[0]);
    match kind {
        FileKind::Supplement | FileKind::Slip | FileKind::SlipAnnex | FileKind::SlipDelete => {
            format!("{kind}_{MONTH}_{plan}.CSV")
        }
        FileKind::Results | FileKind::ResultsDelete => format!("{kind}_{MONTH}_{result}.CSV"),
        FileKind::BaseImage => format!("{kind}_{plan}_0001.jpg"),
        _ => format!("{kind}_{plan}.CSV"),
    }
}

/// Text in CP932, as single characters: kanji of all three rows, kana, marks. None is a separator.
const CHARACTERS: [&[u8]; 14] = [
    b"\x8a\xbf",
    b"\x8e\x9a",
    b"\x83\x65",
    b"\x83\x58",
    b"\x82\xa0",
    b"\x81\x5c",
    b"A",
    b"7",
    b" ",
    b"\x81\x40",
    b"\x94\xcd",
    b"\x95\x5c",
    b"\x83\x5c",
    b"\x88\xf3",
];
/// Second codes and characters that only CP932 has.
const WILD: [&[u8]; 8] =
    [b"\xed\x40", b"\xee\xfc", b"\xfa\x5c", b"\x87\x40", b"\x87\x9a", b"\x81\xca", b"\xb1", b"\xee\xf9"];

pub(crate) fn text(draw: &mut Draw, manner: Manner) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..=draw.below(12) {
        match draw.below(24) {
            0 => text.extend_from_slice(b","),
            1 => text.extend_from_slice(b"\""),
            2 => text.extend_from_slice(b"\r\n"),
            3 if manner == Manner::Wild => text.extend_from_slice(b"\n"),
            4 if manner == Manner::Wild => text.extend_from_slice(b"\r"),
            5..=8 if manner == Manner::Wild => text.extend_from_slice(draw.pick(&WILD)),
            _ => text.extend_from_slice(draw.pick(&CHARACTERS)),
        }
    }
    // Nobody begins or ends a text with a blank or a line break by purpose.
    text.insert(0, b'x');
    text.push(b'x');
    text
}

/// A value of the item's type, whatever the record.
pub(crate) fn value(item: &Item, draw: &mut Draw, manner: Manner) -> Vec<u8> {
    let max = item.length.map_or(0, |length| length.max);
    let written = match item.kind {
        Type::Version => "202407".to_owned(),
        Type::Insurer => "999995".to_owned(),
        Type::Insured => format!("{}{:09}", draw.pick(&["9", "H"]), draw.below(1_000_000_000)),
        Type::Office => draw.pick(&OFFICES).to_owned(),
        Type::Code => {
            let list = CodeTables::built_in().list(item.codes);
            let codes: Vec<&str> =
                list.codes.iter().filter(|code| code.attribute != "out").map(|code| &*code.code).collect();
            draw.pick(&codes).to_owned()
        }
        Type::Date => format!("{}{:02}{:02}", 1990 + draw.below(36), 1 + draw.below(12), 1 + draw.below(28)),
        Type::Month => MONTH.to_owned(),
        Type::Time | Type::TimeOrNone => format!("{:02}{:02}", draw.below(24), draw.below(60)),
        Type::Days => (0..31).map(|_| draw.pick(&['0', '1'])).collect(),
        Type::Number | Type::Signed => draw.below(10usize.pow(u32::try_from(max.min(6)).unwrap())).to_string(),
        Type::Price => format!("{:02}.{:02}", 10 + draw.below(2), draw.below(100)),
        Type::Ordinal => (1 + draw.below(99)).to_string(),
        Type::Service | Type::RowCode => {
            format!("{}{:04}", draw.pick(&["11", "15", "16", "78"]), 1000 + draw.below(9000))
        }
        Type::Equipment => format!("{:05}-{:06}", draw.below(100_000), draw.below(1_000_000)),
        Type::Branch => (1 + draw.below(9)).to_string(),
        Type::Entry => String::new(),
        Type::Postal => format!("{:03}-{:04}", draw.below(1000), draw.below(10_000)),
        Type::Phone => format!("000-0000-{:04}", draw.below(10_000)),
        Type::Kana => return b"\x83\x65\x83\x58\x83\x67\x81\x40\x83\x6e\x83\x8b\x83\x52".to_vec(),
        Type::Image => return b"UPKIHON_IMAGE_9970000015_43_9970000023_11_20260520101010_0001.jpg".to_vec(),
        Type::Text => return text(draw, manner),
        Type::Unused => String::new(),
    };
    written.into_bytes()
}

/// The values of one record by item name; a missing one is empty.
pub(crate) type Values = BTreeMap<&'static str, Vec<u8>>;

/// Values of the `number`-th record, consistent with each other and with the rest of the file.
pub(crate) fn values(kind: FileKind, number: usize, draw: &mut Draw, manner: Manner) -> Values {
    let mut values = Values::new();
    let sort = draw.pick(&[RowSort::Service, RowSort::Activity, RowSort::Outside]);
    for item in kind.items() {
        let wanted = match item.condition {
            Condition::Row(of) => of == sort,
            Condition::None | Condition::AsAbove | Condition::ZeroWithPlan | Condition::ZeroWithSlip => {
                item.need == Need::Required || !draw.one_in(4)
            }
            _ => false,
        };
        if wanted {
            values.insert(item.name, value(item, draw, manner));
        }
    }
    let mut set = |name: &'static str, value: &str| {
        if kind.item(name).is_some() {
            values.insert(name, value.as_bytes().to_vec());
        }
    };
    set("insured_number", &format!("99{number:08}"));
    for (name, date) in DATES {
        set(name, date);
    }
    set("updated_by_office_code", if kind == FileKind::Results { OFFICES[0] } else { CARE_OFFICE });
    set("provider_office_code", OFFICES[0]);
    set("certification_status", "2");
    set("care_level", if kind == FileKind::Base { "12" } else { "22" });
    set("benefit_limit_units", "19705");
    for name in ["need_no", "goal_no", "support_no", "support_plan_no", "service_no"] {
        set(name, "1");
    }
    for (name, time) in [("service_start_time", "0900"), ("service_end_time", "1000")] {
        if sort == RowSort::Service || kind != FileKind::Plan3 {
            set(name, time);
        }
    }
    if kind == FileKind::Plan3 && sort == RowSort::Activity {
        set("activity_start_time", "1200");
        set("activity_end_time", "1230");
    }
    special(kind, &mut values, draw, manner);
    values
}

const DATES: [(&str, &str); 19] = [
    ("care_plan_date", "20260418"),
    ("first_care_plan_date", "20240610"),
    ("first_plan_date", "20240610"),
    ("document_date", "20260418"),
    ("consultation_date", "20260410"),
    ("previous_consultation_date", "20250410"),
    ("consent_date", "20260410"),
    ("user_birth_date", "19400211"),
    ("certification_date", "20260315"),
    ("certification_valid_from", "20260401"),
    ("certification_valid_to", "20280331"),
    ("limit_applies_from", "20260401"),
    ("limit_applies_to", "20280331"),
    ("care_level_changed_on", "20260401"),
    ("checklist_date", "20260409"),
    ("target_month", MONTH),
    ("service_date", "20260511"),
    ("over_30_days_flag", "0"),
    ("times_per_day", "1"),
];

fn special(kind: FileKind, values: &mut Values, draw: &mut Draw, manner: Manner) {
    let is =
        |values: &Values, name: &str, wanted: &str| values.get(name).is_some_and(|value| value == wanted.as_bytes());
    match kind {
        FileKind::Supplement => {
            values.insert("care_plan_date", b"00000000".to_vec());
            values.insert("short_stay_days_to_previous_month", b"3".to_vec());
            values.insert("short_stay_days_cumulative", b"5".to_vec());
            values.insert("kind_limit_total_over_units", b"0".to_vec());
        }
        FileKind::Plan1 if is(values, "housework_support_reason", "3") => {
            values.insert("housework_support_other_reason", text(draw, manner));
        }
        FileKind::Slip | FileKind::Results => {
            values.insert("service_code", b"111211".to_vec());
            values.insert("times_per_day", b"1".to_vec());
        }
        FileKind::SlipAnnex => annex(values),
        FileKind::Base => {
            if is(values, "consultation_method", "03") {
                values.insert("consultation_method_other", text(draw, manner));
            }
            if is(values, "user_current_situation", "02") {
                values.insert("user_current_situation_note", text(draw, manner));
            }
        }
        FileKind::ResultsDelete => {
            values.insert("service_kind", b"11".to_vec());
        }
        _ => {}
    }
}

/// A detail row whose amounts fit each other.
fn annex(values: &mut Values) {
    let amounts = [
        ("service_code", "111211"),
        ("units", "387"),
        ("times_or_days", "4"),
        ("service_units_amount", "1548"),
        ("benefit_management_units", "1548"),
        ("kind_limit_over_units", ""),
        ("kind_limit_within_units", ""),
        ("level_limit_over_units", "0"),
        ("level_limit_within_units", "1548"),
        ("unit_price", "10.00"),
        ("covered_cost_total", "15480"),
        ("benefit_rate", "90"),
        ("insurance_claim_amount", "13932"),
        ("fixed_user_charge_unit_amount", ""),
        ("user_charge_covered", "1548"),
        ("user_charge_full", "0"),
        ("short_stay_days_to_previous_month", ""),
        ("short_stay_planned_days_this_month", ""),
        ("short_stay_days_cumulative", ""),
        ("record_office_code", "9999999999"),
    ];
    for (name, amount) in amounts {
        values.insert(name, amount.as_bytes().to_vec());
    }
}

/// The grand total of a generated detail row.
fn total(detail: &Values) -> Values {
    let mut total = detail.clone();
    for (name, value) in [
        ("service_code", "999999"),
        ("provider_office_code", "9999999999"),
        ("units", "0"),
        ("times_or_days", "0"),
        ("unit_price", ""),
        ("benefit_rate", ""),
        ("discounted_rate", ""),
        ("discounted_units", ""),
    ] {
        total.insert(name, value.as_bytes().to_vec());
    }
    total
}

/// The records of a file of `users` persons.
pub(crate) fn records(kind: FileKind, users: usize, draw: &mut Draw, manner: Manner) -> Vec<Values> {
    let mut records = Vec::new();
    for number in 0..users {
        let record = values(kind, number, draw, manner);
        if kind == FileKind::SlipAnnex {
            let total = total(&record);
            records.extend([record, total]);
        } else {
            records.push(record);
        }
    }
    records
}

/// One value as it stands in a file.
pub(crate) fn quoted(item: &Item, value: &[u8], draw: &mut Draw, manner: Manner) -> Vec<u8> {
    let needs = value.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    let quote = match manner {
        Manner::Clean => item.kind.is_quoted(),
        Manner::Wild => needs || draw.one_in(2),
    };
    if !quote {
        return value.to_vec();
    }
    let mut out = vec![b'"'];
    for &byte in value {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

/// The bytes of a file.
pub(crate) fn file(kind: FileKind, records: &[Values], draw: &mut Draw, manner: Manner) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, record) in records.iter().enumerate() {
        for item in kind.items() {
            if item.number > 1 {
                out.push(b',');
            }
            let value = record.get(item.name).map_or(&b""[..], |value| value);
            out.extend(quoted(item, value, draw, manner));
        }
        let last = at + 1 == records.len();
        let end: &[u8] = match manner {
            Manner::Clean => b"\r\n",
            Manner::Wild if last && draw.one_in(2) => b"",
            Manner::Wild => draw.pick(&[&b"\r\n"[..], b"\n", b"\r"]),
        };
        out.extend_from_slice(end);
    }
    out
}
