//! The body of an answer: how much of it is read, and how patiently.

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::LineFault;
use crate::hub::config::Timeouts;
use crate::hub::port::UNIT_LIMIT;

/// The most of a short answer that is read.
const SHORT_LIMIT: usize = 1024 * 1024;
/// The most of a page of a list that is read. How many entries a page has the hub decides, and one that is not read is in the way
/// of all that follow.
const LIST_LIMIT: usize = 8 * 1024 * 1024;
/// The most of a unit's answer that is read.
const UNIT_ANSWER_LIMIT: usize = UNIT_LIMIT as usize;

/// What kind of answer is expected.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) enum Extent {
    /// A mebibyte at most, whole within the time for an answer.
    Short,
    /// A page of a list: eight mebibytes at most, whole within the time for an answer.
    List,
    /// As long as a unit may be. It may take as long as a document on its way out, as long as it does not stand still.
    Unit,
}

impl Extent {
    /// The whole body. [`LineFault::Cut`]: it broke off.
    pub(super) async fn read(self, body: Incoming, timeouts: Timeouts) -> Result<Bytes, LineFault> {
        match self {
            Self::Short => short(body, SHORT_LIMIT, timeouts).await,
            Self::List => short(body, LIST_LIMIT, timeouts).await,
            Self::Unit => unit(body, timeouts).await,
        }
    }
}

async fn short(body: Incoming, limit: usize, timeouts: Timeouts) -> Result<Bytes, LineFault> {
    match timeout(timeouts.answer, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(LineFault::TooLarge),
        Ok(Err(_)) => Err(LineFault::Cut),
        Err(_) => Err(LineFault::TimedOut),
    }
}

/// Read into one piece of memory: a unit is never held twice.
async fn unit(mut body: Incoming, timeouts: Timeouts) -> Result<Bytes, LineFault> {
    let promised = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if promised > UNIT_ANSWER_LIMIT {
        return Err(LineFault::TooLarge);
    }
    let mut whole = BytesMut::with_capacity(promised);
    while let Some(frame) = timeout(timeouts.stall, body.frame()).await.map_err(|_| LineFault::TimedOut)? {
        // The hub knows no trailers.
        let Ok(data) = frame.map_err(|_| LineFault::Cut)?.into_data() else { continue };
        if whole.len() + data.len() > UNIT_ANSWER_LIMIT {
            return Err(LineFault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
