//! Token exchange (RFC 8693): the gateway turns the opaque token of a request into a JWT for the service it goes to.

use uuid::Uuid;

use crate::{
    App, db,
    domain::{AccessToken, Code, Hash, Refusal},
    error::Error,
    http::token::{TokenRequest, TokenResponse, required},
};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Exchanges an access token. That only the gateway may is decided by its grant types.
pub async fn exchange(app: &App, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let subject_token = required(request.subject_token.as_deref(), "subject_token is required")?;
    let audience = required(request.audience.as_deref(), "audience is required")?;
    refuse_what_is_not_supported(request)?;
    let now = app.clock.now();
    let token = db::find_token(&mut *app.pool.get().await?, Hash::of(subject_token), now).await?;
    let token = token.ok_or_else(AccessToken::not_valid)?;
    let claims = token.exchange(audience, &app.issuer, Uuid::now_v7(), now)?;
    Ok(TokenResponse {
        access_token: app.signer.access_token(&claims)?,
        token_type: "Bearer",
        expires_in: claims.exp - claims.iat,
        scope: claims.scope,
        issued_token_type: Some(JWT),
        cnf: token.key.map(Into::into),
        ..TokenResponse::default()
    })
}

fn refuse_what_is_not_supported(request: &TokenRequest) -> Result<(), Refusal> {
    if request.subject_token_type.as_deref() != Some(ACCESS_TOKEN) {
        return Err(Code::InvalidRequest.because(format!("subject_token_type must be {ACCESS_TOKEN}")));
    }
    if request.requested_token_type.as_deref().is_some_and(|wanted| wanted != JWT) {
        return Err(Code::InvalidRequest.because(format!("requested_token_type must be {JWT}")));
    }
    if request.actor_token.is_some() {
        return Err(Code::InvalidRequest.because("actor_token is not supported"));
    }
    if request.resource.is_some() {
        return Err(Code::InvalidTarget.because("the service is named in audience"));
    }
    Ok(())
}
