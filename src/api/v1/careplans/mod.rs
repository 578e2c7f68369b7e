//! `/v1/careplans`: care plan files of the standard 4.1: looked at, handed in, followed.
//!
//! What is handed in passes through here as it was sent: [`reading`] takes it off the line, [`judging`] makes units of it or
//! every reason why not, and [`submit`] hands these to the outbox, all or none.

mod judging;
mod lint;
mod places;
mod reading;
mod show;
mod submit;
mod units;
mod wire;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::problem::{Failure, Place};
use crate::fault::Code;
use crate::model::careplan::lint::base_name;

pub(in crate::api) use lint::{__path_lint, lint};
pub(in crate::api) use show::{__path_show, show};
pub(in crate::api) use submit::{__path_submit, submit};

/// The files of one request.
const MAX_FILES: usize = 1000;
/// The files themselves, packed or not.
const MAX_CONTENT: u64 = 20 << 20;
/// All files of one request in their form on the wire, with the framing.
const MAX_REQUEST: u64 = MAX_CONTENT + (1 << 20);
/// Length of a file's name in characters.
const MAX_NAME: usize = 255;

/// Requests linted at once: each keeps a thread, and one with a ZIP its bytes.
const LINTED: usize = 4;
/// What requests that are taken in may hold in memory together, in MiB: two of the largest.
const MEBIBYTES: usize = 2 * WHOLE as usize;
/// Received units that are on their way to callers at once, each of up to 20 MiB. Counted apart from what is handed in, which no
/// slow reader may keep out.
const READERS: usize = 2;
/// The largest request, in MiB.
const WHOLE: u32 = 21;

/// How many requests may be worked on at once.
#[derive(Clone)]
pub(in crate::api) struct Seats {
    lint: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    /// Units take many times the room of the files they are made of.
    judge: Arc<Semaphore>,
}

impl Seats {
    /// All of them free.
    pub(in crate::api) fn new() -> Self {
        let seats = |count| Arc::new(Semaphore::new(count));
        Self { lint: seats(LINTED), memory: seats(MEBIBYTES), readers: seats(READERS), judge: seats(1) }
    }

    /// Room for so many octets, or for the largest request.
    ///
    /// # Errors
    /// `GATEWAY_BUSY`.
    fn room(&self, octets: Option<u64>) -> Result<OwnedSemaphorePermit, Failure> {
        let needed = octets.and_then(|octets| u32::try_from((octets >> 20) + 1).ok()).unwrap_or(WHOLE);
        let seat = Arc::clone(&self.memory).try_acquire_many_owned(needed.min(WHOLE));
        seat.map_err(|_| Code::GatewayBusy.into())
    }

    /// Waits until a received unit may be brought to its reader.
    ///
    /// # Errors
    /// `GATEWAY_STOPPING`.
    pub(in crate::api) async fn reader_soon(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.readers).acquire_owned().await.map_err(|_| Code::GatewayStopping.into())
    }

    /// Waits until nobody else's files are made units.
    ///
    /// # Errors
    /// `GATEWAY_STOPPING`.
    pub(in crate::api) async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.judge).acquire_owned().await.map_err(|_| Code::GatewayStopping.into())
    }
}

/// A name without its folders, if it can be one.
fn usable(name: &str) -> Option<String> {
    let name = base_name(name);
    let bad = name.trim().is_empty() || name.chars().count() > MAX_NAME || name.contains(char::is_control);
    (!bad).then(|| name.to_owned())
}

fn name_missing(parameter: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::parameter(
            parameter,
            "FILE_NAME",
            "ファイル名が要ります（255字まで、制御文字なし）。ファイルの種別は名前でわかります。",
            "A file name is wanted (up to 255 characters, no control characters): it says what the file is.",
        ),
    )
}

fn too_many() -> Place {
    Place::parameter("filename", "FILE_COUNT", "ファイルは1000個までです。", "There may be 1000 files at most.")
}

fn twice() -> Place {
    Place::parameter(
        "filename",
        "FILE_NAME_TWICE",
        "同じ名前のファイルが2つあります。",
        "Two files have the same name.",
    )
}
