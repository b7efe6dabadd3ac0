//! What a request meets on its way to its handler.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use hyper::body::Frame;
use tokio::time::sleep;

use super::{Effect, Faults};
use crate::problem::Problem;

/// Who hangs is let go in the end.
const HANG: Duration = Duration::from_mins(10);

/// Lets a request meet the fault that is declared for it, if there is one.
pub async fn meet(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let Some(effect) = faults.met_by(request.method(), request.uri().path()) else { return next.run(request).await };
    let kind = effect.kind();
    tracing::warn!(kind, method = %request.method(), path = request.uri().path(), "a declared fault");
    metrics::counter!("faults_met_total", "service" => faults.0.service, "kind" => kind).increment(1);
    match effect {
        Effect::Latency { millis } => {
            sleep(Duration::from_millis(millis.into())).await;
            next.run(request).await
        }
        Effect::Fail { status } => told(status, "declared_fault", "A fault was declared here"),
        Effect::Hang {} => {
            sleep(HANG).await;
            broken()
        }
        Effect::Drop {} => broken(),
        Effect::Refuse { status, code } => told(status, &code, "Refused as a fault declares"),
    }
}

fn told(status: u16, code: &str, title: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Problem::new(status, code, title).detail("An operator declared this fault.").into_response()
}

// The server drops the connection at the body's fault, before it has sent the head.
fn broken() -> Response {
    let mut response = Response::new(Body::new(Broken));
    // HEAD has no body that could fail.
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}
