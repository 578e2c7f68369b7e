//! Every rule of the linter with a good and a bad case.

use std::collections::BTreeSet;
use std::io::Cursor;

use engawa::model::careplan::lint::*;
use engawa::model::careplan::{CodeTables, FileKind, FileName, Reader, codes, cp932};

use crate::careplan::fixtures;

pub(crate) type Files = Vec<(String, Vec<u8>)>;

struct Case {
    rule: Rule,
    dirs: &'static [&'static str],
    edit: Box<dyn Fn(&mut Files)>,
}

pub(crate) fn unit(dirs: &[&str]) -> Files {
    fixtures().into_iter().filter(|(dir, ..)| dirs.contains(&&**dir)).map(|(_, name, bytes)| (name, bytes)).collect()
}

pub(crate) fn lint(files: &Files) -> Findings {
    lint_with(files, &Settings::default())
}

fn lint_with(files: &Files, settings: &Settings) -> Findings {
    let files = files.iter().map(|(name, bytes)| (&**name, Cursor::new(bytes)));
    lint_set(files, settings).unwrap()
}

fn has(findings: &Findings, rule: Rule) -> bool {
    findings.list().iter().any(|finding| finding.rule == rule)
}

fn of<'f>(files: &'f mut Files, prefix: &str) -> &'f mut (String, Vec<u8>) {
    let kind = FileKind::parse(prefix).unwrap();
    files.iter_mut().find(|(name, _)| FileName::parse(name).is_ok_and(|name| name.kind == kind)).unwrap()
}

/// Puts raw bytes in the place of one field of one record (from 0).
pub(crate) fn replace(bytes: &[u8], row: usize, column: usize, raw: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(bytes);
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(record) = reader.next_record().unwrap() {
        for (place, field) in record.fields().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(if (at, place + 1) == (row, column) { raw } else { field.raw() });
        }
        out.extend_from_slice(record.end().bytes());
        at += 1;
    }
    out
}

fn set(files: &mut Files, prefix: &str, row: usize, item: &str, raw: &[u8]) {
    let column = FileKind::parse(prefix).unwrap().item(item).unwrap_or_else(|| panic!("{prefix} {item}")).number;
    let (_, bytes) = of(files, prefix);
    *bytes = replace(bytes, row, column, raw);
}

/// The records of a file as raw lines, to be shuffled.
fn rows(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let mut rows = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        rows.push([record.raw(), record.end().bytes()].concat());
    }
    rows
}

fn edit_rows(files: &mut Files, prefix: &str, edit: impl Fn(&mut Vec<Vec<u8>>)) {
    let (_, bytes) = of(files, prefix);
    let mut lines = rows(bytes);
    edit(&mut lines);
    *bytes = lines.concat();
}

fn rename(files: &mut Files, prefix: &str, from: &str, to: &str) {
    let (name, _) = of(files, prefix);
    assert!(name.contains(from));
    *name = name.replace(from, to);
}

fn case(rule: Rule, dirs: &'static [&'static str], edit: impl Fn(&mut Files) + 'static) -> Case {
    Case { rule, dirs, edit: Box::new(edit) }
}

/// One value in place of another.
fn value(
    rule: Rule,
    dir: &'static str,
    prefix: &'static str,
    row: usize,
    item: &'static str,
    raw: &'static [u8],
) -> Case {
    let dirs: &'static [&'static str] = DIRS.iter().find(|dirs| dirs[0] == dir).unwrap();
    case(rule, dirs, move |files| set(files, prefix, row, item, raw))
}

const DIRS: [&[&str]; 9] = [
    &["plan"],
    &["slip"],
    &["results"],
    &["preventive"],
    &["delete-plan"],
    &["delete-slip"],
    &["delete-results"],
    &["delete-base"],
    &["delete-preventive"],
];

fn bytes(rule: Rule, edit: impl Fn(&mut Vec<u8>) + 'static) -> Case {
    case(rule, &["delete-plan"], move |files| edit(&mut files[0].1))
}

fn name(rule: Rule, from: &'static str, to: &'static str) -> Case {
    case(rule, &["delete-plan"], move |files| rename(files, "DLT1KYO", from, to))
}

