//! The way of one request: meet a fault, read, count, wait where the fault says so, carry out, spoil, write.
//!
//! From the counting on, a request no longer belongs to its connection: a client that hangs up, or whose patience ends, stops
//! nothing. So a request that was given up can still have its effect, later than the client's next question.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use uuid::Uuid;

use super::calls::{self, Inbound};
use super::{Answer, Operation};
use crate::digest::Running;
use crate::faults::{Call, Fault, Kind, spoil};
use crate::net::{Body, Line, deliver};
use crate::rules::LIMIT;
use crate::run::Sandbox;

/// Bytes of an oversized body that are still taken off the line, so that the answer is read.
const PATIENCE: u64 = 64 * 1024 * 1024;

/// Answers a request, or drops its connection.
pub(crate) async fn serve(
    request: Request<Incoming>,
    line: Arc<Line>,
    sandbox: Arc<Sandbox>,
) -> Result<Response<Body>, Infallible> {
    let _busy = line.busy();
    let answer = answer(request, &line, sandbox).await;
    Ok(deliver(answer, &line).await)
}

async fn answer(request: Request<Incoming>, line: &Line, sandbox: Arc<Sandbox>) -> Answer {
    let (parts, body) = request.into_parts();
    let operation = Operation::of(&parts.method, parts.uri.path());
    let key = header(&parts, "idempotency-key").and_then(|text| text.parse::<Uuid>().ok());
    let fault = sandbox.meet(Call {
        operation: operation.name(),
        path: parts.uri.path(),
        facility: Some(&line.identity.facility),
        key,
    });
    let trace_id = sandbox.trace_id();
    let delay = Duration::from_millis(fault.as_ref().map_or(0, |f| f.delay_ms));
    let cut_at = fault.as_ref().filter(|f| f.kind == Kind::CutMidRequest).map(|f| f.bytes.unwrap_or(1));
    let Some(body) = read(body, cut_at).await else {
        tokio::time::sleep(delay).await;
        return Answer::cut();
    };
    let inbound = Inbound {
        operation,
        key,
        identity: line.identity.clone(),
        token: header(&parts, "authorization").and_then(|h| h.strip_prefix("Bearer ")).map(str::to_owned),
        if_none_match: header(&parts, "if-none-match").map(str::to_owned),
        cursor: cursor(&parts),
        path: parts.uri.path().to_owned(),
        body: body.bytes,
        body_sha256: body.sha256,
        length: body.length,
        trace_id,
    };
    let work = tokio::spawn(work(sandbox, Arc::new(inbound), fault, delay));
    work.await.unwrap_or_else(|_| Answer::system(500, "lost"))
}

/// A task of its own, with the parts that may wait for the disk on threads of their own.
async fn work(sandbox: Arc<Sandbox>, inbound: Arc<Inbound>, fault: Option<Fault>, delay: Duration) -> Answer {
    let _at_work = sandbox.begin_work();
    let (hub, noted) = (Arc::clone(&sandbox), Arc::clone(&inbound));
    let counted = tokio::task::spawn_blocking(move || {
        calls::note(&hub, &noted).map_err(|failure| broken(&hub, &noted, &failure))
    });
    match counted.await {
        Ok(Ok(())) => {}
        Ok(Err(answer)) => return answer,
        Err(_) => return Answer::system(500, "lost"),
    }
    tokio::time::sleep(delay).await;
    let done = tokio::task::spawn_blocking(move || carry_out(&sandbox, &inbound, fault.as_ref()));
    done.await.unwrap_or_else(|_| Answer::system(500, "lost"))
}

fn carry_out(sandbox: &Sandbox, inbound: &Inbound, fault: Option<&Fault>) -> Answer {
    let before = fault.filter(|f| !f.lets_effect_happen() && !calls::is_verdict(inbound, f));
    let instead = |f: &Fault| spoil::instead(f, sandbox.always_200, &inbound.trace_id);
    if let Some(answer) = before.and_then(instead) {
        return answer;
    }
    let answer = match calls::carry_out(sandbox, inbound, fault) {
        Ok(answer) => answer,
        Err(failure) => return broken(sandbox, inbound, &failure),
    };
    match fault {
        Some(fault) if calls::is_verdict(inbound, fault) => answer,
        Some(fault) => instead(fault).unwrap_or_else(|| spoil::spoil(answer, fault)),
        None => answer,
    }
}

fn broken(sandbox: &Sandbox, inbound: &Inbound, failure: &crate::cli::Failure) -> Answer {
    sandbox.complain(inbound.operation.name(), failure);
    Answer::system(500, &inbound.trace_id)
}

struct Read {
    bytes: Bytes,
    sha256: String,
    length: u64,
}

/// Reads a body; what is beyond the limit is counted and hashed but not kept. `None` if the client broke off, or where a
/// fault says so.
async fn read(mut body: Incoming, cut_at: Option<usize>) -> Option<Read> {
    let (mut kept, mut hash, mut length) = (Vec::new(), Running::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        hash.update(&data);
        length += u64::try_from(data.len()).unwrap_or(0);
        if kept.len() <= LIMIT {
            kept.extend_from_slice(&data);
        }
        if length > PATIENCE || cut_at.is_some_and(|at| kept.len() >= at) {
            return None;
        }
    }
    match cut_at {
        Some(_) => None,
        None => Some(Read { bytes: kept.into(), sha256: hash.finish(), length }),
    }
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

/// The cursor of a query; cursors need no escapes, as the hub makes them.
fn cursor(parts: &Parts) -> Option<String> {
    let pair = parts.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("cursor="))?;
    Some(pair.to_owned())
}
