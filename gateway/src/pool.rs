//! Connections to instances. Each runtime has its own, so that no request waits for another core.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes};
use foldhash::HashMap;
use http::{HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

const CONNECT: Duration = Duration::from_secs(1);
// Shorter than any server here keeps an idle connection, so that none is closed just as it is used.
const IDLE: Duration = Duration::from_secs(15);
const IDLE_PER_INSTANCE: usize = 256;
const SWEEP: Duration = Duration::from_secs(5);

thread_local! {
    // The one used last is at the end, and is used next.
    static POOL: RefCell<HashMap<Authority, Vec<Resting>>> = RefCell::default();
}

struct Resting {
    connection: SendRequest<Body>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No byte of the request was sent.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may have been sent, in part or as a whole.
    #[error("broke off")]
    Exchange(#[source] hyper::Error),
}

impl Fault {
    /// Whether it is certain that no byte of the request was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_))
    }
}

/// One request to one instance, on a connection that rests or a new one. Its target is a path. A resting connection that
/// turns out to be closed before a byte was sent is replaced; apart from that nothing is sent twice.
pub async fn send(instance: &Authority, mut request: Request<Body>) -> Result<Response<Leased>, Fault> {
    name_host(instance, &mut request)?;
    while let Some(connection) = take(instance) {
        match exchange(instance, connection, request).await {
            Ok(response) => return Ok(response),
            Err((_, Some(unsent))) => request = unsent,
            Err((error, None)) => return Err(Fault::Exchange(error)),
        }
    }
    let connection = connect(instance).await?;
    exchange(instance, connection, request).await.map_err(|(error, unsent)| match unsent {
        Some(_) => Fault::Connect(error.into()),
        None => Fault::Exchange(error),
    })
}

/// The same on a connection of its own, which is closed then: how it is answered.
pub async fn ask_apart(instance: &Authority, mut request: Request<Body>) -> Result<StatusCode, Fault> {
    name_host(instance, &mut request)?;
    let mut connection = connect(instance).await?;
    Ok(connection.send_request(request).await.map_err(Fault::Exchange)?.status())
}

fn name_host(instance: &Authority, request: &mut Request<Body>) -> Result<(), Fault> {
    if !request.headers().contains_key(header::HOST) {
        let host = HeaderValue::from_str(instance.as_str()).map_err(|error| Fault::Connect(error.into()))?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

type Unsent = (hyper::Error, Option<Request<Body>>);

async fn exchange(
    instance: &Authority,
    mut connection: SendRequest<Body>,
    request: Request<Body>,
) -> Result<Response<Leased>, Unsent> {
    match connection.try_send_request(request).await {
        Ok(response) => Ok(response.map(|body| Leased::new(body, connection, instance.clone()))),
        Err(mut error) => {
            let unsent = error.take_message();
            Err((error.into_error(), unsent))
        }
    }
}

async fn connect(instance: &Authority) -> Result<SendRequest<Body>, Fault> {
    let address = (instance.host().trim_matches(['[', ']']), instance.port_u16().unwrap_or(80));
    let stream = timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = stream.map_err(|late| Fault::Connect(late.into()))?.map_err(|error| Fault::Connect(error.into()))?;
    // It fails for connections that are gone.
    let _ = stream.set_nodelay(true);
    let shaken = handshake(TokioIo::new(stream)).await;
    let (connection, driver) = shaken.map_err(|error| Fault::Connect(error.into()))?;
    // Whoever waits for an answer is told of its faults.
    tokio::spawn(async move { driver.await.unwrap_or_default() });
    Ok(connection)
}

// One that is neither ready nor closed has just given its answer's last bytes and will be ready in a moment.
fn take(instance: &Authority) -> Option<SendRequest<Body>> {
    POOL.with_borrow_mut(|pool| {
        let resting = pool.get_mut(instance)?;
        let last = resting.iter().rposition(|it| it.connection.is_ready())?;
        let taken = resting.remove(last);
        (taken.since.elapsed() < IDLE).then_some(taken.connection)
    })
}

fn rest(instance: Authority, connection: SendRequest<Body>) {
    POOL.with_borrow_mut(|pool| {
        let resting = pool.entry(instance).or_default();
        if resting.len() < IDLE_PER_INSTANCE && !connection.is_closed() {
            resting.push(Resting { connection, since: Instant::now() });
        }
    });
}

/// Closes this runtime's connections that rested too long. Never ends.
pub async fn sweep() {
    loop {
        sleep(SWEEP).await;
        POOL.with_borrow_mut(|pool| {
            pool.retain(|_, resting| {
                resting.retain(|it| it.since.elapsed() < IDLE && !it.connection.is_closed());
                !resting.is_empty()
            });
        });
    }
}

/// An answer's body. Its connection rests when it has come to its end, and is closed if it has not.
pub struct Leased {
    body: Incoming,
    lease: Option<(Authority, SendRequest<Body>)>,
}

impl Leased {
    fn new(body: Incoming, connection: SendRequest<Body>, instance: Authority) -> Self {
        let mut leased = Self { body, lease: Some((instance, connection)) };
        leased.end(false);
        leased
    }

    fn end(&mut self, over: bool) {
        if (over || self.body.is_end_stream())
            && let Some((instance, connection)) = self.lease.take()
        {
            rest(instance, connection);
        }
    }
}

impl HttpBody for Leased {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Ready(frame) => self.end(frame.is_none()),
            Poll::Pending => {}
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
