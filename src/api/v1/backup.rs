//! `/v1/backup`: the box as one file, encrypted to the recovery key.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Admin, Connection, OfTheBox, With, authorise};
use crate::api::problem::{Document, Failure, Place};
use crate::api::strict_json;
use crate::backup::{BackupError, Backups, Prepared, Recipient};
use crate::fault::Code;
use crate::task;
use crate::terminal::Right;

const MAX_BODY: u64 = 4 << 10;
/// Octets that go out in one piece.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a reader who is slower than the disk.
const PIECES: usize = 4;

/// How it stands with backups.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Backup)]
pub(in crate::api) struct BackupView {
    /// The public half of the recovery key; `null` until there is one.
    recipient: Option<String>,
    /// Who signs the backups.
    #[schema(example = "engawabox1…")]
    signed_by: String,
    /// The epoch of this box: higher on a box that was restored.
    epoch: u64,
    /// When the last backup was handed out whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    last: Option<jiff::Timestamp>,
}

/// To whom backups are encrypted.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RecipientRequest {
    /// The public half of the recovery key.
    #[schema(example = "age1…")]
    recipient: String,
    /// In place of another.
    #[serde(default)]
    replace: bool,
}

/// Backups
#[utoipa::path(
    get, path = "/v1/backup", security(("key" = ["admin"])),
    responses((status = 200, description = "How it stands with backups", body = BackupView))
)]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, _by: With<Admin>) -> Result<Json<BackupView>, Failure> {
    Ok(Json(view(&api.backups).await?))
}

async fn view(backups: &Backups) -> Result<BackupView, BackupError> {
    let recipient = match backups.recipient().await {
        Ok(recipient) => Some(recipient.to_string()),
        Err(BackupError::NoRecipient) => None,
        Err(error) => return Err(error),
    };
    let signed_by = backups.signed_by().to_string();
    Ok(BackupView { recipient, signed_by, epoch: backups.epoch().await?, last: backups.last().await? })
}

/// Name the recovery key
///
/// On the machine itself only: whoever may choose the key may read all that is in a backup.
#[utoipa::path(
    put, path = "/v1/backup/recipient", security(("key" = ["admin"])),
    request_body(content = RecipientRequest),
    responses(
        (status = 200, description = "Backups are encrypted to it from here on", body = BackupView),
        (status = 409, description = "BACKUP_KEY_PRESENT", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "BACKUP_KEY_WRONG", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn recipient(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<Json<BackupView>, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY, api.config.body_idle);
    let caller = authorise(&parts, Right::Admin)?;
    let limit = api.config.request;
    let whole = timeout(limit, body.json(&parts, MAX_BODY)).await.map_err(|_| Code::RequestTimeout)??;
    let value = strict_json::parse(&whole)?;
    let wanted: RecipientRequest = serde_json::from_value(value).map_err(|_| wrong(""))?;
    let recipient: Recipient = wanted.recipient.parse().map_err(|_| wrong("/recipient"))?;
    let backups = api.backups.clone();
    let setting = async move {
        backups.set_recipient(&recipient, wanted.replace).await?;
        view(&backups).await
    };
    tracing::info!(by = %caller.id, "the recovery key is named");
    let view = timeout(limit, connection.detach(setting)).await.map_err(|_| Code::GatewayBusy)???;
    Ok(Json(view))
}

fn wrong(pointer: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            pointer,
            "RECIPIENT_FORM",
            "recipient には age の公開鍵（age1…）が要ります。",
            "`recipient` has to be a public key of age (age1…).",
        ),
    )
}

/// Make a backup
///
/// The whole box as of this moment, as an age file. For administrators of the first facility, and of the box itself. An answer that breaks off is no backup.
#[utoipa::path(
    post, path = "/v1/backup", security(("key" = ["admin"])),
    responses(
        (status = 200, description = "The backup", content_type = "application/octet-stream"),
        (status = 403, description = "AUTH_FORBIDDEN; `ADMINISTRATOR_OF_BOX` under `errors`: of another facility than the first", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "BACKUP_KEY_MISSING", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn make(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<OfTheBox>,
) -> Result<impl IntoResponse, Failure> {
    let backups = api.backups.clone();
    tracing::info!(by = %by.caller.id, "a backup is made");
    let prepared = connection.detach(async move { backups.prepare().await }).await??;
    let disposition = format!("attachment; filename=\"{}\"", prepared.name());
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, disposition),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, written(prepared, api.backups.clone())))
}

/// The file while it is written, at the pace of who reads it.
fn written(prepared: Prepared, backups: Backups) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    task::spawn(async move {
        let made_at = prepared.made_at();
        let pipe = Pipe { sender: sender.clone(), buffer: BytesMut::with_capacity(PIECE) };
        let written = task::aside(move || prepared.write(pipe)).await;
        match written {
            Ok(Ok(())) => {
                if let Err(error) = backups.done(made_at).await {
                    tracing::warn!(code = %error.code(), "backup: that it was made could not be recorded");
                }
            }
            failed => {
                let code = failed.map_or(Code::GatewayInternal, |result| {
                    result.map_or_else(|e| e.code(), |()| Code::GatewayInternal)
                });
                tracing::warn!(%code, "backup: it was not written to its end");
                let _ = sender.send(Err(io::Error::other("the backup breaks off"))).await;
            }
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    Body::from_stream(pieces)
}

/// A writer on a thread of its own, into the body of an answer.
struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(PIECE)).freeze();
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::from(error.code()).because(error)
    }
}
