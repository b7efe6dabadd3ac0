//! A request that changes something, and what that does to copies.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header;
use tokio::time::Instant;

use super::Cache;
use super::question::forwarded;
use super::status::Why;
use crate::attempts::Repeated;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::forward::Message;
use crate::proxy::Ahead;

/// Whatever comes of it, what was asked for before is not right any more, unless the service says that it did nothing.
pub async fn change(
    cache: &Arc<Cache>,
    ahead: Ahead<'_>,
    deadline: Deadline,
    message: Box<Message>,
    body: Body,
) -> Result<Response, Refusal> {
    let service = ahead.route.service;
    let mut changed = Changed { cache, service, path: Some(message.target.path().to_owned()) };
    let answer = ahead.go(deadline, message, body, Instant::now()).await;
    match &answer {
        // The service did nothing, or was not asked. What it refuses may be what an attempt before has done.
        Ok(response) if response.status().is_client_error() && response.extensions().get::<Repeated>().is_none() => {
            changed.path = None;
        }
        Err(refusal) if is_before(refusal) => changed.path = None,
        Err(_) => {}
        Ok(response) => {
            for name in [header::LOCATION, header::CONTENT_LOCATION] {
                let named = response.headers().get(name).and_then(|at| at.to_str().ok());
                // Of the same origin only (RFC 9111, section 4.4).
                if let Some(path) = named.and_then(|at| at.strip_prefix(ahead.route.strip)?.split(['?', '#']).next()) {
                    cache.changes.count(service, path);
                }
            }
        }
    }
    drop(changed);
    forwarded(cache, answer, Why::Method)
}

// Whether nothing was sent to the service, or not all of it.
fn is_before(refusal: &Refusal) -> bool {
    use Refusal as R;
    refusal.problem().status().is_client_error()
        || matches!(refusal, R::CircuitOpen { .. } | R::Overloaded { .. } | R::NoInstance { .. })
}

/// A change that counts when it is over, even if its caller goes away before.
struct Changed<'c> {
    cache: &'c Cache,
    service: &'static str,
    path: Option<String>,
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            self.cache.changes.count(self.service, path);
        }
    }
}
