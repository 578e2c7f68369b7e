//! A connection whose peer has to go on reading.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Octets that have to leave within each period in which the peer keeps an answer waiting.
const STEP: usize = 1 << 20;

/// Fails with `TimedOut` when the peer takes less than a mebibyte of an answer within a period, and the answer is not at its end.
/// Nothing is asked of a connection on which nothing waits to be written.
pub(super) struct Steady<S> {
    stream: S,
    period: Duration,
    /// Since the peer first kept something waiting: when the period ends, and what has left since.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Steady<S> {
    pub(super) const fn new(stream: S, period: Duration) -> Self {
        Self { stream, period, waiting: None }
    }

    fn wrote(&mut self, written: usize) {
        if let Some((_, sum)) = &mut self.waiting {
            *sum += written;
        }
        if self.waiting.as_ref().is_some_and(|(_, sum)| *sum >= STEP) {
            self.waiting = None;
        }
    }

    fn stuck(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let period = self.period;
        let (end, _) = self.waiting.get_or_insert_with(|| (Box::pin(tokio::time::sleep(period)), 0));
        ready!(end.as_mut().poll(context));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn judged(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.stuck(context).map(Err),
            Poll::Ready(Ok(written)) => {
                self.wrote(written);
                Poll::Ready(Ok(written))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judged(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judged(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called once everything was written: whatever waited is gone.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
