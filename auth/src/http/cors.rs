//! Cross-origin requests (CORS): pages of public clients may call the endpoints that such clients need.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{App, db, error::Error};

const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Answers a browser that asks before it sends a request; [`cors`] says what it may.
pub async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Lets answers be read by pages from the registered origins of public clients, and by no others.
pub async fn cors(State(app): State<App>, request: Request, next: Next) -> Result<Response, Error> {
    let allowed = allowed_origin(&app, request.headers()).await?;
    let asks = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if asks {
            headers.extend(PREFLIGHT.map(|(name, value)| (name, HeaderValue::from_static(value))));
        }
    }
    Ok(response)
}

async fn allowed_origin(app: &App, headers: &HeaderMap) -> Result<Option<HeaderValue>, Error> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    let Ok(text) = origin.to_str() else { return Ok(None) };
    let registered = db::is_registered_origin(&mut *app.pool.get().await?, text).await?;
    Ok(registered.then(|| origin.clone()))
}
