//! What is done in the rows that take more than a fault.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::PATIENCE;
use super::house::{Lane, Terminal};
use super::other::Other;
use crate::support::http::{Answer, Ask};
use crate::support::until;
use crate::support::vcard::{PIN, TEXT_PIN};

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

// ---- PINs and cards --------------------------------------------------------------------------------------------------

pub(super) fn right(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.identify(PIN))
}

pub(super) fn wrong(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.identify("0000"))
}

pub(super) fn wrong_knowingly(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("identify", &json!({"method": "pin", "pin": "0000", "confirm_low_tries": true})))
}

pub(super) fn right_knowingly(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("identify", &json!({"method": "pin", "pin": PIN, "confirm_low_tries": true})))
}

/// Every form at once; none may reach the card.
pub(super) fn malformed(scene: &mut Scene<'_>) -> Option<Answer> {
    let commands = scene.lane.commands();
    let answers = ["", "123", "12345", "abcd", "１２３４", "12 4"].map(|pin| scene.identify(pin));
    assert!(answers.iter().all(|answer| answer.code() == "CARD_PIN_FORMAT"), "{answers:?}");
    assert_eq!(scene.lane.commands(), commands);
    answers.into_iter().last()
}

pub(super) fn no_text(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("identify", &json!({"method": "pin", "pin": 1234})))
}

pub(super) fn by_face(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.by_face())
}

pub(super) fn four(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("basic-four", &json!({"pin": TEXT_PIN})))
}

pub(super) fn four_wrong(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("basic-four", &json!({"pin": "0000"})))
}

pub(super) fn expiring(scene: &mut Scene<'_>) -> Option<Answer> {
    let answer = scene.identify(PIN);
    let card = answer.json()["card"].clone();
    assert_eq!((&card["certificate_expiring"], &card["certificate_days_left"]), (&json!(true), &json!(20)), "{card}");
    Some(answer)
}

/// PIN commands, the keys and the My Number; the whole batch is refused before anything is sent.
pub(super) fn forbidden(scene: &mut Scene<'_>) -> Option<Answer> {
    let commands = scene.lane.commands();
    let refused = [
        "0020008004 31323334",
        "0024008004 31323334",
        "802A008001 01",
        "0C20008004 31323334",
        "1020008004 31323334",
        "00A4040C0A D3921000310001010408",
    ];
    let answers = refused.map(|command| scene.batch(&[&command.replace(' ', "")]));
    assert!(answers.iter().all(|answer| answer.code() == "APDU_REFUSED"), "{answers:?}");
    assert_eq!(scene.lane.commands(), commands);
    answers.into_iter().last()
}

/// Whatever is selected is not there.
pub(super) fn foreign(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.fault(r#"{"kind":"status","sw":"6A82","ins":"A4","times":0}"#);
    Some(scene.identify(PIN))
}

// ---- the card comes and goes -----------------------------------------------------------------------------------------

pub(super) fn empty(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.terminal.close(&scene.session);
    scene.lane.take_out();
    scene.session = scene.terminal.session();
    scene.begins();
    Some(scene.identify(PIN))
}

pub(super) fn taken(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("remove", &json!({}));
    scene.ends("ended card-removed");
    Some(scene.identify(PIN))
}

pub(super) fn taken_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("remove", &json!({}));
    Some(scene.identify(PIN))
}

pub(super) fn back(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.lay(&scene.lane.holder(""));
    Some(scene.identify(PIN))
}

pub(super) fn exchanged(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("swap", &json!({"holder": scene.lane.holder("-expiring-200")}));
    scene.lane.becomes("card", "present");
    Some(scene.identify(PIN))
}

pub(super) fn exchanged_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    scene.lane.order("swap", &json!({"holder": scene.lane.holder("-expiring-200"), "ms": 0}));
    Some(scene.identify(PIN))
}

// ---- sessions --------------------------------------------------------------------------------------------------------

pub(super) fn two_at_once(scene: &mut Scene<'_>) -> Option<Answer> {
    let mut second = None;
    let first = scene.meanwhile(SLOW_READ, || second = Some(scene.identify(PIN)));
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    second
}

