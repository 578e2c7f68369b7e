//! Takes what is handed in off the line, and says what tells a repeat from another request. Nothing is judged here.

use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use jiff::civil::Date;
use multer::{Field, Multipart};
use serde_json::json;

use super::units::without_layout;
use super::{MAX_CONTENT, MAX_FILES, MAX_REQUEST, name_missing, too_many, twice, usable};
use crate::api::body::{Pieces, Progress};
use crate::api::problem::{Failure, Place};
use crate::api::v1::intake;
use crate::fault::Code;
use crate::order;
use crate::outbox::RequestHash;

/// The JSON beside files.
const MAX_STATED: u64 = 1 << 20;
/// A file as it was sent.
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// It is an archive of files.
    pub(super) zip: bool,
}

/// What was sent, as it lies in memory.
pub(super) enum Sent {
    /// Files, and the substitutions stated for them as JSON.
    Files { files: Vec<File>, stated: Option<Vec<u8>> },
    /// Units as JSON.
    Json(Vec<u8>),
}

/// How long the body says it is.
pub(super) fn announced(parts: &Parts) -> Option<u64> {
    parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

fn kind(parts: &Parts) -> &str {
    parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads the request's body.
pub(super) async fn read(parts: &Parts, body: &mut Pieces) -> Result<Sent, Failure> {
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Code::RequestMediaType.into());
    }
    match intake::essence(kind(parts)).as_str() {
        "application/json" => {
            body.limit(parts, MAX_CONTENT)?;
            Ok(Sent::Json(body.collect().await?))
        }
        "application/zip" | "application/x-zip-compressed" => {
            body.limit(parts, MAX_CONTENT)?;
            let archive = File { name: "archive.zip".to_owned(), bytes: body.collect().await?, zip: true };
            Ok(Sent::Files { files: vec![archive], stated: None })
        }
        "multipart/form-data" => {
            body.limit(parts, MAX_REQUEST)?;
            let boundary = multer::parse_boundary(kind(parts)).map_err(|error| intake::malformed(error, "BOUNDARY"))?;
            let progress = body.progress();
            several(Multipart::new(body, boundary), &progress).await
        }
        _ => Err(Code::RequestMediaType.into()),
    }
}

async fn several(mut parts: Multipart<'_>, progress: &Progress) -> Result<Sent, Failure> {
    let (mut files, mut stated, mut left) = (Vec::<File>::new(), None, MAX_CONTENT);
    while let Some(part) = intake::next(&mut parts, progress).await? {
        let essence = part.content_type().map(|kind| kind.essence_str().to_ascii_lowercase()).unwrap_or_default();
        if part.name() == Some("substitutions") {
            let mut room = MAX_STATED;
            let json = whole(part, progress, &mut room).await?;
            if stated.replace(json).is_some() {
                return Err(Failure::here(Code::RequestMalformed, stated_twice()));
            }
            continue;
        }
        let name = usable(part.file_name().unwrap_or_default()).ok_or_else(|| name_missing("filename"))?;
        if files.len() == MAX_FILES {
            return Err(Failure::here(Code::RequestTooLarge, too_many()));
        }
        if files.iter().any(|file| file.name.eq_ignore_ascii_case(&name)) {
            return Err(Failure::here(Code::RequestMalformed, twice()));
        }
        let zip = essence.contains("zip") || name.to_ascii_lowercase().ends_with(".zip");
        let bytes = whole(part, progress, &mut left).await?;
        files.push(File { name, bytes, zip });
    }
    if files.is_empty() {
        return Err(name_missing("filename"));
    }
    // A form's parts come in any order, and it says nothing.
    order::sort_by(&mut files, |one, other| one.name.cmp(&other.name));
    Ok(Sent::Files { files, stated })
}

async fn whole(mut part: Field<'_>, progress: &Progress, left: &mut u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = intake::chunk(&mut part, progress).await? {
        *left = left.checked_sub(piece.len() as u64).ok_or(Code::RequestTooLarge)?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

impl Sent {
    /// What tells a repeat from another request: all that was sent, but not how JSON is laid out. `due` is part of what was asked
    /// for.
    pub(super) fn hash(&self, due: Option<Date>) -> RequestHash {
        let (way, json) = match self {
            Self::Files { stated, .. } => ("files", stated.as_deref().unwrap_or_default()),
            Self::Json(json) => ("units", json.as_slice()),
        };
        let due = due.map(|due| due.to_string()).unwrap_or_default();
        let mut hash = RequestHash::new(&json!({"way": way, "due": due}), None);
        hash.begin_attachment("json");
        without_layout(json).for_each(|piece| hash.content(piece));
        hash.end_attachment();
        if let Self::Files { files, .. } = self {
            for file in files {
                hash.begin_attachment(&file.name);
                hash.content(&file.bytes);
                hash.end_attachment();
            }
        }
        hash
    }
}

pub(super) fn too_many_values(pointer: &str) -> Place {
    Place::at(
        pointer,
        "VALUE_COUNT",
        "一度に受け付けられる量を超えています。利用者や送信先を分けて送ってください。",
        "This is more than can be taken at once. Send the users or the recipients in several requests.",
    )
}

fn stated_twice() -> Place {
    Place::at("/substitutions", "PART_REPEATED", "この部は一つだけです。", "There may be one such part.")
}
