//! The virtual card as somebody else's client sees it: OpenSC over a real pcscd and vpcd.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::support::pcscd::Pcscd;
use crate::support::vcard::{PIN, SIGN_PIN, TEXT_PIN, Vcard};

const MODULE: &str = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
const JPKI: &str = "00A4040C0AD392F000260100000001";
const TEXT: &str = "00A4040C0AD3921000310001010408";
const AUTH_PIN: &str = "00A4020C020018";
const AUTH_KEY: &str = "00A4020C020017";
const VERIFY: &str = "002000800431323334";
const WRONG: &str = "002000800439393939";
const QUERY: &str = "00200080";
const SIGN_ONE_BYTE: &str = "802A0080010100";

/// A reader with a card in it.
struct Bench {
    pcscd: Pcscd,
    vcard: Vcard,
    dir: TempDir,
    port: u16,
}

/// What opensc-tool showed: an answer for each command that got one.
struct Shown {
    answers: Vec<(String, Vec<u8>)>,
    text: String,
}

impl Shown {
    fn statuses(&self) -> Vec<&str> {
        self.answers.iter().map(|(status, _)| status.as_str()).collect()
    }

    fn last(&self) -> &str {
        self.answers.last().map_or("none", |(status, _)| status)
    }
}

impl Bench {
    fn with(holder: &str) -> Self {
        let (pcscd, dir) = (Pcscd::start(1), tempfile::tempdir().unwrap());
        let port = pcscd.ports()[0];
        let vcard = Vcard::start(dir.path(), &[(holder, port)]);
        vcard.wait_powered(port);
        Self { pcscd, vcard, dir, port }
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        finished(self.pcscd.client(program).args(arguments))
    }

    fn opensc(&self, commands: &[&str]) -> Command {
        // The default driver sends nothing of its own.
        let mut client = self.pcscd.client("opensc-tool");
        client.args(["--reader", "0", "--card-driver", "default"]);
        commands.iter().for_each(|command| {
            client.args(["-s", command]);
        });
        client
    }

    fn send(&self, commands: &[&str]) -> Shown {
        shown(finished(&mut self.opensc(commands)).1)
    }