pub(super) fn hangs_up(scene: &mut Scene<'_>) -> Option<Answer> {
    let known = scene.lane.known();
    scene.lane.fault(SLOW_PIN);
    let path = format!("/v1/card-sessions/{}/identify", scene.session);
    let ask = Ask::new("POST", &path).key(&scene.terminal.key).json(&json!({"method": "pin", "pin": PIN}));
    let mut stream = UnixStream::connect(scene.lane.house.gateway.socket()).unwrap();
    stream.write_all(&ask.bytes()).unwrap();
    scene.lane.faults_met();
    drop(stream);
    let shown = || (scene.lane.known() > known).then_some(());
    until("the work to be finished all the same", PATIENCE, shown);
    None
}

/// Half a request: nothing of it is acted upon.
pub(super) fn breaks_off(scene: &mut Scene<'_>) -> Option<Answer> {
    let path = format!("/v1/card-sessions/{}/identify", scene.session);
    let ask = Ask::new("POST", &path).key(&scene.terminal.key).json(&json!({"method": "pin", "pin": PIN}));
    let commands = scene.lane.commands();
    let bytes = ask.bytes();
    let mut stream = UnixStream::connect(scene.lane.house.gateway.socket()).unwrap();
    stream.write_all(&bytes[..bytes.len() - 2]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(scene.lane.commands(), commands);
    None
}

pub(super) fn silent(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.becomes("in_use", "none");
    Some(scene.identify(PIN))
}

pub(super) fn idle(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.ends("ended idle");
    Some(scene.identify(PIN))
}

pub(super) fn closed(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.terminal.close(&scene.session);
    Some(scene.identify(PIN))
}

pub(super) fn closed_meanwhile(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || {
        scene.terminal.close(&scene.session);
        assert_eq!(scene.lane.seen()["in_use"], "other", "its own until the last command has come back");
    }))
}

pub(super) fn busy(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.lane.terminal().open())
}

pub(super) fn waiting(scene: &mut Scene<'_>) -> Option<Answer> {
    let second = scene.lane.terminal();
    let order = json!({"reader": scene.lane.reader(), "purpose": "identify", "wait_s": 60});
    let opened = second.post("/v1/card-sessions", &order);
    assert_eq!(opened.status, 202, "{opened:?}");
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let answer = second.identify(&id, PIN);
    second.close(&id);
    Some(answer)
}

pub(super) fn stranger(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.lane.terminal().identify(&scene.session, PIN))
}

pub(super) fn revoked(scene: &mut Scene<'_>) -> Option<Answer> {
    let id = scene.terminal.key.split('_').nth(1).unwrap();
    let answer = scene.lane.house.gateway.ask(&Ask::new("DELETE", &format!("/v1/keys/{id}")));
    assert_eq!(answer.status, 204, "{answer:?}");
    Some(scene.identify(PIN))
}

// ---- other programs --------------------------------------------------------------------------------------------------

pub(super) fn reset(scene: &mut Scene<'_>) -> Option<Answer> {
    let powered = || {
        let counts = scene.lane.facts()["counts"].clone();
        counts["resets"].as_u64().unwrap() + counts["power_off"].as_u64().unwrap()
    };
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    let before = powered();
    let mut tool = scene.lane.house.pcscd().client("opensc-tool");
    let done = tool.args(["--reader", scene.lane.reader(), "--reset"]).output().unwrap();
    assert!(done.status.success() && powered() > before, "the reset did not reach the card: {done:?}");
    Some(scene.identify(PIN))
}

pub(super) fn held_briefly(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "hold-a-second"));
    Some(scene.identify(PIN))
}

pub(super) fn held(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "hold"));
    Some(scene.identify(PIN))
}

pub(super) fn held_and_asked_again(scene: &mut Scene<'_>) -> Option<Answer> {
    let first = held(scene).unwrap();
    assert_eq!(first.code(), "CARD_HELD_ELSEWHERE");
    Some(scene.identify(PIN))
}

pub(super) fn mute_and_asked_again(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.fault(r#"{"kind":"mute","ins":"A4"}"#);
    let first = scene.identify(PIN);
    assert_eq!(first.code(), "CARD_MUTE", "{first:?}");
    Some(scene.identify(PIN))
}

pub(super) fn exclusive(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "exclusive"));
    Some(scene.identify(PIN))
}

