//! A proxy of the same libraries that governs nothing: what the gateway's speed is to be held against. It takes what
//! `cargo retail bench gateway --gateway bare=…` gives a gateway: `BIND`, `OPS_BIND` (only to be there) and `DISCOVERY`.

mod settings;

use std::{
    cell::RefCell,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header};
use hyper::{
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use settings::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

thread_local! {
    static POOL: RefCell<Vec<SendRequest<Incoming>>> = RefCell::default();
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Settings { bind, ops_bind, service } = Settings::read()?;
    let _operators = TcpListener::bind(ops_bind).await?;
    let listener = TcpListener::bind(bind).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(move |request| async move {
            // As long as it is measured, nothing fails; a caller whose request does sees its connection end.
            forward(request, service).await
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn forward(mut request: Request<Incoming>, service: SocketAddr) -> anyhow::Result<Response<Leased>> {
    request.headers_mut().remove(header::CONNECTION);
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("127.0.0.1"));
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("0190163d-8694-739b-aea5-966c26f8ad91"));
    let mut connection = match POOL.with_borrow_mut(take) {
        Some(resting) => resting,
        None => connect(service).await?,
    };
    let answer = connection.send_request(request).await?;
    Ok(answer.map(|body| Leased { body, connection: Some(connection) }))
}

fn take(pool: &mut Vec<SendRequest<Incoming>>) -> Option<SendRequest<Incoming>> {
    let ready = pool.iter().rposition(SendRequest::is_ready)?;
    Some(pool.remove(ready))
}

async fn connect(service: SocketAddr) -> anyhow::Result<SendRequest<Incoming>> {
    let stream = TcpStream::connect(service).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(connection)
}

/// An answer's body, with the connection that rests when it has come to its end.
struct Leased {
    body: Incoming,
    connection: Option<SendRequest<Incoming>>,
}

impl Body for Leased {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = &frame
            && (frame.is_none() || self.body.is_end_stream())
            && let Some(connection) = self.connection.take()
        {
            POOL.with_borrow_mut(|pool| pool.push(connection));
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
