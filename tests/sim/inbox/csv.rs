//! Characters that CSV cannot hold: each is told, none gets lost, and whatever the text, there are files.

use engawa::inbox::Replaced;
use engawa::model::careplan::send_units;
use engawa::model::careplan::unit::{Reading, Unit};
use engawa::model::characters::Repertoire;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::house::{FACILITY, Room, SENDER};
use crate::careplan_generator::{Draw, Manner};
use crate::careplan_unit::{only, unit_files};

/// A unit with these texts in items of free text.
fn with_texts(texts: &[&str]) -> Vec<u8> {
    let kind = send_units().iter().find(|unit| unit.id == "H1").unwrap();
    let unit = only(&unit_files(kind, &mut Draw(3), Manner::Clean));
    let mut value: Value = serde_json::from_slice(&unit.to_json().unwrap()).unwrap();
    let row = value["tables"][1]["rows"][0].as_object_mut().unwrap();
    let names: Vec<String> = row.keys().skip(row.len() - texts.len()).cloned().collect();
    for (name, text) in names.iter().zip(texts) {
        row[name] = json!(text);
    }
    serde_json::to_vec(&value).unwrap()
}

#[tokio::test]
async fn what_csv_cannot_hold_is_replaced_by_what_is_known_or_by_a_mark_and_told() {
    let (_ground, mut room) = Room::new().await;
    let bytes = with_texts(&["𠮷田と𠮷野、髙橋", "か\u{309a}と\u{1F600}"]);
    room.hub.arrive("u-1", SENDER, bytes.clone());
    room.pass(std::time::Duration::from_secs(60)).await;
    let one = room.one().await;
    let files = room.inbox.files(FACILITY, one.id).await.unwrap().unwrap();
    let told: Vec<_> = files.replaced.iter().map(|one| (one.character.as_str(), one.replacement.as_str())).collect();
    assert_eq!(told, [("𠮷", "吉"), ("か\u{309a}", "〓"), ("\u{1F600}", "〓")]);
    let Replaced { pointer, .. } = &files.replaced[0];
    let unit: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(unit.pointer(pointer).and_then(Value::as_str), Some("𠮷田と𠮷野、髙橋"));
    assert_eq!(one.about.unwrap().replaced, 3);
    let written = files.files.iter().map(|(_, bytes)| encoding_rs::SHIFT_JIS.decode(bytes).0.into_owned());
    let written: String = written.collect();
    assert!(written.contains("吉田と吉野、髙橋") && written.contains("〓と〓"));
    assert_eq!(
        room.inbox.unit(FACILITY, one.id).await.unwrap().unwrap().as_slice(),
        bytes,
        "the unit stays as it came"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_text_there_are_files_and_every_change_is_told(
        texts in prop::collection::vec("([か𠮷髙a,\"\r\n\u{309a}\u{fe00}\u{1f600}葛\u{e0100}¥‾−]|\\PC|\u{0}){0,12}", 3),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let before = Unit::parse(&with_texts(&texts), Reading::Received).unwrap();
        let mut after = before.clone();
        let told = after.fit_for_csv();
        prop_assert!(after.files().is_ok());
        prop_assert!(after.unsupported(Repertoire::Cp932).is_empty());
        prop_assert_eq!(told.len(), before.unsupported(Repertoire::Cp932).len());
        prop_assert_eq!(told.is_empty(), before == after);
        let again = after.fit_for_csv();
        prop_assert!(again.is_empty());
    }
}

#[test]
fn a_text_of_nothing_but_strange_characters_takes_no_longer_than_another() {
    let strange: String = ('\u{20000}'..='\u{2a6df}').chain('\u{30000}'..='\u{3134a}').collect();
    let mut unit = Unit::parse(&with_texts(&[&strange.repeat(4)]), Reading::Received).unwrap();
    let told = unit.fit_for_csv();
    assert!(told.len() > 45_000, "{}", told.len());
    assert!(unit.files().is_ok());
}
