//! Whatever is sent: valid opinions come back equal, and nothing garbled ever breaks the reader.

use std::collections::BTreeSet;

use engawa::model::opinion::{Item, Kind, choices, items, parse};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::opinion::{FIXTURES, TODAY, fixture, read};

/// The same cases in every run: a failure is a fact, not luck.
fn seeded(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// Random bits drawn one by one: the generator of a form whose parts depend on each other.
struct Bits(Vec<u32>, usize);

impl Bits {
    fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        self.0[self.1 % self.0.len()] as usize % bound
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    fn text(&mut self, max: usize, lines: bool) -> Value {
        const SIGNS: [&str; 12] = ["あ", "漢", "A", "7", "﨑", "𠀋", "か゚", "・", "濵", "ー", "é", "㈱"];
        let count = 1 + self.below(max / 2);
        let mut text: String = (0..count).map(|_| SIGNS[self.below(SIGNS.len())]).collect();
        if lines && self.coin() {
            text.insert(1 + text.char_indices().nth(1).map_or(text.len() - 1, |(at, _)| at - 1), '\n');
        }
        json!(text)
    }

    fn code(&mut self, list: &str) -> Value {
        let codes: Vec<&str> = choices().iter().filter(|row| row.list == list).map(|row| row.code).collect();
        json!(codes[self.below(codes.len())])
    }

    fn codes(&mut self, list: &str, least: usize) -> Vec<Value> {
        let rows = choices().iter().filter(|row| row.list == list && !row.excludes_others);
        let mut codes: Vec<Value> = rows.map(|row| json!(row.code)).collect();
        let count = least + self.below(codes.len() - least + 1);
        while codes.len() > count {
            let at = self.below(codes.len());
            codes.remove(at);
        }
        if codes.len() > 1 && self.coin() {
            codes.reverse();
        }
        codes
    }

    fn rough_date(&mut self) -> Value {
        let (year, month, day) = (1950 + self.below(70), 1 + self.below(12), 1 + self.below(28));
        let approximate = self.coin();
        match self.below(4) {
            0 => json!({"precision": "unknown"}),
            1 => json!({"precision": "year", "year": year, "approximate": approximate}),
            2 => json!({"precision": "month", "year": year, "month": month, "approximate": approximate}),
            _ => json!({"precision": "day", "year": year, "month": month, "day": day}),
        }
    }
}

/// A valid opinion, with as many warnings as chance gives it.
fn valid(bits: &mut Bits) -> Value {
    let mut form = Map::new();
    let old = bits.coin();
    for row in items() {
        let value = match row.kind {
            Kind::Text | Kind::Lines => bits.text(row.max, row.kind == Kind::Lines),
            Kind::Choice => bits.code(row.list),
            Kind::Choices => match row.list {
                "walking_aid" | "medical_management" | "service_caution" if bits.coin() => json!(["none"]),
                list => json!(bits.codes(list, 1)),
            },
            Kind::Flag => json!(bits.coin()),
            Kind::Date => {
                json!(format!("{}-{:02}-{:02}", 1930 + bits.below(40), 1 + bits.below(12), 1 + bits.below(28)))
            }
            Kind::RoughDate => bits.rough_date(),
            Kind::Whole => json!(bits.below(120)),
            Kind::Tenths => json!(f64::from(u32::try_from(1 + bits.below(9999)).unwrap()) / 10.0),
        };
        let required = row.obligations[usize::from(!old)] == engawa::model::opinion::Obligation::Required;
        if required || bits.below(4) > 0 {
            form.insert(row.name.to_owned(), value);
        }
    }
    form.insert("form_version".into(), json!(if old { "until_2026_03" } else { "from_2026_04" }));
    form.insert("insurer_number".into(), json!("131045"));
    form.insert("insured_number".into(), json!(format!("H{:09}", bits.below(1_000_000_000))));
    form.insert("entry_date".into(), json!("2026-05-30"));
    form.insert("last_exam_date".into(), json!("2026-05-29"));
    if !old {
        form.remove("consent_care_plan_use");
    }
    settle(&mut form, bits);
    Value::Object(form)
}

/// Makes what depends on another item agree with it.
fn settle(form: &mut Map<String, Value>, bits: &mut Bits) {
    for row in 1..=3 {
        keep_if(form, &format!("diagnosis_{row}_name"), |name| name.is_some(), &[&format!("diagnosis_{row}_onset")]);
    }
    keep_if(form, "stability", |value| value == Some(&json!("unstable")), &["stability_detail"]);
    owned_list(form, bits, "other_department_visit", "other_departments", "department");
    keep_if(form, "other_departments", has_other, &["other_department_other_text"]);
    demand(form, bits, "other_departments", "other_department_other_text");
    owned_list(form, bits, "bpsd_presence", "bpsd_symptoms", "bpsd_symptom");
    keep_if(form, "bpsd_symptoms", has_other, &["bpsd_other_text"]);
    demand(form, bits, "bpsd_symptoms", "bpsd_other_text");
    let present = |value: Option<&Value>| value == Some(&json!("present"));
    keep_if(form, "psych_neuro_presence", present, &["psych_neuro_name", "specialist_visit"]);
    keep_if(form, "specialist_visit", present, &["specialist_department"]);
    for name in [
        "muscle_weakness",
        "joint_contracture",
        "joint_pain",
        "pressure_ulcer",
        "other_skin_disease",
        "paralysis_other",
        "limb_loss",
    ] {
        keep_if(form, name, ticked, &[&format!("{name}_site"), &format!("{name}_degree")]);
    }
    let limbs = ["paralysis_right_arm", "paralysis_left_arm", "paralysis_right_leg", "paralysis_left_leg"];
    for limb in limbs {
        keep_if(form, limb, ticked, &[&format!("{limb}_degree")]);
    }
    let any = limbs.into_iter().chain(["paralysis_other"]).any(|name| ticked(form.get(name)));
    form.insert("paralysis".into(), json!(any));
    let any = ["ataxia_arms", "ataxia_legs", "ataxia_trunk"].iter().any(|name| form.contains_key(*name));
    form.insert("ataxia".into(), json!(any));
    keep_if(form, "risk_conditions", has_other, &["risk_other_text"]);
    keep_if(form, "medical_management", has_other, &["medical_management_other_text"]);
    let services = form.get("medical_management").and_then(Value::as_array).cloned().unwrap_or_default();
    match services.first().filter(|first| **first != json!("none")) {
        Some(first) => form.insert("medical_management_emphasized".into(), json!([first])),
        None => form.remove("medical_management_emphasized"),
    };
    for kind in ["blood_pressure", "ingestion", "swallowing", "mobility", "exercise", "other"] {
        let holds = |list: Option<&Value>| holds(list, kind);
        keep_if(form, "service_cautions", holds, &[&format!("caution_{kind}_text")]);
    }
    keep_if(form, "infection", present, &["infection_detail"]);
    if present(form.get("infection")) {
        form.insert("infection_detail".into(), bits.text(30, false));
    }
}

fn ticked(value: Option<&Value>) -> bool {
    value == Some(&json!(true))
}

fn holds(list: Option<&Value>, code: &str) -> bool {
    list.and_then(Value::as_array).is_some_and(|list| list.contains(&json!(code)))
}

fn has_other(list: Option<&Value>) -> bool {
    holds(list, "other")
}

fn keep_if(form: &mut Map<String, Value>, owner: &str, calls: impl Fn(Option<&Value>) -> bool, details: &[&str]) {
    if !calls(form.get(owner)) {
        for detail in details {
            form.remove(*detail);
        }
    }
}

fn owned_list(form: &mut Map<String, Value>, bits: &mut Bits, owner: &str, name: &str, list: &str) {
    if form.get(owner) == Some(&json!("present")) {
        form.insert(name.to_owned(), json!(bits.codes(list, 1)));
    } else {
        form.remove(name);
    }
}

fn demand(form: &mut Map<String, Value>, bits: &mut Bits, owner: &str, detail: &str) {
    if has_other(form.get(owner)) {
        form.insert(detail.to_owned(), bits.text(6, false));
    }
}

fn bits() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 997)
}

