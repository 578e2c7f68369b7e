//! Every rule broken once names exactly the item, and nothing else.

use engawa::model::opinion::{Level, ProblemCode, Severity, parse};
use serde_json::{Value, json};

use crate::opinion::{TODAY, changed, fixture, problems};

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;

struct Case(&'static str, Value, &'static str, &'static str, Severity);

#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let long = |count: usize| "あ".repeat(count);
    vec![
        // Types and forms.
        Case("dementia", json!({"applicant_name": 5}), "/applicant_name", "ITEM_TYPE", E),
        Case("dementia", json!({"applicant_sex": true}), "/applicant_sex", "ITEM_TYPE", E),
        Case("dementia", json!({"special_procedures": "dialysis"}), "/special_procedures", "ITEM_TYPE", E),
        Case("dementia", json!({"catheter_care": "yes"}), "/catheter_care", "ITEM_TYPE", E),
        Case("dementia", json!({"entry_date": 20260521}), "/entry_date", "ITEM_TYPE", E),
        Case("dementia", json!({"diagnosis_1_onset": "2020"}), "/diagnosis_1_onset", "ITEM_TYPE", E),
        Case("dementia", json!({"height_cm": "149"}), "/height_cm", "ITEM_TYPE", E),
        Case("dementia", json!({"age": "87"}), "/age", "AGE_DIFFERS", W),
        Case("dementia", json!({"electronic_signature": "x"}), "/electronic_signature", "ITEM_UNKNOWN", E),
        Case(
            "dementia",
            json!({"diagnosis_1_onset": {"precision": "unknown", "era": "r"}}),
            "/diagnosis_1_onset/era",
            "ITEM_UNKNOWN",
            E,
        ),
        Case("dementia", json!({"applicant_sex": "other"}), "/applicant_sex", "CHOICE_UNKNOWN", E),
        Case("dementia", json!({"form_version": "from_2027_04"}), "/form_version", "CHOICE_UNKNOWN", E),
        Case("dementia", json!({"bedridden_degree": "not_stated"}), "/bedridden_degree", "CHOICE_UNKNOWN", E),
        Case(
            "dementia",
            json!({"medical_management": ["home_nursing", "nurse_visit_consultation"]}),
            "/medical_management/1",
            "CHOICE_UNKNOWN",
            E,
        ),
        Case("dementia", json!({"special_responses": [3]}), "/special_responses/0", "CHOICE_UNKNOWN", E),
        Case(
            "dementia",
            json!({"risk_conditions": ["wandering", "wandering"]}),
            "/risk_conditions/1",
            "CHOICE_DUPLICATE",
            E,
        ),
        Case("dementia", json!({"walking_aids": ["none", "none"]}), "/walking_aids/1", "CHOICE_DUPLICATE", E),
        Case(
            "dementia",
            json!({"special_responses": ["x", "x", "x", "x", "x", "x", "x"]}),
            "/special_responses",
            "LIST_TOO_LONG",
            E,
        ),
        Case("dementia", json!({"applicant_name": "　 "}), "/applicant_name", "TEXT_EMPTY", E),
        Case("dementia", json!({"nutrition_note": ""}), "/nutrition_note", "TEXT_EMPTY", E),
        Case("dementia", json!({"applicant_name": long(41)}), "/applicant_name", "TEXT_LONG", W),
        Case("dementia", json!({"applicant_name": long(161)}), "/applicant_name", "TEXT_TOO_LONG", E),
        Case("parkinson", json!({"bpsd_other_text": long(100)}), "/bpsd_other_text", "TEXT_LONG", W),
        Case("parkinson", json!({"bpsd_other_text": long(101)}), "/bpsd_other_text", "TEXT_TOO_LONG", E),
        Case("dementia", json!({"course_and_treatment": long(561)}), "/course_and_treatment", "TEXT_LONG", W),
        Case("dementia", json!({"special_notes": long(4001)}), "/special_notes", "TEXT_TOO_LONG", E),
        Case("dementia", json!({"doctor_name": "手本\t医師"}), "/doctor_name", "CONTROL_CHARACTER", E),
        Case("dementia", json!({"special_notes": "一\r二"}), "/special_notes", "CONTROL_CHARACTER", E),
        Case("dementia", json!({"doctor_name": "𠮷野"}), "/doctor_name", "CHARACTER_UNSUPPORTED", E),
        Case("dementia", json!({"last_exam_date": "2026-02-30"}), "/last_exam_date", "DATE_INVALID", E),
        Case("dementia", json!({"birth_date": "昭和14年2月11日"}), "/birth_date", "DATE_INVALID", E),
        Case("dementia", json!({"sent_date": "2026-05-22T00:00:00"}), "/sent_date", "DATE_INVALID", E),
        Case("dementia", json!({"birth_date": "1867-12-31"}), "/birth_date", "DATE_INVALID", E),
        Case("dementia", json!({"diagnosis_2_onset": {"precision": "year"}}), "/diagnosis_2_onset", "DATE_INVALID", E),
        Case(
            "dementia",
            json!({"diagnosis_2_onset": {"precision": "year", "year": 2008, "month": 1}}),
            "/diagnosis_2_onset",
            "DATE_INVALID",
            E,
        ),
        Case(
            "dementia",
            json!({"diagnosis_2_onset": {"precision": "month", "year": 2008, "month": 13}}),
            "/diagnosis_2_onset",
            "DATE_INVALID",
            E,
        ),
        Case(
            "dementia",
            json!({"diagnosis_2_onset": {"precision": "unknown", "approximate": true}}),
            "/diagnosis_2_onset",
            "DATE_INVALID",
            E,
        ),
        Case("dementia", json!({"height_cm": 149.25}), "/height_cm", "NUMBER_ROUNDED", W),
        Case("dementia", json!({"weight_kg": -44.5}), "/weight_kg", "NUMBER_DROPPED", W),
        Case("dementia", json!({"weight_kg": 1e300}), "/weight_kg", "NUMBER_DROPPED", W),
        Case("dementia", json!({"age": 87.5}), "/age", "AGE_DIFFERS", W),
        Case("fracture", json!({"height_cm": 220.1}), "/height_cm", "NUMBER_IMPLAUSIBLE", W),
        Case(
            "parkinson",
            json!({"weight_kg": 14.9, "nutrition_status": "poor"}),
            "/weight_kg",
            "NUMBER_IMPLAUSIBLE",
            W,
        ),
        // Numbers.
        Case("dementia", json!({"insurer_number": "999994"}), "/insurer_number", "CHECK_DIGIT", E),
        Case("dementia", json!({"insurer_number": "99999"}), "/insurer_number", "TEXT_FORMAT", E),
        Case("dementia", json!({"insurer_number": "９９９５"}), "/insurer_number", "TEXT_FORMAT", E),
        Case("dementia", json!({"insured_number": "990000001"}), "/insured_number", "TEXT_FORMAT", W),
        Case("dementia", json!({"insured_number": "99-0000001"}), "/insured_number", "TEXT_FORMAT", E),
        Case(
            "dementia",
            json!({"institution_office_number": "2794900204"}),
            "/institution_office_number",
            "CHECK_DIGIT",
            W,
        ),
        Case("dementia", json!({"institution_office_number": "27949"}), "/institution_office_number", "TEXT_FORMAT", W),
        Case("dementia", json!({"medical_institution_code": "99X"}), "/medical_institution_code", "TEXT_FORMAT", W),
        Case("dementia", json!({"applicant_kana": "テスト"}), "/applicant_kana", "TEXT_FORMAT", W),
        Case("dementia", json!({"applicant_postal_code": "0000000"}), "/applicant_postal_code", "TEXT_FORMAT", W),
        Case("dementia", json!({"institution_fax": "なし"}), "/institution_fax", "TEXT_FORMAT", W),
        // Dates.
        Case("dementia", json!({"last_exam_date": "2026-05-22"}), "/last_exam_date", "DATE_ORDER", E),
        Case("dementia", json!({"entry_date": "2026-06-02"}), "/entry_date", "DATE_FUTURE", E),
        Case("dementia", json!({"birth_date": "2026-05-21", "age": null}), "/birth_date", "DATE_ORDER", E),
        Case("dementia", json!({"application_date": "2026-05-10"}), "/application_date", "DATE_ORDER", W),
        Case(
            "dementia",
            json!({"application_date": "2026-05-22", "request_date": null}),
            "/application_date",
            "DATE_ORDER",
            W,
        ),
        Case("dementia", json!({"request_date": "2026-05-22"}), "/request_date", "DATE_ORDER", W),
        Case("dementia", json!({"sent_date": "2026-05-20"}), "/sent_date", "DATE_ORDER", W),
        Case(
            "dementia",
            json!({"diagnosis_1_onset": {"precision": "month", "year": 2026, "month": 6}}),
            "/diagnosis_1_onset",
            "DATE_ORDER",
            W,
        ),
        // Age and disease.
        Case("dementia", json!({"age": 88}), "/age", "AGE_DIFFERS", W),
        Case("parkinson", json!({"birth_date": "1990-01-01", "age": 36}), "/birth_date", "AGE_UNDER_40", W),
        Case("dementia", json!({"birth_date": "1890-01-01", "age": null}), "/age", "NUMBER_IMPLAUSIBLE", W),
        Case("parkinson", json!({"specified_disease": null}), "/specified_disease", "SPECIFIED_DISEASE", W),
        Case("parkinson", json!({"specified_disease": "not_specified"}), "/specified_disease", "SPECIFIED_DISEASE", W),
        Case(
            "dementia",
            json!({"diagnosis_2_name": null, "diagnosis_2_onset": null}),
            "/diagnosis_3_name",
            "DIAGNOSIS_GAP",
            W,
        ),
        Case("dementia", json!({"diagnosis_2_onset": null}), "/diagnosis_2_onset", "DETAIL_EXPECTED", W),
        Case(
            "stroke",
            json!({"diagnosis_3_onset": {"precision": "unknown"}}),
            "/diagnosis_3_onset",
            "DETAIL_DROPPED",
            W,
        ),
        // Consent.
        Case("stroke", json!({"consent_care_plan_use": null}), "/consent_care_plan_use", "ITEM_REQUIRED", E),
        Case("dementia", json!({"consent_care_plan_use": "agree"}), "/consent_care_plan_use", "ITEM_NOT_IN_FORM", E),
        // Owners and details.
        Case("dementia", json!({"other_departments": null}), "/other_departments", "DETAIL_REQUIRED", E),
        Case("dementia", json!({"other_departments": []}), "/other_departments", "DETAIL_REQUIRED", E),
        Case("dementia", json!({"other_department_visit": "none"}), "/other_departments", "DETAIL_STRAY", E),
        Case(
            "stroke",
            json!({"other_department_other_text": null}),
            "/other_department_other_text",
            "DETAIL_REQUIRED",
            E,
        ),
        Case(
            "dementia",
            json!({"other_department_other_text": "試験科"}),
            "/other_department_other_text",
            "DETAIL_STRAY",
            E,
        ),
        Case("parkinson", json!({"stability_detail": null}), "/stability_detail", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"stability_detail": "試験"}), "/stability_detail", "DETAIL_DROPPED", W),
        Case("dementia", json!({"bpsd_symptoms": null}), "/bpsd_symptoms", "DETAIL_REQUIRED", E),
        Case("dementia", json!({"bpsd_presence": "none"}), "/bpsd_symptoms", "DETAIL_STRAY", E),
        Case("parkinson", json!({"bpsd_other_text": null}), "/bpsd_other_text", "DETAIL_REQUIRED", E),
        Case("dementia", json!({"bpsd_other_text": "試験"}), "/bpsd_other_text", "DETAIL_STRAY", E),
        Case("stroke", json!({"psych_neuro_name": null}), "/psych_neuro_name", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"psych_neuro_name": "試験"}), "/psych_neuro_name", "DETAIL_DROPPED", W),
        Case("parkinson", json!({"specialist_visit": null}), "/specialist_visit", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"specialist_visit": "none"}), "/specialist_visit", "DETAIL_DROPPED", W),
        Case("stroke", json!({"specialist_department": null}), "/specialist_department", "DETAIL_EXPECTED", W),
        Case("parkinson", json!({"specialist_department": "試験科"}), "/specialist_department", "DETAIL_DROPPED", W),
        Case("fracture", json!({"limb_loss_site": null}), "/limb_loss_site", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"limb_loss_site": "試験"}), "/limb_loss_site", "DETAIL_DROPPED", W),
        Case(
            "stroke",
            json!({"paralysis_right_arm_degree": null}),
            "/paralysis_right_arm_degree",
            "DETAIL_EXPECTED",
            W,
        ),
        Case("stroke", json!({"paralysis_left_arm_degree": "mild"}), "/paralysis_left_arm_degree", "DETAIL_DROPPED", W),
        Case("stroke", json!({"paralysis_other_site": null}), "/paralysis_other_site", "DETAIL_EXPECTED", W),
        Case("fracture", json!({"muscle_weakness_degree": null}), "/muscle_weakness_degree", "DETAIL_EXPECTED", W),
        Case("fracture", json!({"pressure_ulcer_site": null}), "/pressure_ulcer_site", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"other_skin_disease_site": "試験"}), "/other_skin_disease_site", "DETAIL_DROPPED", W),
        Case("stroke", json!({"risk_other_text": null}), "/risk_other_text", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"risk_other_text": "試験"}), "/risk_other_text", "DETAIL_STRAY", W),
        Case("dementia", json!({"risk_policy": null}), "/risk_policy", "DETAIL_EXPECTED", W),
        Case(
            "stroke",
            json!({"medical_management_other_text": null}),
            "/medical_management_other_text",
            "DETAIL_EXPECTED",
            W,
        ),
        Case(
            "dementia",
            json!({"medical_management_other_text": "試験"}),
            "/medical_management_other_text",
            "DETAIL_STRAY",
            W,
        ),
        Case("dementia", json!({"caution_mobility_text": null}), "/caution_mobility_text", "DETAIL_EXPECTED", W),
        Case("dementia", json!({"caution_exercise_text": "試験"}), "/caution_exercise_text", "DETAIL_STRAY", W),
        Case("parkinson", json!({"caution_other_text": "試験"}), "/caution_other_text", "DETAIL_STRAY", W),
        Case("fracture", json!({"infection_detail": null}), "/infection_detail", "DETAIL_REQUIRED", E),
        Case("dementia", json!({"infection_detail": "試験"}), "/infection_detail", "DETAIL_STRAY", E),
        // Headings and boxes "none".
        Case("dementia", json!({"paralysis": true}), "/paralysis", "HEADING_MISMATCH", E),
        Case("stroke", json!({"paralysis": false}), "/paralysis", "HEADING_MISMATCH", E),
        Case("stroke", json!({"paralysis": null}), "/paralysis", "HEADING_MISMATCH", E),
        Case("dementia", json!({"ataxia": true}), "/ataxia", "HEADING_MISMATCH", E),
        Case("parkinson", json!({"ataxia": false}), "/ataxia", "HEADING_MISMATCH", E),
        Case("dementia", json!({"walking_aids": ["none", "outdoors"]}), "/walking_aids", "CHOICE_EXCLUSIVE", E),
        Case(
            "fracture",
            json!({"medical_management": ["none", "home_rehabilitation"]}),
            "/medical_management",
            "CHOICE_EXCLUSIVE",
            E,
        ),
        Case("dementia", json!({"service_cautions": ["mobility", "none"]}), "/service_cautions", "CHOICE_EXCLUSIVE", E),
        Case(
            "dementia",
            json!({"medical_management_emphasized": ["home_rehabilitation"]}),
            "/medical_management_emphasized",
            "CHOICE_NOT_TICKED",
            E,
        ),
        Case(
            "parkinson",
            json!({"medical_management_emphasized": ["none"]}),
            "/medical_management_emphasized/0",
            "CHOICE_UNKNOWN",
            E,
        ),
        Case("dementia", json!({"walking_aids": []}), "/walking_aids", "ITEM_EXPECTED", W),
        Case("parkinson", json!({"medical_management": []}), "/medical_management", "ITEM_EXPECTED", W),
        Case("parkinson", json!({"service_cautions": []}), "/service_cautions", "ITEM_EXPECTED", W),
        // Contradictions.
        Case("stroke", json!({"short_term_memory": "problem"}), "/dementia_degree", "DEMENTIA_CONTRADICTION", W),
        Case("parkinson", json!({"dementia_degree": "independent"}), "/dementia_degree", "DEMENTIA_CONTRADICTION", W),
        Case(
            "dementia",
            json!({"special_responses": ["pressure_ulcer_care"]}),
            "/pressure_ulcer",
            "ULCER_CONTRADICTION",
            W,
        ),
        Case("dementia", json!({"outdoor_walking": "not_done"}), "/outdoor_walking", "WALKING_CONTRADICTION", W),
        Case("fracture", json!({"nutrition_status": "good"}), "/nutrition_status", "NUTRITION_DOUBTFUL", W),
    ]
}

