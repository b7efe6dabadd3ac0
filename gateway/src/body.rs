//! Bodies as they travel through: frame by frame, counted, and never waited for without end.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Limited;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The next piece of a body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("no data for {0:?}")]
pub struct Idle(Duration);

/// A body whose pauses are bounded, and which keeps `held` until it ends.
pub struct Paced<B, H> {
    body: B,
    pause: Duration,
    // Only while the body keeps one waiting, so that a body at hand costs no timer.
    timer: Option<Pin<Box<Sleep>>>,
    _held: H,
}

impl<B, H> Paced<B, H> {
    pub fn new(body: B, pause: Duration, held: H) -> Self {
        Self { body, pause, timer: None, _held: held }
    }
}

impl<B, H> HttpBody for Paced<B, H>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
    H: Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let pause = self.pause;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        timer.as_mut().poll(cx).map(|()| Some(Err(Idle(pause).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request body that can be offered again as long as nobody has taken a byte of it.
#[derive(Clone)]
pub struct Upload(Arc<Shared>);

struct Shared {
    body: Mutex<Option<Body>>,
    finished: AtomicBool,
}

impl Upload {
    /// At most `limit` bytes, at most `pause` between two pieces.
    pub fn new(body: Body, limit: usize, pause: Duration) -> Self {
        let empty = body.is_end_stream();
        let body = if empty { Body::empty() } else { Body::new(Limited::new(Paced::new(body, pause, ()), limit)) };
        Self(Arc::new(Shared { body: Mutex::new(Some(body)), finished: AtomicBool::new(empty) }))
    }

    /// The body for one attempt. `None` if an earlier attempt has taken bytes of it.
    pub fn offer(&self) -> Option<Body> {
        let body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, empty) = body.as_ref().map(|b| (b.size_hint(), b.is_end_stream()))?;
        if empty {
            return Some(Body::empty());
        }
        Some(Body::new(Offered { upload: self.clone(), body: None, size }))
    }

    /// Whether the caller has sent all of it.
    pub fn is_finished(&self) -> bool {
        self.0.finished.load(Ordering::Relaxed)
    }

    fn take(&self) -> Option<Body> {
        let mut body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.take()
    }
}

struct Offered {
    upload: Upload,
    body: Option<Body>,
    size: SizeHint,
}

impl HttpBody for Offered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.body.is_none() {
            self.body = self.upload.take();
        }
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(&mut *body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || body.is_end_stream() {
            self.upload.0.finished.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => self.size,
        }
    }
}

/// Looks for an error of type `E` among the causes of `error`.
pub fn caused_by<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
