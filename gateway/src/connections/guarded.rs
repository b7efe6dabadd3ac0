//! A caller's stream, of which nothing is read that two readers could frame differently.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{grammar::Grammar, patience::Watch, stream::Stream};

/// In place of what is bad: no head and no chunk may have it, so the reader refuses it with 400, after the answers to
/// what came before.
const SPOILER: &[u8] = b"\0\r\n\r\n";

/// A stream as a server reads it.
pub struct Guarded {
    stream: Stream,
    // What was read to find out the version.
    first: Vec<u8>,
    grammar: Option<Grammar>,
    // What is still to be read of the spoiler.
    spoiler: Option<&'static [u8]>,
    stalled: bool,
    watch: Arc<Watch>,
}

impl Guarded {
    /// HTTP/1.1, which began with `first`.
    pub fn http1(stream: Stream, first: Vec<u8>, watch: Arc<Watch>) -> Self {
        Self { stream, first, grammar: Some(Grammar::default()), spoiler: None, stalled: false, watch }
    }

    /// HTTP/2, which frames its requests without ambiguity.
    pub fn http2(stream: Stream, first: Vec<u8>, watch: Arc<Watch>) -> Self {
        Self { stream, first, grammar: None, spoiler: None, stalled: false, watch }
    }

    /// The stream itself.
    pub fn into_inner(self) -> Stream {
        self.stream
    }

    fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(grammar) = &mut self.grammar else { return };
        let read = grammar.read(&buf.filled()[before..]);
        self.watch.in_head(grammar.is_in_head());
        if let Err(good) = read {
            buf.set_filled(before + good);
            self.spoiler = Some(SPOILER);
            self.spoil(buf);
        }
    }

    fn spoil(&mut self, buf: &mut ReadBuf<'_>) {
        if let Some(left) = &mut self.spoiler {
            let (now, later) = left.split_at(left.len().min(buf.remaining()));
            buf.put_slice(now);
            *left = later;
        }
    }

    fn wrote<T>(&mut self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() != self.stalled {
            self.stalled = written.is_pending();
            self.watch.stalled(self.stalled);
        }
        written
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.spoiler.is_some() {
            self.spoil(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if self.first.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let length = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first[..length]);
            self.first.drain(..length);
        }
        self.follow(buf, before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
