//! Care plans of the fixtures, each under a stamp of its own.

use std::path::Path;

use engawa::model::careplan::unit::{File, group};
use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::http::Ask;

/// The stamp of the fixture.
const STAMP: &str = "20260425101500";

/// A stamp for each number below 3600.
pub(crate) fn stamp(number: usize) -> String {
    format!("2026042511{:02}{:02}", number / 60, number % 60)
}

/// A month's slip from `office` to `dx`.
pub(crate) fn slip(number: usize) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan/slip");
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap());
    let named = |name: String| name.replace(STAMP, &stamp(number));
    entries
        .map(|entry| (named(entry.file_name().into_string().unwrap()), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// The same as the unit that the hub is sent.
pub(crate) fn unit(number: usize) -> Value {
    let files = slip(number);
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    let grouping = group(&files);
    assert!(grouping.refused.is_empty(), "{:?}", grouping.refused);
    serde_json::from_slice(&grouping.submissions[0].units[0].to_json().unwrap()).unwrap()
}

/// Hands it in; the id of its one delivery.
pub(crate) fn submit(gateway: &Gateway, number: usize) -> String {
    let mut ask = Ask::new("POST", "/v1/careplans")
        .header("idempotency-key", &format!("fault-{number}"))
        .header("content-type", "multipart/form-data; boundary=bb");
    for (name, bytes) in slip(number) {
        let head = format!("--bb\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        ask.body.extend_from_slice(head.as_bytes());
        ask.body.extend_from_slice(&bytes);
        ask.body.extend_from_slice(b"\r\n");
    }
    ask.body.extend_from_slice(b"--bb--\r\n");
    let answer = gateway.ask(&ask);
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["deliveries"][0]["id"].as_str().unwrap().to_owned()
}
