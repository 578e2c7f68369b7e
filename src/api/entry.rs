//! The way in: what every request passes before and after its route's own work, from without: correlation id and rendering of failures,
//! counts, perimeter, panic barrier, guard.
//!
//! One future for all of it. A stack of layers would copy the request, and all that is still to come, once for each of them.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use super::limits::{Guard, guard};
use super::meter::Meter;
use super::perimeter::Visit;
use super::problem::{Correlation, Failure};
use super::shared::Shared;
use crate::fault::Code;

/// What stands behind one path and method.
#[derive(Clone)]
pub(super) struct Entry(Arc<Inner>);

struct Inner {
    meter: Meter,
    work: Work,
}

/// What is done for a request that comes in.
pub(super) enum Work {
    /// A route's handler, behind its guard.
    Guarded(Guard),
    /// Nothing: there is no such route.
    Refused(Code),
}

/// A handler with its arguments taken from the request.
pub(super) type Handling = fn(Request, Shared) -> BoxFuture<'static, Response>;

impl Entry {
    pub(super) fn new(meter: Meter, work: Work) -> Self {
        Self(Arc::new(Inner { meter, work }))
    }
}

/// Axum's name for how a handler takes its arguments: this one takes the whole request.
pub(super) struct AsItIs;

impl Handler<AsItIs, Shared> for Entry {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, shared: Shared) -> Self::Future {
        Box::pin(answer(self.0, request, shared))
    }
}

async fn answer(entry: Arc<Inner>, request: Request, shared: Shared) -> Response {
    let api = Arc::clone(shared.api());
    let start = api.clock.elapsed();
    let route = entry.meter.route(&request);
    let (correlation, span) = Correlation::of(&request, route);
    let (visit, instead) = Visit::of(&api, &request, start);
    let work = async {
        match (instead, &entry.work) {
            (Some(response), _) => response,
            (None, Work::Refused(code)) => Failure::from(*code).into_response(),
            (None, Work::Guarded(own)) => {
                // In a box: what wraps it would copy it, each time anew.
                let barred = AssertUnwindSafe(Box::pin(guard(own, request, shared))).catch_unwind();
                // The panic's own words stay out of answer and log: they may quote the document.
                barred.await.unwrap_or_else(|_| Failure::from(Code::GatewayInternal).into_response())
            }
        }
    };
    // The span stays with what ran in it: each copy would be looked up once more.
    let mut working = pin!(work.instrument(span));
    let mut response = working.as_mut().await;
    visit.leave(&mut response);
    entry.meter.note(route, &response, api.clock.elapsed().saturating_sub(start));
    correlation.dress(working.span(), &mut response);
    response
}
