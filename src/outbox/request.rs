//! What tells a repeat from another document: a hash of what the sender sent, taken before any of it is judged. So the same
//! request stays the same whatever a later version thinks of it, and whatever the clock says.

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hmac;
use serde_json::Value;
use uuid::Uuid;

use crate::order;

/// SHA-256 over a request: the JSON with its members sorted (so that layout does not count), the signature, and the name
/// and the content of each attachment.
#[derive(Clone)]
pub struct RequestHash {
    whole: digest::Context,
    attachment: digest::Context,
}

impl RequestHash {
    /// Begins with the JSON and the signature that came beside it.
    #[must_use]
    pub fn new(envelope: &Value, signature: Option<&str>) -> Self {
        let mut hash = Self { whole: context(), attachment: context() };
        hash.value(envelope);
        hash.field(b'S', signature.unwrap_or_default().as_bytes());
        hash
    }

    /// Opens the next attachment, under the name as sent.
    pub fn begin_attachment(&mut self, name: &str) {
        self.field(b'A', name.as_bytes());
        self.attachment = context();
    }

    /// More bytes of the open attachment.
    pub fn content(&mut self, chunk: &[u8]) {
        self.attachment.update(chunk);
    }

    /// Closes the open attachment.
    pub fn end_attachment(&mut self) {
        let content = bytes(std::mem::replace(&mut self.attachment, context()));
        self.field(b'C', &content);
    }

    /// The hash.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        bytes(self.whole)
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                order::sort_by(&mut members, |(one, _), (other, _)| one.cmp(other));
                self.count(b'{', members.len());
                for (name, value) in members {
                    self.field(b'"', name.as_bytes());
                    self.value(value);
                }
            }
            Value::Array(items) => {
                self.count(b'[', items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::String(text) => self.field(b'"', text.as_bytes()),
            Value::Number(number) => self.field(b'0', number.to_string().as_bytes()),
            Value::Bool(truth) => self.count(b'b', usize::from(*truth)),
            Value::Null => self.count(b'n', 0),
        }
    }

    /// Length first: no two sequences of fields give the same bytes.
    fn field(&mut self, tag: u8, text: &[u8]) {
        self.count(tag, text.len());
        self.whole.update(text);
    }

    fn count(&mut self, tag: u8, count: usize) {
        self.whole.update(&[tag]);
        self.whole.update(&(count as u64).to_be_bytes());
    }
}

/// The form in which a sender's key is stored: senders put insured numbers into them, so not in clear.
pub(super) fn stored_key(secret: &[u8; 32], facility: &str, key: &str) -> [u8; 32] {
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in [facility.as_bytes(), &[0], key.as_bytes()] {
        hash.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(hash.sign().as_ref());
    out
}

/// The stored keys of what is handed in together: the first has the sender's own, so that a key is used once whatever it was used
/// for; each other one has its number behind it, which no sender's key can hold.
pub(super) fn stored_key_of(secret: &[u8; 32], facility: &str, key: &str, number: usize) -> [u8; 32] {
    match number {
        0 => stored_key(secret, facility, key),
        _ => stored_key(secret, facility, &format!("{key}\0{number}")),
    }
}

/// The hash of a request that says so little that it could be guessed from a plain one: keyed, so that only this box can try.
pub(super) fn keyed(secret: &[u8; 32], request: &[u8; 32]) -> [u8; 32] {
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in [b"engawa request v1\0".as_slice(), request] {
        hash.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(hash.sign().as_ref());
    out
}

/// The key under which the hub gets what was handed in first: derived, so that a box which begins with a backup gives the same request
/// the same key, and the hub the same receipt. Another request under the same key of the sender is another document, and gets no
/// receipt of the first. `stored_key` binds the facility. Of what is handed in together under one key, `part` says which it is; empty
/// where that is all.
pub(super) fn hub_key(secret: &[u8; 32], stored_key: &[u8; 32], request_hash: &[u8; 32], part: &str) -> Uuid {
    let bytes = derived(secret, b"engawa hub key v1\0", &[stored_key, request_hash, part.as_bytes()]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// 128 bits that nobody can guess who does not know the secret, and that are the same for the same key at the hub.
pub(super) fn salt(secret: &[u8; 32], hub_key: Uuid) -> u128 {
    u128::from_be_bytes(derived(secret, b"engawa unit salt v1\0", &[hub_key.as_bytes()]))
}

fn derived(secret: &[u8; 32], purpose: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    hash.update(purpose);
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 16];
    out.copy_from_slice(&hash.sign().as_ref()[..16]);
    out
}

fn context() -> digest::Context {
    digest::Context::new(&SHA256)
}

fn bytes(hash: digest::Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}
