//! Reads a submitted opinion: JSON, or multipart with attachments, passed on piece by piece.
//!
//! Every problem is reported at once: after the first one nothing is stored any more, but the rest is still read and
//! looked at.

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use multer::{Field, Multipart};
use serde_json::{Map, Value};

use crate::api::Api;
use crate::api::body::{Pieces, Progress, ReadError};
use crate::api::problem::{Failure, Place};
use crate::api::strict_json;
use crate::fault::Code;
use crate::model::characters::Repertoire;
use crate::model::opinion::{self, MediaType, Parsed, Substitution};
use crate::outbox::{Acceptance, Intake, NewOpinion, OutboxError, Repeat, RequestHash, Sender};

/// The most the JSON part may hold.
pub(in crate::api) const MAX_JSON: u64 = 1 << 20;
/// The whole request: 20 MiB in the form sent to the hub (which the outbox counts exactly), and the framing.
pub(in crate::api) const MAX_REQUEST: u64 = (20 << 20) + (1 << 20);
/// Attachments of one opinion.
const MAX_ATTACHMENTS: usize = 20;
/// Length of a signature in base64.
const MAX_SIGNATURE: usize = 256 << 10;
/// Length of an attachment's name in characters.
const MAX_NAME: usize = 200;

/// A request that was read to its end and only has to be finished.
pub(super) struct Taken {
    request: RequestHash,
    way: Way,
}

/// What becomes of a request.
enum Way {
    /// Its key is new.
    New(Box<Intake>),
    /// Its key has been used: it is not judged, only compared.
    Repeat(Repeat),
}

impl Taken {
    /// The answer to the request.
    pub(super) async fn finish(self) -> Result<Acceptance, OutboxError> {
        match self.way {
            Way::New(intake) => intake.finish(self.request).await,
            Way::Repeat(repeat) => repeat.finish(self.request),
        }
    }
}

/// Reads the request's body.
pub(super) async fn read(
    api: &Api,
    sender: &Sender,
    key: &str,
    parts: &Parts,
    body: &mut Pieces,
) -> Result<Taken, Failure> {
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Code::RequestMediaType.into());
    }
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut reader = Reader { api, sender, key, places: Vec::new(), request: None, way: None };
    match essence(kind).as_str() {
        "application/json" => {
            body.limit(parts, MAX_JSON)?;
            let whole = body.collect().await?;
            reader.opinion(&whole, None).await?;
        }
        "multipart/form-data" => {
            body.limit(parts, MAX_REQUEST)?;
            let boundary = multer::parse_boundary(kind).map_err(|error| malformed(error, "BOUNDARY"))?;
            let progress = body.progress();
            reader.multipart(Multipart::new(body, boundary), &progress).await?;
        }
        _ => return Err(Code::RequestMediaType.into()),
    }
    reader.done()
}

pub(super) fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

struct Reader<'a> {
    api: &'a Api,
    sender: &'a Sender,
    key: &'a str,
    places: Vec<Place>,
    request: Option<RequestHash>,
    way: Option<Way>,
}

