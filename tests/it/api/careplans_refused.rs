//! Care plans that are refused: every place is told, and nothing is kept.

use engawa::terminal::Right;
use serde_json::{Value, json};

use super::careplans_kit::{
    Named, accepted, assert_nothing_kept, changed, fixture, key, key_of, place, post, post_files, post_form,
    post_units, post_zip, refused, renamed, replaced, stamped, units, zipped,
};
use super::house::{House, get};

const NAME: &str = "手本 支援子";

fn encoded(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

/// The fixture `slip` whose care manager writes her name with a character that CSV has and the hub has not.
fn slip_of_takahashi() -> Vec<Named> {
    changed(fixture("slip"), "UPPLAN", |bytes| replaced(bytes, &encoded(NAME), &encoded("髙橋 支援子")))
}

#[tokio::test]
async fn files_are_refused_with_every_place_and_nothing_is_kept() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    // A day that is none, on the second line; and the plan's own first table without the others.
    let mut files = changed(fixture("slip"), "UPPLAN", |bytes| replaced(bytes, b"20260511", b"20260532"));
    files.extend(fixture("plan").into_iter().filter(|(name, _)| name.starts_with("UP1KYO")));
    for answer in [
        house.tcp(post_files(&key, "k-1", &files)).await,
        house.tcp(post_zip(&key, "k-1", &files)).await,
        house.tcp(post_form(&key, "k-1", "", &[("all.zip".to_owned(), zipped(&files))], None)).await,
    ] {
        let places = refused(&answer);
        let date = place(&places, "DATE_INVALID");
        assert!(date["file"].as_str().unwrap().starts_with("UPPLAN_202605_"), "{date}");
        assert_eq!((&date["line"], &date["column"]), (&json!(2), &json!(10)));
        assert_eq!((&date["item"], &date["severity"]), (&json!("service_date"), &json!("error")));
        let missing = place(&places, "UNIT_INCOMPLETE");
        assert!(missing["file"].as_str().unwrap().starts_with("UP1KYO_"), "{missing}");
        // Each thing is said once.
        let twice =
            places.iter().filter(|other| (&other["code"], &other["file"]) == (&missing["code"], &missing["file"]));
        assert_eq!(twice.count(), 1, "{places:#?}");
        let text = serde_json::to_string(&places).unwrap();
        assert!(!text.contains("手須戸") && !text.contains("9900000001"), "{text}");
    }
    assert_nothing_kept(&house).await;
    // The key is still free.
    accepted(&house.tcp(post_files(&key, "k-1", &fixture("slip"))).await);
}

#[tokio::test]
async fn units_are_refused_with_pointers_to_their_fields() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let (mut odd, mut bad) = (units(&fixture("plan")).remove(0), units(&fixture("slip")).remove(0));
    odd["tables"][0]["rows"][0]["好きな色"] = json!("青");
    bad["tables"][0]["rows"][1]["サービス利用日"] = json!("20260532");
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": [odd, bad]}))).await);
    assert_eq!(place(&places, "MEMBER_UNKNOWN")["pointer"], "/units/0/tables/0/rows/0/好きな色");
    let plan = bad["tables"].as_array().unwrap().iter().position(|table| table["name"] == "UPPLAN").unwrap();
    assert_eq!(plan, 0);
    let date = place(&places, "DATE_INVALID");
    assert_eq!(date["pointer"], "/units/1/tables/0/rows/1/サービス利用日");
    assert_eq!(date["item"], "service_date");
    assert!(date["file"].is_null() && date["line"].is_null());

    // The same unit twice.
    let one = units(&fixture("slip")).remove(0);
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": [one, one]}))).await);
    assert!(places.iter().all(|place| place["pointer"].as_str().unwrap().starts_with("/units/")), "{places:#?}");
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": [1]}))).await);
    assert_eq!(places[0]["pointer"], "/units/0");
    assert_nothing_kept(&house).await;
}

