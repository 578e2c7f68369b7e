//! Counts and times of requests, by route pattern and status class: closed sets, so that no address and no id becomes a label.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;

use super::problem::Failure;
use super::routes;
use crate::telemetry::{Metric, Series};

/// The patterns of the table of routes. Labels live as long as the process, and there are a few dozen of them.
static PATTERNS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let paths = routes::table().into_iter().map(|route| route.path);
    paths.map(|path| (path.clone(), &*path.leak())).collect()
});

const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counts the requests of one route, or of those that are no route's.
#[derive(Default)]
pub(super) struct Meter {
    route: Option<&'static str>,
    /// The route's own series, looked up once: by class of the status, and of the times.
    counts: [OnceLock<Series>; CLASSES.len()],
    seconds: OnceLock<Series>,
}

impl Meter {
    /// Of the route with this path.
    pub(super) fn of(path: &str) -> Self {
        Self { route: PATTERNS.get(path).copied(), ..Self::default() }
    }

    /// The pattern of the route that a request is for. Where it is for none, its path may be one, with another method.
    pub(super) fn route(&self, request: &Request) -> &'static str {
        let path = || request.extensions().get::<MatchedPath>();
        self.route.or_else(|| PATTERNS.get(path()?.as_str()).copied()).unwrap_or("other")
    }

    /// Counts an answer, before failures are written out: their codes are still to be seen.
    pub(super) fn note(&self, route: &'static str, response: &Response, took: Duration) {
        let failure = response.extensions().get::<Failure>();
        let class = class(failure.map_or(response.status(), Failure::status).as_u16());
        let labels = [("route", route), ("status", CLASSES[class])];
        let (count, seconds) = (|| Metric::HttpRequests.series(&labels), || Metric::HttpSeconds.series(&labels[..1]));
        if self.route.is_some() {
            self.counts[class].get_or_init(count).count();
            self.seconds.get_or_init(seconds).record(took.as_secs_f64());
        } else {
            count().count();
            seconds().record(took.as_secs_f64());
        }
        if let Some(failure) = failure.filter(|_| route == "/v1/opinions") {
            Metric::Refused.count(&[("code", failure.code().name())]);
        }
    }
}

const fn class(status: u16) -> usize {
    match status {
        200..=299 => 0,
        300..=399 => 1,
        400..=499 => 2,
        _ => 3,
    }
}
