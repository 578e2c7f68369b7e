//! Care plans are handed in, and followed to the hub's receipt.

use engawa::terminal::Right;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::accept::{look_again_soon, opinion, until};
use super::careplans_kit::{
    OFFICE, STAMP, accepted, assert_nothing_kept, fixture, key, key_of, post, post_files, post_form, post_units,
    post_zip, slip_for, stamped, units, zipped,
};
use super::house::{House, PATIENCE, get};

#[tokio::test]
async fn files_an_archive_or_units_go_to_the_hub_and_are_followed_to_the_receipt() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read]).await;
    let stamps = [STAMP, "20260425101501", "20260425101502", "20260425101503"];
    let slips = stamps.map(|stamp| stamped(&fixture("slip"), stamp));
    let archives = [("5月分.ZIP".to_owned(), zipped(&slips[2])), ("計画.zip".to_owned(), zipped(&fixture("plan")))];
    let ways = [
        post_files(&key, "k-1", &slips[0]),
        post_zip(&key, "k-2", &slips[1]),
        post_form(&key, "k-3", "", &archives, None),
        post_units(&key, "k-4", &json!({"units": units(&slips[3])})),
    ];
    for ((way, count), (stamp, slip)) in ways.into_iter().zip([1, 1, 2, 1]).zip(stamps.into_iter().zip(&slips)) {
        let taken = accepted(&house.tcp(way).await);
        assert_eq!((&taken["replayed"], &taken["warnings"]), (&json!(false), &json!([])), "{taken:#}");
        let deliveries = taken["deliveries"].as_array().unwrap();
        assert_eq!(deliveries.len(), count, "{taken:#}");
        let slip_of = deliveries.iter().find(|delivery| delivery["stamp"] == stamp).unwrap();
        assert_eq!((&slip_of["unit"], &slip_of["month"]), (&json!("H2"), &json!("202605")));
        assert_eq!((&slip_of["to_facility"], &slip_of["to_service_kind"]), (&json!("9970000023"), &json!("11")));
        let mut names: Vec<&str> =
            slip_of["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        names.sort_unstable();
        assert!(names.iter().eq(slip.iter().map(|(name, _)| name)), "{names:?}");

        let path = slip_of["status"].as_str().unwrap();
        let seen = until(&house, &key, path, |seen| seen["state"] == "delivered").await;
        assert_eq!((&seen["kind"], &seen["batch"]), (&json!("care_plan"), &taken["id"]));
        assert_eq!((&seen["sha256"], &seen["care_plan"]["files"]), (&slip_of["sha256"], &slip_of["files"]));
        assert_eq!(seen["care_plan"]["from_facility"], OFFICE);
        assert!(seen["next_step"]["en"].as_str().unwrap().contains("other office"), "{seen:#}");
        let batch =
            house.tcp(get(&format!("/v1/careplans/{}", taken["id"].as_str().unwrap()), Some(&key))).await.json();
        let followed = batch["deliveries"].as_array().unwrap().iter().find(|one| one["id"] == seen["id"]).unwrap();
        assert_eq!((&followed["state"], &followed["receipt"]), (&json!("delivered"), &seen["receipt"]));
        assert_eq!(batch["accepted_at"], taken["accepted_at"]);
    }
    // What the hub got is what was acknowledged.
    let list = house.tcp(get("/v1/submissions?kind=care_plan", Some(&key))).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    let none = house.tcp(get("/v1/submissions?kind=opinion", Some(&key))).await.json();
    assert_eq!(none["items"], json!([]));
    house.tcp(get("/v1/submissions?kind=letter", Some(&key))).await.problem("REQUEST_MALFORMED");
}