#[test]
fn each_rule_broken_once_names_exactly_the_item() {
    for Case(name, changes, pointer, code, severity) in cases() {
        let values = changed(name, changes.clone());
        let found: Vec<_> = problems(&values)
            .into_iter()
            .map(|problem| (problem.pointer, problem.code.name(), problem.severity))
            .collect();
        assert_eq!(found, [(pointer.to_owned(), code, severity)], "{name} {changes}");
        assert_eq!(parse(&values, &[], TODAY).is_err(), severity == E, "{name} {changes}");
    }
}

#[test]
fn each_required_or_expected_item_left_out_is_named() {
    use engawa::model::opinion::{Obligation, items};
    let form = |name| usize::from(name != "stroke");
    for (name, row) in items().iter().flat_map(|row| [("stroke", row), ("fracture", row)]) {
        let (code, error) = match row.obligations[form(name)] {
            Obligation::Required => ("ITEM_REQUIRED", true),
            Obligation::Expected => ("ITEM_EXPECTED", false),
            _ => continue,
        };
        let found = problems(&changed(name, json!({row.name: null})));
        let named = found.iter().any(|problem| {
            problem.pointer[1..] == *row.name && problem.code.name() == code && problem.is_error() == error
        });
        assert!(named, "{name} {} {found:?}", row.name);
    }
}