    fn sign(&self, pin: &str) -> (bool, String) {
        let (input, output) = (self.dir.path().join("data"), self.dir.path().join("signature"));
        fs::write(&input, b"somebody else's client").unwrap();
        let _ = fs::remove_file(&output);
        let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
        let arguments = ["--login", "--pin", pin, "--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "01"];
        let arguments = [&["--module", MODULE], &arguments[..], &["-i", input, "-o", output]].concat();
        self.tool("pkcs11-tool", &arguments)
    }

    fn openssl_verifies(&self, certificate: &Path) -> bool {
        let (key, read) = (self.dir.path().join("key.pem"), ["x509", "-noout", "-pubkey", "-in"]);
        let public = Command::new("openssl").args(read).arg(certificate).output().unwrap();
        fs::write(&key, public.stdout).unwrap();
        let mut verify = Command::new("openssl");
        verify.args(["dgst", "-sha256", "-verify"]).arg(key).arg("-signature");
        verify.arg(self.dir.path().join("signature")).arg(self.dir.path().join("data"));
        verify.output().unwrap().status.success()
    }

    fn change(&self, holder: &str) {
        self.vcard.swap(self.port, holder);
        self.vcard.wait_powered(self.port);
    }

    fn tries(&self) -> u64 {
        self.vcard.tries(self.port, "auth")
    }

    fn commands(&self) -> u64 {
        self.vcard.facts(self.port)["counts"]["commands"].as_u64().unwrap()
    }
}

/// Waits for a client's end, but not for ever.
fn finished(command: &mut Command) -> (bool, String) {
    ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn ended(mut child: Child) -> (bool, String) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("the client hangs: {:?}", child.wait_with_output());
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// `Received (SW1=0x90, SW2=0x00):` and lines of up to sixteen bytes in hexadecimal.
fn shown(text: String) -> Shown {
    let mut answers: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("SW1=0x") {
            answers.push((format!("{}{}", &rest[..2], &rest[10..12]), Vec::new()));
        } else if let Some((_, bytes)) = answers.last_mut().filter(|_| !line.starts_with("Sending")) {
            let digits = line.split_whitespace().take(16).take_while(|part| part.len() == 2);
            bytes.extend(digits.map_while(|part| u8::from_str_radix(part, 16).ok()));
        }
    }
    Shown { answers, text }
}

#[test]
fn opensc_lists_reads_and_signs() {
    let bench = Bench::with("1");
    let (done, list) = bench.tool("pkcs15-tool", &["--list-certificates", "--list-pins"]);
    assert!(done, "{list}");
    for name in ["User Authentication Certificate]", "Digital Signature Certificate]", "Certificate CA]"] {
        assert!(list.contains(name), "{list}");
    }
    assert!(list.contains("Tries left     : 3") && list.contains("Tries left     : 5"), "{list}");

    let (done, read) = bench.tool("pkcs15-tool", &["--read-certificate", "01"]);
    let ours = fs::read_to_string(bench.vcard.folder("1").join("auth.pem")).unwrap();
    let plain = |text: &str| text.split("-----").nth(2).unwrap_or_default().split_whitespace().collect::<String>();
    assert!(done && plain(&read) == plain(&ours), "{read}");

    let (done, text) = bench.sign(PIN);
    assert!(done, "{text}");
    assert!(bench.openssl_verifies(&bench.vcard.folder("1").join("auth.pem")));
    let counts = bench.vcard.facts(bench.port)["counts"].clone();
    assert_eq!((&counts["tries"], &counts["wrong"]), (&json!({"jpki/0018": 1}), &json!({})));
    assert_eq!((&counts["my_number_touched"], &counts["my_number_reads"]), (&json!(0), &json!(0)));
}

#[test]
fn a_wrong_pin_costs_one_try_and_the_count_survives() {
    let mut bench = Bench::with("1");
    let (done, text) = bench.sign("9999");
    assert!(!done && text.contains("CKR_PIN_INCORRECT"), "{text}");
    assert_eq!(bench.tries(), 2);
    bench.vcard.kill();
    bench.vcard = Vcard::start(bench.dir.path(), &[("1", bench.port)]);
    bench.vcard.wait_powered(bench.port);
    assert_eq!(bench.tries(), 2, "as power off");

    let right = bench.send(&[JPKI, AUTH_PIN, QUERY, VERIFY, QUERY]);
    assert_eq!(right.statuses(), ["9000", "9000", "63C2", "9000", "63C3"], "{}", right.text);
    let wrong = bench.send(&[JPKI, AUTH_PIN, WRONG, WRONG, WRONG, QUERY, WRONG, VERIFY]);
    assert_eq!(wrong.statuses(), ["9000", "9000", "63C2", "63C1", "63C0", "63C0", "6984", "6984"], "{}", wrong.text);
    let (done, text) = bench.sign(PIN);
    assert!(!done, "{text}");
    bench.vcard.reset_tries(bench.port);
    assert!(bench.sign(PIN).0);

    let journal = fs::read_to_string(bench.dir.path().join(format!("readers/{}.jsonl", bench.port))).unwrap();
    for secret in ["31323334", "39393939"] {
        assert!(journal.contains("00200080") && !journal.contains(secret));
    }
}

#[test]
fn files_open_as_they_should() {
    let bench = Bench::with("1");
    let sign = ["00A4020C020001", "00B0000004", "00A4020C02001B", "002000800A454E4741574132303236"];
    assert_eq!(SIGN_PIN, "ENGAWA2026");
    let shown = bench.send(&[JPKI, sign[0], sign[1], sign[2], sign[3], sign[0], sign[1]]);
    assert_eq!(shown.statuses(), ["9000", "9000", "6982", "9000", "9000", "9000", "9000"], "{}", shown.text);
    assert_eq!(shown.answers[6].1[..2], [0x30, 0x82]);

    let token = bench.send(&[JPKI, "00A4020C020006", "00B0000020", "00A4020C020008", "00B0000003"]);
    assert_eq!(token.answers[2].1, format!("{:32}", "JPKIAPICCTOKEN2").as_bytes(), "{}", token.text);
    assert_eq!(token.answers[4].1, [0x8F, 0x8F, 0x00]);

    // Selecting the application again closes what was open.
    let closed = bench.send(&[JPKI, AUTH_PIN, VERIFY, AUTH_KEY, SIGN_ONE_BYTE, JPKI, AUTH_KEY, SIGN_ONE_BYTE]);
    assert_eq!(closed.statuses()[2..], ["9000", "9000", "9000", "9000", "9000", "6982"], "{}", closed.text);
    assert_eq!(closed.answers[4].1.len(), 256);

    assert_eq!(TEXT_PIN, "5678");
    let four = ["00A4020C020002", "00B0000007", "00A4020C020011", "002000800435363738"];
    let shown = bench.send(&[TEXT, four[0], four[1], four[2], four[3], four[0], "00B0000000"]);
    assert_eq!(shown.statuses(), ["9000", "9000", "6982", "9000", "9000", "9000", "9000"], "{}", shown.text);
    let name = bench.vcard.card("1")["name"].as_str().unwrap().to_owned();
    assert!(shown.answers[6].1.windows(name.len()).any(|part| part == name.as_bytes()), "{}", shown.text);
    assert_eq!(bench.vcard.facts(bench.port)["counts"]["my_number_touched"], 0);

    for (aid, status) in [("D3921000310001010402", "9000"), ("A000000003000000", "6A82")] {
        let select = format!("00A4040C{:02X}{aid}", aid.len() / 2);
        assert_eq!(bench.send(&[&select]).last(), status, "{aid}");
    }
    // Chaining, secure messaging, other channels and classes, unknown instructions.
    let refused = bench.send(&[JPKI, "10200080", "0C200080", "01200080", "A0200080", "0084000008"]);
    assert_eq!(refused.statuses()[1..], ["6884", "6882", "6881", "6E00", "6D00"], "{}", refused.text);
}

#[test]
fn a_read_of_the_my_number_is_seen_whichever_way_it_is_tried() {
    let bench = Bench::with("1");
    let touched = || {
        let counts = bench.vcard.facts(bench.port)["counts"].clone();
        (counts["my_number_touched"].as_u64().unwrap(), counts["my_number_reads"].as_u64().unwrap())
    };
    assert_eq!(touched(), (0, 0));
    assert_eq!(bench.send(&[TEXT, "00A4020C020001", "00B0000011"]).last(), "6982");
    assert_eq!(touched(), (2, 1), "selected and read");
    assert_eq!(bench.send(&[TEXT, "00B0810011"]).last(), "6982");
    assert_eq!(touched(), (3, 2), "by its short identifier");
}

#[test]
fn cards_differ_by_kind() {
    let bench = Bench::with("2-no-pin");
    let state = bench.send(&[JPKI, AUTH_PIN, QUERY, VERIFY, "00A4020C020001", "00A4020C02000A", "00B0000004"]);
    assert_eq!(state.statuses(), ["9000", "9000", "63C0", "6984", "6A82", "9000", "9000"], "{}", state.text);
    let token = |bench: &Bench| {
        let shown = bench.send(&[JPKI, "00A4020C020006", "00B0000020"]);
        String::from_utf8_lossy(&shown.answers[2].1).trim_end().to_owned()
    };
    for (holder, name) in
        [("2-android", "JPKIAPGPSETOKEN"), ("2-iphone", "JPKIAPIOSTOKEN"), ("2-juki", "JPKIAPICCTOKEN")]
    {
        bench.change(holder);
        assert_eq!(token(&bench), name);
    }
    assert_eq!(bench.send(&[JPKI, "00A4020C02000A"]).last(), "6A82", "住基カード");
    bench.change("2-android");
    let read = ["00A4020C02000A", "00B0000004"];
    let phone = bench.send(&[JPKI, read[0], read[1], AUTH_PIN, VERIFY, read[0], read[1]]);
    assert_eq!(phone.statuses(), ["9000", "9000", "6982", "9000", "9000", "9000", "9000"], "{}", phone.text);
    bench.change("2-blocked");
    assert_eq!(bench.send(&[JPKI, AUTH_PIN, VERIFY]).last(), "6984");
    assert_eq!(bench.vcard.count(bench.port, "tries", "jpki/0018"), 3, "no-pin, android, blocked: one each");
}

#[test]
fn spoiled_answers_reach_the_client() {
    let bench = Bench::with("1");
    let port = bench.port;
    let read = [JPKI, "00A4020C020006", "00B0000020"];

    bench.vcard.fault(port, json!({"kind": "flip", "file": "jpki/0006", "ins": "B0", "bit": 0}));
    let flipped = bench.send(&read);
    assert_eq!((flipped.last(), flipped.answers[2].1[0]), ("9000", b'J' ^ 0x80), "{}", flipped.text);

    bench.vcard.fault(port, json!({"kind": "truncate", "ins": "b0", "bytes": 10}));
    let truncated = bench.send(&read);
    assert_eq!(truncated.answers[2].1.len(), 8, "the last two bytes pass for the status: {}", truncated.text);
    assert_ne!(truncated.last(), "9000");

    bench.vcard.fault(port, json!({"kind": "one_byte", "ins": "B0"}));
    assert!(bench.send(&read).text.contains("transmit failed"));

    // The second VERIFY is refused without being looked at; no try is spent on it.
    bench.vcard.fault(port, json!({"kind": "status", "ins": "20", "after": 1, "sw": "6581"}));
    let status = bench.send(&[JPKI, AUTH_PIN, QUERY, WRONG, QUERY]);
    assert_eq!(status.statuses()[2..], ["63C3", "6581", "63C3"], "{}", status.text);

    bench.vcard.fault(port, json!({"kind": "forget", "ins": "2A"}));
    let forgot = bench.send(&[JPKI, AUTH_PIN, VERIFY, AUTH_KEY, SIGN_ONE_BYTE]);
    assert_eq!(forgot.statuses()[2..], ["9000", "9000", "6986"], "{}", forgot.text);

    bench.vcard.fault(port, json!({"kind": "slow", "ins": "B0", "ms": 700}));
    let begun = Instant::now();
    assert_eq!(bench.send(&read).last(), "9000");
    assert!(begun.elapsed() >= Duration::from_millis(700));
    assert_eq!(bench.vcard.facts(port)["faults"], json!([]), "each was met once");
}

#[test]
fn a_card_taken_out_while_it_thinks_has_counted_already() {
    let bench = Bench::with("1");
    let port = bench.port;
    bench.vcard.fault(port, json!({"kind": "remove", "ins": "20", "after": 1}));
    let lost = bench.send(&[JPKI, AUTH_PIN, QUERY, WRONG]);
    assert!(lost.text.contains("transmit failed"), "{}", lost.text);
    assert_eq!(lost.statuses(), ["9000", "9000", "63C3"]);
    assert_eq!(bench.vcard.facts(port)["inserted"], false);
    bench.change("1");
    assert_eq!(bench.tries(), 2);

    // Out and in again with another card in the same breath.
    bench.vcard.fault(port, json!({"kind": "remove", "ins": "20", "ms": 0, "holder": "2", "effect": false}));
    let _ = bench.send(&[JPKI, AUTH_PIN, WRONG]);
    bench.vcard.wait(port, "the other card", |facts| facts["card"] == "2" && facts["connected"] == true);
    assert_eq!(bench.tries(), 3);
    bench.change("1");
    assert_eq!(bench.tries(), 2, "the command that was lost cost nothing");
}

#[test]
fn a_mute_card_holds_the_reader_until_it_is_taken_out() {
    let bench = Bench::with("1");
    let port = bench.port;
    bench.vcard.fault(port, json!({"kind": "mute", "ins": "B0"}));
    let before = bench.commands();
    let mut client = bench.opensc(&[JPKI, "00A4020C020006", "00B0000020"]);
    let mut child = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bench.vcard.wait(port, "the command", |facts| facts["counts"]["commands"].as_u64() == Some(before + 3));
    assert!(child.try_wait().unwrap().is_none());
    bench.vcard.remove(port);
    let (_, text) = ended(child);
    assert!(text.contains("transmit failed"), "{text}");
    bench.change("1");
    assert_eq!(bench.send(&[JPKI]).last(), "9000");
}

#[test]
fn the_card_outlives_pcscd() {
    let mut bench = Bench::with("1");
    bench.pcscd.down();
    bench.vcard.wait(bench.port, "the line to be cut", |facts| facts["connected"] == false);
    bench.pcscd.up();
    bench.vcard.wait_powered(bench.port);
    assert_eq!(bench.send(&[JPKI, AUTH_PIN, QUERY]).last(), "63C3");
}

#[test]
fn one_card_is_in_one_reader() {
    let (pcscd, dir) = (Pcscd::start(2), tempfile::tempdir().unwrap());
    let ports = pcscd.ports();
    let vcard = Vcard::start(dir.path(), &[("1", ports[0]), ("2", ports[2])]);
    vcard.wait_powered(ports[0]);
    vcard.wait_powered(ports[2]);
    let control = |order: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
        command.args(["card-control", "--dir"]).arg(dir.path()).args(["--port", &ports[2].to_string()]).args(order);
        finished(&mut command)
    };
    assert!(control(&["remove"]).0);
    let (done, text) = control(&["insert", "1"]);
    assert!(!done && text.contains("another reader"), "{text}");
    vcard.remove(ports[0]);
    let (done, text) = control(&["swap", "1"]);
    assert!(done && text.contains("\"card\": \"1\""), "{text}");
    vcard.wait_powered(ports[2]);
    let (_, readers) = finished(pcscd.client("opensc-tool").arg("-l"));
    assert_eq!(readers.matches("  Yes  ").count(), 1, "{readers}");
}
