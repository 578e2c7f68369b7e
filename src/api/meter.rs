//! Counts and times of requests, by route pattern and status class: closed sets, so that no address and no id becomes a label.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;

use super::problem::Failure;
use super::{Api, routes};
use crate::telemetry::Metric;

/// The patterns of the table of routes. Labels live as long as the process, and there are a dozen of them.
static PATTERNS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let paths = routes::table().into_iter().map(|route| route.path);
    paths.map(|path| (path.clone(), &*path.leak())).collect()
});

/// Inside the part that writes failures out, where their codes are still to be seen.
pub(super) async fn meter(api: &Api, request: Request, inner: impl AsyncFnOnce(Request) -> Response) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.and_then(|path| PATTERNS.get(path.as_str()).copied()).unwrap_or("other");
    let start = api.clock.elapsed();
    let response = inner(request).await;
    let took = api.clock.elapsed().saturating_sub(start);
    let failure = response.extensions().get::<Failure>();
    let status = failure.map_or(response.status(), Failure::status);
    Metric::HttpRequests.count(&[("route", route), ("status", class(status.as_u16()))]);
    Metric::HttpSeconds.record(&[("route", route)], took.as_secs_f64());
    if let Some(failure) = failure.filter(|_| route == "/v1/opinions") {
        Metric::Refused.count(&[("code", failure.code().name())]);
    }
    response
}

const fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
