//! The opinion: fixtures, tables, what is accepted and how it is written back.

use std::collections::BTreeSet;

use engawa::model::opinion::{
    self, Bpsd, ChoiceRow, Finding, Item, Kind, MediaType, NoneOr, Obligation, Opinion, OtherDepartments, PartialDate,
    Problem, Severity, Stability, parse,
};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

pub(crate) const TODAY: Date = date(2026, 6, 1);

pub(crate) const FIXTURES: [(&str, &str); 4] = [
    ("dementia", include_str!("../fixtures/opinion/dementia.json")),
    ("stroke", include_str!("../fixtures/opinion/stroke.json")),
    ("fracture", include_str!("../fixtures/opinion/fracture.json")),
    ("parkinson", include_str!("../fixtures/opinion/parkinson.json")),
];

pub(crate) fn fixture(name: &str) -> Value {
    let (_, text) = FIXTURES.iter().find(|(known, _)| *known == name).unwrap();
    serde_json::from_str(text).unwrap()
}

/// The fixture with members replaced; null removes one.
#[allow(clippy::needless_pass_by_value, reason = "called with json! values")]
pub(crate) fn changed(name: &str, changes: Value) -> Value {
    let mut values = fixture(name);
    let object = values.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    values
}

/// Every problem, whether it stopped the opinion or not.
pub(crate) fn problems(values: &Value) -> Vec<Problem> {
    match parse(values, &[], TODAY) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    }
}

pub(crate) fn read(values: &Value) -> Opinion {
    parse(values, &[], TODAY).unwrap_or_else(|problems| panic!("{problems:#?}")).opinion
}

#[test]
fn fixtures_are_accepted_without_a_word_and_written_back_as_they_were() {
    for (name, _) in FIXTURES {
        let values = fixture(name);
        assert_eq!(problems(&values), [], "{name}");
        let written = read(&values).to_values();
        assert_eq!(Value::Object(written.clone()), values, "{name}");
        let order: Vec<Item> = written.keys().map(|name| Item::parse(name).unwrap()).collect();
        assert!(order.is_sorted(), "{name}");
    }
}