#[tokio::test]
async fn each_office_has_a_delivery_of_its_own_and_the_day_named() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read]).await;
    let both = [fixture("slip"), slip_for("9970000031")].concat();
    let taken = accepted(&house.tcp(post_form(&key, "k-1", "?due=2026-04-28", &both, None)).await);
    let deliveries = taken["deliveries"].as_array().unwrap();
    let mut offices: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["to_facility"]).collect();
    offices.sort_by_key(|office| office.to_string());
    assert_eq!(offices, ["9970000023", "9970000031"]);
    for delivery in deliveries {
        let seen = house.tcp(get(delivery["status"].as_str().unwrap(), Some(&key))).await.json();
        assert_eq!(seen["due"], "2026-04-28");
    }
    // An office that the files do not name is worth a look, and no more.
    let warnings = taken["warnings"].as_array().unwrap();
    assert!(!warnings.is_empty(), "{taken:#}");
    assert!(warnings.iter().all(|place| place["severity"] != "error" && place["file"].is_string()), "{warnings:#?}");

    let stranger = key_of(&house, "1370000026", &Right::ALL).await;
    for path in [format!("/v1/careplans/{}", taken["id"].as_str().unwrap()), "/v1/careplans/x".to_owned()] {
        house.tcp(get(&path, Some(&stranger))).await.problem("REQUEST_NOT_FOUND");
    }
    // A delivery is no batch.
    let path = format!("/v1/careplans/{}", deliveries[0]["id"].as_str().unwrap());
    house.tcp(get(&path, Some(&key))).await.problem("REQUEST_NOT_FOUND");
}

#[tokio::test]
async fn the_same_again_gets_the_same_batch_and_anything_else_a_conflict() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read]).await;
    let slip = fixture("slip");
    let first = house.tcp(post_files(&key, "k-1", &slip)).await;
    let taken = accepted(&first);
    assert!(first.headers.get("idempotent-replayed").is_none());
    // The order of a form's parts says nothing.
    let turned: Vec<_> = slip.iter().rev().cloned().collect();
    for files in [&slip, &turned] {
        let again = house.tcp(post_files(&key, "k-1", files)).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        let again = accepted(&again);
        assert_eq!((&again["id"], &again["replayed"]), (&taken["id"], &json!(true)));
        assert_eq!(again["deliveries"][0]["id"], taken["deliveries"][0]["id"]);
    }
    let others = [
        post_files(&key, "k-1", &slip_for("9970000031")),
        post_form(&key, "k-1", "?due=2026-04-28", &slip, None),
        post_zip(&key, "k-1", &slip),
        post_units(&key, "k-1", &json!({"units": units(&slip)})),
        // Not judged, as the key is used.
        post_files(&key, "k-1", &[("nonsense.txt".to_owned(), vec![0xff])]),
        super::accept::post(&key, "k-1", &json!({"opinion": opinion()})),
    ];
    for other in others {
        house.tcp(other).await.problem("IDEMPOTENCY_CONFLICT");
    }
    // The same unit under another key would be filed twice.
    let twice = house.tcp(post_files(&key, "k-2", &slip)).await.problem("CAREPLAN_TWICE");
    assert!(twice.to_string().contains(taken["deliveries"][0]["id"].as_str().unwrap()), "{twice:#}");
    let units = json!({"units": units(&stamped(&slip, "20260425101501")), "substitutions": []});
    let first = accepted(&house.tcp(post_units(&key, "k-2", &units)).await);
    // The layout of the JSON does not count.
    let spaced = serde_json::to_string_pretty(&units).unwrap().into_bytes();
    let again = accepted(&house.tcp(post(&key, "k-2", "", "application/json", spaced)).await);
    assert_eq!((&again["id"], &again["replayed"]), (&first["id"], &json!(true)));
}

#[tokio::test]
async fn units_are_found_however_the_json_is_written() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read]).await;
    let mut unit = units(&fixture("slip")).remove(0);
    unit["tables"][0]["rows"][0]["プラン担当者名"] = json!("手本 \\\"]},{[ 支援子");
    unit.as_object_mut().unwrap().remove("form");
    let plan = units(&fixture("plan")).remove(0);
    let body = format!("\r\n {{ \"substitutions\" :\t[ ]\n, \"un\\u0069ts\" : [ {unit:#} \n , {plan} ] }} \n");
    let taken = accepted(&house.tcp(post(&key, "k-1", "", "application/json", body.into_bytes())).await);
    let found: Vec<&Value> = taken["deliveries"].as_array().unwrap().iter().map(|one| &one["unit"]).collect();
    assert_eq!(found, ["H2", "H1"]);
    let body = format!("{{\"substitutions\":[],\"un\\u0069ts\":[{unit},{plan}]}}");
    let again = accepted(&house.tcp(post(&key, "k-1", "", "application/json", body.into_bytes())).await);
    assert_eq!(again["id"], taken["id"]);
    // White space within a text is no layout.
    let body = format!("{{\"substitutions\":[],\"un\\u0069ts\":[{unit},{plan}]}}").replace("手本 ", "手本  ");
    let other = house.tcp(post(&key, "k-1", "", "application/json", body.into_bytes())).await;
    other.problem("IDEMPOTENCY_CONFLICT");
    let broken = post(&key, "k-2", "", "application/json", br#"{"units": [{"kind": "H2"}"#.to_vec());
    assert_eq!(house.tcp(broken).await.problem("REQUEST_MALFORMED")["errors"][0]["code"], "JSON_SYNTAX");
    let branches = format!("{{\"units\":[{}0]}}", "[],".repeat(1_300_000));
    let branches = post(&key, "k-2", "", "application/json", branches.into_bytes());
    assert_eq!(house.tcp(branches).await.problem("REQUEST_TOO_LARGE")["errors"][0]["code"], "VALUE_COUNT");
}

