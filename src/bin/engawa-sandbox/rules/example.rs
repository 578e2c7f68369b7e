//! Bodies that the hub takes, for `examples/`.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::world::World;

/// An opinion on the first person of the world.
pub(crate) fn opinion(world: &World) -> Value {
    let Some((person, request)) = world.people.first().zip(world.requests.first()) else { return Value::Null };
    let examined = world.made_on.checked_sub(3.days()).unwrap_or(world.made_on);
    json!({
        "insurer_number": person.insurer_number,
        "insured_number": person.insured_number,
        "request_number": request.request_number,
        "form_version": "from_2026_04",
        "opinion": {
            "entry_date": world.made_on, "last_exam_date": examined, "opinion_count": "first",
            "applicant_name": person.name, "applicant_kana": person.kana, "applicant_sex": person.sex,
            "birth_date": person.birth_date, "applicant_address": "架空県架空市見本町1丁目1番1号",
            "doctor_name": "例示 医師", "institution_name": "架空内科クリニック",
            "institution_address": "架空県架空市例示町9丁目9番9号",
            "other_department_visit": "none",
            "diagnosis_1_name": "脳梗塞後遺症", "diagnosis_1_onset": {"precision": "year", "year": 2020},
            "stability": "stable", "course_and_treatment": "左片麻痺が残り、見守りで歩行している。",
            "special_procedures": [], "special_responses": [], "catheter_care": false,
            "bedridden_degree": "a1", "dementia_degree": "i", "short_term_memory": "no_problem",
            "decision_cognition": "independent", "communication_ability": "can_convey",
            "bpsd_presence": "none", "psych_neuro_presence": "none", "dominant_hand": "right",
            "outdoor_walking": "with_assistance", "wheelchair": "not_used", "walking_aids": ["outdoors"],
            "eating": "self_or_nearly", "nutrition_status": "good", "function_outlook": "expected",
            "medical_management": ["home_nursing"], "service_cautions": ["none"], "infection": "none",
        },
        "attachments": [],
    })
}

/// A care plan on the first person of the world, for the home helpers; a few items of each table only.
pub(crate) fn careplan(world: &World) -> Value {
    let recipient = world.facilities.iter().find(|f| f.folder == "dx");
    let Some((person, recipient)) = world.people.first().zip(recipient) else { return Value::Null };
    let day = |date: jiff::civil::Date| date.strftime("%Y%m%d").to_string();
    let item = |more: Value| {
        let mut row = json!({
            "CSVバージョン": "202407", "保険者番号": person.insurer_number, "被保険者番号": person.insured_number,
            "居宅サービス計画作成（変更）日": day(world.made_on),
        });
        if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
            row.extend(more);
        }
        row
    };
    json!({
        "to_facility": recipient.number,
        "to_service_kind": recipient.service_kind,
        "unit": {"tables": [
            {"name": "UP1KYO", "rows": [item(json!({"総合的な援助の方針": "自宅での入浴を続ける。"}))]},
            {"name": "UP2KYO", "rows": [
                item(json!({"課題ＮＯ": "1", "課題": "自宅で入浴したい"})),
                item(json!({"課題ＮＯ": "2", "課題": "買い物に出かけたい"})),
            ]},
            {"name": "UP3KYO", "rows": []},
            {"name": "UPHOSOKU", "rows": [item(json!({
                "利用者氏名フリガナ": person.kana, "利用者氏名": person.name,
                "利用者生年月日": day(person.birth_date),
            }))]},
        ]},
    })
}
