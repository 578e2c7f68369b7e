//! What other offices sent: listed, taken as JSON or CSV, opened.

use std::io::{Cursor, Read as _};
use std::time::Duration;

use engawa::api::{Config, ServeConfig};
use engawa::hub::Acknowledgement;
use engawa::terminal::Right;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::accept::until;
use super::careplans_kit::{Named, fixture, units};
use super::house::{House, get, request, send};

const LIST: &str = "/v1/careplans/received";

fn unit(folder: &str) -> Value {
    units(&fixture(folder)).remove(0)
}

async fn arrived(house: &House, key: &str, count: usize) -> Vec<Value> {
    let list = until(house, key, LIST, |list| {
        let items = list["items"].as_array().unwrap();
        items.len() == count && items.iter().all(|item| item["state"] == "kept")
    });
    list.await["items"].as_array().unwrap().clone()
}

fn of(item: &Value, what: &str) -> String {
    format!("{LIST}/{}{what}", item["id"].as_str().unwrap())
}

fn open(key: &str, item: &Value) -> Request<Full<bytes::Bytes>> {
    request("POST", &of(item, "/opened"), Some(key)).body(Full::default()).unwrap()
}

fn unzipped(bytes: &[u8]) -> Vec<Named> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut content = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let mut files: Vec<Named> = names.iter().map(|name| (name.clone(), content(name))).collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_another_office_sent_is_taken_as_it_came_and_stays_unopened_until_somebody_looks() {
    let house = House::open().await;
    let key = house.key(&[Right::Receive]).await;
    let (slip, plan) = (unit("slip").to_string(), unit("plan").to_string());
    house.hub.arrive("one", "9970000015", slip.clone());
    house.hub.arrive("two", "9970000015", plan);
    house.look_into_the_box();
    let items = arrived(&house, &key, 2).await;
    let first = &items[0];
    assert_eq!((&first["from_facility"], &first["opened_at"]), (&json!("9970000015"), &Value::Null));
    assert_eq!((&first["care_plan"]["unit"], &first["care_plan"]["month"]), (&json!("H2"), &json!("202605")));
    assert_eq!((&first["care_plan"]["to_service_kind"], &first["care_plan"]["replaced"]), (&json!("11"), &json!(0)));
    assert_eq!(house.tcp(get(&of(first, ""), Some(&key))).await.json(), *first);

    let json = house.tcp(get(&of(first, "/unit"), Some(&key))).await;
    assert_eq!((json.header("content-type"), json.header("cache-control")), ("application/json", "no-store"));
    assert_eq!(json.body, slip.as_bytes());
    let archive = house.tcp(get(&of(first, "/files"), Some(&key))).await;
    assert_eq!((archive.header("content-type"), archive.header("cache-control")), ("application/zip", "no-store"));
    let name = archive.header("content-disposition");
    assert_eq!(name, "attachment; filename=\"careplan-9970000015-20260425101500.zip\"");
    assert_eq!(unzipped(&archive.body), fixture("slip"));

    // Taking it is not opening it.
    assert_eq!(arrived(&house, &key, 2).await, items);
    let page = house.tcp(get(&format!("{LIST}?limit=1"), Some(&key))).await.json();
    assert_eq!((&page["items"], &page["next_after"]), (&json!([first]), &first["seq"]));
    let rest = house.tcp(get(&format!("{LIST}?limit=1&after={}", first["seq"]), Some(&key))).await.json();
    assert_eq!(rest["items"], json!([items[1]]));

    let opened = house.tcp(open(&key, first)).await.json();
    assert!(opened["opened_at"].is_string(), "{opened}");
    assert_eq!(house.tcp(open(&key, first)).await.json(), opened);
    let unopened = house.tcp(get(&format!("{LIST}?unopened=true"), Some(&key))).await.json();
    assert_eq!(unopened["items"], json!([items[1]]));
    // The sender is told.
    let told = async {
        while !house.hub.acknowledgements().iter().any(|told| told.what == Acknowledgement::Opened && told.id == "one")
        {
            super::accept::look_again_soon().await;
        }
    };
    tokio::time::timeout(super::house::PATIENCE, told).await.expect("the sender is not told");
}

#[tokio::test]
async fn what_csv_lacks_is_replaced_and_named() {
    let house = House::open().await;
    let key = house.key(&[Right::Receive]).await;
    let mut unit = unit("slip");
    unit.as_object_mut().unwrap().remove("form");
    unit["tables"][0]["rows"][0]["プラン担当者名"] = json!("俱 支援子");
    house.hub.arrive("one", "9970000015", unit.to_string());
    house.look_into_the_box();
    let items = arrived(&house, &key, 1).await;
    assert_eq!(items[0]["care_plan"]["replaced"], 1);
    let archive = house.tcp(get(&of(&items[0], "/files"), Some(&key))).await;
    let files = unzipped(&archive.body);
    let (_, replaced) = files.iter().find(|(name, _)| name == "replaced.json").unwrap();
    let replaced: Value = serde_json::from_slice(replaced).unwrap();
    assert_eq!((&replaced[0]["character"], replaced.as_array().unwrap().len()), (&json!("俱"), 1));
    assert_eq!(replaced[0]["pointer"], "/tables/0/rows/0/プラン担当者名");
    assert_eq!(files.len(), 4);
}

