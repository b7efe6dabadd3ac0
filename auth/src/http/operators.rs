//! Operators: who may look behind this service and interfere with it.

use axum::extract::FromRequestParts;
use http::{HeaderValue, StatusCode, header, request::Parts};
use web::Problem;

use crate::{
    App, db,
    domain::{Hash, OPERATE, Role},
    error::Error,
    http::credentials::{bearer, invalid_token},
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
        let hash = Hash::of(bearer(&parts.headers)?);
        let mut db = app.pool.get().await.map_err(Error::from)?;
        let token = db::find_token(&mut db, hash, app.clock.now()).await.map_err(Error::from)?;
        let token = token.ok_or_else(invalid_token)?;
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
