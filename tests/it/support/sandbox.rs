//! The built `engawa-sandbox` as a hub of a test's own: free ports, a folder that goes with it, dead when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A running hub. Dropping it kills the process (by its id) and removes its folder.
pub(crate) struct Sandbox {
    child: Child,
    dir: TempDir,
    arguments: Vec<String>,
    facts: Value,
}

/// One client certificate, as PEM and as PKCS#12.
#[derive(Clone, Debug)]
pub(crate) struct Facility {
    /// Facility number; empty for the certificates that have to be refused.
    pub(crate) number: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) p12: PathBuf,
    /// A file that holds the passphrase of `p12`.
    pub(crate) p12_passphrase: PathBuf,
}

impl Sandbox {
    /// A hub with seed 1 whose municipalities act after one second of hub time each.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A hub with further arguments of `engawa-sandbox hub`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("sandbox").tempdir().unwrap();
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        let (child, facts) = spawn(dir.path(), &arguments);
        Self { child, dir, arguments, facts }
    }

    /// `https://localhost:PORT`.
    pub(crate) fn url(&self) -> &str {
        self.facts["hub"].as_str().unwrap()
    }

    /// The hub's port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        u16::try_from(self.facts["hub_port"].as_u64().unwrap()).unwrap()
    }

    /// The sandbox's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The CA to trust, PEM.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir().join("pki/ca.pem")
    }

    /// A certificate: `clinic other-clinic office dx`, or `wrong-kind expired not-yet-valid foreign unknown`.
    pub(crate) fn facility(&self, name: &str) -> Facility {
        let at = self.dir().join("facilities").join(name);
        Facility {
            number: self.facts["facilities"][name]["number"].as_str().unwrap_or_default().to_owned(),
            certificate: at.join("client.pem"),
            key: at.join("client.key"),
            p12: at.join("client.p12"),
            p12_passphrase: at.join("client.p12.pass"),
        }
    }

    /// The file with an account's password: `clinic-doctor clinic-clerk other-doctor office-manager dx-staff`.
    pub(crate) fn password_file(&self, user_id: &str) -> PathBuf {
        self.dir().join("accounts").join(format!("{user_id}.password"))
    }

    /// An account's password.
    pub(crate) fn password(&self, user_id: &str) -> String {
        fs::read_to_string(self.password_file(user_id)).unwrap()
    }

    /// A body that the hub takes.
    pub(crate) fn example(&self) -> Value {
        serde_json::from_slice(&fs::read(self.dir().join("examples/opinion.json")).unwrap()).unwrap()
    }

    /// Orders a fault (or a list of them), for example `json!({"on": "opinions", "kind": "cut_after_effect"})`.
    pub(crate) fn fault(&self, fault: Value) {
        self.post("faults", fault);
    }

    /// Clears all faults.
    pub(crate) fn clear_faults(&self) {
        self.control("DELETE", "/control/faults", None);
    }

    /// Refuses connections from here on.
    pub(crate) fn down(&self) {
        self.post("power", json!({"up": false}));
    }

    /// Takes connections again.
    pub(crate) fn up(&self) {
        self.post("power", json!({"up": true}));
    }

    /// Moves the hub's clock, for example by `36h`.
    pub(crate) fn advance(&self, span: &str) {
        self.post("clock", json!({"advance": span}));
    }

    /// The municipality decides: `accepted`, or `returned` with a reason.
    pub(crate) fn municipal(&self, receipt_number: &str, state: &str, reason: Option<&str>) {
        self.post("municipal", json!({"receipt_number": receipt_number, "state": state, "reason": reason}));
    }

    /// `{"totals", "accepted", "keys", "doubles"}`.
    pub(crate) fn facts(&self) -> Value {
        self.control("GET", "/control/facts", None)
    }

    /// What the hub knows of one idempotency key: `seen`, `effects`, `bodies_sha256`, `outcome`, `receipt_number`.
    pub(crate) fn key_facts(&self, key: &str) -> Value {
        self.control("GET", &format!("/control/facts?key={key}"), None)["keys"][0].clone()
    }

    /// `{"up", "now", "totals", "calls", "connections", "accounts", "faults"}`.
    pub(crate) fn status(&self) -> Value {
        self.control("GET", "/control/status", None)
    }

    /// `POST /control/{path}`.
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        self.control("POST", &format!("/control/{path}"), Some(&body))
    }

    /// Any order to the control API; panics unless it is carried out.
    pub(crate) fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (head, body) = self.exchange(method, path, body);
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {head} {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// An order that has to be refused; the refusal.
    pub(crate) fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        let (head, answer) = self.exchange(method, path, Some(body));
        assert!(head.starts_with("HTTP/1.1 4"), "{method} {path}: {head} {answer}");
        answer
    }

    /// The head and body of any answer of the control API.
    pub(crate) fn answer(&self, method: &str, path: &str, body: &Value) -> (String, String) {
        self.exchange(method, path, Some(body))
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> (String, String) {
        exchange(u16::try_from(self.facts["control_port"].as_u64().unwrap()).unwrap(), method, path, body)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// kill -9 and the same hub again, on the same ports, from its journal.
    pub(crate) fn restart(&mut self) {
        self.kill();
        (self.child, self.facts) = spawn(self.dir.path(), &self.arguments);
    }

    /// What the sandbox said on standard error.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.dir().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Any order to a control API on loopback; panics unless it is carried out.
pub(crate) fn order(port: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
    try_order(port, method, path, body).unwrap_or_else(|refused| panic!("{method} {path}: {refused}"))
}

/// The same, where it may come too late to make sense; the refusal.
pub(crate) fn try_order(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let (head, body) = exchange(port, method, path, body);
    let done = head.starts_with("HTTP/1.1 200");
    if done { Ok(serde_json::from_str(&body).unwrap()) } else { Err(format!("{head} {body}")) }
}

fn exchange(port: u16, method: &str, path: &str, body: Option<&Value>) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    // A long answer may come in chunks; the JSON lies between their sizes.
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (head.to_owned(), if chunked { dechunk(body) } else { body.to_owned() })
}

fn spawn(dir: &Path, arguments: &Vec<String>) -> (Child, Value) {
    let errors = File::options().append(true).create(true).open(dir.join("stderr")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"))
        .args(["hub", "--until-stdin-ends", "--dir"])
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.contains("\"ready\":true") {
        let _ = child.kill();
        panic!("the sandbox did not start: {line} {}", fs::read_to_string(dir.join("stderr")).unwrap_or_default());
    }
    (child, serde_json::from_slice(&fs::read(dir.join("sandbox.json")).unwrap()).unwrap())
}

fn dechunk(mut body: &str) -> String {
    let mut whole = Vec::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&rest.as_bytes()[..size]);
        body = &rest[size + 2..];
    }
    String::from_utf8(whole).unwrap()
}