fn cases() -> Vec<Case> {
    [name_cases(), file_cases(), text_cases(), item_cases(), record_cases(), table_cases(), set_cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn name_cases() -> Vec<Case> {
    vec![
        name(Rule::NameUnknown, "DLT1KYO_", "PLAN1_"),
        name(Rule::NamePart, "_43_", "_4_"),
        name(Rule::NameTooMany, ".CSV", "_2.CSV"),
        case(Rule::NameEdition3, &["delete-plan"], |files| {
            files[0].0 = "DLT1KYO_9970000015_9970000023_20260502080000.CSV".to_owned();
        }),
        case(Rule::NameStrayMonth, &["preventive"], |files| rename(files, "UPKIHON", "UPKIHON_", "UPKIHON_000000_")),
        name(Rule::NameCase, ".CSV", ".csv"),
        name(Rule::NameKindUnknown, "_11_", "_XX_"),
        name(Rule::NameKindOutOfScope, "_11_", "_51_"),
        name(Rule::NameSides, "_43_", "_15_"),
        name(Rule::NameSameOffice, "9970000023", "9970000015"),
        name(Rule::NameCheckDigit, "9970000023", "9970000024"),
    ]
}

fn file_cases() -> Vec<Case> {
    vec![
        bytes(Rule::FileEmpty, Vec::clear),
        case(Rule::FileEmptyAnnex, &["preventive"], |files| of(files, "UPKIHON_SUB2").1.clear()),
        bytes(Rule::FileBom, |bytes| *bytes = [b"\xEF\xBB\xBF", bytes.as_slice()].concat()),
        bytes(Rule::FileUtf16, |bytes| *bytes = [b"\xFF\xFE", bytes.as_slice()].concat()),
        case(Rule::FileUtf8, &["plan"], |files| {
            let (_, bytes) = of(files, "UP1KYO");
            *bytes = cp932::decode(bytes).into_bytes();
        }),
        bytes(Rule::FileHeader, |bytes| {
            let header = cp932::encode("バージョン,保険者番号,被保険者番号,作成日\r\n").unwrap();
            *bytes = [header, bytes.clone()].concat();
        }),
        bytes(Rule::FileEndMark, |bytes| bytes.push(0x1A)),
        bytes(Rule::LineEndOther, |bytes| bytes.retain(|byte| *byte != b'\r')),
        case(Rule::LineEndMixed, &["plan"], |files| {
            edit_rows(files, "UP2KYO", |rows| {
                rows[1].pop();
            });
        }),
        bytes(Rule::LineEndMissing, |bytes| bytes.truncate(bytes.len() - 2)),
        bytes(Rule::LineEmpty, |bytes| bytes.extend_from_slice(b"\r\n")),
        bytes(Rule::RecordTooLong, |bytes| *bytes = vec![b'1'; (1 << 20) + 200_000]),
        case(Rule::QuoteUnclosed, &["plan"], |files| set(files, "UP2KYO", 1, "need", b"\"abc")),
        value(Rule::QuoteSingle, "plan", "UP2KYO", 1, "need", b"\"a\"b\""),
        value(Rule::QuoteStray, "plan", "UP2KYO", 1, "need", b"a\"b"),
        bytes(Rule::ColumnCount, |bytes| bytes.insert(0, b',')),
        case(Rule::ColumnsEdition3, &["slip"], |files| {
            edit_rows(files, "UPPLAN", |rows| {
                rows[0] = [&b"1,"[..]; 22].concat()[..43].iter().chain(b"\r\n").copied().collect();
            });
        }),
        value(Rule::TextBare, "plan", "UP2KYO", 0, "need", b"abc"),
        value(Rule::CodeQuoted, "plan", "UP2KYO", 0, "insurer_number", b"\"999995\""),
    ]
}

fn text_cases() -> Vec<Case> {
    let need = |rule, raw| value(rule, "plan", "UP2KYO", 0, "need", raw);
    vec![
        need(Rule::CharacterInvalid, b"\"a\xff\""),
        need(Rule::CharacterGaiji, b"\"\xf0\x40\""),
        need(Rule::CharacterControl, b"\"a\x0bb\""),
        need(Rule::CharacterOffHub, b"\"\xfb\xfc\""),
        need(Rule::CharacterHalfKana, b"\"\xb1\xb2\""),
        need(Rule::CharacterDuplicate, b"\"\x87\x9a\""),
        value(Rule::KanaOther, "slip", "UPHOSOKU", 0, "user_name_kana", b"\"\x8a\xbf\x8e\x9a\""),
    ]
}

fn item_cases() -> Vec<Case> {
    let slip = |rule, item, raw| value(rule, "slip", "UPPLAN", 0, item, raw);
    let annex = |rule, item, raw| value(rule, "slip", "UPSIKYU", 0, item, raw);
    let base = |rule, item, raw| value(rule, "preventive", "UPKIHON", 0, item, raw);
    let plan = |rule, item, raw| value(rule, "plan", "UP1KYO", 0, item, raw);
    vec![
        slip(Rule::ItemRequired, "service_date", b""),
        slip(Rule::ItemExpected, "care_management_office_code", b""),
        slip(Rule::ItemUnused, "record_identifier", b"1"),
        slip(Rule::ValueFullWidth, "units", b"\x82\x52\x82\x50"),
        slip(Rule::ValueSpaces, "units", b" 387"),
        slip(Rule::ValueSpreadsheet, "units", b"387.0"),
        annex(Rule::ValueDoubtful, "record_office_code", b"123"),
        slip(Rule::LengthExact, "provider_office_code", b"997000002"),
        slip(Rule::LengthTooLong, "units", b"1234567"),
        annex(Rule::LengthDoubtful, "short_stay_days_to_previous_month", b"123"),
        base(Rule::LengthUnit, "user_phone", b"\x82\x4f\x82\x4f\x82\x4f\x82\x4f\x82\x4f\x82\x4f\x82\x4f\x82\x4f"),
        slip(Rule::NumberInvalid, "times_per_day", b"x"),
        slip(Rule::NumberNegative, "units", b"-10"),
        annex(Rule::PriceInvalid, "unit_price", b"10"),
        value(Rule::OrdinalInvalid, "plan", "UP2KYO", 0, "need_no", b"0"),
        plan(Rule::CodeUnknown, "care_level", b"99"),
        base(Rule::CodeZeroDropped, "consultation_method", b"3"),
        slip(Rule::DateShape, "service_date", b"2026/5/4"),
        slip(Rule::DateInvalid, "service_date", b"20260532"),
        plan(Rule::DateImplausible, "certification_date", b"21990101"),
        slip(Rule::MonthInvalid, "target_month", b"202613"),
        slip(Rule::TimeInvalid, "service_start_time", b"2460"),
        slip(Rule::DaysInvalid, "daily_rate_days", b"0101"),
        slip(Rule::VersionUnknown, "csv_version", b"203001"),
        slip(Rule::VersionOld, "csv_version", b"202208"),
        slip(Rule::VersionTolerated, "csv_version", b"202410"),
        slip(Rule::InsurerCheckDigit, "insurer_number", b"999994"),
        slip(Rule::InsuredShape, "insured_number", b"X990000001"),
        slip(Rule::OfficeShape, "provider_office_code", b"99700000I3"),
        slip(Rule::OfficeCheckDigit, "provider_office_code", b"9970000024"),
        slip(Rule::ServiceShape, "service_code", b"1112"),
        slip(Rule::ServiceKindUnknown, "service_code", b"ZZ1211"),
        slip(Rule::ServiceOutOfScope, "service_code", b"511211"),
        value(Rule::EquipmentShape, "slip", "UPPLAN", 10, "tais_code", b"00001000010"),
        value(Rule::BranchShape, "results", "UPJSK", 5, "satellite_branch", b"A"),
        plan(Rule::PostalShape, "user_postal_code", b"0000001"),
        base(Rule::PhoneShape, "user_phone", b"000.0000"),
        base(Rule::ImageName, "family_diagram_file_name", b"\"family.jpg\""),
    ]
}

fn record_cases() -> Vec<Case> {
    let slip = |rule, row, item, raw| value(rule, "slip", "UPPLAN", row, item, raw);
    let annex = |rule, row, item, raw| value(rule, "slip", "UPSIKYU", row, item, raw);
    let plan = |rule, item, raw| value(rule, "plan", "UP1KYO", 0, item, raw);
    let supplement = |rule, item, raw| value(rule, "slip", "UPHOSOKU", 0, item, raw);
    let weekly = |rule, item, raw| value(rule, "plan", "UP3KYO", 0, item, raw);
    let results = |rule, item, raw| value(rule, "results", "UPJSK", 0, item, raw);
    vec![
        slip(Rule::VersionMixed, 3, "csv_version", b"202410"),
        case(Rule::VersionMonth, &["slip"], |files| {
            for row in 0..13 {
                set(files, "UPPLAN", row, "target_month", b"202503");
            }
        }),
        slip(Rule::MonthDiffers, 3, "target_month", b"202604"),
        slip(Rule::MonthsMixed, 3, "target_month", b"202604"),
        slip(Rule::DayOutsideMonth, 3, "service_date", b"20260401"),
        case(Rule::DaysBeyondMonth, &["slip"], |files| {
            for row in 0..13 {
                set(files, "UPPLAN", row, "target_month", b"202604");
            }
            set(files, "UPPLAN", 0, "daily_rate_days", b"0000000000000000000000000000001");
        }),
        plan(Rule::PeriodReversed, "certification_valid_to", b"20250331"),
        plan(Rule::DateOrder, "first_care_plan_date", b"20260501"),
        slip(Rule::TimeReversed, 0, "service_end_time", b"0800"),
        slip(Rule::TimeHalf, 0, "service_end_time", b"9999"),
        plan(Rule::DetailMissing, "housework_support_other_reason", b""),
        plan(Rule::DetailStray, "housework_support_reason", b"1"),
        slip(Rule::EquipmentMissing, 10, "tais_code", b""),
        slip(Rule::EquipmentBoth, 10, "equipment_notification_code", b"00001-000010"),
        slip(Rule::EquipmentStray, 0, "tais_code", b"00001-000010"),
        supplement(Rule::FrameGap, "kind_limit_3_service_kind", b"15"),
        supplement(Rule::FrameIncomplete, "kind_limit_1_total_units", b""),
        case(Rule::FrameRepeated, &["slip"], |files| {
            for (item, raw) in
                [("service_kind", &b"11"[..]), ("limit_units", b"1"), ("total_units", b"1"), ("over_units", b"0")]
            {
                set(files, "UPHOSOKU", 0, &format!("kind_limit_2_{item}"), raw);
            }
        }),
        supplement(Rule::FrameOver, "kind_limit_1_over_units", b"7"),
        weekly(Rule::RowSortMixed, "daily_activity", b"\"x\""),
        case(Rule::RowSortNone, &["plan"], |files| set(files, "UP3KYO", 3, "non_weekly_service", b"")),
        weekly(Rule::RowSortIncomplete, "weekday", b""),
        supplement(Rule::SupplementLink, "care_plan_date", b"20260418"),
        supplement(Rule::BenefitLimit, "benefit_limit_units", b"19706"),
        case(Rule::ShortStaySum, &["slip"], |files| {
            set(files, "UPHOSOKU", 0, "short_stay_days_to_previous_month", b"10");
            set(files, "UPHOSOKU", 0, "short_stay_days_cumulative", b"3");
        }),
        case(Rule::ShortStayFlag, &["slip"], |files| {
            set(files, "UPSIKYU", 0, "short_stay_days_cumulative", b"12");
            set(files, "UPSIKYU", 0, "over_30_days_flag", b"1");
        }),
        results(Rule::ProviderOther, "provider_office_code", b"9970000031"),
        results(Rule::ServiceKindOther, "service_code", b"151341"),
        results(Rule::UpdatedByOther, "updated_by_office_code", b"9970000015"),
        annex(Rule::AmountDiffers, 0, "service_units_amount", b"1549"),
        annex(Rule::LimitSplit, 0, "level_limit_over_units", b"5"),
        annex(Rule::CostSplit, 0, "insurance_claim_amount", b"5"),
    ]
}

fn table_cases() -> Vec<Case> {
    let annex = |rule, row, item, raw| value(rule, "slip", "UPSIKYU", row, item, raw);
    vec![
        case(Rule::RowRepeated, &["plan"], |files| edit_rows(files, "UP3KYO", |rows| rows.push(rows[0].clone()))),
        case(Rule::KeyRepeated, &["plan"], |files| edit_rows(files, "UP1KYO", |rows| rows.push(rows[0].clone()))),
        value(Rule::NumberRepeated, "plan", "UP2KYO", 1, "support_no", b"1"),
        case(Rule::OrderBroken, &["plan"], |files| edit_rows(files, "UP2KYO", |rows| rows.swap(0, 2))),
        value(Rule::FirstRowText, "preventive", "UPYOBO_SUB", 1, "overall_issue", b"\"x\""),
        case(Rule::DetailNumberMissing, &["slip"], |files| {
            edit_rows(files, "UPPLAN", |rows| rows.push(rows[10].clone()));
        }),
        case(Rule::TotalMissing, &["slip"], |files| edit_rows(files, "UPSIKYU", |rows| drop(rows.pop()))),
        case(Rule::TotalRepeated, &["slip"], |files| edit_rows(files, "UPSIKYU", |rows| rows.push(rows[5].clone()))),
        annex(Rule::TotalOffice, 5, "provider_office_code", b"9970000023"),
        case(Rule::SubtotalMissing, &["slip"], |files| edit_rows(files, "UPSIKYU", |rows| drop(rows.remove(2)))),
        annex(Rule::SubtotalStray, 2, "service_code", b"16AAAA"),
        annex(Rule::SubtotalUnits, 2, "units", b"5"),
        annex(Rule::SubtotalRate, 2, "discounted_units", b"5"),
        annex(Rule::TotalDiffers, 5, "covered_cost_total", b"5"),
        case(Rule::DestinationUnrelated, &["slip"], |files| {
            for row in [11, 12] {
                set(files, "UPPLAN", row, "provider_office_code", b"9970000031");
            }
        }),
    ]
}

fn set_cases() -> Vec<Case> {
    vec![
        case(Rule::UnitUnknown, &["plan"], |files| rename(files, "UP3KYO", "UP3KYO", "UPYOBO")),
        case(Rule::UnitIncomplete, &["plan"], |files| files.retain(|(name, _)| !name.starts_with("UP3KYO"))),
        case(Rule::UnitStamps, &["plan"], |files| rename(files, "UP3KYO", "20260420093000", "20260420093001")),
        case(Rule::UnitTwice, &["plan"], |files| {
            let copy = of(files, "UP3KYO").clone();
            files.push(copy);
        }),
        case(Rule::UnitMonths, &["slip"], |files| rename(files, "UPSIKYU", "202605_", "202606_")),
        case(Rule::UnitVersions, &["plan"], |files| {
            for row in 0..6 {
                set(files, "UP3KYO", row, "csv_version", b"202410");
            }
        }),
        case(Rule::ParentMissing, &["plan"], |files| set(files, "UP3KYO", 0, "care_plan_date", b"20260417")),
        case(Rule::ChildMissing, &["plan"], |files| edit_rows(files, "UPHOSOKU", |rows| drop(rows.pop()))),
        case(Rule::ImageMissing, &["preventive"], |files| files.retain(|(name, _)| !name.ends_with(".jpg"))),
        case(Rule::ImageUnused, &["preventive"], |files| set(files, "UPKIHON", 0, "family_diagram_file_name", b"")),
        case(Rule::ImageNotJpeg, &["preventive"], |files| of(files, "UPKIHON_IMAGE").1[0] = b'P'),
        case(Rule::SatelliteSplit, &["results"], |files| {
            let mut later = of(files, "UPJSK").clone();
            let lines = rows(&later.1);
            files[0].1 = lines[..5].concat();
            later = (later.0.replace("180000", "190000"), lines[5].clone());
            files.push(later);
        }),
        case(Rule::DeleteAfter, &["delete-plan"], |files| files.extend(unit(&["plan"]))),
        case(Rule::DeleteChildren, &["delete-plan"], |files| {
            let mut again = unit(&["plan"]);
            let (name, bytes) = of(&mut again, "UP2KYO").clone();
            files.push((name.replace("20260420093000", "20260510093000"), bytes));
        }),
        case(Rule::LimitExceeded, &["slip"], |files| set(files, "UPHOSOKU", 0, "benefit_limit_units", b"4000")),
        case(Rule::AnnexTimes, &["slip"], |files| edit_rows(files, "UPPLAN", |rows| drop(rows.remove(0)))),
        case(Rule::ResultBeyondPlan, &["slip", "results"], |files| set(files, "UPJSK", 0, "times_per_day", b"9")),
        case(Rule::ResultWithoutPlan, &["slip", "results"], |files| set(files, "UPJSK", 0, "service_code", b"111311")),
    ]
}

#[test]
fn docs() {
    crate::golden("docs/careplan-rules.md", &markdown());
}

#[test]
fn the_fixtures_are_without_findings() {
    for dirs in DIRS {
        let findings = lint(&unit(dirs));
        let sentences: Vec<String> = findings
            .list()
            .iter()
            .map(|f| format!("{} {:?} {} {:?}", f.file, f.line, f.en(), f.item.map(|i| i.name)))
            .collect();
        assert!(sentences.is_empty(), "{dirs:?}: {sentences:#?}");
        assert_eq!(findings.worst(), None);
    }
}

#[test]
fn every_rule_has_a_good_and_a_bad_case() {
    let mut shown = BTreeSet::new();
    for case in cases() {
        let mut files = unit(case.dirs);
        assert!(!has(&lint(&files), case.rule), "{}: the good case has it", case.rule);
        (case.edit)(&mut files);
        let findings = lint(&files);
        let rules: Vec<Rule> = findings.list().iter().map(|finding| finding.rule).collect();
        assert!(rules.contains(&case.rule), "{}: the bad case has {rules:?}", case.rule);
        assert!(findings.worst() <= Some(case.rule.severity()));
        shown.insert(case.rule);
    }
    // Archives have cases of their own.
    let wanted = Rule::ALL.iter().filter(|rule| rule.scope() != Scope::Archive);
    let missing: Vec<&Rule> = wanted.filter(|rule| !shown.contains(rule)).collect();
    assert!(missing.is_empty(), "rules without a case: {missing:?}");
}

#[test]
fn the_rule_table_is_sound() {
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        for text in [rule.ja(), rule.en()] {
            let known = text.replace("{item}", "").replace("{detail}", "");
            assert!(!known.contains(['{', '}']) && !text.is_empty(), "{rule}");
        }
        assert_eq!(rule.ja().contains("{item}"), rule.en().contains("{item}"), "{rule}");
        assert_eq!(rule.ja().contains("{detail}"), rule.en().contains("{detail}"), "{rule}");
        assert!(!rule.source().is_empty() && rule.ja().ends_with(['。', '）']) && rule.en().ends_with('.'), "{rule}");
        assert!(rule.name().bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'));
    }
}

/// No sentence keeps a brace, and no value of an item about a person is ever shown.
#[test]
fn findings_are_whole_sentences_without_person_data() {
    for case in cases() {
        let mut files = unit(case.dirs);
        (case.edit)(&mut files);
        for finding in lint(&files).list() {
            let json = serde_json::to_string(finding).unwrap();
            assert!(!finding.ja().contains('{') && !finding.en().contains('{'), "{json}");
            assert!(!finding.ja().contains("「」") && !finding.en().contains("``"), "{json}");
            assert!(!finding.ja().contains("（）") && !finding.en().contains("()"), "{json}");
            for person in ["手須戸", "テスト", "9900000001", "990000002", "19400211", "試験町"] {
                assert!(!json.contains(person), "{json}");
            }
        }
    }
}

#[test]
fn a_finding_says_where() {
    let mut files = unit(&["plan"]);
    set(&mut files, "UP1KYO", 0, "certification_valid_to", b"20250331");
    set(&mut files, "UP1KYO", 1, "care_level", b"99");
    let findings = lint(&files);
    let first = &findings.list()[0];
    let json = serde_json::to_value(first).unwrap();
    assert_eq!(json["code"], "PERIOD_REVERSED");
    assert_eq!(json["severity"], "likely_refused");
    assert_eq!(json["column"], 20);
    assert_eq!(json["line"], 1);
    assert_eq!(json["value"], serde_json::Value::Null);
    let second = &findings.list()[1];
    // The first record holds two line breaks inside its texts.
    assert_eq!((second.rule, second.line, second.column()), (Rule::CodeUnknown, Some(4), Some(21)));
    assert!(second.ja().contains("要介護状態区分"));
}

#[test]
fn a_line_is_that_of_the_value() {
    let mut files = unit(&["plan"]);
    set(&mut files, "UP1KYO", 0, "housework_support_reason", b"9");
    let findings = lint(&files);
    let finding = findings.list().iter().find(|finding| finding.rule == Rule::CodeUnknown).unwrap();
    assert_eq!(finding.line, Some(3));
}

#[test]
fn settings_choose_between_readings() {
    let mut files = unit(&["preventive"]);
    let wide = "０".repeat(15);
    set(&mut files, "UPKIHON", 0, "user_phone", &cp932::encode(&wide).unwrap());
    let with = |lengths| lint_with(&files, &Settings { lengths, ..Settings::default() });
    assert!(has(&with(LengthReading::Either), Rule::LengthUnit));
    assert!(has(&with(LengthReading::Bytes), Rule::LengthTooLong));
    let characters = with(LengthReading::Characters);
    assert!(!has(&characters, Rule::LengthUnit) && !has(&characters, Rule::LengthTooLong));
    let mut files = unit(&["plan"]);
    set(&mut files, "UP2KYO", 0, "need", b"\"\xb1\"");
    let allow = Settings { half_kana: KanaReading::Allow, ..Settings::default() };
    assert!(has(&lint(&files), Rule::CharacterHalfKana) && !has(&lint_with(&files, &allow), Rule::CharacterHalfKana));
    let codes = CodeTables::built_in().clone().with_version("202801", codes::VersionState::Current);
    let newer = Settings { codes, ..Settings::default() };
    assert!(has(&lint_with(&unit(&["plan"]), &newer), Rule::VersionTolerated));
}

#[test]
fn what_the_layout_leaves_in_doubt_never_refuses() {
    for (dir, prefix, item, raw) in [
        ("slip", "UPPLAN", "care_management_office_code", &b""[..]),
        ("slip", "UPPLAN", "care_manager_name", b""),
        ("slip", "UPPLAN", "units", b""),
        ("slip", "UPHOSOKU", "user_name", b""),
        ("slip", "UPHOSOKU", "user_birth_date", b""),
        ("slip", "UPSIKYU", "benefit_rate", b"1234567"),
        ("slip", "UPSIKYU", "short_stay_days_to_previous_month", b"12345"),
        ("slip", "UPSIKYU", "record_office_code", b"anything"),
        ("slip", "UPSIKYU", "entered_by_code", b"9999999999"),
        ("preventive", "UPKIHON", "entrustment", b""),
        ("preventive", "UPYOBO", "entrustment", b""),
        ("preventive", "UPYOBO_SUB", "need_no", b""),
        ("preventive", "UPYOBO_SUB", "need_no", b"1-a"),
    ] {
        let mut files = unit(&[dir]);
        set(&mut files, prefix, 0, item, raw);
        assert!(!lint(&files).is_refused(), "{prefix} {item}");
    }
}

#[test]
fn only_so_many_findings_are_kept_and_the_rest_is_counted() {
    let mut files = unit(&["slip"]);
    edit_rows(&mut files, "UPPLAN", |rows| {
        let row = rows[0].clone();
        rows.extend(std::iter::repeat_n(row, 50));
    });
    let findings = lint_with(&files, &Settings { max_findings: 10, ..Settings::default() });
    assert!(findings.list().len() <= 30 && findings.dropped() >= 40);
}
