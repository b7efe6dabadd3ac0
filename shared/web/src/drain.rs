//! Reads what a handler left of a request's body. Otherwise the connection is closed on unread bytes, which resets it,
//! and the reset may overtake the answer: a refusal would reach the gateway as a service that broke off.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};
use tokio::{
    sync::oneshot::{self, Sender},
    time::timeout,
};

/// The rest of a body may be this long, in bytes; who sends more does not hear the answer for sure.
const AT_MOST: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (leave, mut left) = oneshot::channel();
    let response = next.run(request.map(|body| Body::from_stream(Leaving::new(body, leave)))).await;
    if let Ok(rest) = left.try_recv() {
        // Who does not send it in time has waited for the answer long enough.
        let _ = timeout(PATIENCE, read(rest)).await;
    }
    response
}

async fn read(mut rest: BodyDataStream) {
    let mut length = 0;
    while let Some(Ok(bytes)) = rest.next().await {
        length += bytes.len();
        if length > AT_MOST {
            return;
        }
    }
}

/// A body that hands over what is left of it when it is dropped.
struct Leaving {
    body: Option<BodyDataStream>,
    leave: Option<Sender<BodyDataStream>>,
}

impl Leaving {
    fn new(body: Body, leave: Sender<BodyDataStream>) -> Self {
        Self { body: Some(body.into_data_stream()), leave: Some(leave) }
    }
}

impl Stream for Leaving {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Self::Item>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let item = body.poll_next_unpin(context);
        if matches!(item, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        item
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let (Some(rest), Some(leave)) = (self.body.take(), self.leave.take()) {
            // Nobody takes it if the answer is under way already.
            let _ = leave.send(rest);
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
