//! A reader, a card and a terminal, for the tests of what is done with them.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engawa::terminal::Right;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::house::{Answer, House, PATIENCE, get, request};
use super::softcard::SoftCard;

pub(super) const INSURER: &str = "999995";
pub(super) const INSURED: &str = "0000000001";

/// A house with one reader, and the key of one terminal.
pub(super) struct Desk {
    pub(super) house: House,
    pub(super) key: String,
}

impl Desk {
    /// The reader is called `a`.
    pub(super) async fn open() -> Self {
        Self::with(House::open().await).await
    }

    pub(super) async fn with(house: House) -> Self {
        house.readers.readers(&["a"]);
        let key = house.key(&[Right::Card]).await;
        let desk = Self { house, key };
        desk.until("/v1/readers", |seen| seen["items"][0]["state"] == "ok").await;
        desk
    }

    /// Puts a card there whose holder the hub knows, and waits until it is seen.
    pub(super) async fn put(&self, mut card: SoftCard) -> Arc<Mutex<SoftCard>> {
        let (_, certificate) = card.files.iter().find(|((_, file), _)| *file == 0x000A).unwrap();
        self.house.hub.know_person(INSURER, INSURED, Some(certificate));
        card.challenges = (1..=20).map(challenge).collect();
        let card = card.shared();
        self.house.readers.insert("a", card.clone());
        self.until("/v1/readers", |seen| seen["items"][0]["card"] == "present").await;
        card
    }

    /// A session on any reader; its id.
    pub(super) async fn session(&self) -> String {
        let opened = self.post("/v1/card-sessions", &json!({"purpose": "identify"})).await;
        assert_eq!(opened.status, 201, "{:?}", opened.body);
        opened.json()["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.house.tcp(post(&self.key, path, body)).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.house.tcp(get(path, Some(&self.key))).await
    }

    /// Asks in a session.
    pub(super) async fn ask(&self, session: &str, what: &str, body: &Value) -> Answer {
        self.post(&format!("/v1/card-sessions/{session}/{what}"), body).await
    }

    pub(super) async fn close(&self, session: &str) -> Answer {
        let path = format!("/v1/card-sessions/{session}");
        self.house.tcp(request("DELETE", &path, Some(&self.key)).body(Full::default()).unwrap()).await
    }

    /// Asks until it is so.
    pub(super) async fn until(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let seen = self.get(path).await.json();
                if so(&seen) {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} does not come true"))
    }
}

pub(super) fn post(key: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = request("POST", path, Some(key)).header("content-type", "application/json");
    request.body(Full::from(body.to_string())).unwrap()
}

/// The bytes of the scripted hub's challenge of that number.
fn challenge(number: usize) -> Vec<u8> {
    let id = format!("C{number:08}");
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.as_bytes()).as_ref().to_vec()
}

/// What `errors` of a problem name.
pub(super) fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|place| place["pointer"].as_str().unwrap()).collect()
}
