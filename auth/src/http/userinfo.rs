//! The userinfo endpoint (OpenID Connect Core, section 5.3).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use web::Problem;

use crate::{
    App, db,
    domain::{Hash, User, UserClaims},
    error::Error,
    http::credentials::{bearer, invalid_token},
};

/// Says who the user of an access token is, as far as its scopes allow.
#[utoipa::path(get, path = "/auth/userinfo", operation_id = "userinfo", tag = "login", summary = "Who is logged in",
    responses(
        (status = 200, description = "The user.", body = UserClaims),
        (status = 401, description = "No valid access token.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The token does not carry `openid`.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other problem.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["openid"])))]
pub async fn by_get(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    userinfo(&app, &headers).await
}

/// The same by POST.
#[utoipa::path(post, path = "/auth/userinfo", operation_id = "userinfoByPost", tag = "login", summary = "Who is logged in, by POST",
    responses(
        (status = 200, description = "The user.", body = UserClaims),
        (status = 401, description = "No valid access token.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The token does not carry `openid`.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other problem.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["openid"])))]
pub async fn by_post(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    userinfo(&app, &headers).await
}

async fn userinfo(app: &App, headers: &HeaderMap) -> Result<Response, Problem> {
    let hash = Hash::of(bearer(headers)?);
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let token = db::find_token(&mut db, hash, app.clock.now()).await.map_err(Error::from)?;
    let token = token.ok_or_else(invalid_token)?;
    let user: Option<&User> = token.user.as_ref().filter(|_| token.scopes.contains("openid"));
    let claims = UserClaims::of(user.ok_or_else(insufficient_scope)?, &token.scopes);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response())
}

fn insufficient_scope() -> Problem {
    let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"openid\"");
    Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", "The token does not carry the scope")
        .with("scope", "openid")
        .header(header::WWW_AUTHENTICATE, challenge)
}
