//! `POST /v1/careplans/lint`: what is wrong with care plan files; nothing of them is kept.

use std::io::{Cursor, Read};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use multer::Multipart;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::ToSchema;

use super::{MAX_CONTENT, MAX_FILES, MAX_REQUEST, Seats, name_missing, too_many, twice, usable};
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::authorise;
use crate::api::problem::{Document, Failure, Place};
use crate::api::v1::intake;
use crate::fault::Code;
use crate::model::careplan::lint::{
    self, Finding, Findings, SetLinter, Settings, Severity, ZipLimits, lint_file, lint_zip,
};
use crate::task;
use crate::terminal::Right;

/// Findings of one file that are told.
const MAX_FINDINGS: usize = 500;
/// Pieces on their way to the linter.
const PIECES: usize = 4;

/// What was found in care plan files.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CareplanLint)]
pub(in crate::api) struct Linted {
    /// False when something is refused, or likely to be.
    acceptable: bool,
    /// In the order of the files and their lines.
    findings: Vec<FindingView>,
    /// True when there were more findings than are told.
    truncated: bool,
}

/// One thing found at one place. No value of an item about a person is ever told.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CareplanFinding)]
struct FindingView {
    /// Stable name of the rule; see docs/careplan-rules.md.
    #[schema(example = "ITEM_REQUIRED")]
    code: &'static str,
    /// `refused`, `likely_refused` or `advice`.
    #[schema(value_type = String, example = "refused")]
    severity: Severity,
    /// The name of the file.
    file: String,
    /// The line, from 1; line breaks inside values count.
    line: Option<u64>,
    /// The number of the item.
    column: Option<usize>,
    /// The last item, where it cannot be told which one from `column` to here is meant.
    column_to: Option<usize>,
    /// The name of the item in English; see docs/careplan.md.
    item: Option<&'static str>,
    /// Its name in the standard.
    item_label: Option<&'static str>,
    /// The value, where it says nothing about a person.
    value: Option<String>,
    /// What to do, in Japanese.
    detail: String,
    /// What to do, in English.
    detail_en: String,
    /// Where the rule comes from.
    source: &'static str,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.rule.name(),
            severity: finding.severity(),
            file: finding.file.to_string(),
            line: finding.line,
            column: finding.column(),
            column_to: finding.through.map(|item| item.number),
            item: finding.item.map(|item| item.name),
            item_label: finding.item.map(|item| item.label),
            value: finding.shown.clone(),
            detail: finding.ja(),
            detail_en: finding.en(),
            source: finding.rule.source(),
        }
    }
}

impl From<&Findings> for Linted {
    fn from(findings: &Findings) -> Self {
        Self {
            acceptable: findings.worst().is_none_or(|worst| worst == Severity::Advice),
            findings: findings.list().iter().map(FindingView::from).collect(),
            truncated: findings.dropped() > 0,
        }
    }
}

#[derive(serde::Deserialize)]
struct Parameters {
    name: Option<String>,
}

/// The parts of a multipart request; for its description.
#[derive(ToSchema)]
#[schema(as = CareplanFiles)]
#[expect(dead_code, reason = "it only describes")]
pub(in crate::api) struct Files {
    /// The files, each with its file name. The names of the parts do not matter.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
}

/// Look for mistakes in care plan files
///
/// Stores nothing and sends nothing. Send up to 20 MiB: several files as `multipart/form-data`, each with its file name (they are
/// also compared with each other); a ZIP of them as `application/zip`; or one file as `text/csv` with its name in `name` or in
/// `Content-Disposition`. A file with mistakes is no failure: the answer is 200 and tells them.
#[utoipa::path(
    post, path = "/v1/careplans/lint", security(("key" = ["submit"])),
    params(("name" = Option<String>, Query, description = "The file's name, for `text/csv`")),
    request_body(content((Files = "multipart/form-data"), (Vec<u8> = "application/zip"), (String = "text/csv"))),
    responses(
        (status = 200, description = "What was found", body = Linted),
        (status = 413, description = "REQUEST_TOO_LARGE", body = Document, content_type = "application/problem+json"),
        (status = 415, description = "REQUEST_MEDIA_TYPE", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "GATEWAY_BUSY", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn lint(
    State(api): State<Arc<Api>>,
    State(seats): State<Seats>,
    request: Request,
) -> Result<Json<Linted>, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_REQUEST, api.config.body_idle);
    let looking = tokio::time::timeout(api.config.upload, look(&api, &seats, &parts, &mut body)).await;
    let found = looking.unwrap_or_else(|_| Err(Code::RequestTimeout.into()));
    if found.as_ref().is_err_and(|failure| failure.code() != Code::RequestTimeout) {
        body.drain().await;
    }
    Ok(Json(Linted::from(&found?)))
}

async fn look(api: &Api, seats: &Seats, parts: &Parts, body: &mut Pieces) -> Result<Findings, Failure> {
    authorise(parts, Right::Submit)?;
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Code::RequestMediaType.into());
    }
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seat = Arc::clone(&seats.lint).try_acquire_owned().map_err(|_| Code::GatewayBusy)?;
    match intake::essence(kind).as_str() {
        "text/csv" => {
            body.limit(parts, MAX_CONTENT)?;
            single(name_of(parts)?, body, settings(api), seat).await
        }
        "application/zip" | "application/x-zip-compressed" => {
            body.limit(parts, MAX_CONTENT)?;
            archive(body.collect().await?, settings(api), seat).await
        }
        "multipart/form-data" => {
            body.limit(parts, MAX_REQUEST)?;
            let boundary = multer::parse_boundary(kind).map_err(|error| intake::malformed(error, "BOUNDARY"))?;
            several(body, boundary, settings(api), seat).await
        }
        _ => Err(Code::RequestMediaType.into()),
    }
}

