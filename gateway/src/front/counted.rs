//! An answer on its way to the caller: its request is there until the last piece was taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::connections;

/// The body, and the request that it answers.
pub struct Counted {
    body: Body,
    // An empty body keeps nothing.
    request: Option<connections::Request>,
    // Others go on beside it, so that the stream of bytes does not tell whether it is taken in.
    shares: bool,
}

impl Counted {
    /// `shares` a connection with other answers, or has it for itself.
    pub fn around(body: Body, request: connections::Request, shares: bool) -> Self {
        let request = Some(request).filter(|_| !body.is_end_stream());
        Self { body, request, shares }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(request) = self.request.as_ref().filter(|_| self.shares) {
            request.gave(matches!(frame, Poll::Ready(Some(Ok(_)))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
