//! Care plan files of the fixtures, and requests with them.

use std::io::{Cursor, Write as _};
use std::path::Path;

use bytes::Bytes;
use engawa::model::careplan::unit::{File, group};
use engawa::terminal::{NewKey, Right};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::house::{Answer, House, request};

/// The office that sends the fixtures `slip` and `plan`.
pub(super) const OFFICE: &str = "9970000015";

/// The stamp of the fixture `slip`.
pub(super) const STAMP: &str = "20260425101500";

pub(super) type Named = (String, Vec<u8>);

/// A key that acts for the office of the fixtures.
pub(super) async fn key(house: &House, rights: &[Right]) -> String {
    key_of(house, OFFICE, rights).await
}

pub(super) async fn key_of(house: &House, facility: &str, rights: &[Right]) -> String {
    let rights = rights.iter().copied().collect();
    let new = NewKey::unbound("care software", facility, rights);
    house.keys.add(new).await.unwrap().0.reveal().to_string()
}

pub(super) fn fixture(folder: &str) -> Vec<Named> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan").join(folder);
    let entries = folder.read_dir().unwrap().map(Result::unwrap);
    let mut files: Vec<Named> =
        entries.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect();
    files.sort();
    files
}

/// The fixture `slip` for another office.
pub(super) fn slip_for(office: &str) -> Vec<Named> {
    renamed("9970000023", office)
}

/// The files of a unit under another stamp: another unit.
pub(super) fn stamped(files: &[Named], stamp: &str) -> Vec<Named> {
    files.iter().map(|(name, bytes)| (name.replace(STAMP, stamp), bytes.clone())).collect()
}

/// The fixture `slip` with a part of its files' names changed.
pub(super) fn renamed(part: &str, by: &str) -> Vec<Named> {
    fixture("slip").into_iter().map(|(name, bytes)| (name.replace(part, by), bytes)).collect()
}

/// Changes the file of a kind.
pub(super) fn changed(mut files: Vec<Named>, kind: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Named> {
    let (_, bytes) = files.iter_mut().find(|(name, _)| name.starts_with(kind)).unwrap();
    *bytes = change(bytes);
    files
}

/// Replaces the first occurrence of some bytes.
pub(super) fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let at = bytes.windows(what.len()).position(|window| window == what).expect("there is no such thing");
    [&bytes[..at], by, &bytes[at + what.len()..]].concat()
}

/// The units that files are, as JSON.
pub(super) fn units(files: &[Named]) -> Vec<Value> {
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    let grouping = group(&files);
    assert!(grouping.refused.is_empty(), "{:?}", grouping.refused);
    let units = grouping.submissions.iter().flat_map(|submission| &submission.units);
    units.map(|unit| serde_json::from_slice(&unit.to_json().unwrap()).unwrap()).collect()
}

pub(super) fn zipped(files: &[Named]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A request in some form.
pub(super) fn post(key: &str, idempotency: &str, query: &str, kind: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let request = request("POST", &format!("/v1/careplans{query}"), Some(key)).header("content-type", kind);
    request.header("idempotency-key", idempotency).body(Full::from(body)).unwrap()
}

pub(super) fn post_units(key: &str, idempotency: &str, body: &Value) -> Request<Full<Bytes>> {
    post(key, idempotency, "", "application/json", body.to_string().into_bytes())
}

pub(super) fn post_zip(key: &str, idempotency: &str, files: &[Named]) -> Request<Full<Bytes>> {
    post(key, idempotency, "", "application/zip", zipped(files))
}

pub(super) fn post_files(key: &str, idempotency: &str, files: &[Named]) -> Request<Full<Bytes>> {
    post_form(key, idempotency, "", files, None)
}

pub(super) fn post_form(
    key: &str,
    idempotency: &str,
    query: &str,
    files: &[Named],
    substitutions: Option<&Value>,
) -> Request<Full<Bytes>> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!("--bb\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    if let Some(substitutions) = substitutions {
        let head = "--bb\r\ncontent-disposition: form-data; name=\"substitutions\"\r\ncontent-type: application/json";
        body.extend_from_slice(format!("{head}\r\n\r\n{substitutions}\r\n").as_bytes());
    }
    body.extend_from_slice(b"--bb--\r\n");
    post(key, idempotency, query, "multipart/form-data; boundary=bb", body)
}

/// Asserts that all of it was accepted, and gives the answer.
pub(super) fn accepted(answer: &Answer) -> Value {
    let taken: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, 202, "{taken:#}");
    assert_eq!(answer.header("location"), format!("/v1/careplans/{}", taken["id"].as_str().unwrap()));
    taken
}

/// Asserts that it was refused, and gives the places.
pub(super) fn refused(answer: &Answer) -> Vec<Value> {
    let problem = answer.problem("CAREPLAN_REFUSED");
    assert_eq!(answer.status, 422);
    let places = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}")).clone();
    for place in &places {
        assert!(place["detail"].is_string() && place["detail_en"].is_string(), "{place}");
    }
    assert!(places.iter().any(|place| place["severity"] == "error"), "{problem}");
    places
}

/// The place with this code.
pub(super) fn place<'a>(places: &'a [Value], code: &str) -> &'a Value {
    places.iter().find(|place| place["code"] == code).unwrap_or_else(|| panic!("no {code} in {places:#?}"))
}

/// Asserts that nothing is kept.
pub(super) async fn assert_nothing_kept(house: &House) {
    let key = key(house, &[Right::Read]).await;
    let list = house.tcp(super::house::get("/v1/submissions", Some(&key))).await.json();
    assert_eq!(list["items"], json!([]));
}