#[tokio::test]
async fn who_may_and_what_a_request_must_be() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let reader = super::careplans_kit::key(&house, &[Right::Read]).await;
    let slip = fixture("slip");
    house.tcp(post_files(&reader, "k-1", &slip)).await.problem("AUTH_FORBIDDEN");
    house.tcp(get("/v1/careplans/0197a1b2-0000-7000-8000-000000000000", Some(&key))).await.problem("AUTH_FORBIDDEN");
    let keyless = super::house::request("POST", "/v1/careplans", Some(&key)).header("content-type", "application/zip");
    let keyless = keyless.body(zipped(&slip).into()).unwrap();
    house.tcp(keyless).await.problem("IDEMPOTENCY_KEY_MISSING");
    house.tcp(post(&key, "k-1", "", "text/csv", slip[0].1.clone())).await.problem("REQUEST_MEDIA_TYPE");
    house.tcp(post_form(&key, "k-1", "?due=20260428", &slip, None)).await.problem("REQUEST_MALFORMED");
    house.tcp(post_form(&key, "k-1", "?until=2026-04-28", &slip, None)).await.problem("REQUEST_MALFORMED");
    house
        .tcp(post(&key, "k-1", "", "multipart/form-data; boundary=bb", b"--bb--\r\n".to_vec()))
        .await
        .problem("REQUEST_MALFORMED");
    for body in [json!([]), json!({}), json!({"units": []}), json!({"units": units(&slip), "due": "2026-04-28"})] {
        house.tcp(post_units(&key, "k-1", &body)).await.problem("REQUEST_MALFORMED");
    }
    let twice = br#"{"units": [], "units": []}"#.to_vec();
    let problem = house.tcp(post(&key, "k-1", "", "application/json", twice)).await.problem("REQUEST_MALFORMED");
    assert_eq!(problem["errors"][0]["code"], "MEMBER_REPEATED");
    let large = [slip.clone(), vec![("UP1KYO.CSV".to_owned(), vec![b'x'; 20 << 20])]].concat();
    house.tcp(post_files(&key, "k-1", &large)).await.problem("REQUEST_TOO_LARGE");
    let commas = [slip.clone(), vec![("UP1KYO.CSV".to_owned(), vec![b','; 4 << 20])]].concat();
    let problem = house.tcp(post_files(&key, "k-1", &commas)).await.problem("REQUEST_TOO_LARGE");
    assert_eq!(problem["errors"][0]["code"], "VALUE_COUNT");
    assert_nothing_kept(&house).await;
}

/// The head of a request of which no more comes.
fn begun(key: &str, length: usize) -> String {
    format!(
        "POST /v1/careplans HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nidempotency-key: k\r\n\
         content-type: application/zip\r\ncontent-length: {length}\r\n\r\nP"
    )
}

#[tokio::test]
async fn no_more_is_taken_into_memory_than_there_is_room_for() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit]).await;
    let mut large = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(house.tcp).await.unwrap();
        stream.write_all(begun(&key, 20 << 20).as_bytes()).await.unwrap();
        large.push(stream);
    }
    let busy = async {
        loop {
            let answer = house.tcp(post_zip(&key, "k-1", &fixture("slip"))).await;
            if answer.status == 503 {
                return answer;
            }
            look_again_soon().await;
        }
    };
    let busy = tokio::time::timeout(PATIENCE, busy).await.expect("there is room for everything");
    busy.problem("GATEWAY_BUSY");
    assert_eq!(busy.header("retry-after"), "1");
    drop(large);
    let again = async {
        while house.tcp(post_zip(&key, "k-2", &fixture("slip"))).await.status != 202 {
            look_again_soon().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the room stays taken");
}
