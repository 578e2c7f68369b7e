//! The card room against a real pcscd, vpcd's readers and the sandbox's cards: each trap of the PC/SC stack and each fault of
//! a card, what the terminal sees, and how many PIN tries were spent.
//!
//! The PC/SC client library reads the daemon's socket from the environment, once a process. So the room under test runs in a
//! process of its own: this test binary again, told by its environment to be a room ([`child`]) and nothing else.

mod child;
mod faults;
mod kinds;
mod traps;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engawa::clock::Clock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::mortal::mortal;
use crate::support::pcscd::Pcscd;

const PATIENCE: Duration = Duration::from_secs(20);

/// A pcscd with cards in its readers, and a room that uses them.
struct House {
    pcscd: Pcscd,
    cards: Child,
    control: u16,
    room: Room,
    dir: TempDir,
}

/// A process that speaks to the pcscd.
struct Room {
    process: Child,
    socket: PathBuf,
}

impl House {
    /// One slot for each holder.
    fn with(holders: &[&str]) -> Self {
        Self::of(holders.len().div_ceil(2), holders)
    }

    /// With so many readers of two slots each, the last ones empty.
    fn of(readers: usize, holders: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("cards").tempdir().unwrap();
        let pcscd = Pcscd::start(readers);
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
        command.args(["card", "--until-stdin-ends", "--no-fsync", "--dir"]).arg(dir.path());
        for (holder, port) in holders.iter().zip(pcscd.ports()) {
            command.args(["--holder", holder, "--port", &port.to_string()]);
        }
        let mut cards = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(cards.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let facts: Value = serde_json::from_str(&line).unwrap();
        let control = u16::try_from(facts["control_port"].as_u64().unwrap()).unwrap();
        let room = Room::start(&pcscd, dir.path().join("room"));
        let house = Self { pcscd, cards, control, room, dir };
        let there = holders.len();
        house.until("the cards to be seen", |house| house.present() == there);
        house
    }

    /// Another process beside the room, for what other programs do.
    fn neighbour(&self, name: &str) -> Room {
        Room::start(&self.pcscd, self.dir.path().join(name))
    }

    fn ask(&self, order: &Value) -> Value {
        self.room.ask(order)
    }

    fn readers(&self) -> Vec<Value> {
        self.ask(&json!({"op": "readers"})).as_array().cloned().unwrap_or_default()
    }

    fn present(&self) -> usize {
        self.readers().iter().filter(|reader| reader["state"] == "ok" && reader["card"] == "present").count()
    }

    /// The reader of a slot: pcscd names them in the order of the ports.
    fn reader(&self, slot: usize) -> Value {
        self.readers()[slot].clone()
    }

    /// A session of a terminal on the reader of a slot.
    fn session(&self, terminal: &str, slot: usize) -> Value {
        let name = self.reader(slot)["name"].clone();
        let opened = self.ask(&json!({"op": "open", "terminal": terminal, "reader": name}));
        assert_eq!(opened["stage"], "granted", "{opened}");
        opened["id"].clone()
    }

    /// Identifies with a session of its own, and closes it.
    fn identify(&self, slot: usize, pin: &str) -> Value {
        let session = self.session("desk", slot);
        let answer = self.sign("desk", &session, pin);
        self.ask(&json!({"op": "close", "terminal": "desk", "id": session}));
        answer
    }

    fn sign(&self, terminal: &str, session: &Value, pin: &str) -> Value {
        self.ask(&json!({"op": "sign", "terminal": terminal, "id": session, "pin": pin}))
    }

    /// A person takes the card out, if it lies there, and puts it in again when pcscd has seen that.
    fn reinsert(&self, slot: usize) {
        if self.slot(slot)["inserted"] == true {
            self.order(slot, "remove", &json!({}));
        }
        let free = |house: &Self| house.reader(slot)["state"] == "ok" && house.reader(slot)["card"] == "absent";
        self.until("the reader to be free", free);
        self.order(slot, "insert", &json!({}));
        self.until("the card to be seen", |house| house.reader(slot)["card"] == "present");
    }

    /// The card's own account of what was done to it.
    fn slot(&self, slot: usize) -> Value {
        self.card("GET", slot, "", &Value::Null)
    }

    fn order(&self, slot: usize, order: &str, body: &Value) -> Value {
        self.card("POST", slot, &format!("/{order}"), body)
    }

    /// PINs that were compared for engawa's key, by the card's count.
    fn tried(&self, slot: usize) -> u64 {
        self.slot(slot)["counts"]["tries"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum())
    }

    fn card(&self, method: &str, slot: usize, path: &str, body: &Value) -> Value {
        self.control(method, slot, path, body).unwrap_or_else(|answer| panic!("{method} {path} {body}: {answer}"))
    }

    fn control(&self, method: &str, slot: usize, path: &str, body: &Value) -> Result<Value, String> {
        let port = self.pcscd.ports()[slot];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.control)).unwrap();
        write!(
            stream,
            "{method} /slots/{port}{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(answer);
        }
        Ok(serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap())
    }

    /// Waits for a condition; how long it took.
    fn until(&self, what: &str, good: impl Fn(&Self) -> bool) -> Duration {
        let clock = Clock::system();
        while !good(self) {
            assert!(clock.elapsed() < PATIENCE, "waited for {what}: {:?}\n{}", self.readers(), self.pcscd.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        clock.elapsed()
    }

    /// What must be true at the end of every test: nobody came near the My Number, and every reader is free.
    fn at_peace(&self, slots: usize) {
        for slot in 0..slots {
            let counts = self.slot(slot)["counts"].clone();
            assert_eq!(counts["my_number_touched"], 0, "{counts}");
        }
        let end = self.ask(&json!({"op": "stop"}));
        assert_eq!(end["at_rest"], true, "a lease has leaked: {end}");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.cards.kill();
        let _ = self.cards.wait();
    }
}

impl Room {
    fn start(pcscd: &Pcscd, socket: PathBuf) -> Self {
        let binary = std::env::current_exe().unwrap();
        let process = mortal(binary)
            .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
            .stdin(Stdio::null())
            .args(["--exact", "card::child::be_the_room", "--ignored", "--nocapture"])
            .env(child::SOCKET, &socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let clock = Clock::system();
        while UnixStream::connect(&socket).is_err() {
            assert!(clock.elapsed() < PATIENCE, "the room's process does not come up");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Self { process, socket }
    }

    fn ask(&self, order: &Value) -> Value {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        writeln!(stream, "{order}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{order}: {line:?}"))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
