//! Every route of the table, with everybody who may come: the endpoint does what docs/routes.md says, and keeps facilities apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use engawa::api::{Comer, Permission, permissions};
use engawa::people::{Name, NewAccount, Role, User};
use engawa::terminal::{Kind, NewWindow, Offer, Paired, Right};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::accept::{opinion, post as post_opinion, until};
use super::careplans_kit::{fixture, key_of, units};
use super::house::{House, request};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
const OTHER: &str = super::house::FURTHER[0];

/// The path with this in place of its parameters.
fn filled(path: &str, value: &str) -> String {
    let mut parts = path.split('/').map(|part| if part.starts_with('{') { value } else { part });
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + "/" + part)
}

fn asked(line: &Permission, value: &str, key: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = request(line.method, &filled(&line.path, value), key);
    let mut body = "";
    if line.method != "GET" && line.method != "DELETE" {
        request = request.header("content-type", "application/json");
        body = "{}";
    }
    request.body(Full::from(body)).unwrap()
}

/// An event stream does not end; its head is enough.
async fn status(house: &House, line: &Permission, key: Option<&str>, unix: bool) -> u16 {
    let request = asked(line, NOBODY, key);
    let response = if unix {
        super::house::send(tokio::net::UnixStream::connect(&house.unix).await.unwrap(), request).await
    } else {
        super::house::send(tokio::net::TcpStream::connect(house.tcp).await.unwrap(), request).await
    };
    response.status().as_u16()
}

#[tokio::test]
async fn strangers_keys_and_the_local_administrator_may_what_the_matrix_says() {
    let house = House::open().await;
    let mut keys = BTreeMap::new();
    for right in Right::ALL {
        keys.insert(right, house.key(&[right]).await);
    }
    let mut walked = 0;
    for line in permissions() {
        for comer in Comer::all() {
            let status = match comer {
                Comer::Stranger => status(&house, &line, None, false).await,
                Comer::Key(right) => status(&house, &line, keys.get(&right).map(String::as_str), false).await,
                Comer::Local => status(&house, &line, None, true).await,
                Comer::Browser | Comer::OneTime | Comer::Role(_) => continue,
            };
            let let_in = status != 401 && status != 403;
            assert_eq!(let_in, line.allows_on_the_box(comer), "{} {} as {comer:?}: {status}", line.method, line.path);
            assert_ne!(status, 500, "{} {} as {comer:?}", line.method, line.path);
            walked += 1;
        }
    }
    assert_eq!(walked, permissions().len() * (Right::ALL.len() + 2));
    assert!(house.close().await);
}

