//! Name fidelity: what the hub and CP932 can hold, candidates, and the sender's substitutions.

use engawa::model::characters::{Repertoire, candidates, clusters, listed};
use engawa::model::opinion::{Substitution, parse};
use serde_json::{Value, json};

use crate::opinion::{TODAY, changed, problems};

const HUB: Repertoire = Repertoire::JisX0213;

#[test]
fn the_hub_holds_jis_x_0213_and_nothing_else() {
    for held in [
        "ABC xyz 012 ~\\",
        "あいうえお　アイウエオ",
        "髯梯子高",
        "﨑",
        "濵",
        "德",
        "瀨",
        "俱",
        "𠀋",
        "𠂉",
        "㈱",
        "①",
        "Ⅳ",
        "〜",
        "～",
        "−",
        "－",
        "—",
        "―",
        "¥",
        "￥",
        "￠",
        "é",
        "か゚",
        "セ゚",
        "ㇷ゚",
        "神",
        "一行\n二行",
    ] {
        assert!(HUB.holds(held), "{held}");
    }
    for missing in [
        "髙",
        "𠮷",
        "㌘x\u{200B}",
        "ｱ",
        "ﾞ",
        "葛\u{E0100}",
        "か\u{3099}",
        "さ\u{309A}",
        "\u{309A}",
        "😀",
        "\t",
        "\r",
        "\u{7F}",
        "\u{E000}",
        "\u{FEFF}",
        "∑",
        "刘",
        "한",
    ] {
        assert!(!HUB.holds(missing), "{missing}");
    }
}

#[test]
fn cp932_holds_what_the_hub_does_not_and_the_other_way_round() {
    let cp932 = Repertoire::Cp932;
    assert!(cp932.holds("髙﨑 ｱｲｳ ①㈱ ～－∑ \\~"));
    for missing in ["𠮷", "か゚", "é", "¥", "‾", "〜", "−", "😀", "𠀋"] {
        assert!(!cp932.holds(missing), "{missing}");
    }
    assert_eq!(cp932.first_unsupported("山田𠮷").map(|cluster| (cluster.text, cluster.offset)), Some(("𠮷", 6)));
}

#[test]
fn the_repertoire_has_the_size_of_the_standard() {
    let count =
        (0..=0x0010_FFFF).filter_map(char::from_u32).filter(|c| *c != '\n' && HUB.holds(&c.to_string())).count();
    // ASCII, the single code points of both planes, and nine second images.
    assert_eq!(count, 95 + 11_208 - 2 + 9);
}

#[test]
fn every_listed_variant_is_outside_and_every_candidate_inside() {
    assert!(listed().count() >= 60);
    let mut seen = std::collections::BTreeSet::new();
    for (source, proposed) in listed() {
        assert!(seen.insert(source), "{source} twice");
        assert_eq!(source.chars().count(), 1, "{source}");
        assert!(!HUB.holds(source), "{source} is held");
        for candidate in proposed.split(',') {
            assert!(!candidate.is_empty() && HUB.holds(candidate), "{source} {candidate}");
            assert!(candidates(source, HUB).iter().any(|known| known == candidate), "{source} {candidate}");
        }
    }
}

#[test]
fn candidates_are_proposed() {
    for (cluster, expected) in [
        ("髙", vec!["高"]),
        ("𠮷", vec!["吉"]),
        ("葛\u{E0100}", vec!["葛"]),
        ("ｱ", vec!["ア"]),
        ("ｶﾞ", vec!["ガ"]),
        ("か\u{3099}", vec!["が"]),
        ("㋿", vec!["令和"]),
        ("\u{FA12}", vec!["晴"]),
        ("😀", vec![]),
    ] {
        assert_eq!(candidates(cluster, HUB), expected, "{cluster}");
    }
    assert_eq!(candidates("−", Repertoire::Cp932), Vec::<String>::new());
}

#[test]
fn clusters_are_the_text_in_pieces() {
    let text = "葛\u{E0100}ｶﾞか゚e\u{301}x";
    let pieces: Vec<&str> = clusters(text).map(|cluster| cluster.text).collect();
    assert_eq!(pieces, ["葛\u{E0100}", "ｶﾞ", "か゚", "e\u{301}", "x"]);
    assert_eq!(pieces.concat(), text);
}

#[test]
fn each_character_is_named_once_an_item() {
    let found = problems(&changed("dementia", json!({"applicant_name": "髙𠮷 髙子", "special_notes": "髙\u{200B}"})));
    let named: Vec<_> = found.iter().map(|problem| (problem.pointer.as_str(), problem.character.as_deref())).collect();
    assert_eq!(
        named,
        [
            ("/applicant_name", Some("髙")),
            ("/applicant_name", Some("𠮷")),
            ("/special_notes", Some("髙\u{200B}".strip_suffix('\u{200B}').unwrap())),
            ("/special_notes", Some("\u{200B}")),
        ]
    );
    assert!(found[3].ja.contains("U+200B") && !found[3].ja.contains('\u{200B}'));
}

