//! A request body that knows how far it got, and can be stopped for good.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::hub::memory::BoxError;
use crate::hub::port::DeliveryBody;

/// How far a request body got. Shared by the body inside hyper and the one who waits for the answer.
#[derive(Clone)]
pub(super) struct Progress(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    whole: Notify,
}

#[derive(Clone, Copy)]
struct State {
    length: u64,
    moved: u64,
    /// When the last piece was handed over.
    at: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Moving,
    /// Every byte was handed over: the hub may have it all.
    Whole,
    /// Stopped before the last byte: the hub can never have it all.
    Stopped,
    /// The source failed or was not as long as promised.
    Damaged,
}

impl Progress {
    pub(super) fn new(length: u64) -> Self {
        let phase = if length == 0 { Phase::Whole } else { Phase::Moving };
        let state = Mutex::new(State { length, moved: 0, at: Instant::now(), phase });
        Self(Arc::new(Shared { state, whole: Notify::new() }))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets no further byte out. True when that keeps the request from ever being whole.
    pub(super) fn stop(&self) -> bool {
        self.with(|state| {
            if state.phase == Phase::Moving {
                state.phase = Phase::Stopped;
            }
            state.phase != Phase::Whole
        })
    }

    /// When it last moved.
    pub(super) fn moved_at(&self) -> Instant {
        self.with(|state| state.at)
    }

    /// Returns when the last byte was handed over; at once when it was before.
    pub(super) async fn until_whole(&self) {
        while !self.is_whole() {
            self.0.whole.notified().await;
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.with(|state| state.phase == Phase::Whole)
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.with(|state| state.phase == Phase::Damaged)
    }

    /// Takes note of a piece about to be handed over; an error breaks the request off instead.
    fn pass(&self, piece: u64) -> Result<(), BoxError> {
        self.with(|state| {
            if state.phase != Phase::Moving {
                return Err("the request was broken off".into());
            }
            if piece > state.length - state.moved {
                state.phase = Phase::Damaged;
                return Err("the body is longer than promised".into());
            }
            state.moved += piece;
            state.at = Instant::now();
            if state.moved == state.length {
                state.phase = Phase::Whole;
                // Kept for a waiter that looks later.
                self.0.whole.notify_one();
            }
            Ok(())
        })
    }

    /// The source ended, with an error or too early.
    fn fail(&self) {
        self.with(|state| {
            if state.phase == Phase::Moving {
                state.phase = Phase::Damaged;
            }
        });
    }
}

/// The body as hyper sees it.
pub(super) struct Tracked {
    inner: DeliveryBody,
    progress: Progress,
}

impl Tracked {
    pub(super) fn new(inner: DeliveryBody, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if self.progress.is_whole() {
                return Poll::Ready(None);
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    self.progress.fail();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.progress.fail();
                    return Poll::Ready(Some(Err("the body is shorter than promised".into())));
                }
            };
            // The hub knows no trailers.
            let Ok(data) = frame.into_data() else { continue };
            return Poll::Ready(Some(self.progress.pass(data.len() as u64).map(|()| Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.progress.is_whole()
    }

    fn size_hint(&self) -> SizeHint {
        self.progress.with(|state| SizeHint::with_exact(state.length - state.moved))
    }
}
