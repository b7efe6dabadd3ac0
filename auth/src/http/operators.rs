//! Operators: who may look behind this service and interfere with it.

use axum::extract::FromRequestParts;
use http::{HeaderValue, StatusCode, header, request::Parts};
use web::Problem;

use crate::{
    App,
    domain::{OPERATE, Role},
    http::{credentials, dpop},
};

/// Who interferes: a user who is an operator now and let a client act with `auth:operate`, or a client with that scope
/// that acts for itself. Without a valid access token 401, without the scope or the role 403.
pub struct Operator {
    /// The `sub`.
    pub subject: String,
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let presented = credentials::access_token(&parts.headers)?;
        let token = dpop::check(app, (&parts.method, parts.uri.path()), &parts.headers, presented).await?;
        if !token.scopes.contains(OPERATE) {
            let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"auth:operate\"");
            let problem = forbidden("insufficient_scope", "The token does not carry the scope");
            return Err(problem.with("scope", OPERATE).header(header::WWW_AUTHENTICATE, challenge));
        }
        if token.user.as_ref().is_some_and(|user| !user.roles.contains(&Role::Operator)) {
            return Err(forbidden("insufficient_role", "The user does not have the role").with("roles", ["operator"]));
        }
        Ok(Self { subject: token.subject() })
    }
}

fn forbidden(code: &str, title: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, title)
}
