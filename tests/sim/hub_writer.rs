//! The wire form of an opinion, against serde_json.

use base64::Engine as _;
use engawa::hub::{OpinionHead, OpinionWriter};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

type Attachment = (String, Vec<u8>);

fn write(attachments: &[Attachment], signature: Option<&str>, cut: usize) -> Vec<u8> {
    let head = OpinionHead {
        insurer_number: "131045",
        insured_number: "H000000001",
        request_number: "依頼\"1\\",
        form_version: "2026-04",
        opinion: Map::from_iter([("b".to_owned(), json!("改\n行")), ("a".to_owned(), json!(["1", "2"]))]),
    };
    let (mut writer, first) = OpinionWriter::begin_with(head);
    let mut bytes = first.to_vec();
    for (name, content) in attachments {
        bytes.extend_from_slice(&writer.begin_attachment(name, "application/pdf"));
        for chunk in content.chunks(cut) {
            bytes.extend_from_slice(&writer.content(chunk));
        }
        bytes.extend_from_slice(&writer.end_attachment());
    }
    bytes.extend_from_slice(&writer.finish(signature));
    bytes
}

fn expected(attachments: &[Attachment], signature: Option<&str>) -> Value {
    let attachments: Vec<_> = attachments
        .iter()
        .map(|(name, content)| {
            let sha256: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let content = base64::engine::general_purpose::STANDARD.encode(content);
            json!({"name": name, "media_type": "application/pdf", "sha256": sha256, "content": content})
        })
        .collect();
    let mut document = json!({
        "insurer_number": "131045", "insured_number": "H000000001", "request_number": "依頼\"1\\",
        "form_version": "2026-04", "opinion": {"b": "改\n行", "a": ["1", "2"]}, "attachments": attachments,
    });
    if let Some(signature) = signature {
        document["signature"] = json!(signature);
    }
    document
}

proptest! {
    #[test]
    fn the_stream_is_the_document_however_it_is_cut(
        attachments in prop::collection::vec((".{0,12}", prop::collection::vec(any::<u8>(), 0..200)), 0..4),
        signature in prop::option::of("[A-Za-z0-9+/]{4,16}"),
        cut in 1..9_usize,
    ) {
        let bytes = write(&attachments, signature.as_deref(), cut);
        let parsed: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(parsed, expected(&attachments, signature.as_deref()));
        prop_assert_eq!(bytes, write(&attachments, signature.as_deref(), 200));
    }
}

#[test]
fn members_come_in_the_agreed_order() {
    let bytes = write(&[("a.pdf".to_owned(), vec![1, 2, 3, 4])], Some("AAAA"), 3);
    let parsed: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
    let names: Vec<_> = parsed.keys().map(String::as_str).collect();
    let agreed =
        ["insurer_number", "insured_number", "request_number", "form_version", "opinion", "attachments", "signature"];
    assert_eq!(names, agreed);
}
