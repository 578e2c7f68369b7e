//! The wire form of an opinion, written piece by piece: an attachment of 20 MiB passes through without being held.

use std::mem;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::model::hex;
use crate::model::opinion::Opinion;

/// What stands before the attachments.
pub struct OpinionHead<'a> {
    /// 保険者番号
    pub insurer_number: &'a str,
    /// 被保険者番号
    pub insured_number: &'a str,
    /// The number of the request (作成依頼書) that the opinion answers.
    pub request_number: &'a str,
    /// The form's version.
    pub form_version: &'a str,
    /// The form's items under their English names; absent means not stated.
    pub opinion: Map<String, Value>,
}

/// Yields the exact bytes that go to the hub, in order; the same calls yield the same bytes, however the content is cut.
///
/// The order is `begin`, then for each attachment `begin_attachment`, `content`…, `end_attachment`, then `finish`.
pub struct OpinionWriter {
    attachments: usize,
    /// Content bytes that do not fill a base64 group of three yet.
    carry: Vec<u8>,
    digest: digest::Context,
}

impl OpinionWriter {
    /// Starts the document; returns everything before the first attachment.
    #[must_use]
    pub fn begin(opinion: &Opinion) -> (Self, Bytes) {
        Self::begin_with(OpinionHead {
            insurer_number: opinion.insurer_number(),
            insured_number: opinion.insured_number(),
            request_number: opinion.request_number(),
            form_version: opinion.form_version(),
            opinion: opinion.to_values(),
        })
    }

    /// As [`OpinionWriter::begin`], from the members themselves.
    #[must_use]
    pub fn begin_with(head: OpinionHead<'_>) -> (Self, Bytes) {
        let head = format!(
            r#"{{"insurer_number":{},"insured_number":{},"request_number":{},"form_version":{},"opinion":{},"attachments":["#,
            text(head.insurer_number),
            text(head.insured_number),
            text(head.request_number),
            text(head.form_version),
            Value::Object(head.opinion),
        );
        (Self { attachments: 0, carry: Vec::with_capacity(3), digest: new_digest() }, Bytes::from(head))
    }

    /// Opens an attachment. `media_type` is its MIME name.
    #[must_use]
    pub fn begin_attachment(&mut self, name: &str, media_type: &str) -> Bytes {
        let comma = if self.attachments == 0 { "" } else { "," };
        self.attachments += 1;
        Bytes::from(format!(r#"{comma}{{"name":{},"media_type":{},"content":""#, text(name), text(media_type)))
    }

    /// More bytes of the open attachment; the answer may be empty.
    #[must_use]
    pub fn content(&mut self, chunk: &[u8]) -> Bytes {
        self.digest.update(chunk);
        let mut encoded = String::with_capacity((chunk.len() + self.carry.len()) / 3 * 4);
        let (fill, rest) =
            chunk.split_at(if self.carry.is_empty() { 0 } else { (3 - self.carry.len()).min(chunk.len()) });
        self.carry.extend_from_slice(fill);
        if self.carry.len() == 3 {
            STANDARD.encode_string(&self.carry, &mut encoded);
            self.carry.clear();
        }
        let (groups, left) = rest.split_at(rest.len() / 3 * 3);
        STANDARD.encode_string(groups, &mut encoded);
        self.carry.extend_from_slice(left);
        Bytes::from(encoded)
    }

    /// Closes the open attachment.
    #[must_use]
    pub fn end_attachment(&mut self) -> Bytes {
        let tail = STANDARD.encode(mem::take(&mut self.carry));
        let sha256 = mem::replace(&mut self.digest, new_digest()).finish();
        Bytes::from(format!(r#"{tail}","sha256":"{}"}}"#, hex(sha256.as_ref())))
    }

    /// Ends the document. `signature` is base64 of a detached CMS, as the sender gave it.
    #[must_use]
    pub fn finish(self, signature: Option<&str>) -> Bytes {
        Bytes::from(match signature {
            Some(signature) => format!(r#"],"signature":{}}}"#, text(signature)),
            None => String::from("]}"),
        })
    }
}

fn new_digest() -> digest::Context {
    digest::Context::new(&digest::SHA256)
}

/// A JSON string, quoted and escaped.
fn text(value: &str) -> Value {
    Value::from(value)
}
