//! One connection of a caller, from its first byte to its end.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, StreamExt, future::Either, stream::FuturesUnordered};
use http::{HeaderValue, Method, Request, StatusCode, Version, header};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Front, counted::Counted};
use crate::{
    connections::{self, Connections, Guarded, Overdue, Patience, Stream, Watch},
    peer::Peer,
};

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// A connection that came as the door closed has this long to say what it wants.
const LAST_WORD: Duration = Duration::from_millis(100);
/// What a caller still sends after a refusal is read for so long, or the refusal might be lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 256 * 1024;
const STREAMS: u32 = 128;
/// As many as hyper takes of HTTP/1.1 when it is not told a number.
const USUAL_HEADERS: usize = 100;

/// Answers its requests until either side has had enough. `tls` if it is to be spoken first.
pub async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    peer: SocketAddr,
    front: Arc<Front>,
    limits: &Connections,
    closing: CancellationToken,
) {
    // It fails for connections that are gone.
    let _ = stream.set_nodelay(true);
    let begun = tokio::select! {
        begun = timeout(limits.patience.head, begin(stream, tls)) => begun,
        () = late(&closing) => return,
    };
    let Ok(Some((stream, version, first))) = begun else { return };
    let talk = Arc::new(Talk {
        front,
        peer: Peer::at(peer),
        watch: Arc::default(),
        requests: limits.requests,
        headers: limits.headers,
        told: CancellationToken::new(),
    });
    if version == Version::HTTP_2 {
        talk.http2(stream, first, limits, closing).await;
    } else {
        talk.http1(stream, first, limits, closing).await;
    }
}

/// The connection when it is clear what is spoken; none if nothing came, or nonsense.
async fn begin(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<(Stream, Version, Vec<u8>)> {
    let mut stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => Stream::Tls(Box::new(tls.accept(stream).await.ok()?)),
    };
    let (version, first) = connections::version(&mut stream).await.ok()??;
    Some((stream, version, first))
}

async fn late(closing: &CancellationToken) {
    closing.cancelled().await;
    sleep(LAST_WORD).await;
}

async fn enough(closing: &CancellationToken, last: &CancellationToken) {
    tokio::select! {
        () = closing.cancelled() => {}
        () = last.cancelled() => {}
    }
}

// What may end a connection beside its requests: that it takes too long, or, none, that the door closes. Each is asked
// only when it has something to say, and not with every request.
fn reasons<'w>(
    patience: Patience,
    watch: &'w Watch,
    closed: impl Future<Output = ()> + 'w,
) -> FuturesUnordered<impl Future<Output = Option<Overdue>> + 'w> {
    [Either::Left(patience.ends(watch).map(Some)), Either::Right(closed.map(|()| None))].into_iter().collect()
}

struct Talk {
    front: Arc<Front>,
    peer: Peer,
    watch: Arc<Watch>,
    requests: u64,
    // hyper counts them over HTTP/1.1 only.
    headers: usize,
    // By the last of them.
    told: CancellationToken,
}

impl Talk {
    async fn http1(self: Arc<Self>, stream: Stream, first: Vec<u8>, limits: &Connections, closing: CancellationToken) {
        let watch = Arc::clone(&self.watch);
        let stream = TokioIo::new(Guarded::http1(stream, first, Arc::clone(&watch)));
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        let mut served = http1::Builder::new();
        // Its own number costs it nothing; any other is counted to for each request anew.
        if limits.headers != USUAL_HEADERS {
            served.max_headers(limits.headers);
        }
        let mut served =
            served.max_header_size(limits.head_bytes).header_read_timeout(None).serve_connection(stream, service);
        let mut reasons = reasons(limits.patience, &watch, closing.cancelled());
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut served => break ended.map_err(|_| None),
                Some(reason) = reasons.next() => match reason {
                    Some(overdue) => break Err(Some(overdue)),
                    None => std::pin::Pin::new(&mut served).graceful_shutdown(),
                }
            }
        };
        let mut stream = served.into_parts().io.into_inner().into_inner();
        match ended {
            Ok(()) | Err(Some(Overdue::Idle | Overdue::Stall)) => {}
            Err(Some(Overdue::Head)) => {
                stream.say(TOO_SLOW);
                linger(&mut stream).await;
            }
            Err(None) => linger(&mut stream).await,
        }
    }

    async fn http2(self: Arc<Self>, stream: Stream, first: Vec<u8>, limits: &Connections, closing: CancellationToken) {
        let (watch, last) = (Arc::clone(&self.watch), self.told.clone());
        let stream = TokioIo::new(Guarded::http2(stream, first, Arc::clone(&watch)));
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        let mut served = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
                .serve_connection(stream, service)
        );
        let mut reasons = reasons(limits.patience, &watch, enough(&closing, &last));
        loop {
            tokio::select! {
                biased;
                _ = &mut served => break,
                Some(reason) = reasons.next() => match reason {
                    Some(_overdue) => break,
                    None => served.as_mut().graceful_shutdown(),
                }
            }
        }
    }

    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Counted>, Infallible>> {
        let entered = self.watch.enter();
        let (shares, last) = (request.version() == Version::HTTP_2, self.watch.requests() >= self.requests);
        if last {
            self.told.cancel();
        }
        // hyper leaves out what HEAD does not get over HTTP/1.1 only.
        let (bare, too_many) =
            (shares && request.method() == Method::HEAD, shares && request.headers().len() > self.headers);
        // Most have none, and one that is empty costs nothing.
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        async move {
            let mut response = if too_many {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()
            } else {
                self.front.answer(request, &self.peer).await
            };
            if last && !shares {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if bare {
                leave_out_content(&mut response);
            }
            Ok(response.map(|body| Counted::around(body, entered, shares)))
        }
    }
}

fn leave_out_content(response: &mut Response) {
    if let Some(size) = response.body().size_hint().exact().filter(|size| *size > 0) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(size.into());
    }
    *response.body_mut() = Body::empty();
}

async fn linger(stream: &mut Stream) {
    let _ = stream.shutdown().await;
    let rest = async { tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await };
    let _ = timeout(LINGER, rest).await;
}