#[test]
fn every_code_and_both_its_severities_are_shown_by_a_case() {
    let by_substitution = [
        ProblemCode::SubstitutionTarget,
        ProblemCode::SubstitutionUnused,
        ProblemCode::SubstitutionNeedless,
        ProblemCode::SubstitutionReplacement,
    ];
    let cases = cases();
    for code in ProblemCode::ALL.iter().filter(|code| !by_substitution.contains(code)) {
        let shown = |severity| cases.iter().any(|Case(_, _, _, name, seen)| *name == code.name() && *seen == severity);
        let (error, warning) = match code.level() {
            Level::Error => (true, false),
            Level::Warning => (false, true),
            Level::Either => (true, true),
        };
        assert_eq!((shown(E), shown(W)), (error, warning), "{code}");
    }
}

#[test]
fn no_sentence_repeats_the_value() {
    let secret = "ひみつ太郎";
    for item in engawa::model::opinion::Item::ALL {
        for value in [json!(secret), json!([secret]), json!({secret: secret}), json!({"precision": secret})] {
            let mut values = fixture("dementia");
            values[item.name()] = value;
            for problem in problems(&values) {
                assert!(!problem.ja.contains(secret) && !problem.en.contains(secret), "{problem:?}");
                assert!(!problem.ja.contains('{') && !problem.en.contains('{'), "{problem:?}");
            }
        }
    }
}