impl Reader<'_> {
    /// Parts in the order agreed: `opinion`, perhaps `signature`, then `attachment` as often as needed.
    async fn multipart(&mut self, mut parts: Multipart<'_>, progress: &Progress) -> Result<(), Failure> {
        let first = next(&mut parts, progress).await?.filter(|part| part.name() == Some("opinion"));
        let first = first.ok_or_else(|| order("opinion"))?;
        let json = small(first, progress, MAX_JSON).await?;
        let mut part = next(&mut parts, progress).await?;
        let mut signature = None;
        if let Some(signed) = part.take_if(|part| part.name() == Some("signature")) {
            signature = Some(signature_part(signed, progress).await?);
            part = next(&mut parts, progress).await?;
        }
        self.opinion(&json, signature).await?;
        let mut index = 0;
        while let Some(field) = part {
            if field.name() != Some("attachment") {
                return Err(order("attachment"));
            }
            if index == MAX_ATTACHMENTS {
                return Err(Failure::here(Code::AttachmentInvalid, too_many()));
            }
            self.attachment(index, field, progress).await?;
            index += 1;
            part = next(&mut parts, progress).await?;
        }
        Ok(())
    }

    /// Parses the opinion and opens the intake, or notes what is wrong with it.
    async fn opinion(&mut self, json: &[u8], signature: Option<String>) -> Result<(), Failure> {
        let value = strict_json::parse(json)?;
        self.request = Some(RequestHash::new(&value, signature.as_deref()));
        if let Some(repeat) = self.api.desk(&self.sender.facility)?.outbox.repeat(self.sender, self.key).await? {
            self.way = Some(Way::Repeat(repeat));
            return Ok(());
        }
        let envelope = Envelope::parse(value, signature)?;
        self.places.extend(envelope.unsigned_form());
        let today = self.api.clock.today_in_japan().unwrap_or(Date::MAX);
        match opinion::parse(&envelope.opinion, &envelope.substitutions, today) {
            Ok(_) if !self.places.is_empty() => {}
            Ok(Parsed { opinion, warnings, substitutions, originals }) => {
                let signature = envelope.signature;
                let new = NewOpinion { opinion, warnings, substitutions, originals, signature };
                let outbox = &self.api.desk(&self.sender.facility)?.outbox;
                let intake = outbox.begin(self.sender, self.key, new).await?;
                self.way = Some(Way::New(Box::new(intake)));
            }
            Err(problems) => self.places.extend(problems.iter().map(Place::from)),
        }
        Ok(())
    }

    /// Stores one attachment; once anything is wrong, only looks at it; for a repeat, only hashes it.
    async fn attachment(&mut self, index: usize, mut field: Field<'_>, progress: &Progress) -> Result<(), Failure> {
        if let Some(request) = &mut self.request {
            request.begin_attachment(field.file_name().unwrap_or_default());
        }
        let head = head(&mut field, progress).await?;
        if !matches!(self.way, Some(Way::Repeat(_))) {
            self.open(index, &field, &head).await?;
        }
        self.content(&head).await?;
        while let Some(piece) = chunk(&mut field, progress).await? {
            self.content(&piece).await?;
        }
        if let Some(request) = &mut self.request {
            request.end_attachment();
        }
        if let Some(Way::New(intake)) = &mut self.way {
            intake.end_attachment().await?;
        }
        Ok(())
    }

    /// Judges an attachment by its name and its first bytes, and opens it.
    async fn open(&mut self, index: usize, field: &Field<'_>, head: &[u8]) -> Result<(), Failure> {
        let pointer = format!("/attachments/{index}");
        let name = self.name(field, &pointer);
        let declared = field.content_type().map(|kind| kind.essence_str().to_ascii_lowercase());
        let media = self.media(head, declared.as_deref(), &pointer);
        if !self.places.is_empty() {
            self.way = None;
        }
        if let (Some(Way::New(intake)), Some(name), Some(media)) = (&mut self.way, name, media) {
            intake.begin_attachment(&name, media).await?;
        }
        Ok(())
    }

    async fn content(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if let Some(request) = &mut self.request {
            request.content(piece);
        }
        if let Some(Way::New(intake)) = &mut self.way {
            intake.content(piece).await?;
        }
        Ok(())
    }

    fn name(&mut self, field: &Field<'_>, pointer: &str) -> Option<String> {
        let name = field.file_name().unwrap_or_default();
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | '\u{fffd}');
        if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.contains(bad) {
            self.places.push(Place::at(
                format!("{pointer}/name"),
                "ATTACHMENT_NAME",
                "添付のファイル名が要ります（UTF-8で200字まで、フォルダー名や制御文字なし）。",
                "An attachment needs a file name: UTF-8, up to 200 characters, without folders or control characters.",
            ));
            return None;
        }
        if !Repertoire::JisX0213.holds(name) {
            self.places.push(Place::at(
                format!("{pointer}/name"),
                "CHARACTER_UNSUPPORTED",
                "添付のファイル名に基盤で使えない文字があります。別の文字の名前にしてください。",
                "The attachment's file name holds a character that the hub cannot take. Rename it.",
            ));
            return None;
        }
        Some(name.to_owned())
    }

    /// What the content is. A sender that declares another type has mixed something up.
    fn media(&mut self, head: &[u8], declared: Option<&str>, pointer: &str) -> Option<MediaType> {
        let Some(media) = MediaType::sniff(head) else {
            self.places.push(Place::of(Code::AttachmentInvalid, pointer));
            return None;
        };
        let vague = [None, Some("application/octet-stream"), Some(media.name())];
        if !vague.contains(&declared) {
            self.places.push(Place::at(
                pointer,
                "ATTACHMENT_TYPE_DIFFERS",
                &format!("宣言された種類と中身が違います。中身は {} です。", media.name()),
                &format!("The declared type differs from the content, which is {}.", media.name()),
            ));
            return None;
        }
        Some(media)
    }

    fn done(self) -> Result<Taken, Failure> {
        let only_attachments =
            self.places.iter().all(|place| place.pointer.as_deref().is_some_and(|at| at.starts_with("/attachments")));
        match (self.request, self.way) {
            (Some(request), Some(way)) if self.places.is_empty() => Ok(Taken { request, way }),
            _ if self.places.is_empty() => Err(Code::OpinionInvalid.into()),
            _ if only_attachments => Err(Failure::at(Code::AttachmentInvalid, self.places)),
            _ => Err(Failure::at(Code::OpinionInvalid, self.places)),
        }
    }
}

