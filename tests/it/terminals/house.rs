//! A gateway that listens to a LAN of loopback addresses, and its newcomers: curl and openssl.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::until;

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// What the LAN sees of a gateway.
pub(crate) struct Lan {
    pub(crate) gateway: Gateway,
    pub(crate) url: String,
    pub(crate) local: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the status and code of a refusal.
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str().unwrap_or_default()), (status, code), "{self:?}");
        problem
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }
}

impl Lan {
    pub(crate) fn start(hub: &Sandbox) -> Self {
        Self::start_with(hub, |setup| setup)
    }

    /// With further settings.
    pub(crate) fn start_with(hub: &Sandbox, further: impl FnOnce(Setup) -> Setup) -> Self {
        let setup = further(Setup::new(hub).tcp().set("lan.listen", "[\"127.0.0.1:0\"]"));
        let gateway = setup.set("lan.networks", "[\"127.0.0.0/8\"]").start();
        let line = "engawa: listening to the LAN address=";
        let log = until("the LAN's address", SOON, || Some(gateway.log()).filter(|log| log.contains(line)));
        let address = log.rsplit(line).next().unwrap().split_whitespace().next().unwrap();
        let port = address.rsplit(':').next().unwrap();
        let (url, local) = (format!("https://localhost:{port}"), format!("http://{}", gateway.address()));
        Self { gateway, url, local }
    }

    /// `engawa terminal pair`, on the box.
    pub(crate) fn window(&self, arguments: &[&str]) -> Value {
        let output = self.gateway.run(&[&["terminal", "pair", "--json"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Another command on the box that has to succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.gateway.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn terminals(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.run(&["terminal", "list", "--json"])).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    fn authority(&self) -> PathBuf {
        self.gateway.state().join("authority.pem")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "30", "-H", "Expect:"]).arg("--cacert").arg(self.authority());
        curl.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        curl
    }

    /// Runs curl; the arguments hold the address.
    pub(crate) fn curl(&self, arguments: &[&str]) -> Reply {
        let output = self.command(arguments).arg("-i").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {output:?}"));
        let headers = headers.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
            None => format!("{line}\n"),
        });
        Reply { status, headers: headers.collect(), body: body.to_owned() }
    }

    /// `POST` of JSON to the LAN.
    pub(crate) fn post(&self, path: &str, body: &Value, arguments: &[&str]) -> Reply {
        let (body, url) = (body.to_string(), format!("{}{path}", self.url));
        let post = ["-H", "Content-Type: application/json", "--data-binary", body.as_str(), url.as_str()];
        self.curl(&[&post, arguments].concat())
    }

    pub(crate) fn get(&self, path: &str, arguments: &[&str]) -> Reply {
        let url = format!("{}{path}", self.url);
        self.curl(&[&[url.as_str()], arguments].concat())
    }

    /// Tries a code from an address.
    pub(crate) fn try_code(&self, code: &str, from: &str) -> Reply {
        self.post("/v1/pair", &json!({ "code": code }), &["--interface", from])
    }

    /// An event stream, read as it comes.
    pub(crate) fn stream(&self, arguments: &[&str]) -> EventStream {
        let url = format!("{}/v1/events", self.url);
        // Unlike those of -i, these headers are written out as soon as they are there.
        let mut curl = self.command(&[&["-N", "-D", "-", url.as_str()], arguments].concat());
        let mut child = curl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (tell, lines) = mpsc::sync_channel(1024);
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| tell.send(line).unwrap_or_default());
        });
        let first = lines.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(first.contains(" 200 "), "{first}");
        EventStream { child, lines }
    }
}

/// curl on an event stream.
pub(crate) struct EventStream {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl EventStream {
    /// Waits for an event of a kind.
    pub(crate) fn until(&self, kind: &str) {
        let wanted = format!("event: {kind}");
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).expect("the stream ended or is silent");
            if line == wanted {
                return;
            }
        }
    }

    /// Does something, waits until the gateway has ended the stream, and holds that to `within` however busy this machine is.
    #[allow(clippy::disallowed_methods)] // Another process's doing is in the machine's time.
    pub(crate) fn ended(&mut self, within: Duration, cause: impl FnOnce() -> String) {
        let start = Instant::now();
        cause();
        until("the stream to be cut", within, || self.child.try_wait().unwrap());
        let took = start.elapsed();
        assert!(took <= within, "{took:?}");
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal's folder: key, request, certificate.
pub(crate) struct Software(tempfile::TempDir);

impl Software {
    /// As a newcomer makes them: `openssl req`.
    pub(crate) fn new() -> Self {
        let software = Self(tempfile::tempdir().unwrap());
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=front",
        ]);
        let output =
            openssl.arg("-keyout").arg(software.path("key.pem")).arg("-out").arg(software.path("csr.pem")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        software
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn csr(&self) -> String {
        fs::read_to_string(self.path("csr.pem")).unwrap()
    }

    pub(crate) fn keep(&self, name: &str, certificate: &str) {
        fs::write(self.path(name), certificate).unwrap();
    }

    /// Curl's arguments to show a certificate that was kept.
    pub(crate) fn shows(&self, name: &str) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec!["--cert".into(), text(self.path(name)), "--key".into(), text(self.path("key.pem"))]
    }
}

pub(crate) fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// What openssl says of a certificate.
pub(crate) fn described(certificate: &Path) -> String {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["x509", "-noout", "-text", "-in"]).arg(certificate).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `openssl s_client` in the middle of sending.
pub(crate) struct Running(Child);

impl Running {
    /// Does something; what the request is answered then, which ends it, within that time however busy this machine is.
    #[allow(clippy::disallowed_methods)] // Another process's doing is in the machine's time.
    pub(crate) fn answer(&mut self, within: Duration, cause: impl FnOnce() -> String) -> String {
        let start = Instant::now();
        cause();
        until("the request to end", within, || self.0.try_wait().unwrap());
        let took = start.elapsed();
        assert!(took <= within, "{took:?}");
        let mut text = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut text).unwrap();
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lan {
    /// Begins a request and sends the beginning of its body. curl would not read an answer meanwhile; openssl does.
    pub(crate) fn begin(&self, line: &str, beginning: &str, arguments: &[&str]) -> Running {
        let address = self.url.strip_prefix("https://").unwrap();
        let mut openssl = Command::new("openssl");
        openssl
            .args(["s_client", "-quiet", "-verify_return_error", "-connect", address, "-CAfile"])
            .arg(self.authority());
        let mut child = openssl
            .args(
                arguments
                    .iter()
                    .map(|word| word.strip_prefix('-').filter(|word| word.starts_with('-')).unwrap_or(word)),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nIdempotency-Key: slow\r\n\
             Content-Length: 1000\r\n\r\n{beginning}"
        );
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), head.as_bytes()).unwrap();
        Running(child)
    }
}
