//! What happens around every handler: a span with the caller's trace context, metrics, a problem for a panic, a
//! missing route or a wrong method.

use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::HttpBody,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use foldhash::HashMap;
use futures::{FutureExt, future::Either};
use http::{HeaderValue, Method, StatusCode};
use metrics::{Counter, Histogram};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, Span};

use crate::{
    deadline,
    drain::{drain, drained},
    keep,
    problem::Problem,
    telemetry,
};

/// No body of ours is larger, in bytes; streams are read by other means.
const BODY_LIMIT: usize = 256 * 1024;
const REQUEST_ID: &str = "x-request-id";

/// What happens around every handler of `router`, for a server that is no router itself.
pub fn around(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here")
        })
        .fallback(|| async { Problem::not_found("no_such_route", "There is nothing here") })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(keep::validate))
        .layer(from_fn(deadline::keep))
        .layer(from_fn(drain))
        .layer(from_fn(observe))
}

/// The same around one answer, on a way that no router leads to: `answer` says when it was there. `route` names the way in
/// spans and metrics, `id` the request in the log. Its span is made only where spans are exported, since to make one costs
/// as much as a tenth of what is done for a small answer: lines of the log that are about one request have to say so
/// themselves.
pub fn answered<F, R>(
    request: Request,
    (route, id): (&'static str, HeaderValue),
    began: Instant,
    answer: F,
) -> impl Future<Output = Response>
where
    F: FnOnce(Request) -> R,
    R: Future<Output = (Response, Instant)>,
{
    let panicked = move |panic: Box<dyn Any + Send>| (panicked_at(panic.as_ref(), id.to_str().ok()), Instant::now());
    let answer = |request| AssertUnwindSafe(answer(request)).catch_unwind().map(|it| it.unwrap_or_else(panicked));
    if telemetry::exports() {
        let answer = |request| drained(request, answer).map(|(response, _)| response);
        return Either::Left(Box::pin(observed(request, route, answer)));
    }
    let (method, is_whole) = (known(request.method()), request.body().is_end_stream());
    Either::Right(drained(request, answer).map(move |(response, there)| {
        // The rest of a body may have been read after it.
        let there = if is_whole { there } else { Instant::now() };
        count(method, route, response.status().as_u16(), there.saturating_duration_since(began));
        response
    }))
}

async fn observe(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    observed(request, route, |request| next.run(request)).await
}

async fn observed<R>(request: Request, route: &str, answer: impl FnOnce(Request) -> R) -> Response
where
    R: Future<Output = Response>,
{
    let began = Instant::now();
    let method = known(request.method());
    let span = span_of(&request, method, route);
    let response = answer(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    if telemetry::exports() {
        // Nothing is logged after this.
        span.record("status", status);
    }
    count(method, route, status, began.elapsed());
    response
}

thread_local! {
    // By route. To find a metric by its labels costs much more than to count.
    static METERS: RefCell<HashMap<String, Vec<Meter>>> = RefCell::default();
}

// Of a route's answers to one method with one status. There are few of them.
struct Meter {
    method: &'static str,
    status: u16,
    answers: Counter,
    seconds: Histogram,
}

impl Meter {
    fn new(method: &'static str, route: &str, status: u16) -> Self {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        let seconds = metrics::histogram!("http_request_duration_seconds", &labels);
        Self { method, status, answers: metrics::counter!("http_requests_total", &labels), seconds }
    }

    fn count(&self, took: Duration) {
        self.answers.increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

fn count(method: &'static str, route: &str, status: u16, took: Duration) {
    METERS.with_borrow_mut(|routes| {
        let meters = routes.get_mut(route);
        let of_answer = |it: &&Meter| it.status == status && it.method == method;
        if let Some(meter) = meters.as_ref().and_then(|meters| meters.iter().find(of_answer)) {
            return meter.count(took);
        }
        let meter = Meter::new(method, route, status);
        meter.count(took);
        match meters {
            Some(meters) => meters.push(meter),
            None => _ = routes.insert(route.to_owned(), vec![meter]),
        }
    });
}

// A caller can make up methods; each would be a time series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn span_of(request: &Request, method: &str, route: &str) -> Span {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let request_id = header(REQUEST_ID).unwrap_or_default();
    let span = tracing::info_span!("request", method, route, request_id, status = tracing::field::Empty);
    telemetry::continue_trace(&span, header("traceparent"));
    span
}

#[allow(clippy::needless_pass_by_value)] // as the layer wants it
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    panicked_at(panic.as_ref(), None)
}

// The request is named where no span does it.
fn panicked_at(panic: &(dyn Any + Send), request_id: Option<&str>) -> Response {
    let message = panic.downcast_ref::<&str>().map(ToString::to_string);
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(request_id, message, "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error").into_response()
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn answers_are_counted_by_route_method_and_status() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let took = Duration::from_millis(250);
        metrics::with_local_recorder(&recorder, || {
            for (method, route, status, times) in
                [("GET", "/v1/a", 200, 3), ("GET", "/v1/a", 404, 1), ("PUT", "/v1/a", 200, 2), ("GET", "/v1/b", 200, 1)]
            {
                (0..times).for_each(|_| count(method, route, status, took));
            }
        });
        let told = recorder.handle().render();
        for (labels, times) in [
            (r#"method="GET",route="/v1/a",status="200""#, 3),
            (r#"method="GET",route="/v1/a",status="404""#, 1),
            (r#"method="PUT",route="/v1/a",status="200""#, 2),
            (r#"method="GET",route="/v1/b",status="200""#, 1),
        ] {
            for line in [
                format!("http_requests_total{{{labels}}} {times}"),
                format!("http_request_duration_seconds_count{{{labels}}} {times}"),
            ] {
                assert!(told.lines().any(|it| it == line), "{line}\n{told}");
            }
        }
        assert_eq!(told.lines().filter(|line| line.starts_with("http_requests_total{")).count(), 4);
    }
}