/// Something of every kind, of the house's own facility; where it is found, and its id.
async fn furnished(house: &House, key: &str) -> Vec<(&'static str, String)> {
    let accepted = house.tcp(post_opinion(key, "own", &json!({"opinion": opinion()}))).await;
    assert_eq!(accepted.status, 202, "{:?}", accepted.body);
    let submission = accepted.json()["id"].as_str().unwrap().to_owned();
    house.hub.arrive("one", "9970000015", units(&fixture("slip")).remove(0).to_string());
    house.look_into_the_box();
    let list = until(house, key, "/v1/careplans/received", |list| list["items"][0]["state"] == "kept").await;
    let received = list["items"][0]["id"].as_str().unwrap().to_owned();
    let keys = house.keys.list().await.unwrap();
    let own_key = keys.iter().find(|key| key.facility == super::house::FACILITY).unwrap().id.to_string();
    let (user, name) = (User::parse("sato").unwrap(), Name::parse("霧凪黎暁").unwrap());
    let account = NewAccount { user, name, role: Role::Clerk, leaves_on: None, hub_user: None };
    house.people.add(super::house::FACILITY, account).await.unwrap();
    let window = |kind| NewWindow {
        facility: super::house::FACILITY.to_owned(),
        label: "窓口".to_owned(),
        kind,
        rights: BTreeSet::from([Right::Submit]),
        person: None,
        networks: Vec::new(),
        opened_by: "local".to_owned(),
    };
    let code = house.terminals.open_window(window(Kind::Browser)).await.unwrap().code;
    let offer = Offer { code, csr: None, browser: true, from: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let Paired::Browser { id: terminal, .. } = house.terminals.pair(offer).await.unwrap().1 else {
        panic!("no browser")
    };
    let window = house.terminals.open_window(window(Kind::Key)).await.unwrap().record.id;
    vec![
        ("/v1/terminals", terminal.to_string()),
        ("/v1/pairing", window.to_string()),
        ("/v1/opinions", submission.clone()),
        ("/v1/submissions", submission),
        ("/v1/careplans/received", received),
        ("/v1/keys", own_key),
        ("/v1/staff", "sato".to_owned()),
    ]
}

#[tokio::test]
async fn nothing_of_another_facility_is_there() {
    let house = House::open().await;
    let own = house.key(&Right::ALL).await;
    let foreign = key_of(&house, OTHER, &Right::ALL).await;
    let things = furnished(&house, &own).await;
    let before = state(&house, &own).await;
    let (mut ids, mut lists) = (0, 0);
    for line in permissions() {
        let what = format!("{} {}", line.method, line.path);
        if line.path == "/v1/events" || line.path == "/metrics" || line.path == "/openapi.json" {
            continue;
        }
        if !line.path.contains('{') {
            let answer = house.tcp(asked(&line, "", Some(&foreign))).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let own_record = format!("\"facility\":\"{}\"", super::house::FACILITY);
            assert!(!body.contains(&own_record), "{what}: {body}");
            // The trail holds what somebody asked for in vain, in their own words.
            for (_, thing) in things.iter().filter(|_| line.path != "/v1/trail") {
                assert!(!body.contains(thing.as_str()), "{what} shows {thing}: {body}");
            }
            assert!(!body.contains("霧凪黎暁"), "{what}: {body}");
            lists += usize::from(line.method == "GET");
            continue;
        }
        // As if it did not exist: the answer is that to an id that nobody has.
        let nobody = house.tcp(asked(&line, NOBODY, Some(&foreign))).await;
        assert_ne!(nobody.json()["code"], "FACILITY_GONE", "{what}");
        for (_, thing) in &things {
            let answer = house.tcp(asked(&line, thing, Some(&foreign))).await;
            let same = (answer.status, &answer.json()["code"]) == (nobody.status, &nobody.json()["code"]);
            assert!(same || answer.status == 404, "{what} of {thing}: {:?} {:?}", answer.status, answer.body);
            assert!(line.method != "GET" || answer.status == 404, "{what} of {thing}: {:?}", answer.status);
            ids += 1;
        }
    }
    assert!(ids > 80 && lists >= 6, "{ids} {lists}");
    assert_eq!(state(&house, &own).await, before, "somebody of another facility has changed something");
    // The things are there for their owner, so their absence was no mistake of the test.
    for (path, thing) in &things {
        let line = permissions()
            .into_iter()
            .find(|line| line.method == "GET" && line.path.starts_with(path) && line.path.ends_with('}'));
        if let Some(line) = line {
            assert_eq!(house.tcp(asked(&line, thing, Some(&own))).await.status, 200, "{} {thing}", line.path);
        }
    }
    assert!(house.close().await);
}

/// What is about the whole box is not for an administrator of another facility than the first; everything else is.
#[tokio::test]
async fn what_is_the_boxs_is_the_first_facilitys() {
    let house = House::open().await;
    let mut keys = BTreeMap::new();
    for right in Right::ALL {
        keys.insert(right, key_of(&house, OTHER, &[right]).await);
    }
    let mut of_the_box = Vec::new();
    for line in permissions() {
        for right in Right::ALL {
            let comer = Comer::Key(right);
            let answer = if line.path == "/v1/events" {
                status(&house, &line, Some(&keys[&right]), false).await
            } else {
                let answer = house.tcp(asked(&line, NOBODY, Some(&keys[&right]))).await;
                let precise = answer.status == 403 && answer.json()["errors"][0]["code"] == "ADMINISTRATOR_OF_BOX";
                let refused = line.allows(comer) && !line.allows_elsewhere(comer);
                assert_eq!(precise, refused, "{} {} as {comer:?}: {:?}", line.method, line.path, answer.body);
                if refused {
                    of_the_box.push(format!("{} {}", line.method, line.path));
                }
                answer.status.as_u16()
            };
            let let_in = answer != 401 && answer != 403;
            let expected = line.allows_on_the_box(comer) && (line.allows_elsewhere(comer) || !line.allows(comer));
            assert_eq!(let_in, expected, "{} {} as {comer:?}: {answer}", line.method, line.path);
        }
        // Whoever administers the box does so for whichever facility.
        let mut local = asked(&line, NOBODY, None);
        local.headers_mut().insert("engawa-facility", OTHER.parse().unwrap());
        if line.allows_on_the_box(Comer::Local) && line.path != "/v1/events" {
            let answer = house.unix(local).await;
            assert!(![401, 403].contains(&answer.status.as_u16()), "{} {}", line.method, line.path);
        }
    }
    assert_eq!(of_the_box, ["POST /v1/backup", "POST /v1/restore/confirmation"]);
    assert!(house.close().await);
}

/// Where a credential is needed, the facility that a request names has to be the credential's, and one that the box serves.
#[tokio::test]
async fn a_facility_named_by_mistake_and_one_that_is_gone_are_refused_on_every_route() {
    let house = House::open().await;
    let own = house.key(&Right::ALL).await;
    let gone = key_of(&house, "1370000099", &Right::ALL).await;
    let before = state(&house, &own).await;
    let mut walked = 0;
    for line in permissions() {
        if line.allows_on_the_box(Comer::Stranger) || !line.allows_on_the_box(Comer::Local) {
            continue;
        }
        let what = format!("{} {}", line.method, line.path);
        let mut mistaken = asked(&line, NOBODY, Some(&own));
        mistaken.headers_mut().insert("engawa-facility", OTHER.parse().unwrap());
        let answer = house.tcp(mistaken).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (403, Some("AUTH_FORBIDDEN")), "{what}");
        let answer = house.tcp(asked(&line, NOBODY, Some(&gone))).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (401, Some("FACILITY_GONE")), "{what}");
        let mut unknown = asked(&line, NOBODY, None);
        unknown.headers_mut().insert("engawa-facility", "1370000099".parse().unwrap());
        let answer = house.unix(unknown).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some("FACILITY_UNKNOWN")), "{what}");
        walked += 1;
    }
    assert!(walked > 35, "{walked}");
    assert_eq!(state(&house, &own).await, before);
    assert!(house.close().await);
}

/// What the facility has, as its own key sees it.
async fn state(house: &House, own: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["/v1/submissions", "/v1/careplans/received", "/v1/keys", "/v1/staff", "/v1/terminals", "/v1/pairing"] {
        let answer = house.tcp(super::house::get(path, Some(own))).await;
        assert_eq!(answer.status, 200, "{path}");
        let mut items = answer.json()["items"].clone();
        for item in items.as_array_mut().unwrap() {
            // Times of last use move by themselves; what is on its way goes on.
            let item = item.as_object_mut().unwrap();
            for member in ["last_used_at", "updated_at", "state", "attempts", "progress"] {
                item.remove(member);
            }
        }
        seen.push(json!({ "path": path, "items": items }));
    }
    seen
}
