//! A terminal's event stream, read as it comes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::http::Ask;

/// An open stream. Dropping it ends the stream.
pub(super) struct Listener {
    stream: UnixStream,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Listener {
    /// Returns when the stream has begun: what happens afterwards is in it.
    pub(super) fn start(gateway: &Gateway, key: &str) -> Self {
        let mut stream = UnixStream::connect(gateway.socket()).unwrap();
        stream.write_all(&Ask::new("GET", "/v1/events").key(key).bytes()).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let status = lines.next().unwrap().unwrap();
        assert!(status.contains(" 200 "), "{status}");
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let list = Arc::clone(&told);
        std::thread::spawn(move || {
            let mut kind = String::new();
            for line in lines.map_while(Result::ok) {
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut kind);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let mut data: Value = serde_json::from_str(data).unwrap();
                    data["event"] = kind.clone().into();
                    list.lock().unwrap().push(data);
                }
            }
        });
        Self { stream, told }
    }

    /// How many have come.
    pub(super) fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// What a terminal at this reader was told since then, in words: `card absent`, `card-session ended idle`.
    pub(super) fn since(&self, count: usize, reader: &str, session: &str) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let about = |event: &&Value| match event["event"].as_str() {
            Some("card-session") => event["session"] == session,
            _ => event["reader"] == reader,
        };
        told.iter().skip(count).filter(about).map(in_words).collect()
    }
}

fn in_words(event: &Value) -> String {
    let text = |member: &str| event[member].as_str().unwrap_or_default();
    let words = match text("event") {
        "card" => vec!["card", text("card")],
        "reader" => vec!["reader", text("state"), text("reason")],
        kind => vec![kind, text("state"), text("ended")],
    };
    words.join(" ").trim_end().to_owned()
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