#[test]
fn the_fixtures_use_every_item_but_those_of_the_institutions_numbers() {
    let used: BTreeSet<String> = FIXTURES
        .iter()
        .flat_map(|(name, _)| fixture(name).as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    let unused: Vec<&str> = Item::ALL.iter().map(|item| item.name()).filter(|name| !used.contains(*name)).collect();
    assert_eq!(
        unused,
        [
            "institution_office_number",
            "medical_institution_code",
            "sent_date",
            "doctor_number",
            "institution_postal_code",
            "paralysis_left_arm_degree",
            "paralysis_left_leg",
            "paralysis_left_leg_degree",
        ]
    );
}

#[test]
fn the_form_arrives_as_types() {
    let dementia = read(&fixture("dementia"));
    assert_eq!(dementia.insurer_number(), "999995");
    assert_eq!(dementia.insured_number(), "9900000001");
    assert_eq!(dementia.request_number(), "T-001");
    assert_eq!(dementia.form_version(), "from_2026_04");
    assert!(
        matches!(&dementia.mind().bpsd, Some(Bpsd::Present { symptoms, other: None }) if symptoms.iter().count() == 3)
    );
    assert_eq!(dementia.disease().first.onset, Some(PartialDate::Month { year: 2020, month: 4, approximate: true }));

    let stroke = read(&fixture("stroke"));
    assert_eq!(stroke.form_version(), "until_2026_03");
    assert!(matches!(stroke.body().paralysis.right_arm, Finding::Yes(Some(opinion::Degree::Severe))));
    assert_eq!(stroke.body().paralysis.left_arm, Finding::No);
    assert_eq!(stroke.body().paralysis.left_leg, Finding::NotStated);
    assert!(matches!(&stroke.header().other_departments, OtherDepartments::Present { other: Some(_), .. }));

    let parkinson = read(&fixture("parkinson"));
    assert!(matches!(&parkinson.disease().stability, Some(Stability::Unstable { detail: Some(_) })));
    assert_eq!(parkinson.life().walking_aids, Some(NoneOr::None));
    assert_eq!(parkinson.header().age(), 59);
}

#[test]
fn due_thirty_days_after_application_else_request_else_entry() {
    let due = |changes| read(&changed("dementia", changes)).due_date();
    assert_eq!(due(json!({})), Some(date(2026, 6, 6)));
    assert_eq!(due(json!({"application_date": null})), Some(date(2026, 6, 8)));
    assert_eq!(due(json!({"application_date": null, "request_date": null})), Some(date(2026, 6, 20)));
}

#[test]
fn null_is_absent_and_order_does_not_matter() {
    let plain = fixture("dementia");
    let mut nulled = plain.clone();
    let object = nulled.as_object_mut().unwrap();
    for item in Item::ALL {
        object.entry(item.name()).or_insert(Value::Null);
    }
    assert_eq!(read(&nulled), read(&plain));

    let mut members: Vec<(String, Value)> = plain.as_object().unwrap().clone().into_iter().rev().collect();
    for (_, value) in &mut members {
        if let Some(list) = value.as_array_mut() {
            list.reverse();
        }
    }
    let reversed = Value::Object(members.into_iter().collect());
    assert_eq!(
        serde_json::to_string(&read(&reversed).to_values()).unwrap(),
        serde_json::to_string(&read(&plain).to_values()).unwrap()
    );
}

#[test]
fn age_is_computed_and_a_stated_one_only_compared() {
    let absent = read(&changed("dementia", json!({"age": null})));
    assert_eq!(absent.to_values()["age"], json!(87));
    let wrong = changed("dementia", json!({"age": 86}));
    assert_eq!(read(&wrong).to_values()["age"], json!(87));
    assert_eq!(opinion::age_on(date(1940, 2, 29), date(2026, 2, 28)), 85);
    assert_eq!(opinion::age_on(date(1940, 2, 29), date(2026, 3, 1)), 86);
}

#[test]
fn windows_line_ends_become_plain_ones_in_items_of_many_lines_only() {
    let values = changed("dementia", json!({"special_notes": "一行目\r\n二行目"}));
    assert_eq!(read(&values).to_values()["special_notes"], json!("一行目\n二行目"));
    let values = changed("dementia", json!({"risk_policy": "一行目\n二行目"}));
    assert_eq!(problems(&values)[0].code.name(), "CONTROL_CHARACTER");
}

#[test]
fn a_refusal_names_everything_in_form_order_and_unknown_names_last() {
    let values = changed(
        "dementia",
        json!({
            "zzz/~": 1, "aaa": 1, "special_notes": 5, "insurer_number": null, "eating": "maybe",
            "bpsd_symptoms": ["delusion", "wandering", "nonsense", "delusion"], "entry_date": "2026-5-21", "wheelchair": null,
        }),
    );
    let found: Vec<_> = parse(&values, &[], TODAY)
        .unwrap_err()
        .into_iter()
        .map(|problem| (problem.pointer, problem.code.name(), problem.severity))
        .collect();
    let expected = [
        ("/insurer_number", "ITEM_REQUIRED", Severity::Error),
        ("/entry_date", "DATE_INVALID", Severity::Error),
        ("/bpsd_symptoms/2", "CHOICE_UNKNOWN", Severity::Error),
        ("/bpsd_symptoms/3", "CHOICE_DUPLICATE", Severity::Error),
        ("/wheelchair", "ITEM_EXPECTED", Severity::Warning),
        ("/eating", "CHOICE_UNKNOWN", Severity::Error),
        ("/special_notes", "ITEM_TYPE", Severity::Error),
        ("/aaa", "ITEM_UNKNOWN", Severity::Error),
        ("/zzz~1~0", "ITEM_UNKNOWN", Severity::Error),
    ];
    assert_eq!(found, expected.map(|(pointer, code, severity)| (pointer.to_owned(), code, severity)));
}

#[test]
fn something_else_than_an_object_is_one_problem() {
    for values in [json!(null), json!([]), json!("x"), json!(7)] {
        let found = parse(&values, &[], TODAY).unwrap_err();
        assert_eq!((found.len(), found[0].pointer.as_str(), found[0].code.name()), (1, "", "ITEM_TYPE"));
        assert!(!found[0].ja.contains('{') && !found[0].en.contains('{'));
    }
}

#[test]
fn an_empty_object_lacks_exactly_the_required_items() {
    let found = parse(&json!({}), &[], TODAY).unwrap_err();
    let missing: Vec<&str> =
        found.iter().filter(|problem| problem.is_error()).map(|problem| &problem.pointer[1..]).collect();
    let required: Vec<&str> = opinion::items()
        .iter()
        .filter(|row| row.obligations == [Obligation::Required; 2])
        .map(|row| row.name)
        .collect();
    assert_eq!(missing, required);
    assert_eq!(required.len(), 18);
}

#[test]
fn a_foreign_document_does_not_get_a_sentence_for_every_member() {
    let values: Value =
        (0..5000).map(|at| (format!("member{at}"), json!(at))).collect::<serde_json::Map<_, _>>().into();
    assert!(parse(&values, &[], TODAY).unwrap_err().len() < 200);
}

#[test]
fn items_match_the_table() {
    let rows = opinion::items();
    assert_eq!(rows.len(), Item::ALL.len());
    for (item, row) in Item::ALL.iter().zip(rows) {
        let camel: String = row.name.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        assert_eq!(format!("{item:?}"), camel);
        assert_eq!(Item::parse(row.name), Some(*item));
        let is_text = matches!(row.kind, Kind::Text | Kind::Lines);
        assert_eq!(row.max > 0, is_text, "{}", row.name);
        let is_choice = matches!(row.kind, Kind::Choice | Kind::Choices);
        assert_eq!(opinion::choices().iter().any(|choice| choice.list == row.list), is_choice, "{}", row.name);
        assert!(!row.label.is_empty() && !row.place.is_empty(), "{}", row.name);
    }
}

#[test]
fn choices_match_the_table() {
    let typed = opinion::typed_lists();
    let lists: BTreeSet<&str> = opinion::choices().iter().map(|choice| choice.list).collect();
    assert_eq!(lists, typed.iter().map(|(list, _)| *list).collect());
    let used: BTreeSet<&str> = opinion::items().iter().map(|row| row.list).filter(|list| !list.is_empty()).collect();
    assert_eq!(lists, used);
    for (list, codes) in typed {
        let rows = opinion::choices().iter().filter(|choice| choice.list == list);
        let (alone, table): (Vec<&ChoiceRow>, Vec<&ChoiceRow>) = rows.partition(|choice| choice.excludes_others);
        assert_eq!(table.iter().map(|choice| choice.code).collect::<Vec<_>>(), codes, "{list}");
        assert!(alone.iter().all(|choice| choice.code == "none"), "{list}");
        assert!(codes.len() <= 32, "{list}");
    }
}

#[test]
fn problem_codes_are_unique_and_their_sentences_end() {
    let names: BTreeSet<&str> = opinion::ProblemCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), opinion::ProblemCode::ALL.len());
    for code in opinion::ProblemCode::ALL {
        assert!(code.ja().ends_with('。') && code.en().ends_with('.'), "{code}");
    }
}

