//! HEAD where GET does something: gives out a code, or ends a session. HEAD is how previews of links and scanners look,
//! and must be without effect (RFC 9110, section 9.2.1).

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use web::Problem;

/// Lets every other method through.
pub async fn refuse(request: Request, next: Next) -> Response {
    if request.method() != Method::HEAD {
        return next.run(request).await;
    }
    let refused = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here");
    ([(header::ALLOW, "GET,POST")], refused).into_response()
}