#[test]
fn a_warning_says_what_is_sent_and_that_is_what_is_sent() {
    let sent = |name, changes| crate::opinion::read(&changed(name, changes)).to_values();
    // The form has no place for these.
    let values = sent("dementia", json!({"stability_detail": "試験", "limb_loss_site": "試験"}));
    assert!(!values.contains_key("stability_detail") && !values.contains_key("limb_loss_site"));
    let unnamed = json!({"psych_neuro_presence": "none"});
    assert!(["psych_neuro_name", "specialist_visit", "specialist_department"].iter().all(|name| {
        let found = problems(&changed("stroke", unnamed.clone()));
        let told =
            found.iter().any(|problem| problem.pointer[1..] == **name && problem.code == ProblemCode::DetailDropped);
        told && !sent("stroke", unnamed.clone()).contains_key(*name)
    }));
    // For these it has.
    assert_eq!(sent("dementia", json!({"caution_exercise_text": "試験"}))["caution_exercise_text"], "試験");
    let long = "あ".repeat(41);
    assert_eq!(sent("dementia", json!({"applicant_name": long}))["applicant_name"], json!(long));
    assert_eq!(sent("dementia", json!({"height_cm": 149.25}))["height_cm"], 149.3);
    assert!(!sent("dementia", json!({"height_cm": 0})).contains_key("height_cm"));
    assert_eq!(sent("dementia", json!({"age": "eighty"}))["age"], 87);
}
