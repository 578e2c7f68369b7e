//! What is done in the rows that take more than a fault.

pub(super) mod cards;
pub(super) mod hub;
pub(super) mod pcscd;
pub(super) mod programs;
pub(super) mod sessions;

use serde_json::{Value, json};

use super::PATIENCE;
use super::house::{Lane, Terminal};
use super::other::Other;
use crate::support::http::Answer;
use crate::support::until;
use crate::support::vcard::PIN;

/// A terminal with a session on a lane's reader, where a card lies.
pub(super) struct Scene<'a> {
    pub(super) lane: Lane<'a>,
    pub(super) terminal: Terminal<'a>,
    pub(super) session: String,
    /// Events that had come when the row began.
    pub(super) since: usize,
    /// Another program that has the reader.
    pub(super) other: Option<Other>,
    /// Requests with a PIN that the row's figures are for.
    pub(super) requests: u64,
    /// PINs that somebody else sent.
    pub(super) theirs: u64,
}

impl<'a> Scene<'a> {
    pub(super) fn new(lane: Lane<'a>) -> Self {
        let terminal = lane.terminal();
        let session = terminal.session();
        let mut scene = Self { lane, terminal, session, since: 0, other: None, requests: 1, theirs: 0 };
        scene.begins();
        scene
    }

    /// The row begins once the terminal has been told of its session.
    fn begins(&mut self) {
        let told = || {
            let told = self.terminal.listener.since(0, self.lane.reader(), &self.session);
            told.iter().any(|event| event == "card-session granted").then_some(())
        };
        until("the session's event", PATIENCE, told);
        self.since = self.terminal.listener.count();
    }

    pub(super) fn identify(&self, pin: &str) -> Answer {
        self.terminal.identify(&self.session, pin)
    }

    pub(super) fn act(&self, what: &str, body: &Value) -> Answer {
        self.terminal.act(&self.session, what, body)
    }

    pub(super) fn by_face(&self) -> Answer {
        self.act("identify", &json!({"method": "visual", "witnesses": ["clinic-doctor", "clinic-clerk"]}))
    }

    /// Reads a file of JPKI's that anybody may read, then sends more.
    pub(super) fn batch(&self, more: &[&str]) -> Answer {
        let commands = [&["00A4040C0AD392F000260100000001", "00A4020C02000A", "00B0000010"], more].concat();
        self.act("apdu", &json!({"commands": commands}))
    }

    fn ends(&self, how: &str) {
        let ended = || (self.terminal.state(&self.session) == how).then_some(());
        until(&format!("the session to have {how}"), PATIENCE, ended);
    }

    /// Identifies; something happens once the fault has been met.
    fn meanwhile(&self, fault: &str, happens: impl FnOnce()) -> Answer {
        self.lane.fault(fault);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| self.identify(PIN));
            self.lane.faults_met();
            happens();
            asking.join().unwrap()
        })
    }

    fn kill_pcscd(&self) {
        self.lane.house.pcscd().down();
    }
}

/// What a row does.
pub(super) type Act = fn(&mut Scene<'_>) -> Option<Answer>;

const SLOW_READ: &str = r#"{"kind":"slow","ins":"B0","after":2,"ms":1500}"#;
const SLOW_PIN: &str = r#"{"kind":"slow","ins":"20","after":1,"ms":1500}"#;
const SLOW_SIGNATURE: &str = r#"{"kind":"slow","ins":"2A","ms":1500}"#;
