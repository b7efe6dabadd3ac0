//! The userinfo endpoint (OpenID Connect Core, section 5.3).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde::Deserialize;
use utoipa::ToSchema;
use web::Problem;

use crate::{
    App, db,
    domain::{Hash, UserClaims},
    error::Error,
    http::{
        credentials::{access_token, invalid_token},
        dpop::{self, Scheme},
        parameters::{Form, is_form},
    },
};

/// Says who the user of an access token is, as far as its scopes allow.
#[utoipa::path(get, path = "/auth/userinfo", operation_id = "userinfo", tag = "login", summary = "Who is logged in",
    responses(
        (status = 200, description = "The user.", body = UserClaims),
        (status = 400, description = "The token is there twice, or in the address.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The token does not carry `openid`.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other problem.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["openid"])))]
pub async fn by_get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    userinfo(&app, &Method::GET, &headers, presented(&uri, &headers, None)?).await
}

/// The same by POST, with the token in the header or in a form.
#[utoipa::path(post, path = "/auth/userinfo", operation_id = "userinfoByPost", tag = "login", summary = "Who is logged in, by POST",
    request_body(content = Option<TokenInForm>, content_type = "application/x-www-form-urlencoded",
        description = "The token, unless it is in the header."),
    responses(
        (status = 200, description = "The user.", body = UserClaims),
        (status = 400, description = "The token is there twice, or in the address.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The token does not carry `openid`.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other problem.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["openid"])))]
pub async fn by_post(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Form<TokenInForm>, Error>,
) -> Result<Response, Problem> {
    // Any other body is none of our business: the token is in the header then.
    let in_form = if is_form(&headers) { body?.0.access_token } else { None };
    userinfo(&app, &Method::POST, &headers, presented(&uri, &headers, in_form)?).await
}

/// A token in a form (RFC 6750, section 2.2).
#[derive(Deserialize, ToSchema)]
pub struct TokenInForm {
    /// Unless it is in the `Authorization` header.
    #[schema(example = "rat_Xb5…")]
    access_token: Option<String>,
}

// In one place, and never in an address, which ends up in logs.
fn presented(uri: &Uri, headers: &HeaderMap, in_form: Option<String>) -> Result<(Scheme, String), Problem> {
    let in_query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if in_query.into_iter().any(|(name, _)| name == "access_token") {
        return Err(twice("A token does not belong in an address"));
    }
    match in_form {
        Some(_) if headers.contains_key(header::AUTHORIZATION) => Err(twice("The token is there twice")),
        Some(token) => Ok((Scheme::Bearer, token)),
        None => access_token(headers).map(|(scheme, token)| (scheme, token.to_owned())),
    }
}

fn twice(title: &str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_request\"");
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", title).header(header::WWW_AUTHENTICATE, challenge)
}

async fn userinfo(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    (scheme, text): (Scheme, String),
) -> Result<Response, Problem> {
    let token = dpop::check(app, (method, "/auth/userinfo"), headers, (scheme, &text)).await?;
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let user = token.user.as_ref().filter(|_| token.scopes.contains("openid")).ok_or_else(insufficient_scope)?;
    let named = db::list_userinfo_claims(&mut db, Hash::of(&text)).await.map_err(Error::from)?;
    let profile = db::find_profile(&mut db, user.id).await.map_err(Error::from)?.ok_or_else(invalid_token)?;
    let claims = UserClaims::of(&profile, &token.scopes, &named);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response())
}

fn insufficient_scope() -> Problem {
    let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"openid\"");
    Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", "The token does not carry the scope")
        .with("scope", "openid")
        .header(header::WWW_AUTHENTICATE, challenge)
}