/// What the JSON holds around the opinion's items.
struct Envelope {
    opinion: Value,
    substitutions: Vec<Substitution>,
    signature: Option<String>,
}

impl Envelope {
    fn parse(value: Value, signature_part: Option<String>) -> Result<Self, Failure> {
        let Value::Object(mut members) = value else { return Err(shape("")) };
        let mut places = Vec::new();
        let opinion = members.remove("opinion").filter(Value::is_object);
        if opinion.is_none() {
            places.push(shape_place("/opinion"));
        }
        let substitutions = substitutions(&mut members, &mut places);
        let mut signature = match members.remove("signature") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if signature_part.is_none() => Some(text),
            Some(_) => {
                places.push(shape_place("/signature"));
                None
            }
        };
        signature = signature.or(signature_part);
        if signature.as_deref().is_some_and(|text| !is_signature(text)) {
            places.push(signature_place());
        }
        for name in members.keys().take(MAX_ATTACHMENTS) {
            let name = name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1");
            places.push(Place::at(
                format!("/{name}"),
                "MEMBER_UNKNOWN",
                "この項目はここでは使えません。名前を確かめてください。",
                "This member is not known here. Check its name.",
            ));
        }
        match opinion {
            Some(opinion) if places.is_empty() => Ok(Self { opinion, substitutions, signature }),
            _ => Err(Failure::at(Code::RequestMalformed, places)),
        }
    }
}

impl Envelope {
    /// The older form has no place for an electronic signature.
    fn unsigned_form(&self) -> Option<Place> {
        let version = self.opinion.get("form_version").and_then(Value::as_str);
        (self.signature.is_some() && version == Some("until_2026_03")).then(|| {
            Place::at(
                "/signature",
                "SIGNATURE_NOT_IN_FORM",
                "2026年3月までの様式には電子署名がありません。取り除くか、様式の版（form_version）を確かめてください。",
                "The form until 2026-03 has no electronic signature. Leave it out, or check `form_version`.",
            )
        })
    }
}

pub(super) fn substitutions(members: &mut Map<String, Value>, places: &mut Vec<Place>) -> Vec<Substitution> {
    let list = match members.remove("substitutions") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            places.push(shape_place("/substitutions"));
            Vec::new()
        }
    };
    let mut stated = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        match serde_json::from_value(value) {
            Ok(substitution) => stated.push(substitution),
            Err(_) => places.push(shape_place(&format!("/substitutions/{index}"))),
        }
    }
    stated
}

