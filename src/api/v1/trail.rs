//! `/v1/trail`: who did what, as it stands.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};

use super::submissions::bad;
use crate::api::Api;
use crate::api::caller::{Admin, With, for_whole_box};
use crate::api::problem::Failure;
use crate::fault::Code;
use crate::terminal::Caller;

const PAGE: u16 = 100;

/// Which part of the trail, as it stands in the query.
#[derive(serde::Deserialize)]
pub(in crate::api) struct TrailQuery {
    after: Option<String>,
    limit: Option<String>,
}

/// Read the trail
///
/// Records after a number, oldest first, each a line of JSON exactly as it is chained (docs/audit.md): the hash that the next record holds
/// is of these octets. Whoever acts for a facility is shown that facility's records; the administrator of the box, on the Unix socket, the
/// whole chain, unless it names a facility (`Engawa-Facility`). Go on from the last line's `seq`; an empty answer is the end.
#[utoipa::path(
    get, path = "/v1/trail", security(("key" = ["admin"])),
    params(
        ("after" = Option<i64>, Query, description = "Only records after this `seq`; 0 if not given", minimum = 0),
        ("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "Records, one a line", body = String, content_type = "application/x-ndjson"))
)]
pub(in crate::api) async fn read(
    State(api): State<Arc<Api>>,
    by: With<Admin>,
    headers: HeaderMap,
    Query(query): Query<TrailQuery>,
) -> Result<Response, Failure> {
    let mut wrong = Vec::new();
    let after = query.after.map_or(Some(0), |text| text.parse().ok().filter(|after: &i64| *after >= 0));
    let limit = query.limit.map_or(Some(PAGE), |text| text.parse().ok().filter(|n| (1..=1000).contains(n)));
    let after = after.or_else(|| bad("after", &mut wrong));
    let limit = limit.or_else(|| bad("limit", &mut wrong));
    let (Some(after), Some(limit)) = (after, limit) else { return Err(Failure::at(Code::RequestMalformed, wrong)) };
    let lines = lines(&api, (&by.caller, for_whole_box(&headers, &by.caller)), after, limit).await?;
    let mut response = lines.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A page of what `caller` may see. The chain goes over all facilities of the box; whole it is for the administrator of the box, who verifies
/// it.
async fn lines(api: &Api, (caller, whole): (&Caller, bool), mut after: i64, limit: u16) -> Result<String, Failure> {
    loop {
        let records = api.trail.after(after, limit).await.map_err(|error| Failure::from(error.code).because(error))?;
        let Some((last, _)) = records.last() else { return Ok(String::new()) };
        after = *last;
        let own = records.into_iter().filter(|(_, line)| whole || is_of(line, caller));
        let lines: String = own.flat_map(|(_, line)| [line, "\n".to_owned()]).collect();
        // An empty page would be taken for the end.
        if !lines.is_empty() {
            return Ok(lines);
        }
    }
}

fn is_of(line: &str, caller: &Caller) -> bool {
    let record: Option<Record> = serde_json::from_slice(line.as_bytes()).ok();
    record.is_some_and(|record| record.facility == caller.facility)
}

#[derive(serde::Deserialize)]
struct Record {
    facility: String,
}