fn settings(api: &Api) -> Settings {
    Settings { max_findings: MAX_FINDINGS, ..Settings::clone(&api.config.lint) }
}

async fn single(
    name: String,
    body: &mut Pieces,
    settings: Settings,
    seat: OwnedSemaphorePermit,
) -> Result<Findings, Failure> {
    let (feed, content) = content();
    let linting = task::aside(move || {
        let _seat = seat;
        lint_file(&name, content, &settings)
    });
    while let Some(piece) = body.next().await {
        body.progress().made();
        // A linter that has seen enough takes no more; the rest is read all the same.
        let _ = feed.send(Some(piece?)).await;
    }
    let _ = feed.send(None).await;
    finished(linting.await)
}

/// The directory of a ZIP stands at its end, so the whole of it is here before anything can be said; bounded by the limit and
/// the seats, and never unpacked.
async fn archive(bytes: Vec<u8>, settings: Settings, seat: OwnedSemaphorePermit) -> Result<Findings, Failure> {
    let linting = move || {
        let _seat = seat;
        lint_zip("archive.zip", Cursor::new(bytes), &settings, ZipLimits::default())
    };
    let findings = finished(task::aside(linting).await)?;
    match findings.list() {
        [only] if only.rule == lint::Rule::ZipUnreadable => {
            Err(Failure::here(Code::RequestMalformed, Place::at("", only.rule.name(), only.rule.ja(), only.rule.en())))
        }
        _ => Ok(findings),
    }
}

async fn several(
    body: &mut Pieces,
    boundary: String,
    settings: Settings,
    seat: OwnedSemaphorePermit,
) -> Result<Findings, Failure> {
    let progress = body.progress();
    let mut multipart = Multipart::new(body, boundary);
    let (files, mut queue) = mpsc::channel::<(String, Content)>(1);
    let linting = task::aside(move || {
        let _seat = seat;
        let mut linter = SetLinter::new(&settings);
        while let Some((name, mut content)) = queue.blocking_recv() {
            linter.add(&name, &mut content)?;
        }
        Ok(linter.finish())
    });
    let (mut names, mut left) = (Vec::new(), MAX_CONTENT);
    while let Some(mut field) = intake::next(&mut multipart, &progress).await? {
        let name = usable(field.file_name().unwrap_or_default()).ok_or_else(|| name_missing("filename"))?;
        if names.len() == MAX_FILES {
            return Err(Failure::here(Code::RequestTooLarge, too_many()));
        }
        if names.contains(&name.to_uppercase()) {
            return Err(Failure::here(Code::RequestMalformed, twice()));
        }
        names.push(name.to_uppercase());
        let (feed, content) = content();
        let _ = files.send((name, content)).await;
        while let Some(piece) = intake::chunk(&mut field, &progress).await? {
            left = left.checked_sub(piece.len() as u64).ok_or(Code::RequestTooLarge)?;
            let _ = feed.send(Some(piece)).await;
        }
        let _ = feed.send(None).await;
    }
    drop(files);
    if names.is_empty() {
        return Err(name_missing("filename"));
    }
    finished(linting.await)
}

fn finished(linting: Result<std::io::Result<Findings>, task::BrokenOff>) -> Result<Findings, Failure> {
    match linting {
        Ok(Ok(findings)) => Ok(findings),
        Ok(Err(error)) => Err(Failure::from(Code::GatewayInternal).because(error)),
        Err(error) => Err(Failure::from(Code::GatewayInternal).because(error)),
    }
}

/// A file on its way to the linter, which runs on a thread of its own. The end is said: a sender that merely goes away has
/// broken off.
struct Content {
    pieces: mpsc::Receiver<Option<Bytes>>,
    piece: Bytes,
    ended: bool,
}

fn content() -> (mpsc::Sender<Option<Bytes>>, Content) {
    let (feed, pieces) = mpsc::channel(PIECES);
    (feed, Content { pieces, piece: Bytes::new(), ended: false })
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.ended = true,
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.piece.len().min(buffer.len());
        let (front, _) = buffer.split_at_mut(length);
        self.piece.copy_to_slice(front);
        Ok(length)
    }
}

/// The name of a single file: the parameter, or the header.
fn name_of(parts: &Parts) -> Result<String, Failure> {
    let asked = Query::<Parameters>::try_from_uri(&parts.uri).ok().and_then(|Query(parameters)| parameters.name);
    let header = || parts.headers.get(CONTENT_DISPOSITION).and_then(|value| disposed(value.to_str().ok()?));
    asked.or_else(header).and_then(|name| usable(&name)).ok_or_else(|| name_missing("name"))
}

/// `attachment; filename="…"`. Names of the standard are ASCII, so the form for other characters is not read.
fn disposed(value: &str) -> Option<String> {
    let named = value.split(';').map(str::trim).find_map(|part| {
        let (key, name) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("filename").then_some(name.trim())
    })?;
    Some(named.trim_matches('"').to_owned())
}
