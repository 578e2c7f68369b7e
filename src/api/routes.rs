//! The one table of routes. The router, the OpenAPI document and the check of query parameters are all made from it.

use std::any::Any;
use std::sync::Arc;

use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Router};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{HttpMethod, RefOr};

use super::limits::{Guard, guard};
use super::meter::meter;
use super::problem::{Failure, dress};
use super::{Api, Config, v1};
use crate::fault::Code;

/// How long a handler may take, and whether it is refused under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Refused under load, bounded in time.
    Normal,
    /// Refused under load; keeps its own time.
    Own,
    /// Answers under any load: who looks after the gateway must see it when it is busy.
    Always,
}

/// One route.
pub(super) struct Route {
    /// Its method.
    pub(super) method: HttpMethod,
    /// Its path, with `{…}` for parameters.
    pub(super) path: String,
    /// Its description.
    pub(super) operation: Operation,
    pace: Pace,
    handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>,
}

impl Route {
    fn of<P: utoipa::Path>(pace: Pace, handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>) -> Self {
        let method = P::methods().into_iter().next().unwrap_or(HttpMethod::Get);
        Self { method, path: P::path(), operation: P::operation(), pace, handler }
    }
}

macro_rules! table {
    ($( $pace:ident $resource:ident :: $handler:ident / $description:ident; )+) => {
        /// Every route of the endpoint.
        pub(super) fn table() -> Vec<Route> {
            vec![ $(
                Route::of::<v1::$resource::$description>(Pace::$pace, |method| on(method, v1::$resource::$handler)),
            )+ ]
        }

        /// The schemas of every route, gathered by utoipa.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($( v1::$resource::$handler ),+), components(schemas(super::problem::Document)))]
        pub(super) struct Schemas;
    };
}

table! {
    Own    opinions::submit / __path_submit;
    Own    opinions::check / __path_check;
    Normal opinions::show / __path_show;
    Own    careplans::lint / __path_lint;
    Own    careplans::submit / __path_submit;
    Normal careplans::show / __path_show;
    Normal received::list / __path_list;
    Normal received::show / __path_show;
    Normal received::unit / __path_unit;
    Normal received::files / __path_files;
    Normal received::opened / __path_opened;
    Normal submissions::list / __path_list;
    Normal submissions::show / __path_show;
    Normal submissions::cancel / __path_cancel;
    Normal submissions::retry / __path_retry;
    Normal submissions::paper / __path_paper;
    Normal submissions::cover_page / __path_cover_page;
    Normal readers::list / __path_list;
    Own    card_sessions::open / __path_open;
    Normal card_sessions::show / __path_show;
    Normal card_sessions::heartbeat / __path_heartbeat;
    Normal card_sessions::tries / __path_tries;
    Normal card_sessions::close / __path_close;
    Own    identify::identify / __path_identify;
    Own    basic_four::basic_four / __path_basic_four;
    Own    apdu::apdu / __path_apdu;
    Own    identifications::identify / __path_identify;
    Normal identifications::show / __path_show;
    Normal events::follow / __path_follow;
    Normal keys::list / __path_list;
    Own    keys::add / __path_add;
    Normal keys::revoke / __path_revoke;
    Always gateway::health / __path_health;
    Always gateway::metrics / __path_metrics;
    Always gateway::openapi / __path_openapi;
}

/// The endpoint as an axum router, to be given to [`super::serve`].
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let seats = Arc::new(Semaphore::new(api.config.max_requests));
    let streams = v1::events::Streams(Arc::new(Semaphore::new(api.config.max_streams)));
    let mut router = Router::new();
    for route in table() {
        let guarded = from_fn_with_state(guard_of(&route, &api.config, &seats), guard);
        let handler = (route.handler)(filter(&route.method)).route_layer(guarded);
        router = router.route(&route.path, handler);
    }
    router
        .fallback(|| async { Failure::from(Code::RequestNotFound) })
        .method_not_allowed_fallback(|State(_): State<Arc<Api>>| async { Failure::from(Code::RequestMethod) })
        .layer(Extension(streams))
        .layer(Extension(v1::careplans::Seats::new()))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(&api), meter))
        .layer(from_fn(dress))
        .with_state(api)
}

fn guard_of(route: &Route, config: &Config, seats: &Arc<Semaphore>) -> Guard {
    let parameters = route.operation.parameters.iter().flatten();
    let query = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    Guard {
        query: query.collect(),
        seats: (route.pace != Pace::Always).then(|| Arc::clone(seats)),
        limit: (route.pace == Pace::Normal).then_some(config.request),
    }
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Patch => MethodFilter::PATCH,
        _ => MethodFilter::GET,
    }
}

/// The panic's own words stay out of the answer and of this log line: they may quote the document.
#[allow(clippy::needless_pass_by_value, reason = "the signature of the panic handler")]
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Failure::from(Code::GatewayInternal).into_response()
}