#[tokio::test]
async fn an_office_hands_in_its_own_only() {
    let house = House::open().await;
    let key = key_of(&house, "9970000023", &[Right::Submit]).await;
    let places = refused(&house.tcp(post_files(&key, "k-1", &fixture("slip"))).await);
    let sender = place(&places, "FROM_FACILITY");
    assert_eq!(sender["pointer"], "/units/0/from_facility");
    assert!(sender["file"].as_str().unwrap().contains("_9970000015_"), "{sender}");
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": units(&fixture("slip"))}))).await);
    assert_eq!(place(&places, "FROM_FACILITY")["pointer"], "/units/0/from_facility");
    assert_nothing_kept(&house).await;
    // One number may have several service kinds.
    let key = super::careplans_kit::key(&house, &[Right::Submit]).await;
    let taken = accepted(&house.tcp(post_files(&key, "k-1", &renamed("_43_", "_46_"))).await);
    assert_eq!(taken["deliveries"][0]["unit"], "P4");
}

#[tokio::test]
async fn a_character_that_the_hub_lacks_is_named_and_replaced_as_stated() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read]).await;
    let slip = slip_of_takahashi();
    let places = refused(&house.tcp(post_files(&key, "k-1", &slip)).await);
    let found = place(&places, "CHARACTER_UNSUPPORTED");
    assert_eq!((&found["character"], &found["line"]), (&json!("髙"), &json!(1)));
    assert!(found["candidates"].as_array().unwrap().contains(&json!("高")), "{found}");
    assert!(found["file"].as_str().unwrap().starts_with("UPPLAN_"), "{found}");
    let pointer = found["pointer"].as_str().unwrap();
    assert!(pointer.starts_with("/units/0/tables/0/rows/0/"), "{pointer}");
    let by_units = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": units(&slip)}))).await);
    assert_eq!(place(&by_units, "CHARACTER_UNSUPPORTED")["pointer"], pointer);
    assert_nothing_kept(&house).await;

    let stated = json!([{"pointer": pointer, "original": "髙", "replacement": "高"}]);
    let wrong = |replacement: Value| json!([{"pointer": pointer, "original": "髙", "replacement": replacement}]);
    let places = refused(&house.tcp(post_form(&key, "k-1", "", &slip, Some(&wrong(json!("髙"))))).await);
    assert_eq!(place(&places, "SUBSTITUTION_REPLACEMENT")["pointer"], pointer);
    house.tcp(post_form(&key, "k-1", "", &slip, Some(&wrong(json!(1))))).await.problem("REQUEST_MALFORMED");
    let nowhere = json!([{"pointer": "/units/7/tables/0", "original": "髙", "replacement": "高"}]);
    let places = refused(&house.tcp(post_form(&key, "k-1", "", &slip, Some(&nowhere))).await);
    assert_eq!(place(&places, "SUBSTITUTION_TARGET")["pointer"], "/substitutions/0/pointer");
    // What is put in its place is held by the hub, but not by CSV.
    let places = refused(&house.tcp(post_form(&key, "k-1", "", &slip, Some(&wrong(json!("俱"))))).await);
    assert_eq!(place(&places, "SUBSTITUTION_REPLACEMENT")["pointer"], pointer);
    assert_nothing_kept(&house).await;

    let taken = accepted(&house.tcp(post_form(&key, "k-1", "", &slip, Some(&stated))).await);
    let body = json!({"units": units(&stamped(&slip, "20260425101501")), "substitutions": stated});
    accepted(&house.tcp(post_units(&key, "k-2", &body)).await);
    let path = taken["deliveries"][0]["status"].as_str().unwrap();
    let seen = house.tcp(get(path, Some(&key))).await.json();
    assert_eq!(
        (&seen["substitutions"][0]["original"], &seen["substitutions"][0]["replacement"]),
        (&json!("髙"), &json!("高"))
    );
    let other = super::careplans_kit::key(&house, &[Right::Read]).await;
    assert_eq!(house.tcp(get(path, Some(&other))).await.json()["substitutions"], json!([]));
    let batch = house.tcp(get(&format!("/v1/careplans/{}", taken["id"].as_str().unwrap()), Some(&other))).await;
    assert!(!String::from_utf8_lossy(&batch.body).contains('髙'));
}

