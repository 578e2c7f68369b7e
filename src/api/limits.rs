//! The door of every route: who may come in, a bound on concurrent requests, a time limit, strict parameters.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Api;
use super::about::Named;
use super::caller::{Connection, Door, Peer, TurnedAway, admit, from_lan};
use super::entry::Handling;
use super::problem::{Failure, Place};
use super::recorder::{Recorder, draft};
use super::shared::Shared;
use super::standing::cut;
use crate::audit::Draft;
use crate::card::Spent;
use crate::fault::Code;
use crate::task;
use crate::terminal::{Caller, Credential, Right};

/// Places for requests that are worked on at the same time. Each way in has its own, so that neither the LAN nor a program of this
/// machine can keep the administrator out. What is open to strangers of the LAN takes none.
#[derive(Clone)]
pub(super) struct RequestSeats {
    machine: Arc<Semaphore>,
    lan: Arc<Semaphore>,
    administrator: Arc<Semaphore>,
}

impl RequestSeats {
    /// Requests of the administrator.
    const FEW: usize = 16;

    /// So many for the programs of this machine, and as many for the LAN.
    pub(super) fn new(most: usize) -> Self {
        let seats = |count| Arc::new(Semaphore::new(count));
        Self { machine: seats(most), lan: seats(most), administrator: seats(most.min(Self::FEW)) }
    }

    fn take(&self, request: &Request) -> Option<OwnedSemaphorePermit> {
        let peer = request.extensions().get::<Connection>().map(|connection| &connection.peer);
        let seats = match peer {
            Some(Peer::Administrator) => &self.administrator,
            Some(Peer::Lan { .. }) => &self.lan,
            _ => &self.machine,
        };
        Arc::clone(seats).try_acquire_owned().ok()
    }
}

/// How one route is guarded.
pub(super) struct Guard {
    /// What it is a route of.
    pub(super) api: Arc<Api>,
    /// Who is let in.
    pub(super) door: Door,
    /// Any one of these rights lets a caller in, where the door asks for one.
    pub(super) rights: &'static [Right],
    /// The query parameters it knows.
    pub(super) query: Arc<[String]>,
    /// Seats shared by all guarded routes; `None` for those that must answer under any load.
    pub(super) seats: Option<RequestSeats>,
    /// How long it may take; `None` where the handler keeps its own time.
    pub(super) limit: Option<Duration>,
    /// Writes the trail.
    pub(super) recorder: Arc<Recorder>,
    /// What the trail calls it; empty: nothing.
    pub(super) act: &'static str,
    /// When it is recorded.
    pub(super) recording: Recording,
    /// What the path names.
    pub(super) named: Option<Named>,
    /// What is behind the door.
    pub(super) handler: Handling,
}

/// When an act is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recording {
    /// It is none.
    None,
    /// Before the answer leaves. Whoever goes away before that has seen nothing; who looks again soon has looked once.
    Look,
    /// Before the answer leaves. Whoever goes away before that has changed nothing that is not recorded otherwise.
    Answered,
    /// Also when its sender has gone: it runs to its end all the same.
    ToItsEnd,
    /// Also when its sender has gone: then, that it was begun.
    Attempt,
}

/// How long what runs for somebody who was shut out may take to say how it failed.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Lets a request in to its handler, or refuses it.
pub(super) async fn guard(guard: &Guard, mut request: Request, shared: Shared) -> Response {
    let seat = match guard.seats.as_ref().map(|seats| seats.take(&request)) {
        None => None,
        Some(Some(seat)) => Some(Arc::new(seat)),
        Some(None) => return Failure::from(Code::GatewayBusy).into_response(),
    };
    if let Some(connection) = request.extensions_mut().get_mut::<Connection>() {
        connection.seat.clone_from(&seat);
    }
    let wrong = query_errors(request.uri().query().unwrap_or_default(), &guard.query);
    if !wrong.is_empty() {
        return Failure::at(Code::RequestMalformed, wrong).into_response();
    }
    let (mut parts, body) = request.into_parts();
    let connection = |parts: &Parts| parts.extensions.get::<Connection>().cloned();
    let handle = |parts, body| run(guard.limit, (guard.handler)(Request::from_parts(parts, body), shared));
    let open =
        matches!(guard.door, Door::Open | Door::Certificate) || (guard.door == Door::Inside && !from_lan(&parts));
    if open {
        let connection = if guard.recording == Recording::None { None } else { connection(&parts) };
        return guard.open(connection, handle(parts, body)).await;
    }
    let connection = connection(&parts);
    let caller = match admit(&guard.api, &parts, guard.door, guard.rights).await {
        Ok(caller) => note_facility(caller),
        Err(TurnedAway { caller, failure }) => {
            let caller = caller.map(note_facility);
            let from = connection.and_then(|connection| connection.peer.address());
            let recorded = guard.recorder.turned_away(caller.as_ref(), from, guard.act, failure.trail());
            Box::pin(recorded).await;
            return if guard.may_cost() { failure.costing_nothing() } else { failure }.into_response();
        }
    };
    let mut standing = caller.clone();
    if matches!(guard.door, Door::Browser | Door::Person) {
        // Whoever logs out is not to be cut off before being told so.
        standing.person = None;
    }
    let act = draft(&caller, guard.act);
    let on = guard.named.and_then(|named| named.reference(parts.uri.path()));
    if let Some(connection) = &connection {
        connection.ties.tie(&guard.api, &standing);
    }
    parts.extensions.insert(caller);
    parts.extensions.insert(act.clone());
    let lost = match guard.may_cost() {
        true => Failure::from(Code::AuthInvalid).costing(Spent::Unknown, None),
        false => Code::AuthInvalid.into(),
    };
    let running = guard.recorded(connection, (act, on), handle(parts, body));
    while_standing((&guard.api, &standing), lost, running).await
}

