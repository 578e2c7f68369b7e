//! `engawa-sandbox control`: the orders as a command.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use clap::Subcommand;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::cli::Failure;

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Take connections again
    Up,
    /// Refuse connections and drop those that are open
    Down,
    /// Totals, clock, calls, connections, accounts, faults
    Status,
    /// Everything filed, and every key with how often it was seen and had its effect
    Facts,
    /// Order a fault (JSON, one or a list)
    Fault {
        /// For example {"on":"opinions","kind":"status_503","retry_after":"30"}
        json: String,
    },
    /// Show the faults that wait
    Faults,
    /// Clear all faults, the random ones too
    Clear,
    /// Random faults: {"seed":7,"rate":0.1,"kinds":["cut_after_effect"],"on":["opinions"]}
    Random {
        /// The order
        json: String,
    },
    /// Move the clock forward, for example by 36h
    Advance {
        /// A span: 90s, 36h, 60d
        span: String,
    },
    /// Set the clock
    Set {
        /// RFC 3339, for example 2026-06-01T09:00:00+09:00
        time: String,
    },
    /// The municipality takes an opinion
    Accept {
        /// The hub's receipt number
        receipt: String,
    },
    /// The municipality sends an opinion back
    Return {
        /// The hub's receipt number
        receipt: String,
        /// Why
        reason: String,
    },
    /// Lock an account for half an hour
    Lock {
        /// User id
        account: String,
    },
    /// Unlock an account
    Unlock {
        /// User id
        account: String,
    },
    /// Close connections that are idle
    CloseIdle,
    /// Any other order
    Post {
        /// For example /control/tokens
        path: String,
        /// The body
        json: String,
    },
}

impl Command {
    /// Sends the order to the sandbox of a folder; the answer, laid out for people.
    pub(crate) fn run(self, dir: &Path) -> Result<String, Failure> {
        let file = dir.join("sandbox.json");
        let missing = |e| format!("{}: {e}; was a hub started with this --dir?", file.display());
        let all: Value = serde_json::from_slice(&fs::read(&file).map_err(missing)?)?;
        let port = all.get("control_port").and_then(Value::as_u64).ok_or("sandbox.json names no control_port")?;
        let (method, path, body) = self.order();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(call(u16::try_from(port)?, method, &path, body))?;
        Ok(serde_json::to_string_pretty(&answer)?)
    }

    fn order(self) -> (&'static str, String, String) {
        let get = |path: &str| ("GET", format!("/control/{path}"), String::new());
        let post = |path: &str, body: Value| ("POST", format!("/control/{path}"), body.to_string());
        match self {
            Self::Up => post("power", json!({"up": true})),
            Self::Down => post("power", json!({"up": false})),
            Self::Status => get("status"),
            Self::Facts => get("facts"),
            Self::Fault { json } => ("POST", "/control/faults".to_owned(), json),
            Self::Faults => get("faults"),
            Self::Clear => ("DELETE", "/control/faults".to_owned(), String::new()),
            Self::Random { json } => ("POST", "/control/random".to_owned(), json),
            Self::Advance { span } => post("clock", json!({"advance": span})),
            Self::Set { time } => post("clock", json!({"set": time})),
            Self::Accept { receipt } => post("municipal", json!({"receipt_number": receipt, "state": "accepted"})),
            Self::Return { receipt, reason } => {
                post("municipal", json!({"receipt_number": receipt, "state": "returned", "reason": reason}))
            }
            Self::Lock { account } => post(&format!("accounts/{account}"), json!({"lock": true})),
            Self::Unlock { account } => post(&format!("accounts/{account}"), json!({"unlock": true})),
            Self::CloseIdle => post("connections", json!({"close": "idle"})),
            Self::Post { path, json } => ("POST", path, json),
        }
    }
}

/// One order to a control API; its answer, or why it was refused.
pub(crate) async fn call(port: u16, method: &str, path: &str, body: String) -> Result<Value, Failure> {
    let stream =
        TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| format!("the sandbox is not running: {e}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let bytes = response.into_body().collect().await?.to_bytes();
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    if status.is_success() { Ok(answer) } else { Err(format!("{status}: {answer}").into()) }
}
