//! The page that goes with a care plan on paper.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;

use crate::api::problem::Failure;
use crate::fault::Code;
use crate::model::careplan::cover::{Cover, page};
use crate::outbox::{StateName, Submission};

/// The page of what goes on paper, as of `today`.
///
/// # Errors
/// `SUBMISSION_STATE` for anything else: one or the other, never both.
pub(super) fn cover(submission: Submission, today: Option<Date>) -> Result<Response, Failure> {
    if submission.state != StateName::OnPaper {
        return Err(Code::SubmissionState.into());
    }
    let reason = reason(&submission).map(|code| [code.ja(), code.en()].map(str::to_owned));
    let about = submission.care_plan.ok_or(Code::SubmissionState)?;
    let cover = Cover {
        id: submission.id.to_string(),
        date: today,
        to: (about.to_facility, about.to_service_kind),
        from: (about.from_facility, about.from_service_kind),
        unit: about.unit,
        month: about.month,
        stamp: about.stamp,
        files: about.files,
        reason,
    };
    let mut response = page(&cover).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// What it was held for when it was put on paper.
fn reason(submission: &Submission) -> Option<Code> {
    let before = submission.history.iter().rev().find(|event| event.kind != StateName::OnPaper.event_kind())?;
    let held = before.kind == StateName::Held.event_kind();
    Code::parse(before.data.get("reason")?.as_str()?).filter(|_| held)
}