/// The lines of the log about a request say for which facility it is.
fn note_facility(caller: Caller) -> Caller {
    tracing::Span::current().record("facility", caller.facility.as_str());
    caller
}

/// Whoever is shut out meanwhile is told so; what was begun and has to be finished goes on without them.
async fn while_standing(
    (api, caller): (&Api, &Caller),
    lost: Failure,
    mut running: BoxFuture<'static, Response>,
) -> Response {
    if caller.credential == Credential::Local {
        return running.await;
    }
    // What is answered at once is not watched at all.
    if let Some(response) = (&mut running).now_or_never() {
        return response;
    }
    tokio::select! {
        response = &mut running => return response,
        () = Box::pin(cut(api, caller)) => {}
    }
    // A failure gives nothing away, and may be all that tells what was spent: a card session that was ended says so at once.
    let ended = tokio::time::timeout(LAST_WORD, running).await.ok();
    let told = ended.filter(|response| response.extensions().get::<Failure>().is_some());
    let mut response = told.unwrap_or_else(|| lost.into_response());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn run(limit: Option<Duration>, running: BoxFuture<'static, Response>) -> BoxFuture<'static, Response> {
    let Some(limit) = limit else { return running };
    Box::pin(async move {
        let ended = tokio::time::timeout(limit, running).await;
        ended.unwrap_or_else(|_| Failure::from(Code::GatewayBusy).into_response())
    })
}

impl Guard {
    /// Whether PIN tries can be spent there: then every failure says what it cost.
    fn may_cost(&self) -> bool {
        matches!(self.act, "card.identify" | "card.basic_four" | "card.apdu" | "card.tries")
    }

    /// Runs the handler of a route that is open to all. Where it is an act, it runs to its end, and its response says whose it was; without that
    /// it was a stranger's.
    fn open(
        &self,
        connection: Option<Connection>,
        running: BoxFuture<'static, Response>,
    ) -> BoxFuture<'static, Response> {
        let Some(connection) = connection else { return running };
        let (recorder, act) = (Arc::clone(&self.recorder), self.act);
        let from = connection.peer.address();
        let whole = async move {
            let mut response = running.await;
            if let Some(caller) = response.extensions_mut().remove::<Caller>().map(note_facility) {
                return recorder.close(draft(&caller, act), None, response).await;
            }
            if let Some(failure) = response.extensions().get::<Failure>() {
                let code = failure.trail();
                recorder.turned_away(None, from, act, code).await;
            }
            response
        };
        Box::pin(async move { connection.detach(whole).await.unwrap_or_else(Failure::into_response) })
    }

    /// Runs the handler and records how the act ended, before the answer leaves.
    fn recorded(
        &self,
        connection: Option<Connection>,
        (act, on): (Draft, Option<String>),
        running: BoxFuture<'static, Response>,
    ) -> BoxFuture<'static, Response> {
        let recorder = Arc::clone(&self.recorder);
        match (self.recording, connection) {
            (Recording::None, _) => running,
            (Recording::Look, _) => Box::pin(async move { recorder.look(act, on, running.await).await }),
            (Recording::Answered, _) | (_, None) => {
                Box::pin(async move { recorder.close(act, on, running.await).await })
            }
            (Recording::ToItsEnd, Some(connection)) => Box::pin(async move {
                let whole = async move { recorder.close(act, on, running.await).await };
                connection.detach(whole).await.unwrap_or_else(Failure::into_response)
            }),
            (Recording::Attempt, Some(connection)) => {
                let attempt = Attempt { connection, recorder, act: Some((act, on)) };
                Box::pin(attempt.made(running))
            }
        }
    }
}

/// An act whose sender may go away, and which is not carried on then.
struct Attempt {
    connection: Connection,
    recorder: Arc<Recorder>,
    act: Option<(Draft, Option<String>)>,
}

impl Attempt {
    async fn made(mut self, running: BoxFuture<'static, Response>) -> Response {
        let response = running.await;
        let Some((act, on)) = self.act.take() else { return response };
        let recorder = Arc::clone(&self.recorder);
        // The record is written to its end, whoever waits for it.
        let closing = async move { recorder.close(act, on, response).await };
        self.connection.detach(closing).await.unwrap_or_else(Failure::into_response)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some((act, on)) = self.act.take() else { return };
        let code = if std::thread::panicking() { Code::GatewayInternal } else { Code::CallerLeft };
        task::spawn_on(&self.connection.work, self.recorder.abandoned(act, on, code));
    }
}

/// A misspelt parameter that is passed over in silence shows its sender the wrong list.
fn query_errors(query: &str, known: &[String]) -> Vec<Place> {
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or_default());
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        if !known.iter().any(|known| known == name) {
            wrong.push(Place::parameter(
                printable(name),
                "PARAMETER_UNKNOWN",
                "このパラメーターはここでは使えません。名前を確かめてください。",
                "This parameter is not known here. Check its name.",
            ));
        } else if seen.contains(&name) {
            wrong.push(Place::parameter(
                name,
                "PARAMETER_REPEATED",
                "同じパラメーターが二度あります。一つにしてください。",
                "The parameter is given twice. Give it once.",
            ));
        }
        seen.push(name);
        if wrong.len() >= 20 {
            break;
        }
    }
    wrong
}

fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
