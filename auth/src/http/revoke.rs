//! Token revocation (RFC 7009).

use axum::extract::State;
use http::{HeaderMap, StatusCode};

use crate::{
    App, db,
    domain::Code,
    error::{Error, OAuthError},
    events,
    http::{address::Address, credentials, introspect::TokenParameters, parameters::Form},
};

/// Revokes a token: an access token alone, a refresh token with everything under its grant.
#[utoipa::path(post, path = "/auth/revoke", operation_id = "revokeToken", tag = "tokens", summary = "Revoke a token",
    description = "Gateways and services refuse it from then on. A client revokes its own tokens only.",
    request_body(content = TokenParameters, content_type = "application/x-www-form-urlencoded",
        description = "The token."),
    responses(
        (status = 200, description = "The token is not valid, whether or not it was before."),
        (status = 400, description = "The request is not right, or it is the token of another client.",
            body = OAuthError),
        (status = 401, description = "The client is not who it says.", body = OAuthError),
        (status = "default", description = "Any other failure.", body = OAuthError),
    ),
    security((), ("client" = [])))]
pub async fn revoke(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(parameters): Form<TokenParameters>,
) -> Result<StatusCode, Error> {
    let (form, token) = parameters.split();
    let client = credentials::authenticate(&app, address, &headers, form).await?;
    let (token, now) = (token?, app.clock.now());
    let mut tx = app.pool.begin().await?;
    match db::find_token_owner(&mut tx, token).await? {
        None => return Ok(StatusCode::OK),
        Some((owner, _)) if owner != client.client_id => {
            return Err(Code::UnauthorizedClient.because("the token was issued to another client").into());
        }
        Some((_, Some(grant_id))) => events::revoke_grant(&mut tx, grant_id, now).await?,
        Some((_, None)) => events::revoke_access_token(&mut tx, token, now).await?,
    }
    tx.commit("revoke token").await?;
    Ok(StatusCode::OK)
}
