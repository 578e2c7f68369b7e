//! The one table of routes. The router, the OpenAPI document and the check of query parameters are all made from it.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

use super::about::Named;
use super::caller::{self, Door, Needs};
use super::entry::{Entry, Handling, Work};
use super::limits::{Guard, Recording, RequestSeats};
use super::meter::Meter;
use super::recorder::Recorder;
use super::shared::Shared;
use super::{Api, openapi, v1};
use crate::fault::Code;
use crate::terminal::Right;

/// How long a handler may take, and whether it is refused under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Refused under load, bounded in time.
    Normal,
    /// Refused under load; keeps its own time.
    Own,
    /// Takes no seat, so that others who have them keep nobody from it: how the gateway is, the pages, pairing and the
    /// renewal of a certificate, of which it is known only once the request is read whether its sender is let in. Keeps its own time.
    Always,
}

/// One route.
pub(super) struct Route {
    /// Its method.
    pub(super) method: HttpMethod,
    /// Its path, with `{…}` for parameters.
    pub(super) path: String,
    /// Who is let in.
    pub(super) door: Door,
    /// Any one of these rights lets a caller in, where the door asks for one.
    pub(super) rights: &'static [Right],
    /// The act that it is in the trail; empty: none.
    pub(super) act: &'static str,
    pace: Pace,
    handler: Handling,
}

impl Route {
    fn of<P: utoipa::Path, N: Needs>(pace: Pace, act: &'static str, handler: Handling) -> Self {
        let method = P::methods().into_iter().next().unwrap_or(HttpMethod::Get);
        Self { method, path: P::path(), door: N::DOOR, rights: N::RIGHTS, act, pace, handler }
    }
}

macro_rules! table {
    ($( $pace:ident $needs:ident $act:literal $resource:ident :: $handler:ident / $description:ident; )+) => {
        /// Every route of the endpoint, with what a caller needs and what the trail calls it. What is not here is not served, and
        /// nothing is served without the rights named here.
        pub(super) fn table() -> Vec<Route> {
            vec![ $(
                Route::of::<v1::$resource::$description, caller::$needs>(Pace::$pace, $act, |request, shared| {
                    v1::$resource::$handler.call(request, shared)
                }),
            )+ ]
        }

        /// The descriptions of the routes, in the order of the table.
        pub(super) fn operations() -> Vec<Operation> {
            vec![ $( <v1::$resource::$description as utoipa::Path>::operation(), )+ ]
        }

        /// The schemas of every route, gathered by utoipa.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($( v1::$resource::$handler ),+), components(schemas(super::problem::Document)))]
        pub(super) struct Schemas;
    };
}

