//! Care plans: answers of a form that the sandbox does not give.

use engawa::fault::Code;
use engawa::hub::{Acknowledgement, HubPort as _, RecipientState, Scope};
use serde_json::json;
use uuid::Uuid;

use super::World;
use super::stub::{Act, CAPABILITIES};

const RECEIVED: &str = "/api/v1/careplans/5.0/received";
const SENT: &str = "/api/v1/careplans/5.0/sent";
const AT: &str = "2026-11-22T09:00:00+09:00";

fn ok(data: &str) -> Act {
    Act::Answer(200, None, format!(r#"{{"result":"ok","data":{data},"trace_id":"t"}}"#))
}

async fn world() -> World {
    let world = World::new().await;
    world.stub.then(CAPABILITIES, [ok(r#"["careplans"]"#)]);
    world
}

#[tokio::test]
async fn a_unit_stays_as_the_hub_wrote_it() {
    // Nothing that a reader would write so: spaces, numbers, escapes, a member twice, lines.
    let unit = "{ \"tables\" : [ {\"name\":\"UP1KYO\",\"rows\":[{\"a\":1.00e1,\"a\":\"\\u9577\\/\"}]} ] ,\n\t\"z\":18446744073709551616.0 }";
    let world = world().await;
    let hub = world.hub();
    let around = format!("{{\"trace_id\":\"t\" , \"data\" : {unit} , \"result\":\"\\u006fk\", \"new\": []}}\n");
    world.stub.then(&format!("{RECEIVED}/U%2F1%20%E9%95%B7"), [Act::Answer(200, None, around)]);
    let came = hub.arrived_unit("U/1 長").await.unwrap().unwrap();
    assert_eq!(std::str::from_utf8(&came).unwrap(), unit);
    assert_eq!(hub.status().last_answer, Some(world.clock.now()));
}

#[tokio::test]
async fn what_is_no_unit_is_held_against_that_one_alone() {
    let world = world().await;
    let hub = world.hub();
    let path = format!("{RECEIVED}/U1");
    let long = "x".repeat(22 * 1024 * 1024);
    for answer in [
        ok(r#"{"tables":[}"#),
        ok(&format!(r#"{{"tables":["{long}"]}}"#)),
        // An error as long as a unit is none of the hub's.
        Act::Answer(
            200,
            None,
            format!(r#"{{"result":"error","errors":[{{"code":"E4040","message":"{}"}}]}}"#, &long[..2 << 20]),
        ),
        Act::Answer(200, None, r#"{"result":"ok","data":{"tables":[]},"errors":[]}"#.to_owned()),
        Act::Answer(200, None, r#"{"result":"ok","trace_id":"t"}"#.to_owned()),
        Act::Answer(200, None, r#"{"result":"error","data":{"tables":[]}}"#.to_owned()),
        Act::Answer(200, None, "null".to_owned()),
    ] {
        let said = format!("{answer:?}");
        world.stub.then(&path, [answer]);
        let trouble = hub.arrived_unit("U1").await.unwrap_err();
        assert_eq!((trouble.code, trouble.scope), (Code::HubNonsense, Scope::Item), "{}", &said[..said.len().min(200)]);
    }
    world.stub.then(&path, [Act::Answer(404, None, super::error("E4040"))]);
    assert_eq!(hub.arrived_unit("U1").await, Ok(None));
    world.stub.then(&path, [Act::Answer(200, None, super::error("E3001"))]);
    let trouble = hub.arrived_unit("U1").await.unwrap_err();
    assert_eq!((trouble.code, trouble.scope), (Code::HubNotPermitted, Scope::Item));
}

/// It is kept as it came, and a person is told: asked for again it would be the same.
#[tokio::test]
async fn what_is_no_unit_in_a_sound_answer_comes_as_it_is() {
    let world = world().await;
    let hub = world.hub();
    for data in ["null", "[]", "7", r#"{"note":"no tables"}"#, r#"{"tables":{}}"#, r#"{ "tables" : "" }"#] {
        world.stub.then(&format!("{RECEIVED}/U1"), [ok(data)]);
        assert_eq!(hub.arrived_unit("U1").await.unwrap().unwrap(), data.as_bytes());
    }
}

#[tokio::test]
async fn no_bad_entry_stops_a_list_and_whatever_has_a_name_is_announced() {
    let world = world().await;
    let hub = world.hub();
    let long = "9".repeat(129);
    let items = json!([
        {"id": "U1", "from_facility": "9970000024", "kind": "UP1KYO", "receipt_number": "K1", "state": "delivered", "at": AT},
        {"id": "U2"},
        {"id": "U3", "from_facility": 1, "kind": "a\u{7}b", "receipt_number": long, "state": "folded", "at": "yesterday"},
        {"from_facility": "9970000024", "receipt_number": "K4", "at": AT},
        {"id": ""}, {"id": ".."}, {"id": "."}, {"id": long}, {"id": "a\nb"}, {"id": 5}, null, "U6",
        {"id": "U/7", "receipt_number": "K7"},
    ]);
    world.stub.then(RECEIVED, [ok(&json!({"items": items, "next_cursor": "n"}).to_string())]);
    let page = hub.arrivals(Some("c+1".to_owned())).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|one| (one.id.as_str(), one.receipt_number.as_str())).collect();
    assert_eq!(names, [("U1", "K1"), ("U2", ""), ("U3", ""), ("U/7", "K7")]);
    assert_eq!((page.items[2].from_facility.as_str(), page.items[2].kind.as_str()), ("", ""));
    assert_eq!((page.items[0].at, page.items[1].at), (AT.parse().unwrap(), world.clock.now()));
    assert_eq!((page.next_cursor.as_str(), page.restarted), ("n", false));

    let items = json!([
        {"receipt_number": "K1", "state": "folded", "at": AT},
        {"receipt_number": "K2", "state": "opened"},
        {"receipt_number": "K3", "state": "opened", "at": AT},
    ]);
    world.stub.then(SENT, [ok(&json!({"items": items, "next_cursor": "n"}).to_string())]);
    let page = hub.care_plan_changes(None).await.unwrap();
    let told: Vec<_> = page.items.iter().map(|one| (one.receipt_number.as_str(), one.state)).collect();
    assert_eq!(told, [("K3", RecipientState::Opened)]);

    // A page may be long, but not as long as a unit.
    let page = |mebibytes: usize| {
        ok(&json!({"items": [{"id": "U8"}], "next_cursor": "n", "x": "x".repeat(mebibytes << 20)}).to_string())
    };
    world.stub.then(RECEIVED, [page(7), page(9)]);
    assert_eq!(hub.arrivals(None).await.unwrap().items.len(), 1);
    assert_eq!(hub.arrivals(None).await.unwrap_err().code, Code::HubNonsense);
}

#[tokio::test]
async fn an_acknowledgement_goes_under_its_key_and_an_answer_about_another_is_none() {
    let world = world().await;
    let hub = world.hub();
    let path = format!("{RECEIVED}/U1/ack");
    world.stub.then(&path, [ok("{}"), ok(r#"{"id":"U2"}"#), ok(r#"{"id":"U1","state":"opened"}"#)]);
    let tell = async || hub.acknowledge(Uuid::from_u128(7), "U1", Acknowledgement::Opened).await;
    assert_eq!(tell().await, Ok(()));
    let trouble = tell().await.unwrap_err();
    assert_eq!((trouble.code, trouble.scope), (Code::HubNonsense, Scope::Item));
    assert_eq!(tell().await, Ok(()));
    let calls = world.stub.calls(&path);
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.key == Some(Uuid::from_u128(7).to_string()) && call.bytes == 18));
    // A connection that breaks means the same once more.
    world.stub.then(&path, [Act::CutAfterEffect, ok("{}")]);
    assert_eq!(tell().await, Ok(()));
}

#[tokio::test]
async fn nothing_is_asked_under_what_cannot_be_a_name() {
    let world = world().await;
    let hub = world.hub();
    for id in ["", ".", "..", "a\nb", &"9".repeat(129)] {
        let unit = hub.arrived_unit(id).await.unwrap_err();
        let told = hub.acknowledge(Uuid::from_u128(7), id, Acknowledgement::Opened).await.unwrap_err();
        for trouble in [unit, told] {
            assert_eq!((trouble.code, trouble.scope), (Code::HubNonsense, Scope::Item), "{id:?}");
        }
    }
    assert_eq!(world.stub.connections.load(std::sync::atomic::Ordering::SeqCst), 0);
}
