//! Tasks, and work on threads that may wait, begun in boxes: tokio's part of a task is compiled anew for every type of work it is given, and
//! would be a good part of the program.

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::instrument::{Instrument as _, Instrumented};

/// The work did not come to its end: it panicked, or the runtime stops.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the work was broken off")]
pub(crate) struct BrokenOff;

/// Begins a task within the current span. It goes on when its handle is dropped.
pub(crate) fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(boxed(work))
}

/// The same, for a shutdown to wait for.
pub(crate) fn spawn_on<T: Send + 'static>(
    tracker: &TaskTracker,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tracker.spawn(boxed(work))
}

fn boxed<T: 'static>(work: impl Future<Output = T> + Send + 'static) -> Instrumented<BoxFuture<'static, T>> {
    let work: BoxFuture<'static, T> = Box::pin(work);
    work.in_current_span()
}

/// Begins work on a thread that may wait for files, locks or much computing; its outcome. It goes on when nobody waits for it.
///
/// # Errors
/// [`BrokenOff`].
pub(crate) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, BrokenOff>> + Send {
    let (tell, told) = oneshot::channel();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        let _ = tell.send(work());
    });
    drop(tokio::task::spawn_blocking(work));
    async move { told.await.map_err(|_| BrokenOff) }
}