table! {
    Own    Submit   "opinion.submit"         opinions::submit / __path_submit;
    Own    Submit   ""                       opinions::check / __path_check;
    Normal Read     "submission.read"        opinions::show / __path_show;
    Own    Submit   ""                       careplans::lint / __path_lint;
    Own    Submit   "careplan.submit"        careplans::submit / __path_submit;
    Normal Read     "submission.read"        careplans::show / __path_show;
    Normal Receive  ""                       received::list / __path_list;
    Normal Receive  "received.look"          received::show / __path_show;
    Normal Receive  "received.read"          received::unit / __path_unit;
    Normal Receive  "received.read"          received::files / __path_files;
    Normal Receive  "received.opened"        received::opened / __path_opened;
    Normal Read     ""                       submissions::list / __path_list;
    Normal Read     "submission.read"        submissions::show / __path_show;
    Normal Manage   "submission.cancel"      submissions::cancel / __path_cancel;
    Normal Manage   "submission.retry"       submissions::retry / __path_retry;
    Normal Manage   "submission.paper"       submissions::paper / __path_paper;
    Normal Admin    "submission.as_facility" submissions::as_facility / __path_as_facility;
    Normal Read     "submission.cover_page"  submissions::cover_page / __path_cover_page;
    Normal Card     ""                       readers::list / __path_list;
    Own    Card     "card.open"              card_sessions::open / __path_open;
    Normal Card     ""                       card_sessions::show / __path_show;
    Normal Card     ""                       card_sessions::heartbeat / __path_heartbeat;
    Normal Card     "card.tries"             card_sessions::tries / __path_tries;
    Normal Card     "card.close"             card_sessions::close / __path_close;
    Own    Card     "card.identify"          identify::identify / __path_identify;
    Own    Card     "card.basic_four"        basic_four::basic_four / __path_basic_four;
    Own    CardApdu "card.apdu"              apdu::apdu / __path_apdu;
    Own    Card     "identification.record"  identifications::identify / __path_identify;
    Normal Follow   "identification.read"    identifications::show / __path_show;
    Normal Listen   ""                       events::follow / __path_follow;
    Normal Admin    ""                       keys::list / __path_list;
    Own    Admin    "key.add"                keys::add / __path_add;
    Normal Admin    "key.revoke"             keys::revoke / __path_revoke;
    Normal Admin    ""                       staff::list / __path_list;
    Own    Admin    "staff.add"              staff::add / __path_add;
    Own    Admin    "staff.change"           staff::change / __path_change;
    Own    Admin    "staff.password"         staff::password / __path_password;
    Own    Admin    "staff.hub_try"          staff_hub::hub_try / __path_hub_try;
    Own    Browser  "session.begin"          session::begin / __path_begin;
    Normal LoggedIn ""                       session::show / __path_show;
    Normal LoggedIn "session.end"            session::end / __path_end;
    Own    LoggedIn "session.password"       session::password / __path_password;
    Own    LoggedIn "session.hub"            session_hub::give / __path_give;
    Normal LoggedIn "session.hub_forget"     session_hub::forget / __path_forget;
    Normal Admin    ""                       terminals::list / __path_list;
    Normal Admin    "terminal.revoke"        terminals::revoke / __path_revoke;
    Normal Admin    "terminal.reopen"        terminals::reopen / __path_reopen;
    Always Certificate "terminal.renew"         terminals::renew / __path_renew;
    Normal Admin    ""                       pairing::list / __path_list;
    Own    Admin    "pairing.open"           pairing::open / __path_open;
    Normal Admin    "pairing.shut"           pairing::shut / __path_shut;
    Always Open     "terminal.pair"          pairing::pair / __path_pair;
    Normal Admin    "trail.read"             trail::read / __path_read;
    Normal Admin    ""                       backup::show / __path_show;
    Own    OnTheBox "backup.key"             backup::recipient / __path_recipient;
    Own    OfTheBox "backup.make"            backup::make / __path_make;
    Normal OnTheBox ""                       master_key::show / __path_show;
    Own    OnTheBox "master_key.rotate"      master_key::rotate / __path_rotate;
    Own    OnTheBox "master_key.retire"      master_key::retire / __path_retire;
    Own    OfTheBox "restore.confirm"        restore::confirm / __path_confirm;
    Always Open     ""                       pages::home / __path_home;
    Always Open     ""                       pages::pairing_page / __path_pairing_page;
    Always Open     ""                       pages::login_page / __path_login_page;
    Always Open     ""                       pages::style / __path_style;
    Always Open     ""                       pages::script / __path_script;
    Always Open     ""                       gateway::health / __path_health;
    Always Inside   ""                       gateway::metrics / __path_metrics;
    Always Open     ""                       gateway::openapi / __path_openapi;
}

/// The endpoint as an axum router, to be given to [`super::serve`].
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let shared = Shared::new(Arc::clone(&api));
    let seats = RequestSeats::new(api.config.max_requests);
    let facility = api.config.facility.clone();
    let recorder = Arc::new(Recorder::new(api.trail.clone(), api.clock.clone(), facility));
    let mut queries = openapi::queries();
    let mut router = Router::new();
    for route in table() {
        let query = queries.remove(&(route.path.clone(), method_name(&route.method))).unwrap_or_default();
        let guard = guard_of(&route, query, (&api, &seats, &recorder));
        let entry = Entry::new(Meter::of(&route.path), Work::Guarded(guard));
        router = router.route(&route.path, on(filter(&route.method), entry));
    }
    router
        .fallback(Entry::new(Meter::default(), Work::Refused(Code::RequestNotFound)))
        .method_not_allowed_fallback(Entry::new(Meter::default(), Work::Refused(Code::RequestMethod)))
        .with_state(shared)
}

fn guard_of(
    route: &Route,
    query: Vec<String>,
    (api, seats, recorder): (&Arc<Api>, &RequestSeats, &Arc<Recorder>),
) -> Guard {
    Guard {
        api: Arc::clone(api),
        door: route.door,
        rights: route.rights,
        query: query.into(),
        seats: (route.pace != Pace::Always).then(|| seats.clone()),
        limit: (route.pace == Pace::Normal).then_some(api.config.request),
        recorder: Arc::clone(recorder),
        act: route.act,
        recording: recording(route),
        named: Named::of(&route.path),
        handler: route.handler,
    }
}

/// When a route's act is recorded.
fn recording(route: &Route) -> Recording {
    match (route.pace, route.act) {
        (_, "") => Recording::None,
        _ if route.method == HttpMethod::Get => Recording::Look,
        // What comes in is recorded by the transaction that keeps it, or has not happened.
        (_, "opinion.submit" | "careplan.submit" | "identification.record") => Recording::Answered,
        (Pace::Own, _) => Recording::Attempt,
        (Pace::Normal | Pace::Always, _) => Recording::ToItsEnd,
    }
}

/// The method as it stands in a request.
pub(super) fn method_name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        _ => "GET",
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
