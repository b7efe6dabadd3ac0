//! Bodies as they travel through: frame by frame, counted, and never waited for without end.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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

/// A request body that can be offered again as long as every byte that was taken of it is remembered.
#[derive(Clone)]
pub struct Upload {
    began: Instant,
    // Most requests have none.
    body: Option<Arc<Shared>>,
}

struct Shared {
    body: Mutex<Taken>,
    finished: OnceLock<Instant>,
}

struct Taken {
    body: Body,
    /// What was taken, as long as it is not too much.
    kept: Option<Vec<Bytes>>,
    room: usize,
    /// Which offer may take more: the latest.
    offer: usize,
}

/// A later attempt has taken over the body.
#[derive(Debug, thiserror::Error)]
#[error("offered anew")]
struct Superseded;

impl Upload {
    /// At most `limit` bytes, at most `pause` between two pieces, offered from `began` on. Remembers up to `room` bytes.
    pub fn new(body: Body, limit: usize, pause: Duration, room: usize, began: Instant) -> Self {
        if body.is_end_stream() {
            return Self { began, body: None };
        }
        let body = Body::new(Limited::new(Paced::new(body, pause, ()), limit));
        let body = Mutex::new(Taken { body, kept: Some(Vec::new()), room, offer: 0 });
        Self { began, body: Some(Arc::new(Shared { body, finished: OnceLock::new() })) }
    }

    /// The body for one attempt. `None` if bytes were taken of it that are not remembered.
    pub fn offer(&self) -> Option<Body> {
        let Some(shared) = &self.body else { return Some(Body::empty()) };
        let mut taken = shared.lock();
        taken.kept.as_ref()?;
        taken.offer += 1;
        if taken.body.is_end_stream() && taken.kept.as_ref().is_some_and(Vec::is_empty) {
            return Some(Body::empty());
        }
        Some(Body::new(Offered { shared: Arc::clone(shared), offer: taken.offer, next: 0 }))
    }

    /// Whether another attempt would get the whole body.
    pub fn is_whole(&self) -> bool {
        self.body.as_ref().is_none_or(|shared| shared.lock().kept.is_some())
    }

    /// Whether the caller has sent all of it.
    pub fn is_finished(&self) -> bool {
        self.took().is_some()
    }

    /// How long the caller took to send it. `None`: it has not sent all.
    pub fn took(&self) -> Option<Duration> {
        let Some(shared) = &self.body else { return Some(Duration::ZERO) };
        shared.finished.get().map(|finished| finished.saturating_duration_since(self.began))
    }

    /// Since when the service has all of it, so that what it takes is its own time.
    pub fn rests(&self, now: Instant) -> Option<Duration> {
        let finished = self.body.as_ref().map_or(Some(self.began), |shared| shared.finished.get().copied());
        finished.map(|finished| now.saturating_duration_since(finished))
    }

    /// Whether the caller left the service at least half of the time that there is for both.
    pub fn was_quick(&self, total: Duration) -> bool {
        self.took().is_some_and(|took| took * 2 <= total)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn remember(&mut self, frame: &Frame<Bytes>) {
        let Some(kept) = &mut self.kept else { return };
        match frame.data_ref() {
            Some(data) if data.len() <= self.room => {
                self.room -= data.len();
                kept.push(data.clone());
            }
            // Too much, or trailers.
            _ => self.kept = None,
        }
    }
}

struct Offered {
    shared: Arc<Shared>,
    offer: usize,
    /// Which of the remembered pieces comes next.
    next: usize,
}

impl HttpBody for Offered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let shared = Arc::clone(&self.shared);
        let mut taken = shared.lock();
        if taken.offer != self.offer {
            return Poll::Ready(Some(Err(axum::Error::new(Superseded))));
        }
        if let Some(again) = taken.kept.as_ref().and_then(|kept| kept.get(self.next)).cloned() {
            self.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(again))));
        }
        let frame = Pin::new(&mut taken.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            taken.remember(frame);
            self.next += 1;
        }
        let ended = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Err(_))) => false,
            _ => taken.body.is_end_stream(),
        };
        if ended {
            shared.finished.get_or_init(Instant::now);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let taken = self.shared.lock();
        taken.body.is_end_stream() && taken.kept.as_ref().is_none_or(|kept| kept.len() <= self.next)
    }

    fn size_hint(&self) -> SizeHint {
        let taken = self.shared.lock();
        let mut hint = taken.body.size_hint();
        let again = taken.kept.iter().flatten().skip(self.next).map(|piece| piece.len() as u64).sum::<u64>();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + again);
        }
        hint.set_lower(hint.lower() + again);
        hint
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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use http_body_util::BodyExt;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn upload(pieces: &'static [&'static str], room: usize) -> Upload {
        let pieces =
            futures::stream::iter(pieces).map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
        Upload::new(Body::from_stream(pieces), 1_000, MINUTE, room, Instant::now())
    }

    async fn all(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn what_was_taken_is_offered_again_and_then_the_rest() {
        let upload = upload(&["one ", "two ", "three"], 8);
        let mut first = upload.offer().unwrap();
        for _ in 0..2 {
            first.frame().await.unwrap().unwrap();
        }
        assert!(upload.is_whole() && !upload.is_finished());
        let second = upload.offer().unwrap();
        assert_eq!(all(second).await, "one two three");
        // The third piece was too much to be remembered.
        assert!(upload.offer().is_none() && !upload.is_whole() && upload.is_finished());
    }

    #[test]
    fn without_a_body_there_is_nothing_to_wait_for() {
        let began = Instant::now();
        let upload = Upload::new(Body::empty(), 0, MINUTE, 0, began);
        assert!(upload.is_finished() && upload.is_whole() && upload.was_quick(Duration::ZERO));
        assert_eq!((upload.took(), upload.rests(began + MINUTE)), (Some(Duration::ZERO), Some(MINUTE)));
        assert!((0..2).all(|_| upload.offer().unwrap().is_end_stream()));
    }

    #[tokio::test]
    async fn without_room_a_body_is_whole_until_its_first_byte_is_taken() {
        let upload = upload(&["one"], 0);
        drop(upload.offer().unwrap());
        let mut second = upload.offer().unwrap();
        second.frame().await.unwrap().unwrap();
        assert!(!upload.is_whole());
    }

    #[tokio::test]
    async fn an_earlier_attempt_cannot_take_from_a_later_one() {
        let upload = upload(&["one ", "two"], 100);
        let mut first = upload.offer().unwrap();
        first.frame().await.unwrap().unwrap();
        let second = upload.offer().unwrap();
        assert!(first.frame().now_or_never().unwrap().unwrap().is_err());
        assert_eq!(all(second).await, "one two");
    }

    #[tokio::test]
    async fn the_declared_length_stays_the_same_however_often_it_is_offered() {
        let upload = Upload::new(Body::from("four"), 1_000, MINUTE, 100, Instant::now());
        for _ in 0..3 {
            let body = upload.offer().unwrap();
            assert_eq!(body.size_hint().exact(), Some(4));
            assert_eq!(all(body).await, "four");
        }
        let nothing = Upload::new(Body::empty(), 1_000, MINUTE, 0, Instant::now());
        assert!(nothing.offer().unwrap().is_end_stream() && nothing.offer().unwrap().is_end_stream());
    }
}