/// OpenSC signs with the same card on the same reader, over and over; so do we.
pub(super) fn beside_opensc(scene: &mut Scene<'_>) -> Option<Answer> {
    const ROUNDS: u64 = 3;
    let powered = || {
        let counts = scene.lane.facts()["counts"].clone();
        (counts["resets"].as_u64(), counts["power_off"].as_u64())
    };
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    let (before, mut ours) = (powered(), Vec::new());
    std::thread::scope(|scope| {
        let theirs = scope.spawn(|| (0..ROUNDS).for_each(|_| opensc_signs(scene)));
        while !theirs.is_finished() || ours.len() < 3 {
            ours.push(scene.identify(PIN));
        }
        theirs.join().unwrap();
    });
    assert!(ours.iter().all(|answer| answer.status == 200), "{ours:?}");
    assert_eq!(powered(), before, "neither resets the other's card");
    scene.theirs = ROUNDS + 1;
    scene.requests = ours.len() as u64;
    ours.pop()
}

fn opensc_signs(scene: &Scene<'_>) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("data"), "somebody else's client").unwrap();
    let mut tool = scene.lane.house.pcscd().client("pkcs11-tool");
    tool.args(["--module", "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "--login", "--pin", PIN, "--sign"]);
    tool.args(["--mechanism", "SHA256-RSA-PKCS", "--id", "01", "-i"]).arg(path("data")).arg("-o").arg(path("signed"));
    let signed = tool.output().unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let certificate = scene.lane.folder().join("auth.pem");
    let key = Command::new("openssl").args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate).output().unwrap();
    std::fs::write(path("key"), key.stdout).unwrap();
    let mut verify = Command::new("openssl");
    verify
        .args(["dgst", "-sha256", "-verify"])
        .arg(path("key"))
        .arg("-signature")
        .arg(path("signed"))
        .arg(path("data"));
    let verified = verify.output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

// ---- pcscd -----------------------------------------------------------------------------------------------------------

pub(super) fn killed(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.kill_pcscd();
    scene.ends("ended reader-lost");
    let refused = scene.terminal.open();
    assert_eq!(refused.code(), "PCSC_DOWN", "{refused:?}");
    Some(scene.identify(PIN))
}

pub(super) fn killed_reading(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_READ, || scene.kill_pcscd()))
}

pub(super) fn killed_with_pin(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || scene.kill_pcscd()))
}

pub(super) fn killed_signing(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || scene.kill_pcscd()))
}

pub(super) fn restarted(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().up();
    scene.ends("ended reader-lost");
    Some(scene.identify(PIN))
}

fn stop(scene: &Scene<'_>) {
    scene.lane.house.signal(Signal::SIGSTOP);
}

pub(super) fn stopped(scene: &mut Scene<'_>) -> Option<Answer> {
    stop(scene);
    scene.lane.becomes("state", "degraded");
    Some(scene.identify(PIN))
}

pub(super) fn stopped_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    stop(scene);
    Some(scene.identify(PIN))
}

pub(super) fn stopped_reading(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_READ, || stop(scene)))
}

pub(super) fn stopped_with_pin(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || stop(scene)))
}

pub(super) fn stopped_signing(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || stop(scene)))
}

pub(super) fn unplugged(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().plug(1);
    scene.ends("ended reader-lost");
    Some(scene.identify(PIN))
}

pub(super) fn unplugged_anew(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().plug(1);
    scene.ends("ended reader-lost");
    let service = || {
        let seen = scene.lane.house.gateway.get("/v1/readers").json();
        (seen["service"] == "ok").then_some(())
    };
    until("pcscd to be back", PATIENCE, service);
    Some(scene.terminal.open())
}

// ---- the hub ---------------------------------------------------------------------------------------------------------

pub(super) fn offline(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.hub.down();
    let commands = scene.lane.commands();
    let answer = scene.identify(PIN);
    assert_eq!(scene.lane.commands(), commands, "the card is not touched");
    Some(answer)
}

pub(super) fn offline_by_face(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.hub.down();
    Some(scene.by_face())
}

pub(super) fn offline_signed(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || scene.lane.house.hub.down()))
}

fn with_hub(scene: &Scene<'_>, fault: Value) -> Option<Answer> {
    scene.lane.house.hub.fault(fault);
    Some(scene.identify(PIN))
}

pub(super) fn challenge_late(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "challenges", "kind": "delay", "delay_ms": 9000}))
}

pub(super) fn challenge_refused(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "challenges", "kind": "refuse", "code": "E3001"}))
}

pub(super) fn assertion_cut(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "cut_before_effect"}))
}

pub(super) fn assertion_lost(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "cut_after_effect"}))
}

pub(super) fn assertion_late(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "delay", "delay_ms": 9000}))
}

pub(super) fn assertion_page(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "html_200"}))
}

pub(super) fn challenge_spent(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "refuse", "code": "E2302", "field": "/challenge_id"}))
}
