//! HTTP/1.1 to the running gateway over its Unix socket. The kernel tells the gateway who is asking, so no key is needed.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::output::{chain, complain, say_json};
use super::{Exit, Site};

const PATIENCE: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// What the gateway said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// `null` when there was no body.
    pub(super) body: Value,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("the settings name no unix_socket")]
    NoSocket,
    #[error("no gateway answers at {path}")]
    Absent {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("no permission to ask the gateway at {path}")]
    Denied {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the gateway broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the gateway did not answer within 30 seconds")]
    Slow,
}

impl NoAnswer {
    /// Says so, and what to do.
    pub(super) fn report(&self) -> Exit {
        let (ja, en) = match self {
            Self::NoSocket => (
                "設定 endpoint.unix_socket が空です。",
                "The setting endpoint.unix_socket is empty; this command needs it.",
            ),
            Self::Absent { .. } => (
                "engawaが動いていません。systemctl status engawa を見てください。",
                "engawa is not running. See systemctl status engawa.",
            ),
            Self::Denied { .. } => (
                "権限がありません。管理者（root または engawa）で実行してください。",
                "No permission. Run it as root or as the user engawa.",
            ),
            Self::Broken(_) | Self::Slow => (
                "engawaから答えがありません。systemctl status engawa を見てください。",
                "engawa does not answer. See systemctl status engawa.",
            ),
        };
        complain(&format!("{ja}\n{en}\n  ({})", chain(self)));
        match self {
            Self::Denied { .. } => Exit::Failed,
            _ => Exit::Unreachable,
        }
    }
}

/// Sends one request and waits for the whole answer.
pub(super) async fn ask(site: &Site, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, NoAnswer> {
    let exchange = exchange(site, method, path, body);
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or(Err(NoAnswer::Slow))
}

async fn exchange(site: &Site, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, NoAnswer> {
    whole(begin(site, method, path, body).await?).await
}

/// An answer whose body is still coming.
struct Begun {
    response: http::Response<hyper::body::Incoming>,
    connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
}

async fn begin(site: &Site, method: Method, path: &str, body: Option<&Value>) -> Result<Begun, NoAnswer> {
    let socket = site.endpoint.unix_socket.as_deref().ok_or(NoAnswer::NoSocket)?;
    let stream = UnixStream::connect(socket).await.map_err(|source| {
        let path = socket.display().to_string();
        match source.kind() {
            std::io::ErrorKind::PermissionDenied => NoAnswer::Denied { path, source },
            _ => NoAnswer::Absent { path, source },
        }
    })?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| NoAnswer::Broken(error.into()))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header(http::header::HOST, "engawa");
    if site.named {
        request = request.header("Engawa-Facility", &site.facility.number);
    }
    if body.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let request = request.body(Full::new(bytes)).map_err(|error| NoAnswer::Broken(error.into()))?;
    let response = sender.send_request(request).await.map_err(|error| NoAnswer::Broken(error.into()))?;
    Ok(Begun { response, connection })
}

async fn whole(Begun { response, connection }: Begun) -> Result<Answer, NoAnswer> {
    let status = response.status();
    let collected = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(NoAnswer::Broken)?;
    connection.abort();
    let bytes = collected.to_bytes();
    let body = match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&bytes).map_err(|error| NoAnswer::Broken(error.into()))?,
    };
    Ok(Answer { status, body })
}

/// A file as it comes.
pub(super) struct Coming(Begun);

/// Asks for a file, however large it is and however long it takes; else the refusal.
pub(super) async fn stream(site: &Site, method: Method, path: &str) -> Result<Result<Coming, Answer>, NoAnswer> {
    let begun = begin(site, method, path, None).await?;
    if begun.response.status().is_success() { Ok(Ok(Coming(begun))) } else { whole(begun).await.map(Err) }
}

impl Coming {
    /// The name that the gateway gives it, if it is a plain one.
    pub(super) fn file_name(&self) -> Option<String> {
        let value = self.0.response.headers().get(http::header::CONTENT_DISPOSITION)?.to_str().ok()?;
        let name = value.split_once("filename=\"")?.1.trim_end_matches('"');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!name.starts_with('.') && name.bytes().all(plain)).then(|| name.to_owned())
    }

    /// The next piece; `None` at the end of a whole answer.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, NoAnswer> {
        loop {
            match self.0.response.body_mut().frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(NoAnswer::Broken(error.into())),
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

/// Prints a refusal: the problem document with `json`, its sentences otherwise.
pub(super) fn refused(answer: &Answer, json: bool) -> Exit {
    if json {
        say_json(&answer.body);
        return Exit::Failed;
    }
    let text = |member: &str| answer.body.get(member).and_then(Value::as_str).unwrap_or_default();
    complain(&format!("{} ({})\n{}\n{}", text("code"), answer.status.as_u16(), text("detail"), text("detail_en")));
    Exit::Failed
}

/// Text as one segment or value of a URL.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
