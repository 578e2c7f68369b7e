//! Requests to post: the fixtures, filled up to about 10 kB, each one different.
#![allow(dead_code)]

use bytes::Bytes;
use serde_json::{Value, json};

/// Bytes of one request's body.
pub(crate) const SIZE: usize = 10_000;
const MARK: &str = "00000000";

/// A request's body with a place for a number that makes it another document.
pub(crate) struct Template {
    body: Vec<u8>,
    mark: usize,
}

impl Template {
    /// The fixtures as requests of [`SIZE`] bytes: the long texts filled, the rest a signature with noise inside (a detached
    /// CMS has a few kilobytes), because the form's text alone ends before 10 kB.
    pub(crate) fn all() -> Vec<Self> {
        // The fourth fixture is of the form before 2026-04, which has no place for a signature.
        ["dementia", "fracture", "parkinson"].into_iter().map(|name| Self::of(name, SIZE)).collect()
    }

    /// The smallest of the fixtures, as it is.
    pub(crate) fn small() -> Self {
        Self::of("stroke", 0)
    }

    fn of(name: &str, size: usize) -> Self {
        let path = format!("{}/tests/fixtures/opinion/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let mut opinion: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        opinion["special_notes"] = format!("試験 {MARK}").into();
        if size > 0 {
            opinion["course_and_treatment"] = "経過は良く薬は変えない。".repeat(46).into();
            opinion["special_notes"] = format!("試験 {MARK} {}", "家族と暮らす。".repeat(54)).into();
        }
        let bare = json!({ "opinion": opinion }).to_string().len();
        let missing = size.saturating_sub(bare + r#","signature":"""#.len()) / 4 * 4;
        let mut request = json!({ "opinion": opinion });
        if missing > 0 {
            use base64::Engine as _;
            request["signature"] =
                base64::engine::general_purpose::STANDARD.encode(signed_data(missing / 4 * 3)).into();
        }
        let body = request.to_string().into_bytes();
        let mark = body.windows(MARK.len()).position(|at| at == MARK.as_bytes()).unwrap();
        Self { body, mark }
    }

    /// Document number `n`.
    pub(crate) fn document(&self, n: u64) -> Bytes {
        let mut body = self.body.clone();
        body[self.mark..self.mark + MARK.len()].copy_from_slice(format!("{n:08}").as_bytes());
        body.into()
    }
}

/// The shell of a CMS signed-data of exactly `length` bytes (300 and more) with noise inside.
fn signed_data(length: usize) -> Vec<u8> {
    const OID: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let long = |tag: u8, length: usize| {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        [tag, 0x82, high, low]
    };
    let noise: Vec<u8> = (0..length - 4 * 4 - OID.len()).map(|_| rand::random()).collect();
    let inner = [long(0x30, noise.len() + 4).as_slice(), &long(0x04, noise.len()), &noise].concat();
    let content = [OID.as_slice(), &long(0xa0, inner.len()), &inner].concat();
    [long(0x30, content.len()).as_slice(), &content].concat()
}

/// A multipart request whose form at the hub is close to 20 MiB: three attachments of random bytes.
pub(crate) fn large() -> Bytes {
    const RAW: usize = (20 * 1024 * 1024 - 64 * 1024) / 4 * 3;
    let mut body =
        b"--bb\r\ncontent-disposition: form-data; name=\"opinion\"\r\ncontent-type: application/json\r\n\r\n".to_vec();
    body.extend_from_slice(&Template::small().body);
    for n in 0..3 {
        let head = format!(
            "\r\n--bb\r\ncontent-disposition: form-data; name=\"attachment\"; filename=\"{n}.pdf\"\r\n\r\n%PDF-1.7\n"
        );
        body.extend_from_slice(head.as_bytes());
        let start = body.len();
        body.resize(start + RAW / 3, 0);
        rand::fill(&mut body[start..]);
    }
    body.extend_from_slice(b"\r\n--bb--\r\n");
    body.into()
}
