//! Attachments: PDF, PNG and JPEG by content, hash and coding checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{malformed, text, unknown_members};
use crate::digest::sha256;
use crate::hub::HubError;

const MEMBERS: [&str; 4] = ["name", "media_type", "sha256", "content"];

/// Checks the list; absent is as good as empty.
pub(super) fn check(attachments: Option<&Value>, errors: &mut Vec<HubError>) {
    let all = match attachments {
        None => return,
        Some(Value::Array(all)) => all,
        Some(_) => return errors.push(malformed("/attachments".to_owned(), "配列")),
    };
    for (at, one) in all.iter().enumerate() {
        let under = format!("/attachments/{at}");
        match one.as_object() {
            Some(one) => attachment(one, &under, errors),
            None => errors.push(malformed(under, "オブジェクト")),
        }
    }
}

fn attachment(one: &Map<String, Value>, under: &str, errors: &mut Vec<HubError>) {
    unknown_members(one, &MEMBERS, under, errors);
    let _ = text(one, "name", under, errors);
    let media_type = text(one, "media_type", under, errors);
    let stated = text(one, "sha256", under, errors);
    let Some(content) = text(one, "content", under, errors) else { return };
    let Ok(bytes) = STANDARD.decode(content) else {
        return errors.push(HubError::new("E2112", "base64ではありません").at(format!("{under}/content")));
    };
    if stated.is_some_and(|stated| !stated.eq_ignore_ascii_case(&sha256(&bytes))) {
        errors.push(HubError::new("E2110", "添付のハッシュが一致しません").at(format!("{under}/sha256")));
    }
    if media_type.is_some_and(|media_type| Some(media_type) != kind(&bytes)) {
        errors.push(HubError::new("E2111", "添付の種類が内容と合いません").at(format!("{under}/media_type")));
    }
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        _ => None,
    }
}
