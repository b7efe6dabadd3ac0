//! `client_credentials` (RFC 6749, section 4.4): a client that acts for itself.

use crate::{
    App,
    db::{self, NewToken},
    domain::{ACCESS_TOKEN_LIFETIME, Client, Scopes, Secret},
    error::Error,
    http::token::{TokenRequest, TokenResponse},
};

/// Issues an access token with what was asked for of what the client may have; everything if nothing was asked for.
pub async fn issue(app: &App, client: &Client, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let requested = request.scope.as_deref().map(Scopes::parse).transpose()?;
    let scopes = client.narrow(requested.as_ref(), None)?;
    let token = Secret::access_token(rand::random());
    let new = NewToken { token: token.hash(), grant_id: None, client_id: &client.client_id, scopes: &scopes };
    db::insert_access_token(&mut *app.pool.single("issue token to client").await?, &new, app.clock.now()).await?;
    Ok(TokenResponse {
        access_token: token.reveal().to_owned(),
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_LIFETIME.whole_seconds(),
        scope: scopes.to_string(),
        ..TokenResponse::default()
    })
}