fn stated(pointer: &str, original: &str, replacement: &str) -> Substitution {
    Substitution { pointer: pointer.into(), original: original.into(), replacement: replacement.into() }
}

#[test]
fn a_stated_substitution_is_made_everywhere_in_its_item_and_both_forms_are_kept() {
    let values = changed("dementia", json!({"applicant_name": "髙木 髙子", "doctor_name": "𠮷野"}));
    let substitutions = [stated("/applicant_name", "髙", "高"), stated("/doctor_name", "𠮷", "吉")];
    let parsed = parse(&values, &substitutions, TODAY).unwrap();
    let written = parsed.opinion.to_values();
    assert_eq!(written["applicant_name"], json!("高木 高子"));
    assert_eq!(written["doctor_name"], json!("吉野"));
    assert_eq!(parsed.substitutions, substitutions);
    assert_eq!(Value::Object(parsed.originals), json!({"applicant_name": "髙木 髙子", "doctor_name": "𠮷野"}));
}

#[test]
fn a_substitution_reaches_no_other_item() {
    let values = changed("dementia", json!({"applicant_name": "髙木", "doctor_name": "髙野"}));
    let found = parse(&values, &[stated("/applicant_name", "髙", "高")], TODAY).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pointer.as_str(), found[0].code.name()), ("/doctor_name", "CHARACTER_UNSUPPORTED"));
}

#[test]
fn length_and_shape_are_checked_after_the_substitution() {
    let values = changed("dementia", json!({"bpsd_symptoms": ["other"], "bpsd_other_text": "一二三四五六七八九髙"}));
    let longer = parse(&values, &[stated("/bpsd_other_text", "髙", "たか")], TODAY).unwrap();
    assert_eq!((longer.warnings.len(), longer.warnings[0].code.name()), (1, "TEXT_LONG"));
    let found = parse(&values, &[stated("/bpsd_other_text", "髙", &"た".repeat(92))], TODAY).unwrap_err();
    assert_eq!((found.len(), found[0].code.name()), (1, "TEXT_TOO_LONG"));
}

#[test]
fn a_substitution_that_is_not_needed_or_not_possible_is_refused() {
    let values = changed("dementia", json!({"applicant_name": "髙木", "special_notes": "か゚行と 髙"}));
    let good = [stated("/applicant_name", "髙", "高"), stated("/special_notes", "髙", "高")];
    assert!(parse(&values, &good, TODAY).is_ok());
    for (bad, pointer, code) in [
        (stated("/applicant_name", "𠮷", "吉"), "/applicant_name", "SUBSTITUTION_UNUSED"),
        (stated("/applicant_name", "髙", "高"), "/applicant_name", "SUBSTITUTION_UNUSED"),
        (stated("/applicant_name", "木", "本"), "/applicant_name", "SUBSTITUTION_NEEDLESS"),
        (stated("/applicant_name", "髙木", "高木"), "/applicant_name", "SUBSTITUTION_NEEDLESS"),
        (stated("/applicant_name", "", "高"), "/applicant_name", "SUBSTITUTION_NEEDLESS"),
        (stated("/special_notes", "\u{309A}", "x"), "/special_notes", "SUBSTITUTION_NEEDLESS"),
        (stated("/applicant_name", "髙", ""), "/applicant_name", "SUBSTITUTION_REPLACEMENT"),
        (stated("/applicant_name", "髙", " "), "/applicant_name", "SUBSTITUTION_REPLACEMENT"),
        (stated("/applicant_name", "髙", "𠮷"), "/applicant_name", "SUBSTITUTION_REPLACEMENT"),
        (stated("/special_notes", "髙", "\n"), "/special_notes", "SUBSTITUTION_REPLACEMENT"),
        (stated("applicant_name", "髙", "高"), "", "SUBSTITUTION_TARGET"),
        (stated("/nobody", "髙", "高"), "", "SUBSTITUTION_TARGET"),
        (stated("/entry_date", "髙", "高"), "", "SUBSTITUTION_TARGET"),
        (stated("/doctor_number", "髙", "高"), "", "SUBSTITUTION_TARGET"),
        (stated("", "髙", "高"), "", "SUBSTITUTION_TARGET"),
    ] {
        let mut all = good.to_vec();
        all.push(bad.clone());
        let found = parse(&values, &all, TODAY).unwrap_err();
        let named: Vec<_> = found.iter().map(|problem| (problem.pointer.as_str(), problem.code.name())).collect();
        assert_eq!(named, [(pointer, code)], "{bad:?}");
        assert!(
            found[0].ja.contains("3番目") && found[0].en.contains("substitution 3")
                || found[0].en.contains("Substitution 3")
        );
    }
}
