//! How long the caller still waits: told by a header, kept to by everybody on the way. What is asked after that is work
//! for nobody.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, StatusCode, request::Parts};
use tokio::time::{Instant, timeout_at};

use crate::problem::Problem;

/// For how many milliseconds the caller waits from when the request is sent: a length of time and not a point, so that
/// clocks need not agree. From 1 to 999999999.
pub const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("request-timeout-ms");

const MOST_DIGITS: usize = 9;

/// The header is there but says no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Request-Timeout-Ms must be one number of milliseconds from 1 to 999999999")]
pub struct NoTime;

/// How long the sender of a request waits. None: it did not say.
///
/// # Errors
/// The header cannot be read.
pub fn request_timeout(headers: &HeaderMap) -> Result<Option<Duration>, NoTime> {
    let mut sent = headers.get_all(REQUEST_TIMEOUT).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    let digits = value.as_bytes();
    let is_number = (1..=MOST_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if !is_number || sent.next().is_some() {
        return Err(NoTime);
    }
    let millis: u64 = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(NoTime)?;
    if millis == 0 { Err(NoTime) } else { Ok(Some(Duration::from_millis(millis))) }
}

/// Until when the caller waits, if it said so. A handler that waits for something itself takes it as a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Option<Instant>);

impl Deadline {
    /// What is left of it.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

/// Ends a handler whose caller no longer waits. It is dropped at a point where it awaits, as when the caller goes away:
/// a transaction that was not committed is rolled back.
pub(crate) async fn keep(mut request: Request, next: Next) -> Response {
    // Who leads on to others is no handler, and says itself when their time is over.
    if request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().contains("{*")) {
        return next.run(request).await;
    }
    let at = match request_timeout(request.headers()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(time)) => Instant::now() + time,
        Err(no_time) => {
            let problem = Problem::new(StatusCode::BAD_REQUEST, "bad_request_timeout", "Bad request timeout");
            return problem.detail(no_time.to_string()).into_response();
        }
    };
    request.extensions_mut().insert(Deadline(Some(at)));
    match timeout_at(at, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", "The caller's time is over")
            .detail("It was given up when Request-Timeout-Ms was over; whether it took effect is unknown.")
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tokio::sync::Semaphore;
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: Router, timeouts: &[&str]) -> StatusCode {
        let request = timeouts.iter().fold(http::Request::get("/"), |request, it| request.header(REQUEST_TIMEOUT, *it));
        let answer = router.layer(from_fn(keep)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        answer.status()
    }

    #[tokio::test]
    async fn a_handler_is_given_up_when_the_callers_time_is_over() {
        let held = Arc::new(Semaphore::new(1));
        let hangs = Arc::clone(&held);
        let router = Router::new().route(
            "/",
            get(async move || {
                let _held = hangs.acquire().await;
                std::future::pending::<()>().await;
            }),
        );
        assert_eq!(ask(router, &["50"]).await, 504);
        assert_eq!(held.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_handler_knows_what_is_left() {
        let router = |is_some: bool| {
            let handler = async move |deadline: Deadline| {
                assert_eq!(deadline.left().is_some(), is_some);
                assert!(deadline.left() <= Some(Duration::from_mins(1)));
            };
            Router::new().route("/", get(handler))
        };
        assert_eq!(ask(router(true), &["60000"]).await, 200);
        assert_eq!(ask(router(false), &[]).await, 200);
    }

    #[tokio::test]
    async fn who_leads_on_to_others_keeps_the_time_itself() {
        let handler = async || tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(ask(Router::new().route("/{*path}", get(handler)).route("/", get(handler)), &["1"]).await, 504);
        let router = Router::new().route("/{*path}", get(handler)).layer(from_fn(keep));
        let request = http::Request::get("/x").header(REQUEST_TIMEOUT, "1").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn what_is_no_time_is_refused() {
        for bad in [&["0"][..], &[""], &["-1"], &["1.5"], &["+5"], &["9999999999"], &["5", "5"]] {
            assert_eq!(ask(Router::new().route("/", get(async || ())), bad).await, 400, "{bad:?}");
        }
    }
}