#[tokio::test]
async fn a_character_that_csv_lacks_is_named_too() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let mut unit = units(&fixture("slip")).remove(0);
    // 俱 with its JIS X 0213 form, which CP932 has not.
    unit["tables"][0]["rows"][0]["プラン担当者名"] = json!("俱 支援子");
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": [unit]}))).await);
    let found: Vec<_> = places.iter().filter(|place| place["code"] == "CHARACTER_UNSUPPORTED").collect();
    assert_eq!(found.len(), 1, "{places:#?}");
    assert_eq!(found[0]["character"], "俱");
}

#[tokio::test]
async fn an_archive_of_odd_things_is_refused_whole() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let mut files = fixture("slip");
    files[0].0 = format!("../{}", files[0].0);
    place(&refused(&house.tcp(post_zip(&key, "k-1", &files)).await), "ZIP_PATH");
    let nonsense = post(&key, "k-1", "", "application/zip", b"not an archive".to_vec());
    place(&refused(&house.tcp(nonsense).await), "ZIP_UNREADABLE");
    let bomb = zipped(&[("UP1KYO.CSV".to_owned(), vec![b'x'; 30 << 20])]);
    refused(&house.tcp(post(&key, "k-1", "", "application/zip", bomb)).await);
    let both = [fixture("slip"), vec![("more.zip".to_owned(), zipped(&fixture("slip")))]].concat();
    house.tcp(post_files(&key, "k-1", &both)).await.problem("REQUEST_MALFORMED");
    assert_nothing_kept(&house).await;
}

/// Rows of two octets that would become millions of cells.
#[tokio::test]
async fn units_that_would_take_too_much_memory_are_refused_before_they_do() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let mut unit = units(&fixture("slip")).remove(0);
    unit.as_object_mut().unwrap().remove("form");
    unit["tables"][0]["rows"] = json!(vec![json!({}); 240_000]);
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": [unit]}))).await);
    let beyond: Vec<_> = places.iter().filter(|place| place["code"] == "UNIT_TOO_MANY").collect();
    assert!(!beyond.is_empty() && beyond[0]["pointer"].as_str().unwrap().starts_with("/units/"), "{beyond:#?}");
    assert_nothing_kept(&house).await;
}

#[tokio::test]
async fn an_answer_has_an_end_however_much_is_wrong() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let entry = |n: usize| (format!("../{n}"), b"x".to_vec());
    let odd = zipped(&(0..220).map(entry).collect::<Vec<_>>());
    let archives: Vec<_> = (0..900).map(|n| (format!("{n}.zip"), odd.clone())).collect();
    let places = refused(&house.tcp(post_files(&key, "k-1", &archives)).await);
    assert!(places.len() <= 1001, "{}", places.len());
    // A hundred places of each unit, and no more than a thousand of all.
    let mut unit = units(&fixture("slip")).remove(0);
    unit.as_object_mut().unwrap().remove("form");
    let mut row = unit["tables"][0]["rows"][0].clone();
    row["プラン担当者名"] = json!("😀");
    unit["tables"][0]["rows"] = json!(vec![row; 100]);
    let places = refused(&house.tcp(post_units(&key, "k-1", &json!({"units": vec![unit; 40]}))).await);
    assert_eq!(places.len(), 1001);
    assert_eq!(places[1000]["code"], "MORE_FOUND");
    let stated: Vec<Value> =
        (0..10_001).map(|_| json!({"pointer": "/units/0/x", "original": "髙", "replacement": "高"})).collect();
    let body = json!({"units": units(&fixture("slip")), "substitutions": stated});
    let problem = house.tcp(post_units(&key, "k-1", &body)).await.problem("REQUEST_TOO_LARGE");
    assert_eq!(problem["errors"][0]["code"], "SUBSTITUTION_COUNT");
    assert_nothing_kept(&house).await;
}