fn is_signature(text: &str) -> bool {
    text.len() <= MAX_SIGNATURE && STANDARD.decode(text).is_ok_and(|bytes| opinion::is_signed_data(&bytes))
}

/// The signature as base64 text, or as the CMS file itself.
async fn signature_part(field: Field<'_>, progress: &Progress) -> Result<String, Failure> {
    let text = field.content_type().is_none_or(|kind| kind.type_() == "text");
    let bytes = small(field, progress, MAX_SIGNATURE as u64).await?;
    if !text {
        return Ok(STANDARD.encode(bytes));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::here(Code::RequestMalformed, signature_place()))?;
    Ok(text.split_ascii_whitespace().collect())
}

/// The first bytes of an attachment, as many as tell its type.
async fn head(field: &mut Field<'_>, progress: &Progress) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    while head.len() < MediaType::SNIFF_BYTES {
        let Some(piece) = chunk(field, progress).await? else { break };
        head.extend_from_slice(&piece);
    }
    Ok(head)
}

async fn small(mut field: Field<'_>, progress: &Progress, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    while let Some(piece) = chunk(&mut field, progress).await? {
        if (whole.len() + piece.len()) as u64 > limit {
            return Err(Code::RequestTooLarge.into());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

pub(super) async fn next<'r>(parts: &mut Multipart<'r>, progress: &Progress) -> Result<Option<Field<'r>>, Failure> {
    let part = parts.next_field().await.map_err(unreadable)?;
    progress.made();
    Ok(part)
}

pub(super) async fn chunk(field: &mut Field<'_>, progress: &Progress) -> Result<Option<bytes::Bytes>, Failure> {
    let piece = field.chunk().await.map_err(unreadable)?;
    progress.made();
    Ok(piece)
}

fn unreadable(error: multer::Error) -> Failure {
    if let multer::Error::StreamReadFailed(cause) = &error
        && let Some(cause) = cause.downcast_ref::<ReadError>()
    {
        let code = Code::from(cause);
        return Failure::from(code).because(error);
    }
    malformed(error, "MULTIPART")
}

pub(super) fn malformed(error: multer::Error, code: &'static str) -> Failure {
    let place = Place::parameter(
        "Content-Type",
        code,
        "multipart/form-data として読めません。区切り（boundary）と各部の形を確かめてください。",
        "This cannot be read as multipart/form-data. Check the boundary and the parts.",
    );
    Failure::here(Code::RequestMalformed, place).because(error)
}

fn order(expected: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            "",
            "PART_UNEXPECTED",
            &format!("ここには {expected} の部が来ます。順序は opinion、signature（任意）、attachment（任意）です。"),
            &format!("A part `{expected}` is expected here. The order is opinion, signature (optional), attachment."),
        ),
    )
}

fn too_many() -> Place {
    Place::at("/attachments", "ATTACHMENT_COUNT", "添付は20個までです。", "There may be 20 attachments at most.")
}

fn shape(pointer: &str) -> Failure {
    Failure::here(Code::RequestMalformed, shape_place(pointer))
}

pub(super) fn shape_place(pointer: &str) -> Place {
    Place::at(
        pointer,
        "SHAPE",
        "形が違います。docs/api.md の例に合わせてください。",
        "The shape is not the agreed one. See the example in docs/api.md.",
    )
}

fn signature_place() -> Place {
    Place::at(
        "/signature",
        "SIGNATURE_FORM",
        "電子署名は切り離し型CMS（signedData、DER）をbase64で表したものです。",
        "A signature is a detached CMS (signedData, DER) in base64.",
    )
}

/// Parses without storing; for `POST /v1/opinions/check`.
pub(super) fn check(api: &Api, json: &[u8]) -> Result<Vec<Place>, Failure> {
    let envelope = Envelope::parse(strict_json::parse(json)?, None)?;
    let today = api.clock.today_in_japan().unwrap_or(Date::MAX);
    let problems = match opinion::parse(&envelope.opinion, &envelope.substitutions, today) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    };
    Ok(envelope.unsigned_form().into_iter().chain(problems.iter().map(Place::from)).collect())
}
