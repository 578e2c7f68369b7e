//! A stream between HTTP and TLS that can write an answer twice.

use std::io::Result;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Line;

/// Remembers what is written while the line's `twice` is set, and repeats it at the flush.
pub(super) struct Tap<S> {
    stream: S,
    line: Arc<Line>,
    copy: Vec<u8>,
    repeated: usize,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S, line: Arc<Line>) -> Self {
        Self { stream, line, copy: Vec::new(), repeated: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        if self.line.twice.load(Ordering::Relaxed) {
            self.copy.extend_from_slice(&bytes[..written]);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        if !this.copy.is_empty() {
            this.line.twice.store(false, Ordering::Relaxed);
            while this.repeated < this.copy.len() {
                let rest = &this.copy[this.repeated..];
                this.repeated += ready!(Pin::new(&mut this.stream).poll_write(cx, rest))?;
            }
            this.copy.clear();
            this.repeated = 0;
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
