//! One HTTP exchange on a connection of its own, by hand: a client that can be cut off at any byte and says so.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Longest silence that a test sits through.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as sent, its status line included.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem's code, empty when there is none.
    pub(crate) fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned())
    }
}

/// A request; the connection ends with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn key(self, api_key: &str) -> Self {
        self.header("authorization", &format!("Bearer {api_key}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { body, ..self.header("content-type", "application/json") }
    }

    /// Sends it over a Unix socket.
    ///
    /// # Errors
    /// When no whole answer came: then it is not known whether the request had an effect.
    pub(crate) fn over_unix(&self, socket: &Path) -> io::Result<Answer> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.over(stream)
    }

    /// Sends it over TCP.
    ///
    /// # Errors
    /// As [`Ask::over_unix`].
    pub(crate) fn over_tcp(&self, address: SocketAddr) -> io::Result<Answer> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.over(stream)
    }

    /// The request's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it over a connection that is there.
    ///
    /// # Errors
    /// As [`Ask::over_unix`].
    pub(crate) fn over(&self, mut stream: impl Read + Write) -> io::Result<Answer> {
        let written = stream.write_all(&self.bytes());
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // A server may answer and close before it has read a body that it refuses.
        parse(&answer).ok_or_else(|| {
            written.err().or(read.err()).unwrap_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
        })
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head, body: String::new() };
    let rest = &bytes[end + 4..];
    let body = match answer.header("content-length") {
        Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
        None if answer.header("transfer-encoding").is_some() => whole_chunks(rest)?,
        None => rest.to_vec(),
    };
    answer.body = String::from_utf8(body).ok()?;
    Some(answer)
}

fn whole_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
