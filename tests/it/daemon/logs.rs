//! The log's forms: JSON by choice, plain lines in a file, coloured ones on a terminal, fields in the journal.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::PATIENCE;
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::skip;

const ESCAPE: char = '\u{1b}';

fn deliver(gateway: &mut Gateway) -> String {
    let id = gateway.accepted(&opinion(1), "k-1");
    gateway.reaches(&id, "delivered", PATIENCE);
    assert_eq!(gateway.stop().code(), Some(0));
    id
}

#[test]
fn json_by_choice_one_object_a_line() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).set("log.format", "\"json\"").start();
    let id = deliver(&mut gateway);
    let log = gateway.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let settled = lines.iter().find(|line| line["message"] == "outbox: settled").unwrap();
    assert_eq!((settled["submission"].as_str(), settled["state"].as_str()), (Some(&*id), Some("delivered")));
}

#[test]
fn plain_lines_where_there_is_no_terminal() {
    let hub = Sandbox::start();
    for format in ["text", "auto"] {
        // Inherited by a shell whose stderr goes elsewhere, the variable alone means nothing.
        let setup = Setup::new(&hub).set("log.format", &format!("\"{format}\"")).env("JOURNAL_STREAM", "1:2");
        let mut gateway = setup.start();
        let id = deliver(&mut gateway);
        let log = gateway.log();
        assert!(!log.contains(ESCAPE), "{log}");
        let line = log.lines().find(|line| line.contains("outbox: settled")).unwrap();
        assert!(line.contains(" INFO ") && line.contains(&format!("submission={id}")), "{line}");
    }
}

/// `script` gives a process a terminal; a second gateway on the same state ends by itself.
#[test]
fn colours_on_a_terminal_only() {
    let hub = Sandbox::start();
    let first = Setup::new(&hub).set("log.format", "\"auto\"").start();
    let line = format!("{} serve --config {}", env!("CARGO_BIN_EXE_engawa"), first.settings().display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm").env_remove("NO_COLOR");
    let output = script.env_remove("NOTIFY_SOCKET").output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("STATE_LOCKED") && shown.contains(ESCAPE), "{shown}");
    assert_eq!(output.status.code(), Some(1));
}

/// The journal's place is fixed, so the gateway gets a view of the file system in which the test stands there.
#[test]
fn fields_in_the_journal() {
    let hub = Sandbox::start();
    let setup = Setup::new(&hub).set("log.format", "\"auto\"");
    let journal = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(journal.path().join("socket")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \
                  mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";
    let place = journal.path().to_str().unwrap().to_owned();
    let launcher = ["unshare", "-rm", "sh", "-c", script, &place];
    let possible = Command::new(launcher[0]).args(&launcher[1..]).arg("true").output().unwrap();
    if !possible.status.success() {
        let reason = String::from_utf8_lossy(&possible.stderr);
        return skip(&format!("no mount namespaces here: {reason}"));
    }
    let mut gateway = setup.through(&launcher).idle();
    // systemd names the stream by the file that stderr is.
    let log = std::fs::File::create(gateway.dir().join("log")).unwrap().metadata().unwrap();
    gateway.spawn(&[("JOURNAL_STREAM", &format!("{}:{}", log.dev(), log.ino()))]);
    // Read all the while, as the journal does: the kernel keeps a dozen entries, and whoever logs more has to wait.
    let reader = std::thread::spawn(move || {
        let mut entries = Vec::new();
        loop {
            let mut entry = vec![0; 64 << 10];
            let length = socket.recv(&mut entry).unwrap();
            entries.push(fields(&entry[..length]));
            let message =
                |wanted: &str| entries.iter().position(|fields| fields.get("MESSAGE").is_some_and(|m| m == wanted));
            if let (Some(settled), Some(_)) = (message("outbox: settled"), message("engawa: store closed")) {
                return entries.swap_remove(settled);
            }
        }
    });
    gateway.ready();
    let id = deliver(&mut gateway);
    let settled = reader.join().unwrap();
    for (name, value) in [("SYSLOG_IDENTIFIER", "engawa"), ("PRIORITY", "5"), ("ENGAWA_SUBMISSION", &id)] {
        assert_eq!(settled.get(name).map(String::as_str), Some(value), "{name}: {settled:?}");
    }
    assert_eq!(gateway.log(), "", "nothing goes to stderr as well");
}

/// The journal's own protocol: `NAME=value`, or the name, the length in eight bytes and the value.
fn fields(mut entry: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut fields = BTreeMap::new();
    while let Some(end) = entry.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (text(&entry[..end]), &entry[end + 1..]);
        let (name, value, rest) = match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned(), rest),
            None => {
                let (length, rest) = rest.split_at(8);
                let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
                (line, text(&rest[..length]), &rest[length + 1..])
            }
        };
        fields.insert(name, value);
        entry = rest;
    }
    fields
}
