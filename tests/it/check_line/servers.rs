//! Other ends that are not the sandbox: OpenSSL's server under an authority of the test's own, and ports that speak no TLS at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::support::mortal::mortal;

/// An authority, and a folder for what it issues.
pub(super) struct Pki {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// When a server's certificate holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Certificate {
    Good,
    Of2020,
}

impl Pki {
    pub(super) fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A file with certificate and key.
    fn server(&self, kind: Certificate) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let (from, until) = if kind == Certificate::Good { (2020, 2040) } else { (2020, 2021) };
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = self.dir.path().join("server.pem");
        std::fs::write(&file, certificate.pem() + &key.serialize_pem()).unwrap();
        file
    }
}

/// `openssl s_server`.
pub(super) struct Tls {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Tls {
    pub(super) fn start(pki: &Pki, kind: Certificate, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = mortal("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(pki.server(kind))
            .args(arguments)
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "openssl s_server did not start");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.trim().rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        // What it says further is of no interest, and must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, port, dir }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// With `-HTTP`: what it answers to the question what it offers, at which time.
    pub(super) fn answers(&self, date: &str) {
        let folder = self.dir.path().join("api/v1");
        std::fs::create_dir_all(&folder).unwrap();
        let body = r#"{"result":"ok","data":["opinions"],"trace_id":"t"}"#;
        let length = body.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        std::fs::write(folder.join("capabilities"), answer).unwrap();
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time so many minutes ago, as HTTP writes it.
#[allow(clippy::disallowed_methods)] // The process that is tried has the machine's clock.
pub(super) fn minutes_ago(minutes: i64) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap()
}

/// A port without TLS.
pub(super) struct Blind {
    listener: TcpListener,
}

impl Blind {
    /// Takes connections in the kernel, and nobody ever looks at them.
    pub(super) fn mute() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// Reads what comes, and answers `text`.
    pub(super) fn saying(text: &'static str) -> Self {
        let blind = Self::mute();
        let listener = blind.listener.try_clone().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(text.as_bytes());
            }
        });
        blind
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.listener.local_addr().unwrap().port())
    }
}
