//! What the hub answers: first without a password, then, where that is safe, to one log-in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;

use super::shake::Shaking;
use crate::clock::Clock;
use crate::credential::{FacilityCertificate, Secret};
use crate::hub::client::{Client, Extent, LineFault, Seen};
use crate::hub::config::{Config, HubSetupError, Timeouts};
use crate::hub::failure::{Reply, classify, of_a_read, trouble};
use crate::hub::link::{Link, authorized, request};
use crate::hub::login::Session;
use crate::hub::memory::Memory;
use crate::hub::port::{Scope, Trouble};
use crate::hub::wire;

/// Somebody sits before the screen.
const ANSWER: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(8);
/// Nobody needs the answer to a log-out.
const FAREWELL: Duration = Duration::from_secs(3);

/// What came to a question that needs no password.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The hub's clock, and the box's when it came.
    pub date: Option<(Timestamp, Timestamp)>,
    /// How long it took, connection included.
    pub took: Duration,
    /// What is wrong with it, if anything is.
    pub trouble: Option<Trouble>,
    /// What the line ran into, if it did.
    pub fault: Option<LineFault>,
}

/// The time-outs of a look at the hub: the link's, but for a person who waits.
#[must_use]
pub fn probe_timeouts(link: Timeouts) -> Timeouts {
    let answer = link.answer.min(ANSWER);
    Timeouts { connect: link.connect.min(CONNECT), stall: link.stall.min(answer), answer, whole: answer * 2 }
}

impl Shaking {
    /// Asks the hub what it offers. With `at`, its certificate is judged as of that time; then only its clock is of interest.
    ///
    /// # Errors
    /// [`HubSetupError`] when the CA, our certificate or the address cannot be used.
    pub async fn ask(&self, base: &str, timeouts: Timeouts, at: Option<Timestamp>) -> Result<Heard, HubSetupError> {
        let (tls, _) = self.config(at)?;
        let client = Client::new(base, tls, timeouts, 0, self.clock().clone())?;
        let begun = self.clock().elapsed();
        let seen = client.exchange(request(Method::GET, wire::CAPABILITIES, Bytes::new()), Extent::Short).await;
        let (now, took) = (self.clock().now(), self.clock().elapsed().saturating_sub(begun));
        let (date, fault) = match &seen {
            Seen::Answered { date, .. } => (date.map(|date| (date, now)), None),
            Seen::NoConnection(fault) | Seen::Unsent(fault) | Seen::Lost(fault) => (None, Some(*fault)),
            Seen::Damaged => (None, None),
        };
        let trouble = match classify(&seen, now) {
            Reply::Ok { data, trace_id } if wire::Capabilities::parse(&data).is_none() => {
                Some(Trouble { trace_id, ..trouble(crate::fault::Code::HubNonsense, Scope::Hub) })
            }
            Reply::Ok { .. } | Reply::NotOffered(_) => None,
            other => Some(of_a_read(other)),
        };
        Ok(Heard { date, took, trouble, fault })
    }
}

/// Logs in once, under the record in `memory` that the link keeps of its own log-ins, and out again. A password that was refused before
/// is not sent.
///
/// # Errors
/// What stands in the way; [`HubSetupError`] when nothing could be tried.
pub async fn log_in(
    config: &Config,
    certificate: FacilityCertificate,
    password: Secret,
    memory: impl Memory,
    clock: Clock,
) -> Result<Result<(), Trouble>, HubSetupError> {
    let link = Arc::new(Link::new(config, certificate, password, clock)?);
    let session = Arc::new(Session::new(Arc::new(memory), config.login));
    let token = match session.token(&link).await {
        Ok(token) => token,
        Err(trouble) => return Ok(Err(trouble)),
    };
    // Nobody goes on with it. A hub that does not answer this lets it run out.
    if let Some(bearer) = token.bearer() {
        let farewell = request(Method::POST, wire::LOGOUT, wire::logout_body());
        let _ = tokio::time::timeout(FAREWELL, link.exchange(authorized(farewell, bearer))).await;
    }
    Ok(Ok(()))
}
