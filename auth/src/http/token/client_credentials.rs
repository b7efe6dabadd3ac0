//! `client_credentials` (RFC 6749, section 4.4): a client that acts for itself.

use crate::{
    App,
    db::{self, NewToken},
    domain::{ACCESS_TOKEN_LIFETIME, Client, Happened, Resources, Scopes, Secret, SecurityEvent, token_type},
    error::Error,
    events,
    http::token::{TokenRequest, TokenResponse},
};

/// Issues an access token with what was asked for of what the client may have; everything if nothing was asked for.
pub async fn issue(app: &App, client: &Client, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let requested = request.scope.as_deref().map(Scopes::parse).transpose()?;
    let resources = client.narrow_resources(Resources::parse(request.resource.as_deref(), &app.issuer)?)?;
    let wanted = requested.unwrap_or_else(|| client.scopes.clone());
    let wanted = resources.as_ref().map_or_else(|| wanted.clone(), |only| only.narrow(&wanted));
    let scopes = client.narrow(Some(&wanted), None)?;
    let token = Secret::access_token(rand::random());
    let (client_id, key, now) = (&client.client_id, request.key, app.clock.now());
    let (hash, scopes, resources) = (token.hash(), &scopes, resources.as_ref());
    let new = NewToken { token: hash, grant_id: None, client_id, scopes, key, resources };
    let mut tx = app.pool.begin().await?;
    // Once for as long as it holds such a token: the record is never shortened.
    if !db::holds_token(&mut tx, client_id, scopes, now).await? {
        events::record(&mut tx, SecurityEvent::of_client(Happened::Granted, client_id), now).await?;
    }
    db::insert_access_token(&mut tx, &new, now).await?;
    tx.commit("issue token to client").await?;
    Ok(TokenResponse {
        access_token: token.reveal().to_owned(),
        token_type: token_type(key),
        expires_in: ACCESS_TOKEN_LIFETIME.whole_seconds(),
        scope: scopes.to_string(),
        ..TokenResponse::default()
    })
}