#[tokio::test]
async fn what_is_no_care_plan_is_given_as_it_came() {
    let house = House::open().await;
    let key = house.key(&[Right::Receive]).await;
    house.hub.arrive("one", "9970000015", r#"{"kind":"H99"}"#);
    house.hub.arrive("two", "9970000015", unit("slip").to_string());
    house.hub.lose_arrival("two");
    // What the hub does not know, or gives as nothing, is asked for again, for more than an hour.
    let list = until(&house, &key, LIST, |list| {
        house.clock.advance(Duration::from_secs(3600));
        house.look_into_the_box();
        let states: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
        states == ["kept", "gone"]
    });
    let items = list.await["items"].as_array().unwrap().clone();
    assert_eq!(items[0]["reason"]["code"], "CAREPLAN_UNREADABLE");
    assert!(items[0]["care_plan"].is_null());
    assert_eq!(house.tcp(get(&of(&items[0], "/unit"), Some(&key))).await.body, r#"{"kind":"H99"}"#);
    house.tcp(get(&of(&items[0], "/files"), Some(&key))).await.problem("CAREPLAN_UNREADABLE");
    for what in ["/unit", "/files"] {
        house.tcp(get(&of(&items[1], what), Some(&key))).await.problem("HUB_ARRIVAL_GONE");
    }
    assert_eq!(house.tcp(open(&key, &items[1])).await.status, 200);
}

#[tokio::test]
async fn who_may_and_what_may_be_asked() {
    let house = House::open().await;
    let key = house.key(&[Right::Receive]).await;
    let other = house.key(&[Right::Submit, Right::Read, Right::Manage]).await;
    house.hub.arrive("one", "9970000015", unit("slip").to_string());
    house.look_into_the_box();
    let items = arrived(&house, &key, 1).await;
    let stranger = super::careplans_kit::key(&house, &[Right::Receive]).await;
    for what in ["", "/unit", "/files"] {
        house.tcp(get(&of(&items[0], what), Some(&other))).await.problem("AUTH_FORBIDDEN");
        house.tcp(get(&of(&items[0], what), Some(&stranger))).await.problem("REQUEST_NOT_FOUND");
    }
    house.tcp(get(LIST, Some(&other))).await.problem("AUTH_FORBIDDEN");
    house.tcp(open(&other, &items[0])).await.problem("AUTH_FORBIDDEN");
    house.tcp(open(&stranger, &items[0])).await.problem("REQUEST_NOT_FOUND");
    assert_eq!(house.tcp(get(LIST, Some(&stranger))).await.json()["items"], json!([]));
    for query in ["unopened=1", "after=-1", "after=x", "limit=0", "limit=201", "cursor=1"] {
        house.tcp(get(&format!("{LIST}?{query}"), Some(&key))).await.problem("REQUEST_MALFORMED");
    }
    house.tcp(get(&format!("{LIST}/x/unit"), Some(&key))).await.problem("REQUEST_NOT_FOUND");
}

/// What is on its way lies in memory until its reader has it, so a reader that stops keeps its seat, but not for long.
#[tokio::test]
async fn readers_that_stop_reading_are_cut_off_and_keep_nobody_waiting() {
    let sockets = ServeConfig { reading: Duration::from_millis(300), ..ServeConfig::default() };
    let house = House::open_with(Config::default(), sockets).await;
    let key = house.key(&[Right::Receive]).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(19 << 20));
    house.hub.arrive("one", "9970000015", large.clone());
    house.look_into_the_box();
    let items = arrived(&house, &key, 1).await;
    let mut standing = Vec::new();
    for _ in 0..3 {
        let stream = tokio::net::TcpStream::connect(house.tcp).await.unwrap();
        // The third is answered only once one of the others was cut off.
        let answer =
            tokio::time::timeout(super::house::PATIENCE, send(stream, get(&of(&items[0], "/unit"), Some(&key))));
        standing.push(answer.await.expect("the seats stay taken"));
    }
    assert_eq!(house.tcp(get(&of(&items[0], "/unit"), Some(&key))).await.body, large.as_bytes());
    let cut = http_body_util::BodyExt::collect(standing.remove(0).into_body()).await;
    assert!(cut.is_err(), "it came whole");
}