#[test]
fn a_valid_opinion_comes_back_equal() {
    let stated = std::cell::RefCell::new(BTreeSet::new());
    seeded(400)
        .run(&bits(), |seed| {
            let values = valid(&mut Bits(seed, 0));
            let parsed = parse(&values, &[], TODAY).unwrap_or_else(|found| {
                let errors: Vec<_> = found.iter().filter(|problem| problem.is_error()).collect();
                panic!("{errors:#?}\n{values:#}")
            });
            let written = Value::Object(parsed.opinion.to_values());
            let again = read(&written);
            prop_assert_eq!(&again, &parsed.opinion);
            prop_assert_eq!(
                serde_json::to_string(&again.to_values()).unwrap(),
                serde_json::to_string(&written).unwrap()
            );
            // What was stated is written, and nothing else but the age.
            let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            let (mut sent, kept) = (names(&values), names(&written));
            sent.insert("age".to_owned());
            prop_assert_eq!(&sent, &kept);
            stated.borrow_mut().extend(kept);
            Ok(())
        })
        .unwrap();
    assert_eq!(stated.borrow().len(), Item::ALL.len(), "the generator states every item in some case");
}

fn garbage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Value::from),
        Just(json!("none")),
        Just(json!("present")),
        Just(json!("other")),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        let parts = prop_oneof![Just("precision".to_owned()), Just("year".to_owned()), any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((parts, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn garbled_items_never_break_the_reader_and_are_named_in_form_order() {
    let cases = (0..FIXTURES.len(), proptest::collection::vec((0..Item::ALL.len(), garbage()), 1..6));
    seeded(600)
        .run(&cases, |(which, garbled)| {
            let mut values = fixture(FIXTURES[which].0);
            for (at, value) in garbled {
                values[Item::ALL[at].name()] = value;
            }
            let (Ok(found), accepted) = (match parse(&values, &[], TODAY) {
                Ok(parsed) => {
                    prop_assert_eq!(&read(&Value::Object(parsed.opinion.to_values())), &parsed.opinion);
                    (Ok::<_, ()>(parsed.warnings), true)
                }
                Err(found) => (Ok(found), false),
            }) else {
                unreachable!()
            };
            prop_assert_eq!(found.iter().any(engawa::model::opinion::Problem::is_error), !accepted);
            let order: Vec<Item> =
                found.iter().map(|problem| Item::parse(problem.pointer.split('/').nth(1).unwrap()).unwrap()).collect();
            prop_assert!(order.is_sorted(), "{:?}", found);
            Ok(())
        })
        .unwrap();
}

#[test]
fn dropping_any_item_never_breaks_the_reader() {
    for (name, _) in FIXTURES {
        let whole = fixture(name);
        for dropped in whole.as_object().unwrap().keys() {
            let mut values = whole.clone();
            values.as_object_mut().unwrap().shift_remove(dropped);
            match parse(&values, &[], TODAY) {
                Ok(parsed) => assert_eq!(read(&Value::Object(parsed.opinion.to_values())), parsed.opinion),
                Err(found) => assert!(found.iter().any(engawa::model::opinion::Problem::is_error)),
            }
        }
    }
}
