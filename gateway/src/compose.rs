//! Virtual resources: one answer that is joined from several services, asked at the same time. Each part is a request like
//! any other, with the caller's token, and is governed by the line of its route.

pub mod contract;
mod declared;
mod fields;
mod joined;
mod parts;
mod template;
mod wanted;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts as Head};
use web::Problem;

use crate::{App, deadline::Deadline, front, path, policies::Policies, present::Present, proofs::Whole, proxy};
pub use declared::{Api, Resource, Row};
use parts::Asking;
use template::Values;
use wanted::Wanted;

/// Answers a virtual resource, and leaves the rest to `proxy`.
pub async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let policies = app.policies.load_full();
    match found(&policies, request.uri().path()) {
        None => {
            let (peer, present) = (front::peer(request.extensions()), Present::of(request.headers()));
            proxy::forward(&app, request, present, peer.as_ref(), Instant::now()).await.0
        }
        Some((resource, from_path)) => {
            let (head, _) = request.into_parts();
            let (wanted, query) = match Wanted::take(&resource.line, &head) {
                Ok(taken) => taken,
                Err(refusal) => return refusal.into_response(),
            };
            let answer = join(&app, resource, (from_path, query.as_deref().unwrap_or_default()), &head).await;
            wanted.give(answer.unwrap_or_else(IntoResponse::into_response)).await
        }
    }
}

fn found<'p>(policies: &'p Policies, path: &str) -> Option<(&'p Arc<Resource>, Values)> {
    let normal = path::normalize(path).ok()?;
    policies.resources.iter().find_map(|resource| Some((resource, resource.path.values(&normal)?)))
}

async fn join(
    app: &Arc<App>,
    resource: &Resource,
    (from_path, query): (Values, &str),
    head: &Head,
) -> Result<Response, Problem> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed");
        let allow = HeaderValue::from_static("GET, HEAD");
        return Err(problem.with("source", "gateway").header(header::ALLOW, allow));
    }
    let deadline = Deadline::within(&head.headers, resource.timeout).map_err(|refusal| refusal.problem())?;
    let values = resource.values(from_path, query)?;
    let whole = Arc::new(Whole::of(head));
    let asking = Asking { app, resource, head, whole, deadline, values, standing: Mutex::default() };
    let mut response = match asking.all().await {
        Ok(parts) => joined::response(resource, parts),
        Err(refused) => refused,
    };
    response.headers_mut().extend(asking.standing.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(response)
}

impl Resource {
    // What the caller says in path and query, and what stands for it where nothing is said.
    fn values(&self, from_path: Values, query: &str) -> Result<Values, Problem> {
        let mut values = from_path;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(declared) = self.query.iter().find(|it| it.name == name) else { continue };
            if values.contains_key(declared.name.as_str()) || !declared.allows(&value) {
                let title = "The query string is not as the contract says";
                let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_query", title).with("source", "gateway");
                return Err(problem.field(name, format!("must be one {} within its bounds", declared.kind.name())));
            }
            values.insert(declared.name.clone(), value.into_owned());
        }
        for declared in &self.query {
            if let Some(default) = &declared.default {
                values.entry(declared.name.clone()).or_insert_with(|| default.clone());
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
