//! The paper of the story: an opinion on one of the sandbox's people, and a test result as a PDF.

use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Post;
use crate::cli::Failure;
use crate::world::World;

/// The form as a clinic would fill it in; dates and the person come from the sandbox's world.
const FORM: &str = include_str!("opinion.json");
/// The attachment's name.
pub(super) const PDF_NAME: &str = "検査結果.pdf";
const BOUNDARY: &str = "engawa-demo-3b1f4c52";

/// What is posted as JSON: `{"opinion": …}`.
pub(super) fn request(world: &World) -> Result<Value, Failure> {
    let mut form: Value = serde_json::from_str(FORM)?;
    let (person, request) =
        world.people.first().zip(world.requests.first()).ok_or("world.json has no people or no requests")?;
    let before = |days: i64| -> Result<Date, Failure> { Ok(world.made_on.checked_sub(days.days())?) };
    let facts = json!({
        "insurer_number": person.insurer_number, "insured_number": person.insured_number,
        "request_number": request.request_number, "applicant_name": person.name, "applicant_kana": person.kana,
        "applicant_sex": person.sex, "birth_date": person.birth_date,
        "application_date": before(12)?, "request_date": before(10)?, "last_exam_date": before(3)?,
        "entry_date": before(0)?,
    });
    let facts = facts.as_object().cloned().unwrap_or_default();
    for (name, value) in facts {
        *form.get_mut(&name).ok_or_else(|| format!("the form has no {name}"))? = value;
    }
    Ok(json!({ "opinion": form }))
}

/// The opinion with the PDF beside it, as multipart/form-data under a fresh key.
pub(super) fn with_attachment(request: &Value) -> Post {
    let mut body = Vec::new();
    let mut part = |head: &str, content: &[u8]| {
        body.extend_from_slice(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"opinion\"\r\nContent-Type: application/json", request.to_string().as_bytes());
    let attachment = format!("name=\"attachment\"; filename=\"{PDF_NAME}\"\r\nContent-Type: application/pdf");
    part(&attachment, &pdf());
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Post {
        content_type: format!("multipart/form-data; boundary={BOUNDARY}"),
        idempotency_key: Uuid::new_v4().to_string(),
        body: Bytes::from(body),
    }
}

/// One page that says what it is.
pub(super) fn pdf() -> Vec<u8> {
    let page = "BT /F1 16 Tf 72 760 Td (A fictitious test result, made for the engawa demo.) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut pdf, mut table) = (String::from("%PDF-1.4\n"), String::from("0000000000 65535 f \n"));
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let (size, start) = (objects.len() + 1, pdf.len());
    pdf.push_str(&format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}
