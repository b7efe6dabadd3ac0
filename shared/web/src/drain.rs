//! Reads what a handler left of a request's body. Otherwise the connection is closed on unread bytes, which resets it,
//! and the reset may overtake the answer: a refusal would reach the gateway as a service that broke off.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures::future::Either;
use http::header;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::oneshot::{self, Sender},
    time::timeout,
};

/// The rest of a body may be this long, in bytes; who sends more does not hear the answer for sure.
const AT_MOST: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn drain(request: Request, next: Next) -> Response {
    drained(request, |request| next.run(request)).await
}

/// Where there is nothing to read, the answer's future and nothing around it.
pub(crate) fn drained<R>(request: Request, answer: impl FnOnce(Request) -> R) -> impl Future<Output = R::Output>
where
    R: Future,
{
    // Who expects 100 has sent nothing yet, and would be asked for the body by reading it.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return Either::Left(answer(request));
    }
    Either::Right(Box::pin(rest_read(request, answer)))
}

async fn rest_read<R>(request: Request, answer: impl FnOnce(Request) -> R) -> R::Output
where
    R: Future,
{
    let (leave, mut left) = oneshot::channel();
    let response = answer(request.map(|body| Body::new(Leaving { body, over: false, leave: Some(leave) }))).await;
    if let Ok(rest) = left.try_recv() {
        // Who does not send it in time has waited for the answer long enough.
        let _ = timeout(PATIENCE, read(rest)).await;
    }
    response
}

async fn read(mut rest: Body) {
    let mut length = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > AT_MOST {
            return;
        }
    }
}

/// A body that hands over what is left of it when it is dropped.
struct Leaving {
    body: Body,
    over: bool,
    leave: Option<Sender<Body>>,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.over |= matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take().filter(|_| !self.over && !self.body.is_end_stream()) {
            // Nobody takes it if the answer is under way already.
            let _ = leave.send(std::mem::take(&mut self.body));
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn, routing::put};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    async fn answer(connection: &mut TcpStream) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"refused") {
            let byte = connection.read_u8().await.unwrap();
            text.push(byte);
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_connection_goes_on_after_a_body_that_nobody_read() {
        let router = Router::new().route("/", put(async || "refused")).layer(from_fn(drain));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async { axum::serve(listener, router).await });
        for _ in 0..2 {
            connection.write_all(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n").await.unwrap();
            // An answer before the body is there would be one on a connection that is about to be reset.
            assert!(timeout(Duration::from_millis(50), connection.peek(&mut [0])).await.is_err());
            connection.write_all(b"{\"a\":").await.unwrap();
            assert!(answer(&mut connection).await.starts_with("HTTP/1.1 200"));
        }
    }
}
