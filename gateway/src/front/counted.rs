//! A body that keeps something until it has been sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// The body, and what is kept.
pub struct Counted<H> {
    body: Body,
    _held: H,
}

impl<H: Send + Unpin + 'static> Counted<H> {
    /// An empty body keeps nothing.
    pub fn around(body: Body, held: H) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self { body, _held: held }) }
    }
}

impl<H: Unpin> HttpBody for Counted<H> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