#[test]
fn a_problem_is_written_with_its_code_by_name() {
    let found = problems(&changed("dementia", json!({"applicant_name": "髙木 春子"})));
    assert_eq!(
        serde_json::to_value(&found[0]).unwrap(),
        json!({
            "pointer": "/applicant_name",
            "code": "CHARACTER_UNSUPPORTED",
            "severity": "error",
            "detail": "「申請者氏名」の「髙」（U+9AD9）は送り先で扱えない文字です。候補などから代わりの文字を選び、substitutions で指定してください。",
            "detail_en": "`applicant_name` holds \"髙\" (U+9AD9), which the destination cannot hold. Choose a substitute (see the candidates) and state it in `substitutions`.",
            "character": "髙",
            "candidates": ["高"],
        })
    );
}

#[test]
fn the_page_matches_the_tables() {
    crate::golden("docs/opinion.md", &opinion::markdown());
}

#[test]
fn media_types_are_known_by_content() {
    assert_eq!(MediaType::sniff(b"%PDF-1.7\n"), Some(MediaType::Pdf));
    assert_eq!(MediaType::sniff(b"\xef\xbb\xbf%PDF-1.4\n%abc"), Some(MediaType::Pdf));
    assert_eq!(MediaType::sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(MediaType::Png));
    assert_eq!(MediaType::sniff(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some(MediaType::Jpeg));
    for other in
        [&b""[..], b"%PDF", b"MZ\x90\0", b"PK\x03\x04", b"GIF89a", b"<!DOCTYPE html>", b"\x89PNG\n", &[b' '; 12]]
    {
        assert_eq!(MediaType::sniff(other), None);
    }
    assert_eq!(MediaType::sniff(b"0123456789abcdef%PDF-1.7"), None, "a header beyond the window is no header");
    assert_eq!(MediaType::Pdf.name(), "application/pdf");
}
